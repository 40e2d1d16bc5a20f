"""Which side the patient faces, and how much a look resembles a lateral spine at all."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from SpineAlignmentLib.detection.look import Look
from SpineAlignmentLib.film.film import Film

SURE_OF_SIDE: Final[int] = 60
"""Percentage from which a detected facing side is not called a guess."""

_SHARP_PX: Final[float] = 12.0
"""Spread of a heatmap in network pixels at which its landmark counts half as seen."""

_CERTAINTY: Final[float] = 0.5
"""Logarithm of the odds of a side for each landmark that is seen more than from the other."""

WHOLE_SPINE: Final[float] = 30.0
"""Landmarks seen from which a look shows a whole spine at the right scale."""


@dataclass(frozen=True)
class Glance:
    """What one model sees of a film that faces some side, at some scale."""

    film: Film
    look: Look
    seen: float
    """Landmarks, see `landmarks_seen`."""


def told_side(film: Film, seen: float, other: float) -> Film:
    """The film with the side that was detected, and how sure that is, from the landmarks seen from either side."""
    sure = round(100 / (1 + np.exp(-_CERTAINTY * (seen - other))))
    film = film.facing(film.anterior or "", f"detected ({sure} % sure)")
    if sure >= SURE_OF_SIDE:
        return film
    text = f"which side the patient faces is a guess ({film.anterior}, {sure} % sure): look, or give it with --anterior"
    return replace(film, warnings=(*film.warnings, text))


def landmarks_seen(look: Look) -> float:
    """How many of the 45 landmarks a look shows sharply: more, the more it resembles a spine that faces its side."""
    step = abs(look.frame.step[1])
    return float(np.mean(np.sum(1 / (1 + (look.spread / step / _SHARP_PX) ** 2), axis=1)))
