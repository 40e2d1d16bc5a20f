"""What a person draws: lines and angles between lines, placed by clicks and moved by their ends, and Cobb angles."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np
import slicer
from numpy.typing import NDArray

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.measurement.constructions import cobb_construction, unit_text
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.drawing import LINE_THICKNESS, MeasurementDrawing, add_drawn, add_label
from SpineAlignmentLib.mrml.volume_film import volume_geometry
from SpineAlignmentLib.results.colors import DRAWN, unit
from SpineAlignmentLib.results.drawn import NAMES, POINTS, Drawn, Kind, names, too_short

Node = Any
FloatArray = NDArray[np.float64]

_MOVED_PX: Final[float] = 0.05


class DrawnLines:
    """The nodes of everything that was drawn on one film.

    Args:
        alignment: the film.
        on_placed: called when the last point of something new is set, or after the first line of an angle.
    """

    def __init__(self, alignment: FilmAlignment, on_placed: Callable[[], None] = lambda: None) -> None:
        self._alignment = alignment
        self._scene = alignment.volume.GetScene()
        self._on_placed = on_placed
        self._lines: list[Node] = []
        self._labels: list[Node] = []
        self._cobbs: dict[tuple[str, str], MeasurementDrawing] = {}
        self._placing: Kind | None = None
        self._placed: list[FloatArray] = []
        self._visible = True
        self._busy = False

    # Placing

    @property
    def placing(self) -> Kind | None:
        """What clicks draw."""
        return self._placing

    def start(self, kind: Kind) -> None:
        """Let the next clicks set the ends of a line, or of two lines for an angle."""
        self.stop()
        self._placing = kind
        self._ask_for_line()

    def _ask_for_line(self) -> None:
        line = self._add_line()
        self._lines.append(line)
        selection = self._scene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
        selection.SetReferenceActivePlaceNodeClassName("vtkMRMLMarkupsLineNode")
        selection.SetActivePlaceNodeID(line.GetID())
        self._interaction.SetPlaceModePersistence(0)
        self._interaction.SetCurrentInteractionMode(slicer.vtkMRMLInteractionNode.Place)
        line.AddObserver(slicer.vtkMRMLMarkupsNode.PointPositionDefinedEvent, lambda *_: self._on_point_set(line))

    @property
    def _interaction(self) -> Node:
        return self._scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")

    def _on_point_set(self, line: Node) -> None:
        if self._placing is None or line is not self._lines[-1] or line.GetNumberOfDefinedControlPoints() < 2:
            return
        self._placed.append(self._ends(line))
        self._on_placed()

    def go_on(self) -> None:
        """Ask for the second line of an angle, or take over what is complete; not while a click is being handled.

        Raises:
            ResultError: both ends of a line are at one place; drawing is left off.
        """
        if self._placing is None:
            return
        if self._placed and too_short(self._placed[-1]):
            kind = NAMES[self._placing].lower()
            self.stop()
            raise ResultError(f"no {kind}: both clicks are on one spot; click two ends that lie apart")
        points = np.concatenate(self._placed) if self._placed else np.empty((0, 2))
        if len(points) < POINTS[self._placing]:
            if len(self._placed):
                self._ask_for_line()
            return
        drawn = Drawn(self._placing, None, tuple((float(x), float(y)) for x, y in points))
        self.stop()
        self.add(drawn)

    def stop(self) -> None:
        """Leave off drawing; a line that is not complete goes."""
        if self._placing is not None:
            self._interaction.SetCurrentInteractionMode(slicer.vtkMRMLInteractionNode.ViewTransform)
            self._placing = None
            self._placed.clear()
            self.follow()

    def add(self, drawn: Drawn) -> None:
        """Measure something more. Can be undone."""
        film = self._alignment.annotation
        if drawn not in film.drawn:
            self._alignment.set_marks(replace(film, drawn=(*film.drawn, drawn)))

    def take_away(self, number: int) -> None:
        """Measure one thing less, counted from 0. Can be undone."""
        film = self._alignment.annotation
        if 0 <= number < len(film.drawn):
            self._alignment.set_marks(replace(film, drawn=film.drawn[:number] + film.drawn[number + 1 :]))

    # Following

    def show(self, visible: bool) -> None:
        """Draw it, or not while another film is on screen."""
        self._visible = visible
        self.follow()

    def follow(self) -> None:
        """Bring the nodes to what the film has."""
        if self._busy or self._placing is not None:
            return
        film = self._alignment.annotation
        self._follow_cobbs()
        called = zip(film.drawn, names(film.drawn), strict=True)
        drawn = [(one, name) for one, name in called if one.levels is None] if self._visible else []
        wanted = [np.array(d.points_px[i : i + 2]) for d, _ in drawn for i in range(0, len(d.points_px), 2)]
        self._fit(self._lines, len(wanted), self._add_line)
        self._fit(self._labels, len(drawn), lambda: add_label(self._scene, "Drawn label", unit(DRAWN)))
        geometry = volume_geometry(self._alignment.volume)
        self._busy = True
        for line, ends in zip(self._lines, wanted, strict=True):
            _set_points(line, geometry.to_ras(ends))
        for label, (one, name) in zip(self._labels, drawn, strict=True):
            ends = np.array(one.points_px)
            _set_points(label, geometry.to_ras(ends[len(ends) // 2 :].mean(axis=0)[None]))
            label.SetNthControlPointLabel(0, f"{name} {unit_text(one.unit, film.drawn_value(one))}")
        self._busy = False

    def _follow_cobbs(self) -> None:
        film = self._alignment.annotation
        wanted = {d.levels for d in film.drawn if d.levels is not None}
        for levels in [*self._cobbs]:
            if levels not in wanted:
                self._cobbs.pop(levels).remove()
        if not wanted:
            return
        geometry = volume_geometry(self._alignment.volume)
        points, corners = film.points_mm(), film.corners_mm()

        def to_ras(places: FloatArray) -> FloatArray:
            return geometry.to_ras(film.from_frame(places))

        for levels in sorted(wanted):
            shown = self._cobbs.setdefault(
                levels, MeasurementDrawing(self._scene, "-".join(levels), self._put_under_film, DRAWN)
            )
            built = cobb_construction(points, corners, *levels)
            shown.show(built, to_ras, self._visible, film.anterior == "right")

    def _put_under_film(self, node: Node) -> None:
        node.SetAndObserveTransformNodeID(self._alignment.volume.GetTransformNodeID())

    def _fit(self, nodes: list[Node], count: int, make: Callable[[], Node]) -> None:
        while len(nodes) > count:
            self._scene.RemoveNode(nodes.pop())
        while len(nodes) < count:
            nodes.append(make())

    def _add_line(self) -> Node:
        line = add_drawn(self._scene, "vtkMRMLMarkupsLineNode", "Drawn line")
        line.SetSaveWithScene(False)
        line.CreateDefaultDisplayNodes()
        display = line.GetDisplayNode()
        display.SetSaveWithScene(False)
        display.SetSelectedColor(*unit(DRAWN))
        display.SetPropertiesLabelVisibility(False)
        display.SetLineThickness(LINE_THICKNESS)
        line.AddObserver(slicer.vtkMRMLMarkupsNode.PointEndInteractionEvent, self._on_dragged)
        self._put_under_film(line)
        return line

    def _ends(self, line: Node) -> FloatArray:
        ras = np.array([line.GetNthControlPointPosition(i) for i in range(2)])
        return volume_geometry(self._alignment.volume).to_pixels(ras)

    def _on_dragged(self, *_: Any) -> None:
        if self._busy or self._placing is not None:
            return
        film = self._alignment.annotation
        ends = iter([self._ends(line) for line in self._lines])
        changed = []
        for one in film.drawn:
            points = np.concatenate([next(ends) for _ in range(POINTS[one.kind] // 2)] or [np.empty((0, 2))])
            moved = len(points) and np.abs(points - np.array(one.points_px)).max() > _MOVED_PX
            if moved and too_short(points):
                # it goes back to where it was
                self.follow()
                return
            changed.append(replace(one, points_px=tuple((float(x), float(y)) for x, y in points)) if moved else one)
        self._alignment.set_marks(replace(film, drawn=tuple(changed)))

    # Its nodes

    @property
    def handles(self) -> list[Node]:
        """The lines, whose ends can be dragged."""
        return list(self._lines)

    @property
    def drawn_nodes(self) -> list[Node]:
        """Every node, texts included."""
        return [*self._lines, *self._labels, *(node for cobb in self._cobbs.values() for node in cobb.nodes)]

    def remove(self) -> None:
        """Delete the nodes."""
        self._placing = None
        for cobb in self._cobbs.values():
            cobb.remove()
        self._cobbs.clear()
        for node in [*self._lines, *self._labels]:
            self._scene.RemoveNode(node)
        self._lines.clear()
        self._labels.clear()


def _set_points(node: Node, ras: FloatArray) -> None:
    """Put the points there; the key Delete, in a view, does not take one of them away any more."""
    with slicer.util.NodeModify(node):
        for i, position in enumerate(ras):
            place = [float(v) for v in position]
            if i < node.GetNumberOfControlPoints():
                if not np.allclose(node.GetNthControlPointPosition(i), place, atol=1e-9):
                    node.SetNthControlPointPosition(i, *place)
            else:
                node.AddControlPoint(place)
        node.SetFixedNumberOfControlPoints(True)
