"""Stand-ins for the ctk and qMRML widgets that the panel uses, each with the properties and signals it uses."""

import types
from typing import Any

import slicer
from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Property, Signal

from Testing.host.qt_module import UiLoader


class qMRMLWidget(QtWidgets.QWidget):
    """A widget that passes its scene on."""

    mrmlSceneChanged = Signal(object)

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.isEntered = False

    @QtCore.Slot(object)
    def setMRMLScene(self, scene: Any) -> None:
        for child in self.findChildren(qMRMLNodeComboBox):
            child.setMRMLScene(scene)
        self.mrmlSceneChanged.emit(scene)


class qMRMLNodeComboBox(QtWidgets.QWidget):
    """A choice of one of the scene's nodes of some classes."""

    currentNodeChanged = Signal(object)

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._combo = QtWidgets.QComboBox(self)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._combo)
        self._types: list[str] = []
        self._none = False
        self._scene: Any = None
        self._tags: list[int] = []
        self._combo.currentIndexChanged.connect(lambda *_: self.currentNodeChanged.emit(self.currentNode()))

    def _get_types(self) -> list[str]:
        return self._types

    def _set_types(self, types_: Any) -> None:
        self._types = list(types_)
        self._fill()

    def _get_none(self) -> bool:
        return self._none

    def _set_none(self, enabled: bool) -> None:
        self._none = enabled
        self._fill()

    nodeTypes = Property("QStringList", _get_types, _set_types)
    noneEnabled = Property(bool, _get_none, _set_none)

    def setMRMLScene(self, scene: Any) -> None:
        """Follow the nodes of a scene."""
        self._scene = scene
        events = slicer.vtkMRMLScene
        for event in (events.NodeAddedEvent, events.NodeRemovedEvent, events.EndCloseEvent, events.EndImportEvent):
            self._tags.append(scene.AddObserver(event, lambda *_: self._fill()))

    def currentNode(self) -> Any:
        return self._scene.GetNodeByID(self._combo.currentData or "") if self._scene else None

    def setCurrentNode(self, node: Any) -> None:
        index = self._combo.findData(node.GetID() if node is not None else "")
        self._combo.setCurrentIndex(index)

    def _fill(self) -> None:
        if self._scene is None:
            return
        nodes = [n for name in self._types for n in slicer.util.getNodesByClass(name, self._scene)]
        wanted = [("None", "")] if self._none or not nodes else []
        wanted += [(n.GetName(), n.GetID()) for n in nodes if not n.GetHideFromEditors()]
        combo = self._combo
        if [(combo.itemText(i), combo.itemData(i)) for i in range(combo.count)] == wanted:
            return
        current = combo.currentData
        blocked = combo.blockSignals(True)
        combo.clear()
        for text, data in wanted:
            combo.addItem(text, data)
        combo.setCurrentIndex(max(0, combo.findData(current)))
        combo.blockSignals(blocked)
        if combo.currentData != current:
            self.currentNodeChanged.emit(self.currentNode())


class ctkCollapsibleButton(QtWidgets.QWidget):
    """A titled section that can be folded."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._title = QtWidgets.QToolButton(self)
        self._title.setCheckable(True)
        self._title.setChecked(True)
        self._title.setAutoRaise(True)
        self._title.setToolButtonStyle(QtCore.Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._hidden: list[QtWidgets.QWidget] = []
        self._title.toggled.connect(self._fold)
        self._fold(True)

    def _fold(self, open_: bool) -> None:
        arrow = QtCore.Qt.ArrowType.DownArrow if open_ else QtCore.Qt.ArrowType.RightArrow
        self._title.setArrowType(arrow)
        if open_:
            for child in self._hidden:
                child.setVisible(True)
            self._hidden = []
        else:
            direct = QtCore.Qt.FindChildOption.FindDirectChildrenOnly
            children = self.findChildren(QtWidgets.QWidget, options=direct)
            shown = [child for child in children if child is not self._title and not child.isHidden()]
            for child in shown:
                child.setVisible(False)
            self._hidden += shown
        self.setMaximumHeight(16777215 if open_ else self._title.sizeHint().height())

    def _get_text(self) -> str:
        return str(QtCore.QObject.property(self._title, "text"))

    def _set_text(self, text: str) -> None:
        self._title.setText(text)
        self._title.setStyleSheet("font-weight: bold")

    def _get_collapsed(self) -> bool:
        return not self._title.isChecked()

    def _set_collapsed(self, collapsed: bool) -> None:
        self._title.setChecked(not collapsed)

    text = Property(str, _get_text, _set_text)
    collapsed = Property(bool, _get_collapsed, _set_collapsed)

    def event(self, event: QtCore.QEvent) -> bool:
        if event.type() in (QtCore.QEvent.Type.Show, QtCore.QEvent.Type.Resize, QtCore.QEvent.Type.LayoutRequest):
            height = self._title.sizeHint().height()
            self._title.resize(self.size.width(), height)
            if self.layout() is not None:
                self.layout().setContentsMargins(9, height + 4, 9, 4)
            if not self._title.isChecked():
                self._fold(False)
        return bool(super().event(event))


class ctkPathLineEdit(QtWidgets.QWidget):
    """A path to type or to choose."""

    currentPathChanged = Signal(str)

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._edit = QtWidgets.QLineEdit(self)
        browse = QtWidgets.QToolButton(self)
        browse.setText("...")
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._edit)
        layout.addWidget(browse)
        browse.clicked.connect(lambda *_: self._edit.setText(QtWidgets.QFileDialog.getExistingDirectory(self)))
        self._edit.textChanged.connect(self.currentPathChanged)

    def _get_path(self) -> str:
        return str(QtCore.QObject.property(self._edit, "text"))

    def _set_path(self, path: str) -> None:
        self._edit.setText(path)

    currentPath = Property(str, _get_path, _set_path)


class ctkMessageBox(QtWidgets.QMessageBox):
    """Slicer's message box."""

    def exec_(self) -> int:
        return int(self.exec())


def ctk_module() -> types.ModuleType:
    """The module to put into `sys.modules` as "ctk".

    Slicer's own parameter node wrapper names many more ctk widgets; those exist as empty classes.
    """
    module = types.ModuleType("ctk")
    names = "ctkCheckBox ctkComboBox ctkCheckablePushButton ctkSliderWidget ctkDoubleSlider ctkDoubleSpinBox ctkSpinBox"
    names += " ctkRangeWidget ctkDoubleRangeSlider ctkDirectoryButton ctkColorPickerButton ctkCoordinatesWidget"
    for name in names.split():
        setattr(module, name, type(name, (QtWidgets.QWidget,), {}))
    for cls in (ctkCollapsibleButton, ctkPathLineEdit, ctkMessageBox):
        setattr(module, cls.__name__, cls)
    return module


def install() -> None:
    """Make the stand-ins known to `slicer` and to .ui files."""
    for cls in (qMRMLWidget, qMRMLNodeComboBox, ctkCollapsibleButton, ctkPathLineEdit):
        UiLoader.custom[cls.__name__] = cls
    slicer.qMRMLWidget = qMRMLWidget
    slicer.qMRMLNodeComboBox = qMRMLNodeComboBox
    for name in ("qMRMLSliderWidget", "qMRMLRangeWidget", "qMRMLSpinBox"):
        setattr(slicer, name, type(name, (QtWidgets.QWidget,), {}))
