"""What a person drags besides the landmarks: the rims of the femoral heads, and the corners of one vertebra.

Corners that are landmarks are dragged as such. A drag counts when it ends; the rim follows meanwhile.
"""

from dataclasses import replace
from typing import Any, Final

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from SpineAlignmentLib.measurement.landmarks import CORNERS, INDEX, VERTEBRAE
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.drawing import MarkupPool, add_drawn
from SpineAlignmentLib.mrml.volume_film import volume_geometry
from SpineAlignmentLib.results.annotation import HEADS, Annotation
from SpineAlignmentLib.results.colors import DRAWN, SURE, unit
from SpineAlignmentLib.results.heads import head_centers, head_radii, radius_to, rim

Node = Any
FloatArray = NDArray[np.float64]

NAMES: Final[tuple[str, ...]] = (*(f"{head} rim" for head in HEADS), *CORNERS)
"""The control points of the list of handles."""
RIM_AT: Final[dict[str, float]] = {"left": 35.0, "right": 145.0}
"""Where the handle of a rim is, by the side that the patient faces: below and behind; degrees, see `heads.rim`."""
_MOVED_PX: Final[float] = 0.05


class Handles:
    """Circles and handles of one film.

    Args:
        alignment: the film.
    """

    def __init__(self, alignment: FilmAlignment) -> None:
        self._alignment = alignment
        self._scene = alignment.volume.GetScene()
        self._circles = MarkupPool(self._scene, "vtkMRMLMarkupsCurveNode", "Femoral head", unit(DRAWN))
        self._level = ""
        self._heads = False
        self._visible = True
        self._busy = False
        self.node = self._make_node()
        """The list of handles."""
        events = slicer.vtkMRMLMarkupsNode
        self._tags = [
            self.node.AddObserver(events.PointEndInteractionEvent, self._on_dragged),
            self.node.AddObserver(events.PointModifiedEvent, self._on_moved),
        ]

    def _make_node(self) -> Node:
        node = add_drawn(self._scene, "vtkMRMLMarkupsFiducialNode", "Handles")
        node.SetSaveWithScene(False)
        for name in NAMES:
            node.UnsetNthControlPointPosition(node.AddControlPoint(vtk.vtkVector3d(0, 0, 0), name))
        # the key Delete takes the point under the pointer away, and the others would be taken for their neighbors
        node.SetFixedNumberOfControlPoints(True)
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        display.SetSaveWithScene(False)
        display.SetGlyphTypeFromString("Diamond2D")
        display.SetGlyphScale(1.8)
        display.SetSelectedColor(*unit(SURE))
        display.SetPointLabelsVisibility(False)
        return node

    def show(self, level: str = "", heads: bool = False, visible: bool = True) -> None:
        """Offer handles.

        Args:
            level: of the corners of this vertebra; of none when empty.
            heads: of the rims of the femoral heads; heads that nobody sized yet are then offered at a usual size.
            visible: whether this film is on screen.

        Raises:
            ValueError: an unknown level.
        """
        if level and level not in VERTEBRAE:
            raise ValueError(f"{level} has no corners to move")
        self._level, self._heads, self._visible = level, heads, visible
        self.follow()

    def follow(self) -> None:
        """Bring circles and handles to where the landmarks and sizes say."""
        if self._busy:
            return
        film = self._alignment.annotation
        radii = head_radii(film, self._heads)
        self._draw_circles(film, radii)
        places = np.full((len(NAMES), 2), np.nan)
        if self._visible and self._heads:
            for head, radius in enumerate(radii):
                places[head] = rim(film, head, float(radius), RIM_AT[film.anterior])
        if self._visible and self._level:
            own = film.vertebrae_px[VERTEBRAE.index(self._level)].copy()
            own[[f"{self._level}_{corner}" in INDEX for corner in CORNERS]] = np.nan
            places[len(HEADS) :] = own
        self._write(places)

    def _draw_circles(self, film: Annotation, radii: FloatArray) -> None:
        known = self._visible & np.isfinite(radii) & np.isfinite(head_centers(film)).all(axis=1)
        geometry = volume_geometry(self._alignment.volume)
        rims = [geometry.to_ras(rim(film, int(head), float(radii[head]))) for head in np.flatnonzero(known)]
        for node in self._circles.show(rims):
            node.SetAndObserveTransformNodeID(self._alignment.volume.GetTransformNodeID())

    def _write(self, places: FloatArray) -> None:
        ras = volume_geometry(self._alignment.volume).to_ras(places)
        self._busy = True
        self.node.SetAndObserveTransformNodeID(self._alignment.volume.GetTransformNodeID())
        with slicer.util.NodeModify(self.node):
            for i, position in enumerate(ras):
                if np.isfinite(position).all():
                    self.node.SetNthControlPointPosition(i, *(float(v) for v in position))
                elif self._is_there(i):
                    self.node.UnsetNthControlPointPosition(i)
        self._busy = False

    def _is_there(self, i: int) -> bool:
        status = self.node.GetNthControlPointPositionStatus(i)
        return bool(status == slicer.vtkMRMLMarkupsNode.PositionDefined)

    def _places(self) -> FloatArray:
        ras = np.full((len(NAMES), 3), np.nan)
        for i in range(len(NAMES)):
            if self._is_there(i):
                ras[i] = self.node.GetNthControlPointPosition(i)
        return volume_geometry(self._alignment.volume).to_pixels(ras)

    def _dragged(self) -> Annotation:
        """The film as the handles have it."""
        film, places = self._alignment.annotation, self._places()
        radii, offered = film.head_radius_px.copy(), head_radii(film, True)
        for head, place in enumerate(places[: len(HEADS)]):
            radius = radius_to(film, head, place)
            if np.isfinite(radius) and abs(radius - offered[head]) > _MOVED_PX:
                radii[head] = radius
        corners = film.vertebrae_px.copy()
        if self._level:
            own, moved = corners[VERTEBRAE.index(self._level)], places[len(HEADS) :]
            changed = np.nan_to_num(np.abs(moved - own)).max(axis=1) > _MOVED_PX
            own[changed] = moved[changed]
        return replace(film, head_radius_px=radii, vertebrae_px=corners)

    def _on_moved(self, *_: Any) -> None:
        if not self._busy and self._heads:
            dragged = self._dragged()
            self._draw_circles(dragged, head_radii(dragged, True))

    def _on_dragged(self, *_: Any) -> None:
        self._alignment.set_marks(self._dragged().changed())
        self.follow()

    def remove(self) -> None:
        """Stop observing and delete the nodes."""
        for tag in self._tags:
            self.node.RemoveObserver(tag)
        for node in [self.node, *self._circles.nodes]:
            self._scene.RemoveNode(node)
