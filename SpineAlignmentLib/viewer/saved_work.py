"""Saved work opened again in the page: landmarks on a film that is open, or a scene with its films."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from SpineAlignmentLib.errors import FilmError, ResultError
from SpineAlignmentLib.film.film import Film
from SpineAlignmentLib.jobs.reading_process import read_apart
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.reopening import belongs_to, reopen, take_up
from SpineAlignmentLib.mrml.scene_file import SavedFilm, saved_films, unpack
from SpineAlignmentLib.mrml.spine_scene import SpineScene
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.result_file import read_annotation
from SpineAlignmentLib.viewer.open_page import OpenPage
from SpineAlignmentLib.viewer.settings import MAX_UPLOAD_BYTES
from SpineAlignmentLib.viewer.uploads import MAX_LANDMARKS_BYTES, UploadFolder, check_film


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
    """

    def __init__(
        self, page: OpenPage, spine: SpineScene, uploads: UploadFolder, add: AddFilm, check_room: Callable[[str], None]
    ) -> None:
        self._page = page
        self._spine = spine
        self._uploads = uploads
        self._add = add
        self._check_room = check_room

    def take_up_landmarks(self, path: Path) -> FilmAlignment:
        """Landmarks go onto the film on screen, or onto another one that is open when they are of that.

        Raises:
            ResultError: no film is open, or none is theirs.
        """
        if self._page.film is None:
            raise ResultError(f"{path.name}: open its film first, then this file")
        target = self._page.film
        if not path.name.lower().endswith(".mrk.json"):
            saved = read_annotation(path)
            films = [self._page.film, *self._spine.alignments]
            target = next((film for film in films if belongs_to(saved, film)), target)
        reopen(target, path)
        return target

    async def take_up_scene(self, path: Path) -> list[FilmAlignment]:
        """The films of a scene are opened with their landmarks; those that are open already get theirs.

        Raises:
            ResultError: not a scene, or a damaged one.
            FilmError: one of its films cannot be read, or there is no room for it.
        """
        return [await self._take_up_film(path, saved) for saved in await asyncio.to_thread(saved_films, path)]

    async def _take_up_film(self, scene: Path, saved: SavedFilm) -> FilmAlignment:
        markups = self._uploads.place("landmarks.mrk.json")
        try:
            await asyncio.to_thread(unpack, scene, saved.landmarks, markups, MAX_LANDMARKS_BYTES)
            target = self._open(saved.film) or await self._opened(scene, saved)
            take_up(target, saved.film, saved.detection, markups)
        finally:
            self._uploads.discard(markups)
        return target

    def _open(self, saved: Annotation) -> FilmAlignment | None:
        """The film of this content that is open."""
        films = (film for film in self._spine.alignments if film.annotation.film_sha256)
        return next((f for f in films if f.annotation.film_sha256 == saved.film_sha256), None)

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
