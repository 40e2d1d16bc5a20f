"""What a person looked at: landmarks that are right where they are, those to look at next, and the whole film."""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.measurement.landmarks import INDEX, NAMES
from SpineAlignmentLib.results.annotation import Annotation

FloatArray = NDArray[np.float64]

LOW_WARNING: Final[str] = "low confidence: "
MISSING_WARNING: Final[str] = "not on the film: "
"""How warnings that name landmarks begin."""
MANY: Final[int] = 12
"""More landmarks than this are counted in a warning, not named."""
_WIDER: Final[float] = 1.05
"""Times as wide as before, from which an interval is said to be wider."""
_NAMED: Final[int] = 3


def uncertain(film: Annotation) -> list[str]:
    """The landmarks of low confidence that nobody reviewed, moved or placed yet, in their order."""
    return [name for name, low in zip(NAMES, film.is_low(), strict=True) if low]


def next_uncertain(film: Annotation, after: str = "") -> str | None:
    """The next landmark to look at: the first below `after`, from the top again at the end; None when none is left."""
    left = uncertain(film)
    below = [name for name in left if INDEX[name] > INDEX.get(after, -1)]
    return next(iter(below or left), None)


def listed(which: NDArray[np.bool_]) -> str:
    """Landmarks, shape (45,), as a warning names them."""
    names = np.array(NAMES)[which]
    return ", ".join(names) if len(names) <= MANY else f"{len(names)} of {len(NAMES)} landmarks"


def warnings_now(film: Annotation) -> tuple[str, ...]:
    """The film's warnings, which name the landmarks that are uncertain or missing now; those of none are left out."""
    kept = []
    for text in film.warnings:
        which = None
        if text.startswith(LOW_WARNING):
            which = film.is_low() & np.isfinite(film.points_px[:, 0])
        elif text.startswith(MISSING_WARNING):
            which = np.isnan(film.points_px[:, 0])
        if which is None:
            kept.append(text)
        elif which.any():
            kept.append(text.partition(": ")[0] + ": " + listed(which))
    return tuple(kept)


def accepted(film: Annotation, name: str) -> Annotation:
    """The film after someone looked at a landmark and found it right; one without a place cannot be."""
    return replace(film, reviewed=film.reviewed | ({name} & film.landmarks().keys()))


def moved(film: Annotation, points_px: FloatArray) -> Annotation:
    """What a person looked at still holds when landmarks, shape (45, 2), take the place of the film's: not of those
    that moved, nor of the whole film when any did."""
    kept = film.reviewed_at(points_px)
    same_there = np.array_equal(np.isnan(points_px), np.isnan(film.points_px))
    if kept == film.reviewed and same_there:
        return film
    return replace(film.changed(), reviewed=kept)


def widened_text(before: Annotation, after: Annotation) -> str:
    """Why intervals are wider after a person found landmarks to be right, in a sentence; "" where none is."""
    was, now = before.measurements(), after.measurements()
    wider = [key for key, found in now.items() if found.half_width > _WIDER * was[key].half_width]
    if not wider:
        return ""
    which = f"Intervals of {', '.join(wider)}" if len(wider) <= _NAMED else f"{len(wider)} intervals"
    return f"{which} are wider: people differ more than this detection says."


def reviewed(film: Annotation) -> bool:
    """Whether someone looked at the whole film as it is now."""
    return film.whole_reviewed is True


def review_turned(film: Annotation) -> Annotation:
    """The film after someone looked at all of it, or with that taken back."""
    if reviewed(film):
        return replace(film, reviewed=frozenset(), whole_reviewed=None)
    return replace(film, reviewed=frozenset(film.landmarks()), whole_reviewed=True)
