"""The films of one person: what the page's buttons do to the scene, and what the page is told of it.

The methods that `first_page.ACTIONS` lists are what the page may call. Problems that a user can mend are shown as one
line; nothing is logged.
"""

import asyncio
import gc
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Final

import numpy as np
import slicer

from SpineAlignmentLib.errors import FilmError, ResultError, SpineAlignmentError
from SpineAlignmentLib.film.checks import checked_spacing
from SpineAlignmentLib.film.film import Film
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.jobs.child_process import ChildProcess
from SpineAlignmentLib.jobs.detection_job import DetectionQueue, FilmRequest
from SpineAlignmentLib.measurement.landmarks import INDEX, NAMES
from SpineAlignmentLib.measurement.parameters import KEYS, PARAMETERS
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.film_volume import add_film, facts_of, show_all_gray
from SpineAlignmentLib.mrml.spine_scene import SpineScene
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.viewer import page_state
from SpineAlignmentLib.viewer.by_hand import Placing
from SpineAlignmentLib.viewer.calibration_line import CalibrationLine
from SpineAlignmentLib.viewer.exports import KINDS, prepared
from SpineAlignmentLib.viewer.film_view import FilmView
from SpineAlignmentLib.viewer.uploads import MAX_FILMS

POLL_S: Final[float] = 0.05
GLYPH_SCALE: Final[float] = 1.8
TEXT_SCALE: Final[float] = 2.6
"""Sizes of landmarks and their names, larger than in Slicer's window: the page's view is smaller."""


def slicer_core() -> Any:
    """Slicer's core without a window, with an empty scene."""
    from trame_slicer.core import SlicerApp
    from vtkmodules.vtkCommonCore import vtkObject

    vtkObject.GlobalWarningDisplayOff()
    app = SlicerApp()
    # slicer.util looks for nodes there even where it is given a scene
    slicer.mrmlScene = app.scene
    return app


def _told(action: Callable[..., Any]) -> Callable[..., Any]:
    """An action whose errors are shown on the page."""

    @wraps(action)
    def run(self: "Workplace", *arguments: Any) -> Any:
        try:
            return action(self, *arguments)
        except (SpineAlignmentError, ValueError) as error:
            self.complain(str(error))
            return None

    return run


