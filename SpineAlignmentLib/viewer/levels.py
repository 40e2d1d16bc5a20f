"""Vertebrae on the page: which is which, other names for them, one looked at closely, and what was reviewed."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.measurement.landmarks import NAMES, VERTEBRAE
from SpineAlignmentLib.measurement.vertebrae import LEVELS
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.renumbering import (
    center_of,
    counted_text,
    dropped_text,
    levels_found,
    renumbered_text,
    same_body,
    shifted,
)
from SpineAlignmentLib.results.reviewing import accepted, review_turned, widened_text
from SpineAlignmentLib.viewer.film_view import FilmView
from SpineAlignmentLib.viewer.measuring import Measuring
from SpineAlignmentLib.viewer.open_page import OpenPage

_ROWS: Final[dict[str, list[int]]] = {
    level: [row for row, name in enumerate(NAMES) if name.startswith(f"{level}_")] for level in LEVELS
}
"""The landmarks of each level; asked for at every move of a drag."""
RUNS: Final[tuple[str, ...]] = ("all", "up", "down")


class LevelsPart:
    """What the page does to the vertebrae of the film on screen.

    Args:
        page: the page.
        view: shows the vertebra at hand.
        measuring: offers its corners.
        follow: called when the page has to be told.
    """

    def __init__(self, page: OpenPage, view: FilmView, measuring: Measuring, follow: Callable[[], None]) -> None:
        self._page = page
        self._view = view
        self._measuring = measuring
        self._follow = follow
        self._seen: Annotation | None = None

    def choose_level(self, level: str) -> None:
        """Look closely at a vertebra, whose corners can then be moved; once more lets go of it."""
        film = self._page.film
        if film is None or level not in LEVELS:
            return
        center = center_of(film.annotation, level)
        chosen = "" if self._page.state.level == level or not np.isfinite(center).all() else level
        self._page.state.level = chosen
        self._seen = film.annotation
        self._measuring.show_corners(chosen if chosen in VERTEBRAE else "")
        if chosen:
            # keys would go on moving a landmark that is out of sight
            self._page.state.selected = self._page.state.pointed = ""
            self._view.look_at(center)

    def shift(self, by: int, run: str) -> None:
        """Call vertebrae one lower (1) or one higher (-1): "all", or from the one at hand "up" or "down".

        Raises:
            ResultError: none of them is known.
        """
        film, level = self._page.film, self._page.state.level
        if film is None or run not in RUNS or by not in (-1, 1):
            return
        # the sacrum keeps its name, and from it up are all of them
        lowest = VERTEBRAE[-1] if level == "S1" else level
        ends = {"up": (VERTEBRAE[0], lowest), "down": (level, VERTEBRAE[-1])}.get(run, (VERTEBRAE[0], VERTEBRAE[-1]))
        before = film.annotation
        self._page.dismiss()
        film.renumber(partial(shifted, by=by, first=ends[0], last=ends[1]))
        dropped = dropped_text(before, by, *ends)
        if dropped:
            self._page.complain(dropped)

    def changed(self) -> None:
        """The film on screen changed: the same body stays at hand, whatever it is called now."""
        film, level = self._page.film, self._page.state.level
        if film is None or not level:
            return
        before, self._seen = self._seen, film.annotation
        # what names vertebrae anew, or takes that back, brings another numbering
        if before is not None and before.numbering is not self._seen.numbering:
            self._page.state.level = now = same_body(before, level, self._seen)
            self._measuring.show_corners(now if now in VERTEBRAE else "")

    def renumber(self) -> None:
        """Take the next most probable numbering; once more goes back.

        Raises:
            ResultError: there is none.
        """
        film = self._page.film
        if film is not None:
            before = film.annotation
            film.renumber(Annotation.renumbered)
            self._page.tell(f"The other numbering: {renumbered_text(before, film.annotation)}.")

    # Reviewed

    def accept(self) -> None:
        """The landmark at hand is right where it is."""
        film, name = self._page.film, self._page.state.selected
        if film is not None and name in NAMES:
            self._review(film, accepted(film.annotation, name))

    def review_all(self) -> None:
        """A person looked at the whole film; once more takes that back."""
        film = self._page.film
        if film is not None:
            self._review(film, review_turned(film.annotation))

    def _review(self, film: FilmAlignment, after: Annotation) -> None:
        before = film.annotation
        film.set_marks(after)
        self._page.tell(widened_text(before, film.annotation))


def state(alignment: FilmAlignment | None) -> dict[str, Any]:
    """What the page shows of the vertebrae of a film."""
    if alignment is None:
        return {"levels": [], "counted": "", "other": "", "reviewed": None}
    film = alignment.annotation
    found = levels_found(film)
    there = (*found, "S1") if np.isfinite(center_of(film, "S1")).all() else found
    numbering, low = film.numbering, film.is_low()
    return {
        "levels": [_level(film, level, level in there, low) for level in LEVELS if level in there or level != "L6"],
        "counted": counted_text(film),
        "other": "" if numbering is None or numbering.other is None else numbering.other.text,
        "reviewed": film.whole_reviewed,
    }


def _level(film: Annotation, level: str, there: bool, is_low: NDArray[np.bool_]) -> dict[str, Any]:
    own = _ROWS[level]
    known = [v for v in film.confidence[own].tolist() if v == v]
    low = bool(is_low[own].any())
    sure = min(known, default=None)
    return {"name": level, "there": there, "low": low, "sure": "" if sure is None else f"{sure:.2f}"}
