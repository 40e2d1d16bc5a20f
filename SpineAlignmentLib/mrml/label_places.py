"""The texts of measurements kept clear: at the scale of a whole film they would lie on one another and on the lines.

Slicer draws a text at the same size whatever the zoom, so its place on the film depends on the view. A text that had to
move far from what it names is tied to it by a line.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Final

import numpy as np
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkRenderingCore import vtkTextProperty
from vtkmodules.vtkRenderingFreeType import vtkMathTextFreeTypeTextRenderer

from SpineAlignmentLib.mrml.drawing import MarkupPool
from SpineAlignmentLib.results.label_layout import Box, free_place

Node = Any
FloatArray = NDArray[np.float64]
Furniture = Callable[[float, float], FloatArray]

FONT_PX: Final[float] = 5.0
"""Font size of a markup's text in pixels at a text scale of 1 (vtkSlicerMarkupsWidgetRepresentation2D)."""
MARGIN_PX: Final[float] = 2.0
"""Room around a text."""
MARK_PX: Final[float] = 6.0
"""Half the size of a landmark."""
LEADER_FROM_PX: Final[float] = 18.0
"""A text that is farther than this from its place is tied to it."""
LEADER_THICKNESS: Final[float] = 0.1
LINE_PX: Final[float] = 1.5
"""Half the width of a line."""
PIECE_PX: Final[float] = 10.0
PIECES: Final[int] = 60
"""A line is avoided in pieces of that length, or in that many when it is long."""
_TOLERANCE_MM: Final[float] = 1e-6


class LabelPlaces:
    """Where the texts of measurements are in one slice view, each as near to its own place as the others let it be."""

    def __init__(self, view_node: Node, tied: bool = False, furniture: Furniture | None = None) -> None:
        """Keep texts apart.

        Args:
            view_node: the slice node of the view.
            tied: whether texts far from their place are tied to it, by lines that `spread` without nodes takes away.
            furniture: of a view's width and height, what else lies over it, shape (n, 4), pixels, y up.
        """
        self._view = view_node
        self._tie = tied
        self._furniture = furniture
        self._places: dict[str, tuple[FloatArray, FloatArray]] = {}
        self._leaders: dict[str, MarkupPool] = {}

    def spread(self, nodes: Iterable[Node], structure: FloatArray | None = None, points: Iterable[Node] = ()) -> None:
        """Move the texts among drawn nodes off one another and off the lines; the first ones have the first choice.

        Args:
            nodes: what is drawn.
            structure: opposite corners, shape (n, 2, 3), world, of what no text may lie on either.
            points: lists whose points and names stay where they are, and are kept clear.
        """
        drawn = [node for node in nodes if node.GetDisplayVisibility()]
        to_ras = _matrix(self._view.GetXYToRAS())
        to_xy = np.linalg.inv(to_ras)
        over = np.empty((0, 4)) if self._furniture is None else self._furniture(*self._size)
        taken = [over, *(_line_boxes(node, to_xy) for node in drawn if not _is_text(node))]
        taken += [_point_boxes(node, to_xy) for node in points if node.GetDisplayVisibility()]
        taken += [] if structure is None else [_boxes(structure, to_xy)]
        clear, texts = np.vstack(taken), np.empty((0, 4))
        places: dict[str, tuple[FloatArray, FloatArray]] = {}
        for node in filter(_is_text, drawn):
            own = self._own_place(node)
            anchor = (to_xy @ [*_to_world(node, own), 1.0])[:2]
            wanted = _text_box(node, 0, anchor)
            box = self._free(anchor, wanted, clear, texts)
            leader = self._tied(node, anchor, box, to_ras)
            clear, texts = np.vstack([clear, box, leader]), np.vstack([texts, box])
            moved = to_ras @ [box[0] - wanted[0], box[1] - wanted[1], 0.0, 0.0]
            shown = _from_world(node, _to_world(node, own) + moved[:3])
            if np.abs(shown - _position(node)).max() > _TOLERANCE_MM:
                node.SetNthControlPointPosition(0, *shown.tolist())
            places[node.GetID()] = (own, shown)
        self._places = places
        for gone in self._leaders.keys() - places.keys():
            self._untie(gone)

    def _free(self, anchor: FloatArray, wanted: Box, clear: FloatArray, texts: FloatArray) -> Box:
        """The nearest free place whose line crosses no other text; a text whose place is seen stays in the view."""
        size = self._size
        seen = bool((anchor >= 0).all() and (anchor <= size).all())
        return free_place(wanted, clear, size if seen else None, tie=(anchor, texts) if self._tie else None)

    @property
    def _size(self) -> tuple[float, float]:
        width, height = self._view.GetDimensions()[:2]
        return float(width), float(height)

    def _tied(self, node: Node, anchor: FloatArray, box: Box, to_ras: FloatArray) -> FloatArray:
        """Draw a line from a text to its place when it is far from there; returns its boxes."""
        near = np.clip(anchor, box[:2], box[2:])
        name = node.GetID()
        if not self._tie or np.hypot(*(near - anchor)) <= LEADER_FROM_PX:
            if name in self._leaders:
                self._leaders[name].show([])
            return np.empty((0, 4))
        if name not in self._leaders:
            color = node.GetDisplayNode().GetSelectedColor()
            self._leaders[name] = MarkupPool(
                self._view.GetScene(), "vtkMRMLMarkupsLineNode", f"{node.GetName()} leader", color
            )
        ends = np.array([[*anchor, 0.0, 1.0], [*near, 0.0, 1.0]]) @ to_ras.T
        for line in self._leaders[name].show([ends[:, :3]]):
            line.GetDisplayNode().SetLineThickness(LEADER_THICKNESS)
        return _pieces(np.array([anchor, near]))

    def _untie(self, name: str) -> None:
        """Delete the line of a text that is no longer drawn."""
        for line in self._leaders.pop(name).nodes:
            self._view.GetScene().RemoveNode(line)

    def _own_place(self, node: Node) -> FloatArray:
        """Where its measurement puts it: where it is, unless it was we who moved it there."""
        position = _position(node)
        own, shown = self._places.get(node.GetID(), (position, position))
        return own if np.abs(position - shown).max() <= _TOLERANCE_MM else position


