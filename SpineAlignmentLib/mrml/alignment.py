"""The alignment of one film: its landmarks in the scene, and table, lines, curve and history that follow them.

Points of a film are shape (45, 2) in film pixels, in the order of `landmarks.NAMES`, NaN where a landmark is missing.
"""

import math
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, Final

import numpy as np
import slicer
import vtk
from numpy.typing import ArrayLike, NDArray

from SpineAlignmentLib.detection.detector import LOW_CONFIDENCE
from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.measurement.constructions import constructions, spine_curve
from SpineAlignmentLib.measurement.landmarks import CENTERS, COUNT, INDEX, NAMES
from SpineAlignmentLib.measurement.parameters import KEYS
from SpineAlignmentLib.mrml import drawing, landmark_list, results_table
from SpineAlignmentLib.mrml.film_facts import SIDE_UNKNOWN
from SpineAlignmentLib.mrml.folder import put_into_folder, remove_if_empty
from SpineAlignmentLib.mrml.volume_film import volume_geometry
from SpineAlignmentLib.results.annotation import ANTERIOR_SIDES, Annotation, film_points

Node = Any
FloatArray = NDArray[np.float64]

UNDO_LIMIT: Final[int] = 100
SIDE_DETECTED: Final[str] = "detected"
SIDE_BY_HAND: Final[str] = "set by hand"

_MOVED_PX: Final[float] = 0.01


