"""Work on a page that is not lost: kept on disk while it goes on, offered again, and marked until it is saved."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from SpineAlignmentLib.clinical.patient import Patient, patient_of
from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.reopening import go_on_with
from SpineAlignmentLib.results.drawn import Drawn
from SpineAlignmentLib.viewer.kept import KEPT_DAYS, Kept, Work
from SpineAlignmentLib.viewer.open_page import OpenPage

KEEP_S: Final[float] = 0.5
"""Corrections are on disk so long after they were made."""

State = tuple[bytes, Any, str, tuple[Drawn, ...], tuple[frozenset[str], bool | None], Patient]


@dataclass
class _Film:
    """What is known of the work on a film."""

    plain: State
    """As opened or detected: nothing that anybody would miss."""
    saved: State | None = None
    kept: State | None = None
    offer: Work | None = None
    unsaved: bool = False


@dataclass
class Keeping:
    """The work on the films of a page.

    Args of the constructor: the page, and where work is kept; nowhere when None.
    """

    page: OpenPage
    kept: Kept | None
    _films: dict[FilmAlignment, _Film] = field(default_factory=dict)
    _waiting: dict[FilmAlignment, asyncio.TimerHandle] = field(default_factory=dict)
    _disk: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    """Does one thing after the other, so that no drag waits for a disk."""

    def opened(self, alignment: FilmAlignment) -> None:
        """A film was opened; what is kept of it is offered."""
        offer = self._disk.submit(self.kept.offered, _content(alignment)).result() if self.kept else None
        if offer is not None and offer.corrected.size_px != alignment.annotation.size_px:
            offer = None
        self._films[alignment] = _Film(_state(alignment), offer=offer)

    def detected(self, alignment: FilmAlignment) -> None:
        """Landmarks were detected: they can be detected again."""
        if alignment in self._films:
            self._films[alignment].plain = _state(alignment)
            self.changed(alignment)

    def changed(self, alignment: FilmAlignment) -> None:
        """Something changed; it is kept in a moment."""
        self._mark(alignment)
        if self.kept and _content(alignment) and alignment in self._films and alignment not in self._waiting:
            self._waiting[alignment] = asyncio.get_running_loop().call_later(KEEP_S, self._keep, alignment)

    def saved(self, alignment: FilmAlignment) -> None:
        """The user has a file of it."""
        if alignment in self._films:
            self._films[alignment].saved = _state(alignment)
            self._mark(alignment)

    def unsaved(self, alignment: FilmAlignment) -> bool:
        """Whether the film has corrections of which the user has no file."""
        return alignment in self._films and self._films[alignment].unsaved

    def closed(self, alignment: FilmAlignment) -> None:
        """A film is being closed; what was not saved stays kept, which the page says."""
        self._keep_now(alignment)
        film = self._films.pop(alignment, None)
        if self.kept and film is not None and film.unsaved:
            self.page.complain(
                f"{alignment.annotation.film}: its corrections were not saved; "
                f"they are kept for {KEPT_DAYS} days and offered when this film is opened again"
            )
        elif self.kept:
            self._disk.submit(self.kept.forget, _content(alignment))

    def use_kept(self) -> None:
        """Go on with what was kept of the film on screen."""
        alignment = self.page.film
        film = self._films.get(alignment) if alignment is not None else None
        if alignment is None or film is None or film.offer is None or self.kept is None:
            return
        work, film.offer = film.offer, None
        self._disk.submit(self.kept.adopt, _content(alignment))
        self.page.state.offer = ""
        # what is plain stays the film as opened: levels renamed by hand stand in the detection as well
        go_on_with(alignment, work.corrected, work.detection)

    def discard_kept(self) -> None:
        """Forget what was kept of the film on screen."""
        alignment = self.page.film
        if alignment is not None and self.kept is not None and self._films[alignment].offer is not None:
            self._films[alignment].offer = None
            self._disk.submit(self.kept.discard, _content(alignment))
            self.page.state.offer = ""

    def state(self) -> dict[str, Any]:
        """What the page shows of it."""
        film = self._films.get(self.page.film) if self.page.film is not None else None
        where = f"kept for {KEPT_DAYS} days in {self.kept.folder}" if self.kept else "not kept on this computer"
        return {
            "offer": film.offer.when if film is not None and film.offer is not None else "",
            "unsaved": [alignment.volume.GetID() for alignment, film in self._films.items() if film.unsaved],
            "keeping": f"Corrections that are not saved are {where}.",
        }

    def finish(self) -> None:
        """Keep what is waiting to be kept."""
        for alignment in list(self._films):
            self._keep_now(alignment)
        self._disk.shutdown()

    def _mark(self, alignment: FilmAlignment) -> None:
        film = self._films.get(alignment)
        if film is not None:
            film.unsaved = _state(alignment) not in (film.plain, film.saved)

    def _keep_now(self, alignment: FilmAlignment) -> None:
        waiting = self._waiting.get(alignment)
        if waiting is not None:
            waiting.cancel()
            self._keep(alignment)

    def _keep(self, alignment: FilmAlignment) -> None:
        self._waiting.pop(alignment, None)
        film = self._films.get(alignment)
        if film is None or self.kept is None:
            return
        state = _state(alignment)
        if state == film.kept:
            return
        film.kept = state
        if state == film.plain:
            self._disk.submit(self.kept.forget, _content(alignment))
        else:
            work = Work(alignment.annotation, alignment.detection)
            loop = asyncio.get_event_loop()
            self._disk.submit(self._write, loop, _content(alignment), work)

    def _write(self, loop: asyncio.AbstractEventLoop, sha256: str, work: Work) -> None:
        assert self.kept is not None
        try:
            self.kept.keep(sha256, work)
        except ResultError as error:
            if loop.is_running():
                loop.call_soon_threadsafe(self.page.complain, f"corrections cannot be kept: {error}")


def _content(alignment: FilmAlignment) -> str:
    return alignment.annotation.film_sha256


def _state(alignment: FilmAlignment) -> State:
    """What a user may have changed; to a thousandth of a pixel, since positions go through the scene."""
    film = alignment.annotation
    marks = (film.points_px, film.vertebrae_px, film.head_radius_px)
    places = b"".join(np.round(mark, 3).tobytes() for mark in marks)
    reviewed = film.reviewed, film.whole_reviewed
    return places, film.spacing_mm, film.anterior, film.drawn, reviewed, patient_of(film.extra, film.film)
