"""The names of the vertebrae beside the spine, behind it, where landmarks' own names would crowd."""

from typing import Any, Final

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from SpineAlignmentLib.measurement.constructions import level_distance
from SpineAlignmentLib.measurement.vertebrae import LEVELS
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.drawing import add_label
from SpineAlignmentLib.mrml.volume_film import volume_geometry
from SpineAlignmentLib.results.colors import DRAWN, unit
from SpineAlignmentLib.results.renumbering import level_centers

FloatArray = NDArray[np.float64]

BEHIND: Final[float] = 1.1
"""How far behind the middle of its vertebra a name is, in levels."""


class LevelNames:
    """The names of one film's vertebrae, as the control points of one list.

    Args:
        alignment: the film.
    """

    def __init__(self, alignment: FilmAlignment) -> None:
        self._alignment = alignment
        self._scene = alignment.volume.GetScene()
        self._visible = False
        self._drawn = np.empty((0, 3))
        self.node: Any = None
        """The list; made when it is first shown."""

    def show(self, visible: bool) -> None:
        """Show the names, or no longer."""
        self._visible = visible
        self.follow()

    def follow(self) -> None:
        """Bring the names to where the vertebrae are."""
        if not self._visible:
            if self.node is not None:
                self.node.SetDisplayVisibility(False)
            return
        if self.node is None or self.node.GetScene() is None:
            self.node = self._make()
        film = self._alignment.annotation
        behind = film.from_frame((-BEHIND * level_distance(film.points_mm()), 0.0))
        ras = volume_geometry(self._alignment.volume).to_ras(level_centers(film) + behind)
        self.node.SetAndObserveTransformNodeID(self._alignment.volume.GetTransformNodeID())
        self.node.SetDisplayVisibility(True)
        if np.array_equal(ras, self._drawn, equal_nan=True):
            return
        self._drawn = ras
        # 0 left, 2 right (vtkTextProperty): names grow away from the spine
        self.node.GetDisplayNode().GetTextProperty().SetJustification(0 if film.anterior == "left" else 2)
        with slicer.util.NodeModify(self.node):
            for i, position in enumerate(ras):
                if np.isfinite(position).all():
                    self.node.SetNthControlPointPosition(i, *(float(v) for v in position))
                elif self.node.GetNthControlPointPositionStatus(i) == slicer.vtkMRMLMarkupsNode.PositionDefined:
                    self.node.UnsetNthControlPointPosition(i)

    def _make(self) -> Any:
        node = add_label(self._scene, "Level names", unit(DRAWN))
        self._drawn = np.empty((0, 3))
        node.SetNthControlPointLabel(0, LEVELS[0])
        for level in LEVELS[1:]:
            node.UnsetNthControlPointPosition(node.AddControlPoint(vtk.vtkVector3d(0, 0, 0), level))
        return node

    def remove(self) -> None:
        """Delete the list."""
        if self.node is not None:
            self._scene.RemoveNode(self.node)
            self.node = None