class FilmAlignment:
    """The landmarks and measurements of one film in the scene.

    It observes its own nodes until `release`. `on_changed` functions are called after every change of landmarks,
    spacing or side.
    """

    def __init__(self, scene: Node, volume: Node, landmarks: Node, film: Annotation) -> None:
        self.volume = volume
        self.landmarks = landmarks
        self.on_changed: list[Callable[[], None]] = []
        self._scene = scene
        self._film = film
        self._geometry = volume_geometry(volume)
        self._shown: frozenset[str] = frozenset()
        self._curve_visible = True
        self._curve_centers = np.empty((0, 2))
        self._busy = False
        self._bent = False
        self._undo: deque[FloatArray] = deque(maxlen=UNDO_LIMIT)
        self._redo: deque[FloatArray] = deque(maxlen=UNDO_LIMIT)
        self._drawings = {key: drawing.MeasurementDrawing(scene, key, self._put_away) for key in KEYS}
        self._curve = drawing.MarkupPool(scene, "vtkMRMLMarkupsCurveNode", "Spine curve", drawing.CURVE_COLOR)
        self._table = landmarks.GetNodeReference(landmark_list.TABLE_ROLE)
        self._detection = landmark_list.read_detection(landmarks)
        self._points = np.full((COUNT, 2), np.nan)
        self._values: dict[str, float] = dict.fromkeys(KEYS, math.nan)
        landmark_list.write_facts(landmarks, film)
        self._follow_film()
        put_into_folder(scene, volume, landmarks, landmarks)
        if self._table is not None:
            results_table.fill(self._table)
        if not landmark_list.is_whole(landmarks):
            landmark_list.fill(landmarks)
        self._observed = self._observe()
        self._take_over(self._read())

    # What there is

    @property
    def points_px(self) -> FloatArray:
        """A copy of the landmarks in film pixels, shape (45, 2)."""
        return self._points.copy()

    @property
    def parameters(self) -> dict[str, float]:
        """The 18 parameters in degrees, mm or a plain ratio; NaN where not measurable."""
        return dict(self._values)

    @property
    def table(self) -> Node:
        """The table node of the results; made anew when it was deleted."""
        if self._table is None:
            self._table = results_table.create(self._scene, f"{self.volume.GetName()} parameters")
            self.landmarks.SetNodeReferenceID(landmark_list.TABLE_ROLE, self._table.GetID())
            put_into_folder(self._scene, self.volume, self.landmarks, self._table)
            results_table.write_values(self._table, self._values)
        return self._table

    @property
    def detection(self) -> Annotation | None:
        """The last detection, which `reset` goes back to."""
        return self._detection

    @property
    def confidence(self) -> FloatArray:
        """Shape (45,): the detection's confidence of landmarks that are where it put them; NaN of all others."""
        if self._detection is None:
            return np.full(COUNT, np.nan)
        return np.where(self._as_detected(), self._detection.confidence, np.nan)

    @property
    def annotation(self) -> Annotation:
        """Landmarks, spacing and side as results files hold them."""
        detection = self._detection
        return replace(
            self._film,
            size_px=self._geometry.size_px,
            points_px=self.points_px,
            confidence=self.confidence,
            models=detection.models if detection else (),
            warnings=detection.warnings if detection else (),
        )

    @property
    def anterior_known(self) -> bool:
        """Whether the facing side comes from the film or the user rather than from a detection or a guess."""
        return not self._film.anterior_source.startswith((SIDE_UNKNOWN, SIDE_DETECTED))

    def state(self, name: str) -> str:
        """One of "detected", "low confidence", "adjusted", "placed", "missing" and "not placed"."""
        i = INDEX[name]
        if not np.isfinite(self._points[i]).all():
            missing = slicer.vtkMRMLMarkupsNode.PositionMissing
            return "missing" if self.landmarks.GetNthControlPointPositionStatus(i) == missing else "not placed"
        if self._detection is None or not np.isfinite(self._detection.points_px[i]).all():
            return "placed"
        if not self._as_detected()[i]:
            return "adjusted"
        return "low confidence" if self._detection.confidence[i] < LOW_CONFIDENCE else "detected"

    def states(self) -> list[str]:
        """`state` of all landmarks, in order."""
        return [self.state(name) for name in NAMES]

    def jump_to(self, name: str) -> bool:
        """Bring a landmark to the middle of the slice views and make it the active one; False when it has no place."""
        i = INDEX[name]
        if not np.isfinite(self._points[i]).all():
            return False
        position = [0.0, 0.0, 0.0]
        self.landmarks.GetNthControlPointPositionWorld(i, position)
        centered = slicer.vtkMRMLSliceNode.CenteredJumpSlice
        slicer.vtkMRMLSliceNode.JumpAllSlices(self._scene, *position, centered)
        self.landmarks.GetDisplayNode().SetActiveControlPoint(i)
        return True

    def positions_world(self) -> FloatArray:
        """Where the landmarks that have a place are in the scene, shape (n, 3), RAS."""
        placed = np.flatnonzero(np.isfinite(self._points).all(axis=1))
        out = np.zeros((len(placed), 3))
        for row, i in enumerate(placed):
            self.landmarks.GetNthControlPointPositionWorld(int(i), out[row])
        return out

    def _as_detected(self) -> NDArray[np.bool_]:
        if self._detection is None:
            return np.zeros(COUNT, bool)
        distance = np.abs(self._points - self._detection.points_px).max(axis=1)
        return np.asarray(distance < _MOVED_PX)

    # Changing it

    def set_points(self, points_px: ArrayLike) -> None:
        """Set all landmarks, shape (45, 2); NaN becomes "missing". Can be undone.

        Raises:
            ValueError: another shape.
        """
        points = np.asarray(points_px, float)
        if points.shape != (COUNT, 2):
            raise ValueError(f"expected landmarks of shape ({COUNT}, 2), got {points.shape}")
        self._remember()
        self._write(points)

    def set_point(self, name: str, xy: ArrayLike | None) -> None:
        """Move one landmark, or mark it missing (None). Can be undone."""
        points = self.points_px
        points[INDEX[name]] = np.nan if xy is None else np.asarray(xy, float)
        self._remember()
        self._write(points)

    def set_detection(self, detection: Annotation) -> None:
        """Take over a detection: landmarks, models, warnings, and the side where it was only detected."""
        landmark_list.write_detection(self.landmarks, detection)
        self._detection = landmark_list.read_detection(self.landmarks)
        if not self.anterior_known:
            film = replace(self._film, anterior=detection.anterior, anterior_source=detection.anterior_source)
            self._set_film(film)
        self.set_points(detection.points_px)

    def reset(self, name: str | None = None) -> None:
        """Put one landmark, or all of them, back to where the detection found them. Can be undone.

        Raises:
            ValueError: nothing was detected on this film yet.
        """
        if self._detection is None:
            raise ValueError(f"{self.volume.GetName()}: nothing was detected on this film yet")
        if name is None:
            self.set_points(self._detection.points_px)
        else:
            self.set_point(name, self._detection.points_px[INDEX[name]])

    def set_spacing(self, spacing_mm: tuple[float, float] | None, source: str) -> None:
        """Calibrate: the (x, y) size of a film pixel in mm and where it is known from; None when unknown.

        Raises:
            ValueError: a size that is not positive.
        """
        if spacing_mm is not None and not (np.all(np.isfinite(spacing_mm)) and min(spacing_mm) > 0):
            raise ValueError(f"the size of a pixel must be a positive number of millimetres, got {spacing_mm}")
        self._set_film(replace(self._film, spacing_mm=spacing_mm, spacing_source=source))

    def set_anterior(self, side: str, source: str = SIDE_BY_HAND) -> None:
        """Say which side of the film the patient faces, "left" or "right"."""
        if side not in ANTERIOR_SIDES:
            raise ValueError(f"the patient faces 'left' or 'right', not {side!r}")
        self._set_film(replace(self._film, anterior=side, anterior_source=source))

    def _set_film(self, film: Annotation) -> None:
        self._film = film
        landmark_list.write_facts(self.landmarks, film)
        self.update()

    def show(self, keys: Collection[str], points: bool = True, curve: bool = True, names: bool = False) -> None:
        """Choose what is drawn: measurements, landmarks, the spine curve, the names of the landmarks.

        Raises:
            ValueError: an unknown measurement.
        """
        unknown = set(keys) - set(KEYS)
        if unknown:
            raise ValueError(f"unknown measurements: {', '.join(sorted(unknown))}")
        self._shown = frozenset(keys)
        self._curve_visible = curve
        self.landmarks.SetDisplayVisibility(points)
        self.landmarks.GetDisplayNode().SetPointLabelsVisibility(names)
        self._draw()

    @property
    def shown(self) -> frozenset[str]:
        """The measurements that are drawn when they are measurable."""
        return self._shown

    @property
    def made(self) -> frozenset[str]:
        """The measurements whose nodes exist, shown or not; those of others are made when they are first drawn."""
        return frozenset(key for key, measurement in self._drawings.items() if measurement.nodes)

    # History

    @property
    def can_undo(self) -> bool:
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        return bool(self._redo)

    def undo(self) -> None:
        """Take back the last change of landmarks; nothing happens when there is none."""
        if self._undo:
            self._redo.append(self.points_px)
            self._write(self._undo.pop())

    def redo(self) -> None:
        """Do again what `undo` took back."""
        if self._redo:
            self._undo.append(self.points_px)
            self._write(self._redo.pop())

    def _remember(self) -> None:
        if not self._undo or not np.array_equal(self._undo[-1], self._points, equal_nan=True):
            self._undo.append(self.points_px)
        self._redo.clear()

    # Following

    def _observe(self) -> list[tuple[Node, int]]:
        markups = slicer.vtkMRMLMarkupsNode
        events = (
            (self.landmarks, markups.PointModifiedEvent, self._on_landmarks_changed),
            (self.landmarks, markups.PointPositionDefinedEvent, self._on_landmarks_changed),
            (self.landmarks, markups.PointPositionUndefinedEvent, self._on_landmarks_changed),
            (self.landmarks, markups.PointPositionMissingEvent, self._on_landmarks_changed),
            (self.landmarks, markups.PointRemovedEvent, self._on_points_removed),
            (self.landmarks, markups.PointStartInteractionEvent, self._on_drag_started),
            (self.volume, slicer.vtkMRMLTransformableNode.TransformModifiedEvent, self._on_film_moved),
            (self.volume, slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent, self._on_film_moved),
            (self.volume, vtk.vtkCommand.ModifiedEvent, self._on_film_moved),
        )
        return [(node, node.AddObserver(event, function)) for node, event, function in events]

    def _on_drag_started(self, *_: Any) -> None:
        self._remember()

    def _on_points_removed(self, *_: Any) -> None:
        if self._busy or landmark_list.is_whole(self.landmarks):
            return
        self._busy = True
        try:
            landmark_list.fill(self.landmarks)
        finally:
            self._busy = False
        self._on_landmarks_changed()

    def _on_film_moved(self, *_: Any) -> None:
        """Keep the landmarks on their pixels when the film is moved, hardened or its spacing is corrected."""
        transform = self.volume.GetTransformNodeID()
        if self._busy or self.volume.GetImageData() is None:
            return
        was_bent = self._bent
        try:
            geometry = volume_geometry(self.volume)
            self._bent = False
        except FilmError:
            self._bent = True
        if self._bent != was_bent:
            self._notify()
        if self._bent:
            return
        same = np.array_equal(geometry.pixel_to_ras, self._geometry.pixel_to_ras)
        if same and transform == self.landmarks.GetTransformNodeID():
            return
        self._geometry = geometry
        self._curve_centers = np.empty((0, 2))
        self._follow_film()
        self._write(self._points)

    def _follow_film(self) -> None:
        transform = self.volume.GetTransformNodeID()
        for node in [self.landmarks, *self.drawn_nodes]:
            if node.GetTransformNodeID() != transform:
                node.SetAndObserveTransformNodeID(transform)

    def _write(self, points_px: FloatArray) -> None:
        self._busy = True
        try:
            landmark_list.write_ras(self.landmarks, self._geometry.to_ras(points_px))
        finally:
            self._busy = False
        self._take_over(self._read())

    def _on_landmarks_changed(self, *_: Any) -> None:
        if self._busy:
            return
        if not landmark_list.is_whole(self.landmarks):
            self._on_points_removed()
            return
        points = self._read()
        if not np.array_equal(np.isnan(points), np.isnan(self._points)):
            # placed or taken away in a view, which no drag does
            self._remember()
        self._take_over(points)

    def _read(self) -> FloatArray:
        return self._geometry.to_pixels(landmark_list.read_ras(self.landmarks))

    def _take_over(self, points_px: FloatArray) -> None:
        self._points = points_px
        self.update()

    def update(self) -> None:
        """Compute the parameters and bring table, lines and curve up to date."""
        self._values = replace(self._film, points_px=self._points).parameters()
        results_table.write_values(self.table, self._values)
        self._mark_low_confidence()
        self._draw()
        self._notify()

    def _mark_low_confidence(self) -> None:
        low = np.nan_to_num(self.confidence, nan=1.0) < LOW_CONFIDENCE
        for i in range(COUNT):
            if bool(self.landmarks.GetNthControlPointSelected(i)) == bool(low[i]):
                self._busy = True
                self.landmarks.SetNthControlPointSelected(i, not low[i])
                self._busy = False

    def _draw(self) -> None:
        film = self._film
        points_mm = replace(film, points_px=self._points).points_mm()
        step = film.spacing_mm or (1.0, film.pixel_aspect)

        def to_ras(points: FloatArray) -> FloatArray:
            return self._geometry.to_ras(film_points(points, step, film.anterior))

        built = constructions(points_mm, calibrated=film.spacing_mm is not None)
        for key, measurement in self._drawings.items():
            measurement.show(built[key], to_ras, key in self._shown, film.anterior == "right")
        self._draw_curve(points_mm, to_ras)

    def _draw_curve(self, points_mm: FloatArray, to_ras: drawing.ToRas) -> None:
        centers = points_mm[[INDEX[name] for name in CENTERS]] if self._curve_visible else np.empty((0, 2))
        if np.array_equal(centers, self._curve_centers, equal_nan=True):
            return
        self._curve_centers = centers
        curve = spine_curve(points_mm, samples_per_level=2) if self._curve_visible else np.empty((0, 2))
        for node in self._curve.show([to_ras(curve)] if len(curve) > 1 else []):
            self._put_away(node)

    def _notify(self) -> None:
        for function in list(self.on_changed):
            function()

    # Its nodes

    @property
    def drawn_nodes(self) -> list[Node]:
        """Every node that is drawn from the landmarks."""
        return [node for d in self._drawings.values() for node in d.nodes] + self._curve.nodes

    def _put_away(self, node: Node) -> None:
        node.SetAndObserveTransformNodeID(self.volume.GetTransformNodeID())
        put_into_folder(self._scene, self.volume, self.landmarks, node, derived=True)

    def forget(self, node: Node) -> None:
        """Let go of a node that is being deleted by someone else; lines and table come back when needed."""
        if node is self._table:
            self._table = None
        elif self._curve.forget(node):
            self._curve_centers = np.empty((0, 2))
        else:
            any(d.forget(node) for d in self._drawings.values())

    def release(self) -> None:
        """Stop observing; the nodes stay."""
        for node, tag in self._observed:
            node.RemoveObserver(tag)
        self._observed.clear()
        self.on_changed.clear()

    def remove_drawings(self) -> None:
        """Delete what is drawn from the landmarks; landmarks and table stay."""
        for d in self._drawings.values():
            d.remove()
        for node in list(self._curve.nodes):
            self._curve.forget(node)
            self._scene.RemoveNode(node)
        remove_if_empty(self._scene, self.landmarks)
