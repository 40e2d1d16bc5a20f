"""`slicer.app`, `slicer.mrmlScene` and `slicer.modules` of the stand-in host, and the window with module and view."""

import ctypes
import importlib
import importlib.util
import os
import sys
import types
from pathlib import Path
from typing import Any

import slicer
import vtk
from PySide6 import QtWidgets
from trame_slicer.core import SlicerApp
from trame_slicer.views import DirectViewFactory, ViewLayoutDefinition, ViewProps, ViewType

from Testing.host import parameter_node, scripted_module, widgets
from Testing.host.films import load_film
from Testing.host.qt_module import Signals, qt_module
from Testing.host.slice_widget import SliceWidget

ROOT = Path(__file__).resolve().parent.parent.parent
MODULE_FILE = ROOT / "SpineAlignment" / "SpineAlignment.py"
SLICER_PYTHON_DIR = "SLICER_PYTHON_DIR"
"""Environment variable: Base/Python/slicer of Slicer's sources, to run on Slicer's own Python files."""
SPARE_REFERENCES = 10**9


class _LayoutManager:
    def __init__(self, widget: SliceWidget) -> None:
        self._widget = widget

    def sliceViewNames(self) -> list[str]:
        return ["Red"]

    def sliceWidget(self, _name: str) -> SliceWidget:
        return self._widget

    def setLayout(self, _layout: int) -> None:
        """There is only one."""


class _CoreIOManager:
    """Reads films, whatever is asked for."""

    def loadNodes(self, _filetype: str, properties: dict[str, Any], loaded: Any, _messages: Any) -> bool:
        loaded.AddItem(load_film(slicer.mrmlScene, properties["fileName"]))
        return True


class Application(Signals):
    """The few things of qSlicerApplication that the module and slicer.util ask for."""

    applicationName = "Stand-in host"

    def __init__(self, slice_widget: SliceWidget, testing: bool) -> None:
        super().__init__()
        self._layout_manager = _LayoutManager(slice_widget)
        self._module_manager = Signals()
        self._testing = testing

    def layoutManager(self) -> _LayoutManager:
        return self._layout_manager

    def coreIOManager(self) -> _CoreIOManager:
        return _CoreIOManager()

    def moduleManager(self) -> Signals:
        return self._module_manager

    def testingEnabled(self) -> bool:
        return self._testing

    def translate(self, _context: str, text: str) -> str:
        """English, as written."""
        return text

    def processEvents(self) -> None:
        QtWidgets.QApplication.processEvents()

    def clipboard(self) -> Any:
        return QtWidgets.QApplication.clipboard()

    def topLevelWidgets(self) -> list[Any]:
        return list(QtWidgets.QApplication.topLevelWidgets())


class Host(QtWidgets.QWidget):
    """The window: the module's panel on the left, the Red slice view on the right."""

    def __init__(self, testing: bool = True) -> None:
        super().__init__()
        self.core = SlicerApp()
        self.core.view_manager.register_factory(DirectViewFactory(True))
        definition = ViewLayoutDefinition("Red", ViewType.SLICE_VIEW, ViewProps(orientation="Axial"))
        self.slice = SliceWidget(self.core.view_manager.create_view(definition))
        slicer.mrmlScene = self.core.scene
        slicer.app = Application(self.slice, testing)
        representation = types.SimpleNamespace(self=lambda: self.widget)
        module = types.SimpleNamespace(path=str(MODULE_FILE), widgetRepresentation=lambda: representation)
        slicer.modules = types.SimpleNamespace(spinealignment=module)
        self.module = load_module()
        self.panel = widgets.qMRMLWidget()
        self.panel.setLayout(QtWidgets.QVBoxLayout())
        self.panel.setMRMLScene(self.core.scene)
        self.widget: Any = None
        scroll = QtWidgets.QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.panel)
        scroll.setFixedWidth(510)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.addWidget(scroll)
        layout.addWidget(self.slice, 1)
        self.resize(1320, 1000)

    def open_module(self) -> Any:
        """Make the module's widget, as Slicer does when the user opens the module."""
        self.panel.isEntered = True
        self.widget = self.module.SpineAlignmentWidget(self.panel)
        self.widget.setup()
        self.widget.enter()
        return self.widget

    def leave_module(self) -> None:
        """Let the module rest, as Slicer does when the user opens another one."""
        self.widget.exit()
        self.panel.isEntered = False

    def return_to_module(self) -> None:
        """Open it again."""
        self.panel.isEntered = True
        self.widget.enter()

    def close_module(self) -> None:
        """Clean the module's widget up, as Slicer does on reload and at its end."""
        if self.widget is not None:
            self.widget.cleanup()
            self.widget = None
            while self.panel.layout().count():
                self.panel.layout().takeAt(0).widget().deleteLater()

    def finish(self) -> None:
        """Close module, view and scene."""
        self.close_module()
        self.core.scene.Clear(True)
        self.close()


def load_module() -> types.ModuleType:
    """Load the module's file anew, as Slicer's Reload button does."""
    spec = importlib.util.spec_from_file_location("SpineAlignment", MODULE_FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # typed parameters are looked up in the module of the class
    sys.modules["SpineAlignment"] = module
    spec.loader.exec_module(module)
    return module


def _keep_singletons() -> None:
    """Own references to True, False and None that nobody can give away.

    Methods of PySide6 that return nothing drop a reference to None that they do not own, a signal's `disconnect` one to
    True; before Python 3.12, which counts no references to these, a process in which none is left aborts.
    """
    if sys.version_info < (3, 12):
        for value in (True, False, None):
            ctypes.c_ssize_t.from_address(id(value)).value += SPARE_REFERENCES


def install() -> QtWidgets.QApplication:
    """Put the stand-ins where the module imports them from; once a process."""
    vtk.vtkObject.GlobalWarningDisplayOff()
    application = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["host", "-platform", "offscreen"])
    if "qt" in sys.modules:
        return application  # type: ignore[return-value]
    _keep_singletons()
    sys.modules["qt"] = qt_module()
    sys.modules["ctk"] = widgets.ctk_module()
    widgets.install()
    own = os.environ.get(SLICER_PYTHON_DIR)
    if own:
        slicer.__path__.append(own)
        for name in ("i18n", "ScriptedLoadableModule", "parameterNodeWrapper"):
            importlib.import_module(f"slicer.{name}")
        return application  # type: ignore[return-value]
    i18n = types.ModuleType("slicer.i18n")
    i18n.tr = lambda text: text  # type: ignore[attr-defined]
    i18n.translate = lambda _context, text: text  # type: ignore[attr-defined]
    sys.modules["slicer.i18n"] = i18n
    sys.modules["slicer.ScriptedLoadableModule"] = scripted_module
    sys.modules["slicer.parameterNodeWrapper"] = parameter_node
    return application  # type: ignore[return-value]
