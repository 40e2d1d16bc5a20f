"""Undo and redo of what is marked on a film, and of what was said of it: size of a pixel, side, patient."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from SpineAlignmentLib.results.annotation import MARKS, Annotation
from SpineAlignmentLib.results.numbering import Numbering

UNDO_LIMIT: Final[int] = 100
FACTS: Final[tuple[str, ...]] = (
    "spacing_mm",
    "spacing_source",
    "anterior",
    "anterior_source",
    "quarter_turns",
    "extra",
)
"""What is said of a film, by a person or a detection: fields of `Annotation`."""


@dataclass(frozen=True)
class Moment:
    """What is marked on a film at one time, and said of it."""

    film: Annotation
    detection: Annotation | None
    """What it is told apart from, under the numbering of that time."""
    facts: Annotation
    """What is said of the film; its marks are not looked at."""

    def is_like(self, other: "Moment") -> bool:
        """Whether nothing was changed between the two."""
        same = (_same(getattr(self.film, name), getattr(other.film, name)) for name in MARKS)
        said = (getattr(self.facts, name) == getattr(other.facts, name) for name in FACTS)
        return self.detection is other.detection and all(same) and all(said)


class History:
    """Earlier and later moments of a film."""

    def __init__(self) -> None:
        self._undo: deque[Moment] = deque(maxlen=UNDO_LIMIT)
        self._redo: deque[Moment] = deque(maxlen=UNDO_LIMIT)
        self._in_step = False

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier moment."""
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        """Whether there is a later moment."""
        return bool(self._redo)

    def remember(self, now: Moment) -> None:
        """Keep the moment before a change; what was undone cannot be done again any more."""
        if self._in_step:
            return
        if not self._undo or not self._undo[-1].is_like(now):
            self._undo.append(now)
        self._redo.clear()

    @contextmanager
    def one_step(self, now: Moment) -> Iterator[None]:
        """Whatever is changed meanwhile goes back at once."""
        self.remember(now)
        before, self._in_step = self._in_step, True
        try:
            yield
        finally:
            self._in_step = before

    def back(self, now: Moment) -> Moment | None:
        """The moment before this one; None when there is none."""
        if not self._undo:
            return None
        self._redo.append(now)
        return self._undo.pop()

    def forth(self, now: Moment) -> Moment | None:
        """The moment that `back` left; None when there is none."""
        if not self._redo:
            return None
        self._undo.append(now)
        return self._redo.pop()


def _same(one: Any, other: Any) -> bool:
    if one is other or isinstance(one, Numbering) or isinstance(other, Numbering):
        # a numbering is only ever taken over whole, and has arrays that are not told apart by ==
        return one is other
    return np.array_equal(one, other, equal_nan=True) if isinstance(one, np.ndarray) else bool(one == other)
