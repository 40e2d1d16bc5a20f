"""A line that the user draws over an object of known length."""

from collections.abc import Callable
from typing import Any

import slicer

from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.calibration import calibrate
from SpineAlignmentLib.results.colors import CALIBRATION, unit

Node = Any


class CalibrationLine:
    """One line markup in place mode; it is removed when it is no longer needed and never saved."""

    def __init__(self, scene: Node, on_changed: Callable[[], None]) -> None:
        self._scene = scene
        self._on_changed = on_changed
        self._line: Node | None = None

    @property
    def complete(self) -> bool:
        """Whether both ends are set."""
        return self._line is not None and self._line.GetNumberOfDefinedControlPoints() >= 2

    @property
    def pointed(self) -> bool:
        """Whether the pointer is on one of its ends."""
        if self._line is None:
            return False
        kind = self._line.GetDisplayNode().GetActiveComponentType()
        return bool(kind != slicer.vtkMRMLMarkupsDisplayNode.ComponentNone)

    def start(self) -> None:
        """Let the next two clicks set the ends."""
        self.stop()
        line = self._scene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", "Known length")
        line.SetSaveWithScene(False)
        line.CreateDefaultDisplayNodes()
        display = line.GetDisplayNode()
        display.SetSaveWithScene(False)
        display.SetSelectedColor(*unit(CALIBRATION))
        display.SetPropertiesLabelVisibility(False)
        line.AddObserver(slicer.vtkMRMLMarkupsNode.PointPositionDefinedEvent, lambda *_: self._on_changed())
        self._line = line
        selection = self._scene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
        selection.SetReferenceActivePlaceNodeClassName("vtkMRMLMarkupsLineNode")
        selection.SetActivePlaceNodeID(line.GetID())
        interaction = self._interaction
        interaction.SetPlaceModePersistence(0)
        interaction.SetCurrentInteractionMode(slicer.vtkMRMLInteractionNode.Place)

    @property
    def _interaction(self) -> Node:
        return self._scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")

    def calibrate(self, alignment: FilmAlignment, length_mm: float) -> None:
        """Take the size of a film's pixels from the line, given the length of the object.

        Raises:
            ValueError: the line has not got two ends, or the length is not positive.
            FilmError: a size that no film of a person has.
        """
        calibrate(alignment, self._line, length_mm)

    def stop(self) -> None:
        """Remove the line and leave place mode."""
        if self._line is None:
            return
        self._interaction.SetCurrentInteractionMode(slicer.vtkMRMLInteractionNode.ViewTransform)
        line, self._line = self._line, None
        self._scene.RemoveNode(line)
