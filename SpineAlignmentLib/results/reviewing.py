"""What a person looked at: landmarks that are right where they are, those to look at next, and the whole film."""

from dataclasses import replace

from SpineAlignmentLib.measurement.landmarks import INDEX, NAMES
from SpineAlignmentLib.results.annotation import Annotation


def uncertain(film: Annotation) -> list[str]:
    """The landmarks of low confidence that nobody reviewed, moved or placed yet, in their order."""
    return [name for name, low in zip(NAMES, film.is_low(), strict=True) if low]


def next_uncertain(film: Annotation, after: str = "") -> str | None:
    """The next landmark to look at: the first below `after`, from the top again at the end; None when none is left."""
    left = uncertain(film)
    below = [name for name in left if INDEX[name] > INDEX.get(after, -1)]
    return next(iter(below or left), None)


def accepted(film: Annotation, name: str) -> Annotation:
    """The film after someone looked at a landmark and found it right; one without a place cannot be."""
    return replace(film, reviewed=film.reviewed | ({name} & film.landmarks().keys()))


def reviewed(film: Annotation) -> bool:
    """Whether every landmark that has a place was looked at."""
    there = film.landmarks().keys()
    return bool(there) and there <= film.reviewed


def review_turned(film: Annotation) -> Annotation:
    """The film after someone looked at all of it, or with that taken back."""
    return replace(film, reviewed=frozenset() if reviewed(film) else frozenset(film.landmarks()))