class Workplace:
    """One scene, one view, one page."""

    def __init__(
        self,
        app: Any,
        server: Any,
        models: Path | None,
        sample: Path | None,
        on_closed: Callable[[Path], None],
    ) -> None:
        """Connect a scene and a page.

        Args:
            app: Slicer's core.
            server: the trame server of the page.
            models: folder with ensemble.json; None for the ensemble that ships.
            sample: the film that "Sample film" opens, when there is one.
            on_closed: called with the file of a film that was closed.
        """
        self._on_closed = on_closed
        self._app = app
        self._state = server.state
        self._models = models
        self._sample = sample
        self._spine = SpineScene(app.scene)
        self._queue = DetectionQueue(ChildProcess())
        self._files: dict[str, Path] = {}
        self._current: FilmAlignment | None = None
        self._shown = page_state.SHOWN_AT_FIRST
        self._drawn = {"points": True, "curve": True, "names": False}
        self._polling: asyncio.Task[None] | None = None
        self.view = FilmView(app, server, self._on_point, self._pointer_moved, self._spread_labels)
        self._placing = Placing()
        self._line = CalibrationLine(app.scene, self._line_changed)
        self._state.table = page_state.table()
        self._follow()

    # Films

    async def open(self, path: Path, keep_path_quiet: bool = True) -> str:
        """Read a film and show it; returns what is wrong with it, or nothing."""
        try:
            if len(self._files) >= MAX_FILMS:
                raise FilmError(f"{path.name}: {MAX_FILMS} films are open already; close one first")
            film = await asyncio.to_thread(read_film, path)
        except SpineAlignmentError as error:
            text = str(error).replace(str(path), path.name) if keep_path_quiet else str(error)
            self.complain(text)
            return text
        self._add(film, path)
        return ""

    def _add(self, film: Film, path: Path) -> None:
        volume = add_film(self._app.scene, film)
        alignment = self._spine.create(volume, facts_of(film))
        self._files[volume.GetID()] = path
        alignment.on_changed.append(self._changed)
        display = alignment.landmarks.GetDisplayNode()
        display.SetGlyphScale(GLYPH_SCALE)
        display.SetTextScale(TEXT_SCALE)
        self._queue_warm()
        self.dismiss()
        self._show(alignment)

    def _queue_warm(self) -> None:
        process = self._queue.process
        if isinstance(process, ChildProcess):
            process.start()

    async def open_sample(self) -> None:
        """Open the film that comes with the library."""
        if self._sample is not None:
            await self.open(self._sample)

    def choose(self, film: str) -> None:
        """Show another of the open films."""
        alignment = self._alignment(film)
        if alignment is not None and alignment is not self._current:
            self._show(alignment)

    def close(self, film: str) -> None:
        """Close a film and forget it; an uploaded file is removed."""
        alignment = self._alignment(film)
        if alignment is None:
            return
        volume = alignment.volume
        self._leave_modes()
        self._on_closed(self._files.pop(film))
        rest = [a for a in self._spine.alignments if a is not alignment]
        if alignment is self._current:
            self._show(rest[-1] if rest else None)
        self._spine.close(volume)
        self._follow()
        # observers and nodes refer to each other; without this films pile up until Python looks for such cycles itself
        del alignment, volume, rest
        gc.collect()

    def _alignment(self, film: str) -> FilmAlignment | None:
        return next((a for a in self._spine.alignments if a.volume.GetID() == film), None)

    def _show(self, alignment: FilmAlignment | None) -> None:
        self._leave_modes()
        self._current = alignment
        self.view.show(alignment)
        self._state.selected = self._state.pointed = ""
        self._draw()

    # Detection

    @_told
    def detect(self) -> None:
        """Find the landmarks of the film on screen; it goes on in the child process."""
        alignment = self._current
        if alignment is None or self._state.busy:
            return
        film = alignment.annotation
        identity = alignment.volume.GetID()
        request = FilmRequest(
            name=film.film,
            path=self._files[identity],
            spacing_mm=film.spacing_mm,
            spacing_source=film.spacing_source,
            anterior=film.anterior if alignment.anterior_known else "auto",
            models=self._models,
        )

        def done(detection: Annotation) -> None:
            self._state.busy = None
            if self._alignment(identity) is alignment:
                alignment.set_detection(detection)
                if self._current is alignment and self.view.whole:
                    self.view.fit_spine()

        def failed(text: str) -> None:
            self._state.busy = None
            self.complain(text.replace(str(request.path), film.film))

        self.dismiss()
        self._leave_modes()
        self._progress(0.0, "starting")
        self._queue.submit(request, done, failed, self._progress)
        if self._polling is None or self._polling.done():
            self._polling = asyncio.get_running_loop().create_task(self._poll())

    def _progress(self, share: float, stage: str) -> None:
        self._state.busy = {"percent": round(100 * share), "stage": stage}

    async def _poll(self) -> None:
        while self._queue.busy:
            self._queue.poll()
            self._state.flush()
            await asyncio.sleep(POLL_S)

    def cancel(self) -> None:
        """Stop the detection."""
        self._queue.cancel()
        self._state.busy = None

    # Corrections

    def undo(self) -> None:
        """Take back the last change of landmarks."""
        if self._current:
            self._current.undo()

    def redo(self) -> None:
        """Do it again."""
        if self._current:
            self._current.redo()

    @_told
    def reset(self) -> None:
        """Put every landmark back to where it was detected."""
        if self._current:
            self._current.reset()

    def next_low(self) -> None:
        """Go to the next landmark of low confidence."""
        low = self._low()
        if not low:
            return
        after = [name for name in low if INDEX[name] > INDEX.get(self._state.selected, -1)]
        self.select((after or low)[0])

    def select(self, name: str) -> None:
        """Bring a landmark to the middle of the view."""
        if self._current and name in INDEX and self._current.jump_to(name):
            self.view.left_fitted()
            self._state.selected = name
            self._state.pointed = self._described(name)

    def step(self, by: int) -> None:
        """Go to the next landmark that has a place, or with -1 to the one before."""
        if self._current is None:
            return
        finite = np.isfinite(self._current.points_px).all(axis=1)
        placed = [name for name, there in zip(NAMES, finite, strict=True) if there]
        if placed:
            known = self._state.selected in placed
            self.select(placed[(placed.index(self._state.selected) + by if known else 0) % len(placed)])

    def nudge(self, dx: float, dy: float) -> None:
        """Move the selected landmark by so many film pixels."""
        name = self._state.selected
        if self._current and name in INDEX:
            self._current.set_point(name, self._current.points_px[INDEX[name]] + (float(dx), float(dy)))

    def missing(self) -> None:
        """Say that the selected landmark is not on the film."""
        if self._current and self._state.selected in INDEX:
            self._current.set_point(self._state.selected, None)
            self._state.selected = ""

    def place(self) -> None:
        """Let clicks on the film place the landmarks that have no place."""
        if self._current:
            self._leave_modes()
            self._placing.start(self._current)
            self._follow()

    def skip(self) -> None:
        """Ask for another landmark than the one that is asked for."""
        self._placing.skip()
        self._follow()

    def stop_placing(self) -> None:
        """Let clicks move the film again."""
        self._placing.stop()
        self._follow()

    def _low(self) -> list[str]:
        return [n for n, s in zip(NAMES, self._current.states(), strict=True) if s == "low confidence"] \
            if self._current else []  # fmt: skip

    # Facing side, size of a pixel

    @_told
    def set_anterior(self, side: str) -> None:
        """Correct the side the patient faces."""
        if self._current:
            self._current.set_anterior(side)

    @_told
    def set_spacing(self, text: str) -> None:
        """Type the size of a pixel in mm."""
        if self._current is None:
            return
        film = self._current.annotation
        try:
            x = float(str(text).replace(",", "."))
        except ValueError:
            raise ValueError(f"{text!r} is not a size in mm such as 0.179") from None
        aspect = film.pixel_aspect if film.spacing_mm is None else film.spacing_mm[1] / film.spacing_mm[0]
        self._current.set_spacing(checked_spacing((x, x * aspect), film.size_px, film.film, "typed"), "typed")

    def calibrate(self) -> None:
        """Begin to draw a line over an object of known length."""
        if self._current:
            self.dismiss()
            self._leave_modes()
            self._line.start()
            self._state.calibrating = "draw"

    def _line_changed(self) -> None:
        if self._line.complete:
            self._state.calibrating = "length"
            self._state.flush()

    @_told
    def calibrated(self, length_mm: str) -> None:
        """Take the size of a pixel from the line, given the object's length."""
        if self._current is None:
            return
        try:
            length = float(str(length_mm).replace(",", "."))
        except ValueError:
            raise ValueError(f"{length_mm!r} is not a length in mm such as 25") from None
        film = self._current.annotation
        source = f"calibrated on an object of {length:g} mm"
        spacing = self._line.spacing(self._current.volume, length)
        self._current.set_spacing(checked_spacing(spacing, film.size_px, film.film, source), source)
        self.stop_calibrating()

    def stop_calibrating(self) -> None:
        """Put the line away."""
        self._line.stop()
        self._state.calibrating = ""

    def escape(self) -> None:
        """Leave placing and calibrating, and choose no landmark."""
        self._leave_modes()
        self._state.selected = self._state.pointed = ""
        self._follow()

    def _leave_modes(self) -> None:
        self.stop_calibrating()
        self._placing.stop()

    # What is drawn

    def toggle(self, key: str) -> None:
        """Draw one measurement, or no longer."""
        if key in KEYS:
            self._shown ^= {key}
            self._draw()

    def toggle_group(self, group: str) -> None:
        """Draw all measurements of a group, or none when all are drawn."""
        keys = {p.key for p in PARAMETERS if p.group == group}
        self._shown = self._shown - keys if keys <= self._shown else self._shown | keys
        self._draw()

    def toggle_drawn(self, what: str) -> None:
        """Show or hide "points", "curve" or "names"."""
        if what in self._drawn:
            self._drawn[what] = not self._drawn[what]
            self._draw()

    def _draw(self) -> None:
        volume = self._current.volume if self._current else None
        self._spine.show_only(volume, self._shown, **self._drawn)
        self._spread_labels()
        self._follow()

    def _spread_labels(self) -> None:
        if self._current is not None:
            self.view.labels.spread(self._current.drawn_nodes)

    def fit(self) -> None:
        """Show the whole film."""
        self.view.fit()

    def fit_spine(self) -> None:
        """Show the part of the film with the landmarks."""
        self.view.fit_spine()

    def zoom(self, closer: bool) -> None:
        """Zoom in or out."""
        self.view.zoom(bool(closer))

    def gray(self) -> None:
        """Bring brightness and contrast back."""
        if self._current:
            show_all_gray(self._current.volume)

    # Download

    async def export(self, kind: str) -> tuple[str, str, bytes]:
        """A file's name, media type and bytes.

        Raises:
            ResultError: there is no film, or another kind of file.
        """
        if self._current is None:
            raise ResultError("open a film first")
        make = prepared(kind, self._current, self._app)
        content = await asyncio.to_thread(make) if kind == "png" else make()
        return f"{Path(self._current.annotation.film).stem}.{kind}", KINDS[kind], content

    # Telling the page

    def complain(self, text: str) -> None:
        """Show one line until it is dismissed."""
        with self._state:
            self._state.message = text

    def dismiss(self) -> None:
        """Take the line away."""
        self._state.message = ""

    def _changed(self) -> None:
        """Landmarks, spacing or side changed: the numbers first, at once."""
        self._follow()
        self._state.flush()
        self._spread_labels()
        # not now: this may be the very click that placed the last one
        asyncio.get_running_loop().call_soon(self._placing.stop_when_done)

    def _follow(self) -> None:
        current = self._current
        low = self._low()
        self._state.update(
            {
                "values": page_state.values(current),
                "films": [{"id": a.volume.GetID(), "name": a.annotation.film} for a in self._spine.alignments],
                "film": current.volume.GetID() if current else "",
                "facts": page_state.facts(current),
                "low": low,
                "hint": page_state.hint(current, len(low)),
                "placed": bool(current and np.isfinite(current.points_px).any()),
                "unplaced": int(np.isnan(current.points_px).any(axis=1).sum()) if current else 0,
                "placing": self._placing.asked,
                "can_undo": bool(current and current.can_undo),
                "can_redo": bool(current and current.can_redo),
                "detected": bool(current and current.detection),
                "shown": [key for key in KEYS if key in self._shown],
                "drawn": dict(self._drawn),
            }
        )

    def _described(self, name: str) -> str:
        return f"{name}: {self._current.state(name)}" if self._current else ""

    def _on_point(self) -> bool:
        return self._pointed_row() is not None or self._line.pointed

    def _pointed_row(self) -> int | None:
        if self._current is None:
            return None
        display = self._current.landmarks.GetDisplayNode()
        if display.GetActiveComponentType() != slicer.vtkMRMLMarkupsDisplayNode.ComponentControlPoint:
            return None
        return int(display.GetActiveComponentIndex())

    def _pointer_moved(self, pressed: bool) -> None:
        row = self._pointed_row()
        if row is not None and 0 <= row < len(NAMES):
            self._state.pointed = self._described(NAMES[row])
            if pressed:
                self._state.selected = NAMES[row]
        elif not self._state.selected:
            self._state.pointed = ""

    def finish(self) -> None:
        """End the child process and let the scene go."""
        self._queue.cancel()
        self._spine.release()
