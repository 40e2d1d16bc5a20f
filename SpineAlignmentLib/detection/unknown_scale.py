"""Films of unknown scale that show a few vertebrae closely, as lumbar and cervical films do.

Shown whole, such a film has vertebrae of several times the size that the networks know. It is looked at as if it were
so many millimeters high, for one height after another, closely at the likeliest heights, and that at which it resembles
a spine most is taken.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from SpineAlignmentLib.detection.lying import in_doubt
from SpineAlignmentLib.detection.spine import Spine
from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.film import Film
from SpineAlignmentLib.results.annotation import Annotation

HEIGHTS_MM: Final[tuple[float, ...]] = (160, 180, 202, 227, 255, 287, 322, 362, 407, 457, 513, 577, 650)
"""From a neck to a chest, a sixteenth at most from what lies between: some films are found within a tenth of their true
height alone. Whole spines are found without."""
LIKELY: Final[int] = 3
"""How many of them, those whose levels score best at first sight, are looked at closely; the best of all is among them
on 16 of 20 lumbar films, and one nearly as good on 2."""

_LESS: Final[float] = 1.0
"""How much less doubt there has to be than at the scale that the film was first taken for, or than is tolerated, since
of several tries at what is no lateral spine one may look like it: eleven frontal films leave 0.1 to 1.8 too much."""


@dataclass(frozen=True)
class Found:
    """What was found on a film at one scale."""

    result: Annotation | None
    """None where that is no lateral spine."""
    doubt: float = np.inf
    """See `refusal.doubt`."""


def other_scales(film: Film, found: Found) -> tuple[Film, ...]:
    """The film as if it were of one height after another, where it may be of another scale than it was taken for."""
    if film.spacing_mm is not None or (found.result is not None and not in_doubt(found.result)):
        return ()
    others = []
    for height_mm in HEIGHTS_MM:
        with suppress(FilmError):  # no film of so many pixels is so small, or so large
            other = film.calibrated(height_mm / (film.size_px[1] * film.pixel_aspect))
            others.append(replace(other, warnings=film.warnings))
    return tuple(others)


def likeness(spine: Spine | None) -> float:
    """How well the levels seen at first sight score, the mean of them."""
    return -np.inf if spine is None or not spine.path.levels else spine.path.score / len(spine.path.levels)


def least_doubtful(film: Film, first: Found, others: Iterable[Found]) -> Found:
    """What is surest of what was found; of another scale than the first, it says nothing of the spacing."""
    best = min(others, key=lambda found: found.doubt, default=first)
    if best.result is None or best.doubt > min(first.doubt, 0.0) - _LESS:
        return first
    return replace(best, result=replace(best.result, spacing_mm=None, spacing_source=film.spacing_source))
