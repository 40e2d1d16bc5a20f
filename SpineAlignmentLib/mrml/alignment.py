"""The alignment of one film: its landmarks in the scene, and table, lines, curve and history that follow them.

Points of a film are shape (45, 2) in film pixels, in the order of `landmarks.NAMES`, NaN where a landmark is missing.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from typing import Any, Final

import numpy as np
import slicer
from numpy.typing import ArrayLike, NDArray

from SpineAlignmentLib.clinical.patient import Patient, patient_of
from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.measurement.landmarks import COUNT, INDEX
from SpineAlignmentLib.measurement.parameters import KEYS
from SpineAlignmentLib.mrml import landmark_list, results_table, volume_film
from SpineAlignmentLib.mrml.film_drawing import FilmDrawing
from SpineAlignmentLib.mrml.film_record import FilmRecord
from SpineAlignmentLib.mrml.film_table import FilmTable
from SpineAlignmentLib.mrml.folder import put_into_folder
from SpineAlignmentLib.mrml.history import Moment
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.measured import Measured

Node = Any
FloatArray = NDArray[np.float64]

SIDE_BY_HAND: Final[str] = "set by hand"


class FilmAlignment:
    """The landmarks and measurements of one film in the scene.

    It observes its own nodes until `release`. `on_changed` functions are called after every change of what is known.
    """

    def __init__(self, scene: Node, volume: Node, landmarks: Node, film: Annotation) -> None:
        self.volume = volume
        self.landmarks = landmarks
        self.on_changed: list[Callable[[], None]] = []
        self._record = FilmRecord(landmarks, film)
        self._geometry = volume_film.volume_geometry(volume)
        self._busy = self._bent = False
        self._drawing = FilmDrawing(scene, volume)
        self._table = FilmTable(scene, volume, landmarks)
        self._points = np.full((COUNT, 2), np.nan)
        self._measured: dict[str, Measured] = {}
        volume_film.put_along(self.volume, [self.landmarks, *self.drawn_nodes])
        put_into_folder(scene, volume, landmarks, landmarks)
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
        return {key: found.value for key, found in self._measured.items()}

    @property
    def measurements(self) -> dict[str, Measured]:
        """The 18 parameters, each with its interval or the reason why it is not given."""
        return dict(self._measured)

    @property
    def table(self) -> Node:
        """The table node of the results; made anew when it was deleted."""
        return self._table.node(self.parameters)

    @property
    def detection(self) -> Annotation | None:
        """The last detection, which `reset` goes back to."""
        return self._record.detection

    @property
    def annotation(self) -> Annotation:
        """Landmarks, spacing and side as results files hold them."""
        return self._record.annotation(self._points, self._geometry.size_px)

    @property
    def anterior_known(self) -> bool:
        """Whether the facing side comes from the film or the user rather than from a detection or a guess."""
        return self._record.anterior_known

    def state(self, name: str) -> str:
        """One of those of `landmark_states.landmark_states`."""
        return self.states()[INDEX[name]]

    def states(self) -> list[str]:
        """`state` of all landmarks, in order."""
        return self._record.states(self._points)

    # Changing it

    def set_points(self, points_px: ArrayLike) -> None:
        """Set all landmarks, shape (45, 2); NaN becomes "missing". Can be undone.

        Raises:
            ValueError: another shape.
        """
        points = np.asarray(points_px, float)
        if points.shape != (COUNT, 2):
            raise ValueError(f"expected landmarks of shape ({COUNT}, 2), got {points.shape}")
        self._record.history.remember(self._moment())
        self._record.moved(self.annotation, points)
        self._write(points)

    def set_point(self, name: str, xy: ArrayLike | None) -> None:
        """Move one landmark, or mark it missing (None). Can be undone."""
        points = self.points_px
        points[INDEX[name]] = np.nan if xy is None else np.asarray(xy, float)
        self.set_points(points)

    def set_marks(self, marked: Annotation) -> None:
        """Take over everything that lies on the film in an annotation of it (`annotation.MARKS`). Can be undone."""
        self._record.history.remember(self._moment())
        self._set_moment(Moment(marked, self.detection, self._record.film))

    def renumber(self, how: Callable[[Annotation], Annotation]) -> None:
        """Give vertebrae other names: `Annotation.renumbered`, or `renumbering.shifted` with its levels. Can be undone.

        What was detected is renamed as well, so that a body that stays in its place counts as detected.

        Raises:
            ResultError: of `how`.
        """
        now = self._moment()
        renamed = Moment(how(now.film), now.detection and how(now.detection), now.facts)
        self._record.history.remember(now)
        self._set_moment(renamed)

    def set_detection(self, detection: Annotation) -> None:
        """Take over a detection: marks, models, warnings, and the side unless the user said it. Can be undone."""
        with self.one_step():
            self._record.set_detection(detection)
            film = self._record.film
            self._set_film(self._record.lying_as(detection))
            radius = np.where(np.isnan(detection.head_radius_px), film.head_radius_px, detection.head_radius_px)
            self.set_marks(replace(detection, head_radius_px=radius, drawn=detection.drawn or film.drawn))

    def reset(self, name: str | None = None) -> None:
        """Put one landmark, or all of them, back to where the detection found them. Can be undone.

        Raises:
            ValueError: nothing was detected on this film yet.
        """
        if self.detection is None:
            raise ValueError(f"{self.volume.GetName()}: nothing was detected on this film yet")
        if name is None:
            self.set_marks(replace(self.detection, drawn=self._record.film.drawn))
        else:
            self.set_point(name, self.detection.points_px[INDEX[name]])

    def set_spacing(self, spacing_mm: tuple[float, float] | None, source: str) -> None:
        """Calibrate: the (x, y) size of a film pixel in mm and where it is known from; None: unknown. Can be undone.

        Raises:
            ValueError: a size that is not positive.
        """
        self._set_film(self._record.film.calibrated(spacing_mm, source))

    def set_anterior(self, side: str, source: str = SIDE_BY_HAND, quarter_turns: int | None = None) -> None:
        """Say which side the patient faces, "left" or "right", and which turns set the film upright. Can be undone."""
        film = self._record.film.facing(side, source)
        self._set_film(film if quarter_turns is None else replace(film, quarter_turns=quarter_turns))

    def set_spacing_of(self, own: Annotation) -> None:
        """Take the size of a pixel, and what is warned of it, as another annotation has them. Can be undone."""
        self._set_film(self._record.film.with_spacing_of(own))

    def set_patient(self, patient: Patient) -> None:
        """Say how old the patient was on the day of the film, and of what sex. Can be undone."""
        self._set_film(replace(self._record.film, extra={**self._record.film.extra, "patient": patient.to_json()}))

    def _set_film(self, film: Annotation) -> None:
        self._record.history.remember(self._moment())
        self._record.set_film(film)
        self.update()

    def show(self, keys: Collection[str], points: bool = True, curve: bool = True, names: bool = False) -> None:
        """Choose what is drawn: measurements, landmarks, the spine curve, the names of the landmarks.

        Raises:
            ValueError: an unknown measurement.
        """
        unknown = set(keys) - set(KEYS)
        if unknown:
            raise ValueError(f"unknown measurements: {', '.join(sorted(unknown))}")
        self._drawing.shown = frozenset(keys)
        self._drawing.curve_visible = curve
        self.landmarks.SetDisplayVisibility(points)
        self.landmarks.GetDisplayNode().SetPointLabelsVisibility(names)
        self._drawing.draw(self.annotation, self._geometry)

    @property
    def shown(self) -> frozenset[str]:
        """The measurements that are drawn when they are measurable."""
        return self._drawing.shown

    @property
    def made(self) -> frozenset[str]:
        """The measurements whose nodes exist, shown or not; those of others are made when they are first drawn."""
        return self._drawing.made

    # History

    @property
    def can_undo(self) -> bool:
        return self._record.history.can_undo

    @property
    def can_redo(self) -> bool:
        return self._record.history.can_redo

    def one_step(self) -> AbstractContextManager[None]:
        """Whatever is changed meanwhile is undone at once."""
        return self._record.history.one_step(self._moment())

    def undo(self) -> None:
        """Take back the last change; nothing happens when there is none."""
        self._set_moment(self._record.history.back(self._moment()))

    def redo(self) -> None:
        """Do again what `undo` took back."""
        self._set_moment(self._record.history.forth(self._moment()))

    def _moment(self) -> Moment:
        return self._record.moment(self._points, self._geometry.size_px)

    def _set_moment(self, moment: Moment | None) -> None:
        if moment is not None:
            self._record.set_moment(moment)
            self._write(moment.film.points_px)

    # Following

    def _observe(self) -> list[tuple[Node, int]]:
        events = [
            *((self.landmarks, event, self._on_landmarks_changed) for event in landmark_list.CHANGES),
            (self.landmarks, slicer.vtkMRMLMarkupsNode.PointStartInteractionEvent, self._on_drag_started),
            *((self.volume, event, self._on_film_moved) for event in volume_film.CHANGES),
        ]
        return [(node, node.AddObserver(event, function)) for node, event, function in events]

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """Change the list without following the change."""
        self._busy = True
        try:
            yield
        finally:
            self._busy = False

    def _on_drag_started(self, *_: Any) -> None:
        self._record.history.remember(self._moment())

    def _on_film_moved(self, *_: Any) -> None:
        """Keep the landmarks on their pixels when the film is moved, hardened or its spacing is corrected."""
        if self._busy or self.volume.GetImageData() is None:
            return
        was_bent, geometry = self._bent, None
        with suppress(FilmError):
            geometry = volume_film.volume_geometry(self.volume)
        self._bent = geometry is None
        if self._bent != was_bent:
            self._notify()
        if geometry is None:
            return
        same = geometry.size_px == self._geometry.size_px
        same = same and np.array_equal(geometry.pixel_to_ras, self._geometry.pixel_to_ras)
        if same and self.volume.GetTransformNodeID() == self.landmarks.GetTransformNodeID():
            return
        if (film := self._record.laid_out(self._geometry, geometry)) is not None:
            self._set_film(film)
        self._geometry = geometry
        self._drawing.draw_anew()
        volume_film.put_along(self.volume, [self.landmarks, *self.drawn_nodes])
        self._write(self._points)

    def _write(self, points_px: FloatArray) -> None:
        with self._quietly():
            landmark_list.write_ras(self.landmarks, self._geometry.to_ras(points_px))
        self._take_over(self._read())

    def _on_landmarks_changed(self, *_: Any) -> None:
        if self._busy:
            return
        if not landmark_list.is_whole(self.landmarks):
            with self._quietly():
                landmark_list.fill(self.landmarks)
        points = self._read()
        if not np.array_equal(np.isnan(points), np.isnan(self._points)):
            # placed or taken away in a view, which no drag does
            self._record.history.remember(self._moment())
        self._record.moved(self.annotation, points)
        self._take_over(points)

    def _read(self) -> FloatArray:
        return self._geometry.to_pixels(landmark_list.read_ras(self.landmarks))

    def _take_over(self, points_px: FloatArray) -> None:
        self._points = points_px
        self.update()

    def update(self) -> None:
        """Compute the parameters and bring table, lines and curve up to date."""
        film = self.annotation
        self._measured = film.measurements()
        results_table.write_values(self.table, self.parameters, patient_of(film.extra, film.film).age)
        with self._quietly():
            landmark_list.mark(self.landmarks, film.is_low())
        self._drawing.draw(film, self._geometry)
        self._notify()

    def _notify(self) -> None:
        for function in list(self.on_changed):
            function()

    # Its nodes

    @property
    def drawn_nodes(self) -> list[Node]:
        """Every node that is drawn from the landmarks."""
        return self._drawing.nodes

    def forget(self, node: Node) -> None:
        """Let go of a node that is being deleted by someone else; lines and table come back when needed."""
        if not self._table.forget(node):
            self._drawing.forget(node)

    def release(self) -> None:
        """Stop observing; the nodes stay."""
        for node, tag in self._observed:
            node.RemoveObserver(tag)
        self._observed.clear()
        self.on_changed.clear()

    def remove_drawings(self) -> None:
        """Delete what is drawn from the landmarks; landmarks and table stay."""
        self._drawing.remove()
