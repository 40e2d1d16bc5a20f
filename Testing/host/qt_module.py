"""PySide6 dressed as PythonQt's `qt` module.

PythonQt shows every Qt property as an attribute (`button.text = "Go"`, `if box.checked`), calls `objectName` also
`name`, and returns plain paths from file dialogs. PySide6 lets nobody override QObject.connect, so that only the
objects of the host itself (`Signals`) connect by signature.
"""

import functools
import types
from collections.abc import Callable
from typing import Any

from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets


def _property(name: str) -> property:
    def get(self: QtCore.QObject) -> Any:
        return QtCore.QObject.property(self, name)

    def put(self: QtCore.QObject, value: Any) -> None:
        if not self.setProperty(name, value):
            raise AttributeError(f"{type(self).__name__} takes no {value!r} for {name}")

    return property(get, put)


def show_properties(cls: type) -> None:
    """Make the Qt properties of a class attributes, as PythonQt does."""
    meta = cls.staticMetaObject  # type: ignore[attr-defined]
    for i in range(meta.propertyOffset(), meta.propertyCount()):
        name = meta.property(i).name()
        setattr(cls, name, _property(name))


class Signals:
    """Signals connected by signature, `manager.connect("moduleAboutToBeUnloaded(QString)", f)`, and sent by name."""

    def __init__(self) -> None:
        self._slots: dict[str, list[Callable[..., Any]]] = {}

    def connect(self, signature: str, function: Callable[..., Any]) -> bool:
        self._slots.setdefault(signature.split("(")[0], []).append(function)
        return True

    def disconnect(self, signature: str, function: Callable[..., Any]) -> bool:
        self._slots[signature.split("(")[0]].remove(function)
        return True

    def send(self, signal: str, *args: Any) -> None:
        """Call what is connected."""
        for function in list(self._slots.get(signal, [])):
            function(*args)


class UiLoader(QtUiTools.QUiLoader):
    """Makes the stand-ins for ctk and qMRML widgets that a .ui file names."""

    custom: dict[str, type] = {}  # noqa: RUF012

    def createWidget(self, class_name: str, parent: Any = None, name: str = "") -> Any:
        if class_name in self.custom:
            widget = self.custom[class_name](parent)
            widget.setObjectName(name)
            return widget
        return super().createWidget(class_name, parent, name)


@functools.cache
def qt_module() -> types.ModuleType:
    """The module to put into `sys.modules` as "qt"."""
    module = types.ModuleType("qt")
    for part in (QtCore, QtGui, QtWidgets):
        for name in dir(part):
            if name.startswith("Q"):
                setattr(module, name, getattr(part, name))
    for part in (QtCore, QtGui, QtWidgets):
        for name in dir(part):
            value = getattr(part, name)
            if isinstance(value, type) and hasattr(value, "staticMetaObject") and issubclass(value, QtCore.QObject):
                show_properties(value)
    QtCore.QObject.name = _property("objectName")  # type: ignore[attr-defined]
    save_name = QtWidgets.QFileDialog.getSaveFileName
    QtWidgets.QFileDialog.getSaveFileName = staticmethod(  # type: ignore[assignment,method-assign]
        lambda *args: save_name(*args)[0]
    )
    module.QUiLoader = UiLoader  # type: ignore[attr-defined]
    return module
