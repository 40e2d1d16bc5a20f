"""The films of one person: what the page's buttons do to the scene, and what the page is told of it.

Problems that a user can mend are shown as one line; nothing is logged.
"""

import asyncio
import gc
import inspect
from pathlib import Path
from typing import Any, Final

import slicer

from SpineAlignmentLib.errors import FilmError, ResultError, SpineAlignmentError, by_command
from SpineAlignmentLib.film.dicom_dataset import looks_like_dicom
from SpineAlignmentLib.film.film import Film
from SpineAlignmentLib.jobs.reading_process import read_apart
from SpineAlignmentLib.measurement.vertebrae import LEVELS
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.film_volume import add_film, facts_of
from SpineAlignmentLib.mrml.spine_scene import SpineScene
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.viewer import levels, measuring, page_state
from SpineAlignmentLib.viewer.comparing import Comparing
from SpineAlignmentLib.viewer.corrections import Corrections
from SpineAlignmentLib.viewer.detecting import Detecting
from SpineAlignmentLib.viewer.exports import APART, KINDS, WHOLE_KINDS, prepared
from SpineAlignmentLib.viewer.film_facts import FilmFacts
from SpineAlignmentLib.viewer.film_view import FilmView
from SpineAlignmentLib.viewer.keeping import Keeping
from SpineAlignmentLib.viewer.kept import Kept
from SpineAlignmentLib.viewer.levels import LevelsPart
from SpineAlignmentLib.viewer.measuring import Measuring
from SpineAlignmentLib.viewer.open_page import OpenPage
from SpineAlignmentLib.viewer.saved_work import SavedWork
from SpineAlignmentLib.viewer.settings import MAX_UPLOAD_BYTES
from SpineAlignmentLib.viewer.showing import Showing
from SpineAlignmentLib.viewer.uploads import MAX_FILMS, UploadFolder, is_landmarks, is_scene, safe_name

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


