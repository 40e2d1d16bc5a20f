"""One measurement drawn on its film: locked line and curve markups without handles, and a text at its place.

The nodes are made when the measurement is first shown and follow its construction from then on; those that did not
move are not touched. They are derived from the landmarks, so they are not saved with the scene but made anew.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from SpineAlignmentLib.measurement.parameters import BY_KEY
from SpineAlignmentLib.measurement.shapes import Construction, Segment
from SpineAlignmentLib.results.colors import GROUP_COLORS, Color, unit

Node = Any
FloatArray = NDArray[np.float64]
ToRas = Callable[[FloatArray], FloatArray]

MEASUREMENT_ATTRIBUTE: Final[str] = "SpineAlignment.measurement"
ARC_POINTS: Final[int] = 17
_GUARD: Final[float] = 0.01
LINE_THICKNESS: Final[float] = 0.2
TEXT_SCALE: Final[float] = 2.6


def polylines(segments: Iterable[Segment]) -> list[FloatArray]:
    """Segments joined at common ends into as few polylines as possible, each of shape (n, 2)."""
    chains: list[list[tuple[float, float]]] = []
    for segment in segments:
        ends = [segment.start, segment.end]
        for chain in chains:
            if chain[-1] in ends or chain[0] in ends:
                if chain[-1] not in ends:
                    chain.reverse()
                chain.append(ends[0] if chain[-1] == ends[1] else ends[1])
                break
        else:
            chains.append(ends)
    return [np.array(chain) for chain in chains]


def shapes(construction: Construction) -> list[FloatArray]:
    """Everything of a construction but its label as polylines, each of shape (n, 2).

    An arc continues the polyline on whose last line it begins or ends: the pen goes back along that line and then
    along the arc, which draws the same and saves a node.
    """
    lines = polylines(construction.segments)
    if construction.arc is None:
        return [_guarded(line) for line in lines]
    arc = construction.arc.sampled(ARC_POINTS)
    for i, line in enumerate(lines):
        for way in (line, line[::-1]):
            for points in (arc, arc[::-1]):
                if _is_on(points[0], way[-2], way[-1]):
                    lines[i] = np.concatenate([way, points[:1]])
                    guarded = [_guarded(part) for part in lines]
                    guarded[i] = np.concatenate([guarded[i], points[1:]])
                    return guarded
    return [*(_guarded(line) for line in lines), arc]


def _guarded(line: FloatArray) -> FloatArray:
    """The same polyline with two more points close to each corner: Slicer draws lines thinner toward sharp turns."""
    points = [line[0]]
    for before, corner, after in zip(line[:-2], line[1:-1], line[2:], strict=True):
        points += [corner + _GUARD * (before - corner), corner, corner + _GUARD * (after - corner)]
    return np.array([*points, line[-1]])


def _is_on(point: FloatArray, start: FloatArray, end: FloatArray) -> bool:
    """Whether a point lies on the line from start to end."""
    along, to_point = end - start, point - start
    length = float(np.hypot(*along))
    if length == 0:
        return False
    across = (along[0] * to_point[1] - along[1] * to_point[0]) / length
    share = float(along @ to_point) / length**2
    return bool(abs(across) < 1e-6 * length and 0 <= share <= 1)


def _side(share: float) -> int:
    """-1, 0 or 1 for a direction's share along an axis."""
    return int(np.sign(share)) if abs(share) > 0.38 else 0


def add_drawn(scene: Node, class_name: str, name: str) -> Node:
    """A new markup that is no one's to edit, so that Slicer's lists and its subject hierarchy leave it out.

    Slicer lets clicks place points of the newest markup; this one leaves the user's hand where it is.
    """
    selection = scene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
    placed = (selection.GetActivePlaceNodeClassName(), selection.GetActivePlaceNodeID()) if selection else ("", "")
    node = scene.CreateNodeByClass(class_name)
    node.UnRegister(None)
    node.SetName(name)
    # first of all: the subject hierarchy takes in what is not hidden when it is added, and saves that it was there
    node.SetHideFromEditors(True)
    scene.AddNode(node)
    if selection is not None:
        selection.SetReferenceActivePlaceNodeClassName(placed[0])
        selection.SetActivePlaceNodeID(placed[1])
    return node


def add_label(scene: Node, name: str, color: tuple[float, float, float]) -> Node:
    """A new text that is no one's to edit; its words are the label of its only control point."""
    node = add_drawn(scene, "vtkMRMLMarkupsFiducialNode", name)
    node.SetSaveWithScene(False)
    node.SetLocked(True)
    node.SetSelectable(False)
    node.AddControlPoint(vtk.vtkVector3d(0, 0, 0), "")
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetSaveWithScene(False)
    display.SetGlyphScale(0.0)
    display.SetTextScale(TEXT_SCALE)
    display.SetSelectedColor(*color)
    display.SetPointLabelsVisibility(True)
    display.SetHandlesInteractive(False)
    return node


