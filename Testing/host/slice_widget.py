"""Slicer's slice view in a Qt widget: rendered off screen, shown as an image, fed with the widget's mouse events."""

from typing import Any

import numpy as np
import vtk
from PySide6 import QtCore, QtGui, QtWidgets
from trame_slicer.views import SliceView
from trame_slicer.views.render_scheduler import ScheduledRenderStrategy
from vtkmodules.util.numpy_support import vtk_to_numpy


class QtRendering(ScheduledRenderStrategy):
    """Renders once when Qt is idle, however often the scene asks."""

    def __init__(self, widget: QtWidgets.QWidget) -> None:
        super().__init__()
        self._widget = widget
        self._timer = QtCore.QTimer(widget)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(widget.update)

    def schedule_render(self) -> None:
        if not self._timer.isActive():
            self._timer.start(0)


_BUTTONS = {
    QtCore.Qt.MouseButton.LeftButton: "LeftButton",
    QtCore.Qt.MouseButton.RightButton: "RightButton",
    QtCore.Qt.MouseButton.MiddleButton: "MiddleButton",
}


class SliceWidget(QtWidgets.QWidget):
    """One slice view; `sliceView`, `sliceLogic` and the node getters are named as in Slicer's qMRMLSliceWidget."""

    def __init__(self, view: SliceView, parent: Any = None) -> None:
        super().__init__(parent)
        self.setMouseTracking(True)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(200, 200)
        self.view = view
        self._image = QtGui.QImage()
        view.set_scheduled_render(QtRendering(self))

    def sliceView(self) -> "SliceWidget":
        return self

    def renderWindow(self) -> Any:
        return self.view.render_window()

    def sliceLogic(self) -> Any:
        return self.view._logic

    def interactorStyle(self) -> Any:
        return self.view.interactor().GetInteractorStyle()

    def mrmlSliceNode(self) -> Any:
        return self.view.get_view_node()

    def paintEvent(self, _event: QtGui.QPaintEvent) -> None:
        self.view.render_window().Render()
        self._image = self._grab()
        QtGui.QPainter(self).drawImage(self.rect, self._image)

    def _grab(self) -> QtGui.QImage:
        capture = vtk.vtkWindowToImageFilter()
        capture.SetInput(self.view.render_window())
        capture.ReadFrontBufferOff()
        capture.ShouldRerenderOff()
        capture.Update()
        image = capture.GetOutput()
        width, height, _ = image.GetDimensions()
        rgb = np.ascontiguousarray(vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, 3)[::-1])
        return QtGui.QImage(rgb.data, width, height, 3 * width, QtGui.QImage.Format.Format_RGB888).copy()

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        width, height = event.size().width(), event.size().height()
        self.view.render_window().SetSize(width, height)
        self.view.interactor().UpdateSize(width, height)
        self.view.fit_view_to_content()

    def _send(self, event: Any, name: str) -> None:
        interactor = self.view.interactor()
        position = event.position()
        modifiers = event.modifiers()
        control = bool(modifiers & QtCore.Qt.KeyboardModifier.ControlModifier)
        shift = bool(modifiers & QtCore.Qt.KeyboardModifier.ShiftModifier)
        x, y = int(position.x()), self.size.height() - 1 - int(position.y())
        interactor.SetEventInformation(x, y, int(control), int(shift))
        interactor.InvokeEvent(name)

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:
        self._send(event, _BUTTONS[event.button()] + "PressEvent")

    def mouseReleaseEvent(self, event: QtGui.QMouseEvent) -> None:
        self._send(event, _BUTTONS[event.button()] + "ReleaseEvent")

    def mouseMoveEvent(self, event: QtGui.QMouseEvent) -> None:
        self._send(event, "MouseMoveEvent")

    def wheelEvent(self, event: QtGui.QWheelEvent) -> None:
        self._send(event, "MouseWheelForwardEvent" if event.angleDelta().y() > 0 else "MouseWheelBackwardEvent")

    def enterEvent(self, event: QtGui.QEnterEvent) -> None:
        self._send(event, "EnterEvent")
