"""Landmarks placed by hand: a click in a view sets the next one that has no place yet."""

import slicer

from SpineAlignmentLib.measurement.landmarks import COUNT
from SpineAlignmentLib.mrml.alignment import FilmAlignment


class PlaceMode:
    """Slicer's place mode for the landmarks of one film; missing landmarks become "not placed" while it lasts."""

    def __init__(self, alignment: FilmAlignment) -> None:
        self._landmarks = alignment.landmarks
        self._alignment = alignment
        scene = alignment.landmarks.GetScene()
        self._interaction = scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
        self._selection = scene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
        self._missing: list[int] = []

    @property
    def active(self) -> bool:
        """Whether clicks place landmarks; the user leaves with Esc or by choosing another mouse mode."""
        return bool(self._interaction.GetCurrentInteractionMode() == slicer.vtkMRMLInteractionNode.Place)

    @property
    def next_row(self) -> int | None:
        """The landmark that the next click places; None when all have a place."""
        start = self._landmarks.GetControlPointPlacementStartIndex()
        open_rows = [i for i in range(COUNT) if self._is_open(i)]
        return next((i for i in open_rows if i >= start), open_rows[0] if open_rows else None)

    def _is_open(self, row: int) -> bool:
        status = self._landmarks.GetNthControlPointPositionStatus(row)
        return bool(status != slicer.vtkMRMLMarkupsNode.PositionDefined)

    def start(self, row: int = 0) -> None:
        """Begin at a landmark."""
        self._selection.SetReferenceActivePlaceNodeClassName("vtkMRMLMarkupsFiducialNode")
        self._selection.SetActivePlaceNodeID(self._landmarks.GetID())
        self._interaction.SetPlaceModePersistence(1)
        # first of all: who is told that landmarks lose their place asks whether the mode still lasts
        self._interaction.SetCurrentInteractionMode(slicer.vtkMRMLInteractionNode.Place)
        missing = slicer.vtkMRMLMarkupsNode.PositionMissing
        self._missing = [i for i in range(COUNT) if self._landmarks.GetNthControlPointPositionStatus(i) == missing]
        with slicer.util.NodeModify(self._landmarks):
            for i in self._missing:
                self._landmarks.UnsetNthControlPointPosition(i)
        self.ask_for(row)

    def ask_for(self, row: int) -> None:
        """Let the next click place this landmark, if it has no place yet."""
        self._landmarks.SetControlPointPlacementStartIndex(row if self._is_open(row) else 0)

    def stop(self) -> None:
        """Leave place mode; landmarks that were missing before and are still without a place are missing again."""
        if self.active:
            self._interaction.SetCurrentInteractionMode(slicer.vtkMRMLInteractionNode.ViewTransform)
        if self._landmarks.GetScene() is None:
            return
        with slicer.util.NodeModify(self._landmarks):
            for i in self._missing:
                if self._is_open(i):
                    self._landmarks.SetNthControlPointPositionMissing(i)
        self._missing.clear()
