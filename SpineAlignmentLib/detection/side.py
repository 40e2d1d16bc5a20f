"""Which side the patient faces, and how much a look resembles a lateral spine at all."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from SpineAlignmentLib.detection.look import Look
from SpineAlignmentLib.film.film import Film

SURE_OF_SIDE: Final[int] = 60
"""Percentage from which a detected facing side is not called a guess."""

SURE_AGAINST_TAG: Final[int] = 80
"""Percentage from which what the pixels say of the side wins over what the file says: on fourteen real films the right
side got 81 % and more, a wrong one at most 62 %."""
SURE_OF_POLARITY: Final[int] = 60
"""The same of the polarity, of a film whose edges are bright, as air's are where bone is dark: 73 % and more."""

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
    sure = _percent(seen, other)
    film = film.facing(film.anterior or "", f"detected ({sure} % sure)")
    if sure >= SURE_OF_SIDE:
        return film
    text = f"which side the patient faces is a guess ({film.anterior}, {sure} % sure): look, or give it with --anterior"
    return replace(film, warnings=(*film.warnings, text))


def settled(film: Film, candidates: Sequence[Film], seen: Sequence[float]) -> tuple[int, Film]:
    """Which of the ways to look at a film is right, and the film so, with what is to be said about it.

    Args:
        film: the film as its file describes it.
        candidates: the film facing either side, then the same with the gray scale turned around.
        seen: landmarks seen in each, see `landmarks_seen`.
    """
    upright = len(candidates) // 2 if len(candidates) > 1 and candidates[-1].pixels is not film.pixels else 0
    as_told = range(upright or len(candidates))
    best = int(np.argmax(seen))
    warnings: tuple[str, ...] = ()
    if upright:
        best, warnings = _settled_polarity(film, upright, seen)
        as_told = range(upright) if best < upright else range(upright, len(candidates))
    if len(as_told) == 1:
        return best, replace(candidates[best], warnings=(*film.warnings, *warnings))
    best, other = sorted(as_told, key=lambda i: -seen[i])
    chosen = replace(candidates[best], warnings=(*film.warnings, *warnings))
    if film.anterior is None:
        return best, told_side(chosen, seen[best], seen[other])
    if chosen.anterior == film.anterior:
        return best, chosen
    sure = _percent(seen[best], seen[other])
    told = f"{film.anterior_source} says that the patient faces {film.anterior}, the film looks as if {chosen.anterior}"
    if sure >= SURE_AGAINST_TAG:
        text = f"{told} ({sure} % sure): {chosen.anterior} is taken; give the side with --anterior if that is wrong"
        chosen = chosen.facing(chosen.anterior or "", f"detected ({sure} % sure)")
        return best, replace(chosen, warnings=(*chosen.warnings, text))
    text = f"{told} ({sure} % sure): {film.anterior} is taken; look, and give the side with --anterior"
    return other, replace(candidates[other], warnings=(*film.warnings, *warnings, text))


def _settled_polarity(film: Film, count: int, seen: Sequence[float]) -> tuple[int, tuple[str, ...]]:
    """The best way to look at a film with its gray scale as it is, or turned around, and what is to be said.

    The first `count` of `seen` are as the file says it.
    """
    plain = max(range(count), key=lambda i: seen[i])
    other = max(range(count, len(seen)), key=lambda i: seen[i])
    sure = _percent(seen[other], seen[plain])
    if not film.polarity_source:
        return (other, ("bone was dark: gray scale turned around",)) if sure > 50 else (plain, ())
    said = film.polarity_source
    if film.polarity_doubt:
        contradiction = f"the tags contradict each other about the gray scale: {film.polarity_doubt}"
        if sure > 50:
            return other, (f"{contradiction}; bone was dark in the film ({sure} % sure): turned around",)
        return plain, (f"{contradiction}; bone is bright in the film as {said} says ({100 - sure} % sure)",)
    if sure >= SURE_OF_POLARITY:
        return other, (f"{said} makes bone dark ({sure} % sure): gray scale turned around",)
    if sure > 50:
        return plain, (f"{said} may make bone dark ({sure} % sure): taken as it says; look at the film",)
    return plain, ()


def _percent(seen: float, other: float) -> int:
    """How sure it is that the way in which `seen` landmarks are seen is right, and not that with the `other` number."""
    return round(100 / (1 + math.exp(-_CERTAINTY * (seen - other))))


def landmarks_seen(look: Look) -> float:
    """How many of the 45 landmarks a look shows sharply: more, the more it resembles a spine that faces its side."""
    step = abs(look.frame.step[1])
    return float(np.mean(np.sum(1 / (1 + (look.spread / step / _SHARP_PX) ** 2), axis=1)))
