"""Saved work opened again in the page: landmarks on a film that is open, or a scene with its films.

Where it would replace corrections that were not saved, the page asks first.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from SpineAlignmentLib.errors import FilmError, ResultError
from SpineAlignmentLib.film.film import Film
from SpineAlignmentLib.jobs.reading_process import read_apart
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.reopening import belongs_to, read_saved, reopen, take_up
from SpineAlignmentLib.mrml.scene_file import SavedFilm, saved_films, unpack
from SpineAlignmentLib.mrml.spine_scene import SpineScene
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.viewer.open_page import OpenPage
from SpineAlignmentLib.viewer.settings import MAX_UPLOAD_BYTES
from SpineAlignmentLib.viewer.uploads import MAX_LANDMARKS_BYTES, UploadFolder, check_film, is_scene


class AddFilm(Protocol):
    """Puts a film on the page."""

    def __call__(self, film: Film, path: Path, known: Annotation | None = None) -> FilmAlignment:
        """A film, its file, and what is known of it besides."""


class SavedWork:
    """What was saved of films.

    Args:
        page: the page.
        spine: the films that are open.
        uploads: where files of films are kept.
        add: puts a film on the page.
        check_room: refuses a film of a name when there is no room.
        unsaved: whether a film has corrections that were not saved.
        taking_up: called with a film before its landmarks are replaced.
        taken_up: called with the films whose landmarks were replaced.
    """

    def __init__(
        self,
        page: OpenPage,
        spine: SpineScene,
        uploads: UploadFolder,
        add: AddFilm,
        check_room: Callable[[str], None],
        unsaved: Callable[[FilmAlignment], bool],
        taking_up: Callable[[FilmAlignment], None],
        taken_up: Callable[[list[FilmAlignment]], None],
    ) -> None:
        self._page = page
        self._spine = spine
        self._uploads = uploads
        self._add = add
        self._check_room = check_room
        self._unsaved = unsaved
        self._taking_up = taking_up
        self._taken_up = taken_up
        self._held: Path | None = None

    async def open(self, path: Path) -> None:
        """Take up what a file holds, or ask whether it may replace what was not saved.

        Raises:
            ResultError: no film is open, none is its own, or not such a file.
            FilmError: one of its films cannot be read, or there is no room for it.
        """
        self.keep_mine()
        if any(self._unsaved(film) for film in await self._targets(path)):
            self._held = path
            self._page.state.replacing = path.name
        else:
            await self._take_up(path)

    async def replace(self) -> None:
        """Take up the file that was asked about.

        Raises:
            ResultError, FilmError: as `open`.
        """
        path, self._held = self._held, None
        self._page.state.replacing = ""
        if path is not None:
            try:
                await self._take_up(path)
            finally:
                self._uploads.discard(path)

    def keep_mine(self) -> None:
        """Leave the film as it is, and forget the file that was asked about."""
        path, self._held = self._held, None
        self._page.state.replacing = ""
        if path is not None:
            self._uploads.discard(path)

    async def _targets(self, path: Path) -> list[FilmAlignment]:
        """The open films that the file would change."""
        if not is_scene(path.name):
            return [self._film_of(path)]
        saved = await asyncio.to_thread(saved_films, path)
        return [film for film in (self.with_content(one.film.film_sha256) for one in saved) if film is not None]

    async def _take_up(self, path: Path) -> None:
        if is_scene(path.name):
            self._taken_up(await self._take_up_scene(path))
        else:
            target = self._film_of(path)
            self._taking_up(target)
            doubt = reopen(target, path)
            self._taken_up([target])
            if doubt:
                self._page.complain(doubt)
        self._uploads.discard(path)

    def _film_of(self, path: Path) -> FilmAlignment:
        """Landmarks go onto the film on screen, or onto another one that is open when they are of that.

        Raises:
            ResultError: no film is open.
        """
        if self._page.film is None:
            raise ResultError(f"{path.name}: open its film first, then this file")
        saved = read_saved(path)
        films = [self._page.film, *self._spine.alignments]
        return next((film for film in films if belongs_to(saved, film)), self._page.film)

    async def _take_up_scene(self, path: Path) -> list[FilmAlignment]:
        """The films of a scene are opened with their landmarks; those that are open already get theirs."""
        return [await self._take_up_film(path, saved) for saved in await asyncio.to_thread(saved_films, path)]

    async def _take_up_film(self, scene: Path, saved: SavedFilm) -> FilmAlignment:
        markups = self._uploads.place("landmarks.mrk.json")
        try:
            await asyncio.to_thread(unpack, scene, saved.landmarks, markups, MAX_LANDMARKS_BYTES)
            target = self.with_content(saved.film.film_sha256) or await self._opened(scene, saved)
            self._taking_up(target)
            take_up(target, saved.film, saved.detection, markups)
        finally:
            self._uploads.discard(markups)
        return target

    def with_content(self, sha256: str) -> FilmAlignment | None:
        """The film of this content that is open; None where it is not known, which "" says."""
        films = (film for film in self._spine.alignments if film.annotation.film_sha256)
        return next((film for film in films if film.annotation.film_sha256 == sha256), None)

    async def _opened(self, scene: Path, saved: SavedFilm) -> FilmAlignment:
        self._check_room(saved.name)
        # readers look at the ending as well
        path = self._uploads.place(saved.name + Path(saved.pixels).suffix)
        try:
            await asyncio.to_thread(unpack, scene, saved.pixels, path, MAX_UPLOAD_BYTES)
            check_film(path)
            film = await asyncio.to_thread(read_apart, path)
            if film.size_px != saved.film.size_px:
                raise ResultError(f"{scene.name}: landmarks of {saved.name} are not of its pixels")
        except BaseException as error:
            self._uploads.discard(path)
            if isinstance(error, FilmError):
                raise FilmError(f"{scene.name}: {str(error).replace(str(path), saved.name)}") from error
            raise
        return self._add(film, path, saved.film)