@lru_cache(maxsize=512)
def text_size(text: str, font_px: int) -> tuple[float, float]:
    """Width and height in pixels of a markup's text."""
    font = vtkTextProperty()
    font.SetFontFamilyToArial()
    font.BoldOn()
    font.SetFontSize(font_px)
    box = [0, 0, 0, 0]
    vtkMathTextFreeTypeTextRenderer().GetBoundingBox(font, text, box, 72, 0)
    return float(box[1] - box[0]), float(box[3] - box[2])


def _text_box(node: Node, i: int, xy: FloatArray) -> Box:
    """The box of a control point's text in the view's pixels, y up, with some room around it."""
    display = node.GetDisplayNode()
    size = text_size(node.GetNthControlPointLabel(i), int(FONT_PX * display.GetTextScale()))
    width, height = size[0] + 2 * MARGIN_PX, size[1] + 2 * MARGIN_PX
    text = display.GetTextProperty()
    # 0 left or bottom, 1 centered, 2 right or top (vtkTextProperty)
    left = float(xy[0]) - width * text.GetJustification() / 2
    bottom = float(xy[1]) - height * text.GetVerticalJustification() / 2
    return (left, bottom, left + width, bottom + height)


def _is_text(node: Node) -> bool:
    return bool(node.IsA("vtkMRMLMarkupsFiducialNode"))


def _line_boxes(node: Node, to_xy: FloatArray) -> FloatArray:
    """The boxes, in the view's pixels, that the pieces of a line or curve fill, shape (n, 4)."""
    return _pieces(_shown_at(node, to_xy))


def _shown_at(node: Node, to_xy: FloatArray) -> FloatArray:
    """Where its control points are in the view's pixels, shape (n, 2)."""
    points = vtk.vtkPoints()
    node.GetControlPointPositionsWorld(points)
    world = vtk_to_numpy(points.GetData()).reshape(-1, 3)
    return np.asarray(world @ to_xy[:2, :3].T + to_xy[:2, 3])


def _pieces(xy: FloatArray) -> FloatArray:
    """The boxes of the pieces of a polyline, shape (n, 2), in the view's pixels."""
    whole = np.diff(xy, axis=0)
    counts = np.clip(np.hypot(*whole.T) / PIECE_PX, 1, PIECES).astype(int)
    number = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    piece = np.repeat(whole / counts[:, None], counts, axis=0)
    start = np.repeat(xy[:-1], counts, axis=0) + number[:, None] * piece
    return np.hstack([np.minimum(start, start + piece) - LINE_PX, np.maximum(start, start + piece) + LINE_PX])


def _point_boxes(node: Node, to_xy: FloatArray) -> FloatArray:
    """The boxes of a list's points, and of their names where those are shown, shape (n, 4)."""
    defined = node.PositionDefined
    rows = [i for i in range(node.GetNumberOfControlPoints()) if node.GetNthControlPointPositionStatus(i) == defined]
    xy = _shown_at(node, to_xy)[rows]
    boxes = np.hstack([xy - MARK_PX, xy + MARK_PX])
    if not node.GetDisplayNode().GetPointLabelsVisibility():
        return boxes
    names = [_text_box(node, i, place) for i, place in zip(rows, xy, strict=True)]
    return np.vstack([boxes, np.reshape(names, (-1, 4))])


def _boxes(corners: FloatArray, to_xy: FloatArray) -> FloatArray:
    """Boxes in the view's pixels of opposite corners in the world."""
    xy = corners @ to_xy[:2, :3].T + to_xy[:2, 3]
    return np.hstack([xy.min(axis=1), xy.max(axis=1)])


def _matrix(matrix: Node) -> FloatArray:
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def _position(node: Node) -> FloatArray:
    return np.array(node.GetNthControlPointPosition(0))


def _to_world(node: Node, position: FloatArray) -> FloatArray:
    out = [0.0, 0.0, 0.0]
    node.TransformPointToWorld(position.tolist(), out)
    return np.array(out)


def _from_world(node: Node, position: FloatArray) -> FloatArray:
    out = [0.0, 0.0, 0.0]
    node.TransformPointFromWorld(position.tolist(), out)
    return np.array(out)
