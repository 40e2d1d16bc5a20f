"""Work on a page that is not lost: kept on disk while it goes on, offered again, and marked until it is saved."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.viewer.kept import KEPT_DAYS, Kept, Work
from SpineAlignmentLib.viewer.open_page import OpenPage

KEEP_S: Final[float] = 0.5
"""Corrections are on disk so long after they were made."""

State = tuple[bytes, Any, str]


@dataclass
class _Film:
    """What is known of the work on a film."""

    plain: State
    """As opened or detected: nothing that anybody would miss."""
    saved: State | None = None
    kept: State | None = None
    offer: Work | None = None


@dataclass
class Keeping:
    """The work on the films of a page.

    Args of the constructor: the page, and where work is kept; nowhere when None.
    """

    page: OpenPage
    kept: Kept | None
    _films: dict[FilmAlignment, _Film] = field(default_factory=dict)
    _waiting: dict[FilmAlignment, asyncio.TimerHandle] = field(default_factory=dict)

    def opened(self, alignment: FilmAlignment) -> None:
        """A film was opened; what is kept of it is offered."""
        offer = self.kept.offered(_content(alignment)) if self.kept else None
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
        if self.kept and _content(alignment) and alignment in self._films and alignment not in self._waiting:
            self._waiting[alignment] = asyncio.get_running_loop().call_later(KEEP_S, self._keep, alignment)

    def saved(self, alignment: FilmAlignment) -> None:
        """The user has a file of it."""
        if alignment in self._films:
            self._films[alignment].saved = _state(alignment)

    def closed(self, alignment: FilmAlignment) -> None:
        """A film is being closed; what was not saved stays kept, which the page says."""
        unsaved = self._is_unsaved(alignment)
        self._keep_now(alignment)
        self._films.pop(alignment, None)
        if self.kept and unsaved:
            self.page.complain(
                f"{alignment.annotation.film}: its corrections were not saved; "
                f"they are kept for {KEPT_DAYS} days and offered when this film is opened again"
            )
        elif self.kept:
            self.kept.forget(_content(alignment))

    def use_kept(self) -> None:
        """Go on with what was kept of the film on screen."""
        alignment = self.page.film
        film = self._films.get(alignment) if alignment is not None else None
        if alignment is None or film is None or film.offer is None or self.kept is None:
            return
        work, film.offer = film.offer, None
        self.kept.adopt(_content(alignment))
        alignment.set_spacing(work.corrected.spacing_mm, work.corrected.spacing_source)
        alignment.set_anterior(work.corrected.anterior, work.corrected.anterior_source)
        if work.detection is not None:
            alignment.set_detection(work.detection)
            film.plain = _state(alignment)
        alignment.set_points(work.corrected.points_px)

    def discard_kept(self) -> None:
        """Forget what was kept of the film on screen."""
        alignment = self.page.film
        if alignment is not None and self.kept is not None and self._films[alignment].offer is not None:
            self._films[alignment].offer = None
            self.kept.discard(_content(alignment))

    def state(self) -> dict[str, Any]:
        """What the page shows of it."""
        film = self._films.get(self.page.film) if self.page.film is not None else None
        where = f"kept for {KEPT_DAYS} days in {self.kept.folder}" if self.kept else "not kept on this computer"
        return {
            "offer": film.offer.when if film is not None and film.offer is not None else "",
            "unsaved": any(self._is_unsaved(alignment) for alignment in self._films),
            "keeping": f"Corrections that are not saved are {where}.",
        }

    def finish(self) -> None:
        """Keep what is waiting to be kept."""
        for alignment in list(self._films):
            self._keep_now(alignment)

    def _is_unsaved(self, alignment: FilmAlignment) -> bool:
        film = self._films.get(alignment)
        return film is not None and _state(alignment) not in (film.plain, film.saved)

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
        try:
            if state == film.plain:
                self.kept.forget(_content(alignment))
            else:
                self.kept.keep(_content(alignment), Work(alignment.annotation, alignment.detection))
            film.kept = state
        except ResultError as error:
            self.page.complain(f"corrections cannot be kept: {error}")


def _content(alignment: FilmAlignment) -> str:
    return alignment.annotation.film_sha256


def _state(alignment: FilmAlignment) -> State:
    """What a user may have changed; to a thousandth of a pixel, since positions go through the scene."""
    film = alignment.annotation
    return np.round(film.points_px, 3).tobytes(), film.spacing_mm, film.anterior
