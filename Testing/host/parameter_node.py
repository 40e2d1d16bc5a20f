"""A minimal version of slicer.parameterNodeWrapper: nodes, strings with choices, booleans and lists of strings.

As in Slicer, values live in a vtkMRMLScriptedModuleNode, are read when it says that it was modified and remembered in
between, and widgets are tied to them by the dynamic property SlicerParameterName.
"""

import json
import typing
from collections.abc import Callable
from typing import Annotated, Any

import slicer
import vtk
from PySide6 import QtWidgets


class Choice:
    """The values that a string may have."""

    def __init__(self, choices: list[str]) -> None:
        self.choices = choices


class Default:
    """The value of a parameter that was never set."""

    def __init__(self, value: Any) -> None:
        self.value = value


class _Parameter:
    def __init__(self, name: str, hint: Any, default: Any) -> None:
        self.name = name
        self.type = typing.get_args(hint)[0] if typing.get_origin(hint) is Annotated else hint
        notes = typing.get_args(hint)[1:] if typing.get_origin(hint) is Annotated else ()
        self.choices = next((n.choices for n in notes if isinstance(n, Choice)), None)
        self.default = next((n.value for n in notes if isinstance(n, Default)), default)
        members = typing.get_args(self.type) or (self.type,)
        self.node_class = next((m for m in members if isinstance(m, type) and issubclass(m, slicer.vtkMRMLNode)), None)

    def read(self, node: Any) -> Any:
        if self.node_class is not None:
            return node.GetNodeReference(self.name)
        text = node.GetParameter(self.name)
        return json.loads(text) if text else self.default

    def write(self, node: Any, value: Any) -> None:
        if self.node_class is not None:
            if value is not None and not isinstance(value, self.node_class):
                raise ValueError(f"{self.name} takes a {self.node_class.__name__}, not {value!r}")
            node.SetNodeReferenceID(self.name, value.GetID() if value is not None else None)
            return
        if self.choices is not None and value not in self.choices:
            raise ValueError(f"{value!r} is not among {self.choices}")
        node.SetParameter(self.name, json.dumps(value))


class _Connector:
    """A widget and the parameter that it shows."""

    def __init__(self, widget: Any, parameter: _Parameter, changed: Callable[[], None]) -> None:
        self._widget = widget
        self._parameter = parameter
        if isinstance(widget, QtWidgets.QCheckBox):
            self._signal = widget.stateChanged
        elif isinstance(widget, QtWidgets.QComboBox):
            widget.clear()
            widget.addItems(parameter.choices or [])
            self._signal = widget.currentIndexChanged
        elif type(widget) is slicer.qMRMLNodeComboBox:
            widget.nodeTypes = [parameter.node_class.__name__]  # type: ignore[union-attr]
            self._signal = widget.currentNodeChanged
        else:
            raise RuntimeError(f"no connector for {type(widget).__name__} and {parameter.type}")
        self._changed = lambda *_: changed()

    def connect(self) -> None:
        self._signal.connect(self._changed)

    def disconnect(self) -> None:
        self._signal.disconnect(self._changed)

    def read(self) -> Any:
        if isinstance(self._widget, QtWidgets.QCheckBox):
            return self._widget.checked  # type: ignore[attr-defined]
        if isinstance(self._widget, QtWidgets.QComboBox):
            return (self._parameter.choices or [])[self._widget.currentIndex]  # type: ignore[index]
        return self._widget.currentNode()

    def write(self, value: Any) -> None:
        if isinstance(self._widget, QtWidgets.QCheckBox):
            self._widget.checked = value  # type: ignore[attr-defined]
        elif isinstance(self._widget, QtWidgets.QComboBox):
            self._widget.currentIndex = (self._parameter.choices or []).index(value)  # type: ignore[assignment]
        else:
            self._widget.setCurrentNode(value)


class _Wrapper:
    """What the decorator adds to a class."""

    _parameters: dict[str, _Parameter]

    def __init__(self, parameterNode: Any) -> None:
        self.parameterNode = parameterNode
        self._guis: dict[int, tuple[list[tuple[str, _Connector]], int]] = {}
        self._writing_gui = False
        self._remember()
        self.AddObserver(vtk.vtkCommand.ModifiedEvent, self._remember)

    def _remember(self, *_: Any) -> None:
        self._values = {name: parameter.read(self.parameterNode) for name, parameter in self._parameters.items()}

    def _set(self, name: str, value: Any) -> None:
        with slicer.util.NodeModify(self.parameterNode):
            self._parameters[name].write(self.parameterNode, value)
            self._values[name] = self._parameters[name].read(self.parameterNode)

    def connectGui(self, gui: Any) -> int:
        connectors = []
        for widget in list(vars(gui).values()):
            name = widget.property("SlicerParameterName")
            if name:
                parameter = self._parameters[name]
                connector = _Connector(widget, parameter, lambda name=name: self._from_gui(name))
                connector.write(getattr(self, name))
                connector.connect()
                connectors.append((name, connector))
        tag = len(self._guis)
        self._guis[tag] = (connectors, self.AddObserver(vtk.vtkCommand.ModifiedEvent, self._to_gui))
        return tag

    def disconnectGui(self, tag: int) -> None:
        connectors, observer = self._guis.pop(tag)
        self.RemoveObserver(observer)
        for _, connector in connectors:
            connector.disconnect()

    def _from_gui(self, name: str) -> None:
        if self._writing_gui:
            return
        for connectors, _ in self._guis.values():
            for own, connector in connectors:
                if own == name:
                    setattr(self, name, connector.read())

    def _to_gui(self, *_: Any) -> None:
        if self._writing_gui:
            return
        self._writing_gui = True
        try:
            for connectors, _observer in self._guis.values():
                for name, connector in connectors:
                    connector.write(getattr(self, name))
        finally:
            self._writing_gui = False

    def AddObserver(self, event: Any, callback: Any, priority: float = 0.0) -> int:
        return int(self.parameterNode.AddObserver(event, callback, priority))

    def RemoveObserver(self, tag: int) -> None:
        self.parameterNode.RemoveObserver(tag)

    def Modified(self) -> None:
        self.parameterNode.Modified()


def parameterNodeWrapper(cls: type) -> type:
    """Make the annotated names of a class parameters of a node."""
    hints = typing.get_type_hints(cls, include_extras=True)
    parameters = {name: _Parameter(name, hint, getattr(cls, name, None)) for name, hint in hints.items()}
    made = type(cls.__name__, (_Wrapper,), {"_parameters": parameters, "__doc__": cls.__doc__})
    for name in parameters:
        setattr(
            made,
            name,
            property(
                lambda self, name=name: self._values[name],
                lambda self, value, name=name: self._set(name, value),
            ),
        )
    return made