class Workplace:
    """One scene, one view, one page."""

    def __init__(
        self,
        app: Any,
        server: Any,
        models: Path | None,
        sample: Path | None,
        uploads: UploadFolder,
        kept: Kept | None = None,
    ) -> None:
        """Connect a scene and a page.

        Args:
            app: Slicer's core.
            server: the trame server of the page.
            models: folder with ensemble.json; None for the ensemble that ships.
            sample: the film that "Sample film" opens, when there is one.
            uploads: where the person's films are kept until they are closed.
            kept: where corrections are kept; nowhere when None.
        """
        self._uploads = uploads
        self._app = app
        self._sample = sample
        self._spine = SpineScene(app.scene)
        self._files: dict[str, Path] = {}
        self.page = OpenPage(server.state)
        self._state = server.state
        self._keeping = Keeping(self.page, kept)
        self._detecting = Detecting(self.page, models)
        self._facts = FilmFacts(self.page, self._spine, self._file_of, self._leave_modes)
        self._stale = False
        self._refused = ""
        self.view = FilmView(
            app, server, self._on_point, self._pointer_moved, lambda: self._showing.scaled(), self._before_frame
        )
        self._measuring = Measuring(self.page, self.view, self._leave_modes, self._follow)
        self._showing = Showing(self.page, self._spine, self.view, self._measuring, self._shown_file, self._follow)
        self._levels = LevelsPart(self.page, self.view, self._measuring, self._follow)
        self.comparing = Comparing(self.page, self._alignment, self._file_of, self._follow)
        self._corrections = Corrections(self.page, self.view, self._leave_modes, self._follow)
        take = (self._add, self.check_room, self._keeping.unsaved, self._detecting.drop, self._taken_up)
        self._saved = SavedWork(self.page, self._spine, uploads, *take)
        self._parts = (
            *(self, self.page, self._detecting, self._corrections, self._facts, self._keeping, self._saved),
            *(self._showing, self._measuring, self._levels, self.comparing),
        )
        self._state.table = page_state.table()
        self._state.cobb_levels = LEVELS
        self._follow()

    async def act(self, name: str, *arguments: Any) -> None:
        """Do what the page asks for, one of `first_page.ACTIONS`; tells the page why not."""
        self._state.told = ""
        action = next(getattr(part, name) for part in self._parts if hasattr(part, name))
        try:
            result = action(*arguments)
            if inspect.isawaitable(result):
                await result
            self._corrections.describe_anew()
            if name == self._refused:
                self._refused = ""
                self.page.dismiss()
        except (SpineAlignmentError, ValueError) as error:
            self._refused = name
            self.page.complain(str(error))

    # Films

    async def open(self, path: Path, keep_path_quiet: bool = True) -> str:
        """Read a film and show it, or take up saved work; returns what is wrong with the file, or nothing."""
        try:
            if is_landmarks(path.name) or is_scene(path.name):
                await self._saved.open(path)
                return ""
            self.check_room(path.name)
            film = await asyncio.to_thread(read_apart, path)
        except SpineAlignmentError as error:
            text = by_command(str(error).replace(str(path), path.name) if keep_path_quiet else str(error))
            self.page.refuse(text)
            return text
        known = self._saved.with_content(film.sha256)
        if known is None:
            self._add(film, path)
        else:
            # corrections are kept by content: of two they would be one
            self._uploads.discard(path)
            self._show(known)
            self.page.tell(f"{film.name} is open already.")
        return ""

    def _taken_up(self, films: list[FilmAlignment]) -> None:
        """Saved work is on its films: the last one is shown."""
        for film in films:
            self._keeping.saved(film)
        self.page.opened()
        self._show(films[-1])

    def check_room(self, name: str, size: int | None = None) -> None:
        """Refuse a film for which there is no room.

        Args:
            name: how it is called.
            size: bytes of its file, where they are known.

        Raises:
            FilmError: too many films are open, or it is too large.
        """
        shown = safe_name(name)
        if len(self._files) >= MAX_FILMS and not is_landmarks(shown) and not is_scene(shown):
            raise FilmError(f"{shown}: {MAX_FILMS} films are open already; close one first")
        if size is not None and size > MAX_UPLOAD_BYTES:
            raise FilmError(f"{shown}: larger than {MAX_UPLOAD_BYTES // 2**20} MB, not a film")

    def _add(self, film: Film, path: Path, known: Annotation | None = None) -> FilmAlignment:
        volume = add_film(self._app.scene, film)
        facts = facts_of(film)
        alignment = self._spine.create(volume, facts if known is None else known.with_marks_of(facts), facts)
        self._files[volume.GetID()] = path
        self._keeping.opened(alignment)
        # before the page is told, which asks it
        alignment.on_changed.append(lambda: self._keeping.changed(alignment))
        self._measuring.opened(alignment)
        alignment.on_changed.append(self._changed)
        display = alignment.landmarks.GetDisplayNode()
        display.SetGlyphScale(GLYPH_SCALE)
        display.SetTextScale(TEXT_SCALE)
        self._detecting.warm()
        self.page.opened()
        self._show(alignment)
        return alignment

    async def open_sample(self) -> None:
        """Open the film that comes with the library."""
        if self._sample is not None and not self._state.opening:
            self._state.opening = True
            self._state.flush()
            try:
                await self.open(self._sample)
            finally:
                self._state.opening = False

    def choose(self, film: str) -> None:
        """Show another of the open films."""
        alignment = self._alignment(film)
        if alignment is not None and alignment is not self.page.film:
            self._show(alignment)

    def close(self, film: str) -> None:
        """Close a film and forget it; an uploaded file is removed."""
        alignment = self._alignment(film)
        if alignment is None:
            return
        volume = alignment.volume
        self._leave_modes()
        self._detecting.drop(alignment)
        self._keeping.closed(alignment)
        self._measuring.closed(alignment)
        self._uploads.discard(self._files.pop(film))
        rest = [a for a in self._spine.alignments if a is not alignment]
        if alignment is self.page.film:
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
        self.page.film = alignment
        self.view.show(alignment)
        self._corrections.unselect()
        self._measuring.shown()
        self._state.dicom = _is_dicom(self._shown_file())
        self._showing.forget_header()
        self._showing.draw()

    def _shown_file(self) -> Path | None:
        return None if self.page.film is None else self._file_of(self.page.film)

    def _file_of(self, alignment: FilmAlignment) -> Path | None:
        return self._files.get(alignment.volume.GetID())

    # Detection and modes

    def detect(self) -> None:
        """Find the landmarks of the film on screen; it goes on in the child process."""
        alignment = self.page.film
        if alignment is None or self._state.busy:
            return
        identity = alignment.volume.GetID()

        def done(detection: Annotation) -> None:
            if self._alignment(identity) is alignment:
                alignment.set_detection(detection)
                self._corrections.describe_anew()
                self._keeping.detected(alignment)
                self._follow()
                if self.page.film is alignment and self.view.whole:
                    self.view.fit_spine()

        self.page.dismiss()
        self._leave_modes()
        self._detecting.start(alignment, self._files[identity], done)

    def escape(self) -> None:
        """Leave placing and calibrating, and choose no landmark."""
        self._leave_modes()
        self._corrections.unselect()
        self._follow()

    def _leave_modes(self) -> None:
        self._facts.stop_calibrating()
        self._measuring.stop_drawing()
        self._corrections.placing.stop()
        self._stale = True  # texts go back to their own places

    # Download

    async def export(self, kind: str) -> tuple[str, str, bytes]:
        """A file's name, media type and bytes.

        Raises:
            ResultError: there is no film, or another kind of file.
        """
        if self.page.film is None:
            raise ResultError("open a film first")
        make = prepared(kind, self.page.film, self._app, self._shown_file())
        content = await asyncio.to_thread(make) if kind in APART else make()
        for film in self._spine.alignments if kind == "mrb" else [self.page.film]:
            if kind in WHOLE_KINDS:
                self._keeping.saved(film)
        self._follow()
        self._state.flush()
        return f"{Path(self.page.film.annotation.film).stem}.{kind}", KINDS[kind], content

    # Telling the page

    def _changed(self) -> None:
        """Landmarks, spacing or side changed: the numbers first, at once; the rest when it is to be seen."""
        self._state.told = ""
        self._levels.changed()
        self._follow()
        self._state.flush()
        self._stale = True
        # not now: this may be the very click that placed the last one
        asyncio.get_running_loop().call_soon(self._corrections.placing.stop_when_done)

    def _before_frame(self) -> None:
        """Bring what is drawn to where the landmarks are now, once a picture however often they moved."""
        if self._stale:
            self._stale = False
            self._measuring.follow()
            self._showing.scaled()

    def _follow(self) -> None:
        self.view.keep_upright()
        films = [{"id": a.volume.GetID(), "name": a.annotation.film} for a in self._spine.alignments]
        self._state.update(
            {
                "films": films,
                "placing": self._corrections.placing.asked,
                "further": measuring.state(self.page.film),
                **self._showing.state(),
                **levels.state(self.page.film),
                **self.comparing.state(),
                **self._keeping.state(),
                **page_state.of_film(self.page.film, self._corrections.low),
            }
        )

    def _on_point(self) -> bool:
        return self._corrections.pointed_row is not None or self._facts.pointed or self._measuring.pointed

    def _pointer_moved(self, pressed: bool) -> None:
        self._corrections.pointer_moved(pressed)

    def finish(self) -> None:
        """End the child process and let the scene go."""
        self._keeping.finish()
        self._detecting.finish()
        self._spine.release()


def _is_dicom(path: Path | None) -> bool:
    if path is None:
        return False
    with path.open("rb") as stream:
        return looks_like_dicom(stream.read(512))
