"""The texts of measurements kept clear: at the scale of a whole film they would lie on one another and on the lines.

Slicer draws a text at the same size whatever the zoom, so its place on the film depends on the view.
"""

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

from SpineAlignmentLib.results.label_layout import Box, free_place

Node = Any
FloatArray = NDArray[np.float64]

LETTER: Final[tuple[float, float]] = (0.27, 0.56)
"""Width and height of a letter as Slicer draws it, in shares of the text scale (percent of the view's diagonal)."""
PIECE_PX: Final[float] = 10.0
PIECES: Final[int] = 60
"""A line is avoided in pieces of that length, or in that many when it is long."""
_TOLERANCE_MM: Final[float] = 1e-6


class LabelPlaces:
    """Where the texts of measurements are in one slice view, each as near to its own place as the others let it be."""

    def __init__(self, view_node: Node) -> None:
        """Keep texts apart.

        Args:
            view_node: the slice node of the view.
        """
        self._view = view_node
        self._places: dict[str, tuple[FloatArray, FloatArray]] = {}

    def spread(self, nodes: Iterable[Node], structure: FloatArray | None = None, names: Iterable[Node] = ()) -> None:
        """Move the texts among drawn nodes off one another and off the lines; the first ones have the first choice.

        Args:
            nodes: what is drawn.
            structure: opposite corners, shape (n, 2, 3), world, of what no text may lie on either.
            names: lists of texts that stay where they are.
        """
        drawn = [node for node in nodes if node.GetDisplayVisibility()]
        to_ras = _matrix(self._view.GetXYToRAS())
        to_xy = np.linalg.inv(to_ras)
        places: dict[str, tuple[FloatArray, FloatArray]] = {}
        lines = _line_boxes([node for node in drawn if not _is_text(node)], to_xy)
        fixed = [self._name_boxes(node, to_xy) for node in names if node.GetDisplayVisibility()]
        if structure is not None:
            fixed.append(_boxes(structure, to_xy))
        taken = np.vstack([lines, *fixed])
        for node in filter(_is_text, drawn):
            own = self._own_place(node)
            wanted = self._box(node, 0, (to_xy @ [*_to_world(node, own), 1.0])[:2])
            box = free_place(wanted, taken)
            taken = np.vstack([taken, box])
            moved = to_ras @ [box[0] - wanted[0], box[1] - wanted[1], 0.0, 0.0]
            shown = _from_world(node, _to_world(node, own) + moved[:3])
            if np.abs(shown - _position(node)).max() > _TOLERANCE_MM:
                node.SetNthControlPointPosition(0, *shown.tolist())
            places[node.GetID()] = (own, shown)
        self._places = places

    def _own_place(self, node: Node) -> FloatArray:
        """Where its measurement puts it: where it is, unless it was we who moved it there."""
        position = _position(node)
        own, shown = self._places.get(node.GetID(), (position, position))
        return own if np.abs(position - shown).max() <= _TOLERANCE_MM else position

    def _name_boxes(self, node: Node, to_xy: FloatArray) -> FloatArray:
        """The boxes of a list of texts, shape (n, 4)."""
        defined = slicer.vtkMRMLMarkupsNode.PositionDefined
        boxes = [
            self._box(node, i, xy)
            for i, xy in enumerate(_shown_at(node, to_xy))
            if node.GetNthControlPointPositionStatus(i) == defined
        ]
        return np.array(boxes).reshape(-1, 4)

    def _box(self, node: Node, i: int, xy: FloatArray) -> Box:
        """The box of a text in the view's pixels, y up."""
        display = node.GetDisplayNode()
        size = float(np.hypot(*self._view.GetDimensions()[:2])) * display.GetTextScale() / 100
        width, height = LETTER[0] * size * len(node.GetNthControlPointLabel(i)), LETTER[1] * size
        text = display.GetTextProperty()
        # 0 left or bottom, 1 centered, 2 right or top (vtkTextProperty)
        left = float(xy[0]) - width * text.GetJustification() / 2
        bottom = float(xy[1]) - height * text.GetVerticalJustification() / 2
        return (left, bottom, left + width, bottom + height)


def _is_text(node: Node) -> bool:
    return bool(node.IsA("vtkMRMLMarkupsFiducialNode"))


def _shown_at(node: Node, to_xy: FloatArray) -> FloatArray:
    """Where its control points are in the view's pixels, shape (n, 2)."""
    points = vtk.vtkPoints()
    node.GetControlPointPositionsWorld(points)
    world = vtk_to_numpy(points.GetData()).reshape(-1, 3)
    return np.asarray(world @ to_xy[:2, :3].T + to_xy[:2, 3])


def _line_boxes(nodes: Iterable[Node], to_xy: FloatArray) -> FloatArray:
    """The boxes, in the view's pixels, that the pieces of lines and curves fill, shape (n, 4)."""
    lines = [_shown_at(node, to_xy) for node in nodes]
    starts = np.vstack([np.empty((0, 2)), *(xy[:-1] for xy in lines)])
    whole = np.vstack([np.empty((0, 2)), *(xy[1:] for xy in lines)]) - starts
    counts = np.clip(np.hypot(*whole.T) / PIECE_PX, 1, PIECES).astype(int)
    number = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    piece = np.repeat(whole / counts[:, None], counts, axis=0)
    start = np.repeat(starts, counts, axis=0) + number[:, None] * piece
    return np.hstack([np.minimum(start, start + piece), np.maximum(start, start + piece)])


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