class MarkupPool:
    """The locked markups of one class that a drawing uses; more are made when more are needed."""

    def __init__(self, scene: Node, class_name: str, name: str, color: tuple[float, float, float]) -> None:
        self._scene = scene
        self._class_name = class_name
        self._name = name
        self._color = color
        self.nodes: list[Node] = []
        self._drawn: list[FloatArray] = []

    def show(self, shapes: list[FloatArray]) -> list[Node]:
        """Draw the shapes (each (n, 3), RAS) and hide what is left over; returns the nodes that had to be made."""
        made = []
        while len(self.nodes) < len(shapes):
            made.append(self._make())
        for i, node in enumerate(self.nodes):
            used = i < len(shapes)
            if used and not np.array_equal(self._drawn[i], shapes[i]):
                _set_positions(node, shapes[i])
                self._drawn[i] = shapes[i]
            if bool(node.GetDisplayVisibility()) != used:
                node.SetDisplayVisibility(used)
        return made

    def forget(self, node: Node) -> bool:
        """Let go of a node that is being deleted; returns whether it was ours."""
        if node not in self.nodes:
            return False
        i = self.nodes.index(node)
        del self.nodes[i], self._drawn[i]
        return True

    def _make(self) -> Node:
        node = add_drawn(self._scene, self._class_name, self._name)
        node.SetSaveWithScene(False)
        node.SetLocked(True)
        node.SetSelectable(False)
        if node.IsA("vtkMRMLMarkupsCurveNode"):
            node.SetCurveTypeToLinear()
            node.SetNumberOfPointsPerInterpolatingSegment(1)
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        display.SetSaveWithScene(False)
        display.SetSelectedColor(*self._color)
        display.SetColor(*self._color)
        display.SetPropertiesLabelVisibility(False)
        display.SetLineThickness(LINE_THICKNESS)
        display.SetHandlesInteractive(False)
        self.nodes.append(node)
        self._drawn.append(np.empty((0, 3)))
        return node


def _set_positions(node: Node, ras: FloatArray) -> None:
    with slicer.util.NodeModify(node):
        count = node.GetNumberOfControlPoints()
        if count != len(ras):
            node.RemoveAllControlPoints()
            for position in ras:
                i = node.AddControlPoint(vtk.vtkVector3d(*position), "")
                node.SetNthControlPointVisibility(i, False)
        else:
            for i, position in enumerate(ras):
                node.SetNthControlPointPosition(i, float(position[0]), float(position[1]), float(position[2]))


class MeasurementDrawing:
    """The nodes that show one of the 18 measurements, or another angle."""

    def __init__(self, scene: Node, key: str, on_made: Callable[[Node], None], other: Color | None = None) -> None:
        color = unit(other or GROUP_COLORS[BY_KEY[key].group])
        self.key = key
        self._scene = scene
        self._on_made = on_made
        self._color = color
        self._lines = MarkupPool(scene, "vtkMRMLMarkupsLineNode", f"{key} line", color)
        self._curves = MarkupPool(scene, "vtkMRMLMarkupsCurveNode", f"{key} angle", color)
        self._label: Node | None = None
        self._drawn_label: tuple[str, tuple[float, ...]] = ("", ())
        self._label_sides: tuple[int, int] | None = None

    @property
    def nodes(self) -> list[Node]:
        """All nodes of this drawing."""
        return [*self._lines.nodes, *self._curves.nodes, *([self._label] if self._label else [])]

    def show(self, construction: Construction, to_ras: ToRas, visible: bool, anterior_right: bool = False) -> None:
        """Draw the construction.

        Args:
            construction: what to draw.
            to_ras: takes its frame (mm, anterior and up) to the film's RAS space.
            visible: whether it is to be seen.
            anterior_right: whether anterior is at the right of the screen; the text keeps clear of the arc.
        """
        label = construction.label if visible and construction.drawable else None
        if label is None:
            for node in self.nodes:
                node.SetDisplayVisibility(False)
            return
        drawn = shapes(construction)
        ras = to_ras(np.concatenate([*drawn, [label.anchor]]))
        ends = np.cumsum([len(shape) for shape in drawn])
        parts = np.split(ras, ends)
        lines = [part for part in parts[:-1] if len(part) == 2]
        curves = [part for part in parts[:-1] if len(part) > 2]
        for node in self._lines.show(lines) + self._curves.show(curves):
            self._made(node)
        self._show_label(label.text, tuple(parts[-1][0].tolist()))
        self._keep_clear(construction, anterior_right)

    def _keep_clear(self, construction: Construction, anterior_right: bool) -> None:
        """Let the text grow away from the arc that it names."""
        assert self._label is not None and construction.label is not None
        across, up = 0.0, -1.0
        if construction.arc is not None:
            away = np.subtract(construction.label.anchor, construction.arc.vertex) / np.hypot(
                *np.subtract(construction.label.anchor, construction.arc.vertex)
            )
            across, up = float(away[0] if anterior_right else -away[0]), float(away[1])
        sides = (_side(across), _side(up))
        if sides != self._label_sides:
            self._label_sides = sides
            text = self._label.GetDisplayNode().GetTextProperty()
            # 0 left or bottom, 1 centered, 2 right or top (vtkTextProperty)
            text.SetJustification(1 - sides[0])
            text.SetVerticalJustification(1 - sides[1])

    def _show_label(self, text: str, position: tuple[float, ...]) -> None:
        if self._label is None:
            self._label = self._make_label()
            self._made(self._label)
        if self._drawn_label != (text, position):
            with slicer.util.NodeModify(self._label):
                self._label.SetNthControlPointPosition(0, *position)
                self._label.SetNthControlPointLabel(0, text)
            self._drawn_label = (text, position)
        if not self._label.GetDisplayVisibility():
            self._label.SetDisplayVisibility(True)

    def _make_label(self) -> Node:
        node = add_label(self._scene, f"{self.key} label", self._color)
        self._drawn_label = ("", ())
        self._label_sides = None
        return node

    def _made(self, node: Node) -> None:
        node.SetAttribute(MEASUREMENT_ATTRIBUTE, self.key)
        self._on_made(node)

    def forget(self, node: Node) -> bool:
        """Let go of a node that is being deleted; returns whether it was ours."""
        if node is self._label:
            self._label = None
            return True
        return self._lines.forget(node) or self._curves.forget(node)

    def remove(self) -> None:
        """Delete the nodes from the scene."""
        for node in self.nodes:
            self.forget(node)
            self._scene.RemoveNode(node)
