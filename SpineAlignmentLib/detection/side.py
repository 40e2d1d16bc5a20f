"""Which side the patient faces."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from SpineAlignmentLib.detection.look import Look
from SpineAlignmentLib.film.film import Film

SURE_OF_SIDE: Final[int] = 60
"""Percentage from which a detected facing side is not called a guess."""
SURE_AGAINST_TAG: Final[int] = 95
"""Percentage from which what the film shows of the side wins over what its file says: on fourteen real films the right
side gets 99 % and more."""
SURE_OF_POLARITY: Final[int] = 80
"""The same of the polarity, of a film whose edges are bright, as air's are where bone is dark: 95 % and more there."""

_SHARP_PX: Final[float] = 12.0
"""Spread of a heatmap in network pixels at which its landmark counts half as seen."""
_CERTAINTY: Final[float] = 1 / 6
"""By how much, as a logarithm, a look is less implausible for each landmark seen."""

WHOLE_SPINE: Final[float] = 30.0
"""Landmarks seen from which a look shows a whole spine at the right scale."""


def told_side(film: Film, doubt: float, other_doubt: float) -> Film:
    """The film with the side that was detected, and how sure that is."""
    sure = _percent(doubt, other_doubt)
    film = film.facing(film.anterior or "", f"detected ({sure} % sure)")
    if sure >= SURE_OF_SIDE:
        return film
    text = f"which side the patient faces is a guess ({film.anterior}, {sure} % sure): look, or give it with --anterior"
    return replace(film, warnings=(*film.warnings, text))


def settled(film: Film, candidates: Sequence[Film], doubt: Sequence[float]) -> tuple[int, Film]:
    """Which of the ways to look at a film is right, and the film so, with what is to be said about it.

    Args:
        film: the film as its file describes it.
        candidates: the film facing either side, then the same with the gray scale turned around.
        doubt: the implausibility of each.
    """
    upright = len(candidates) // 2 if len(candidates) > 1 and candidates[-1].pixels is not film.pixels else 0
    as_told = range(upright or len(candidates))
    best = int(np.argmin(doubt))
    warnings: tuple[str, ...] = ()
    if upright:
        best, warnings = _settled_polarity(film, upright, doubt)
        as_told = range(upright) if best < upright else range(upright, len(candidates))
    if len(as_told) == 1:
        return best, replace(candidates[best], warnings=(*film.warnings, *warnings))
    best, other = sorted(as_told, key=lambda i: doubt[i])
    chosen = replace(candidates[best], warnings=(*film.warnings, *warnings))
    if film.anterior is None:
        return best, told_side(chosen, doubt[best], doubt[other])
    if chosen.anterior == film.anterior:
        return best, chosen
    sure = _percent(doubt[best], doubt[other])
    seen = f"{film.anterior_source} says that the patient faces {film.anterior}, the film looks as if {chosen.anterior}"
    if sure >= SURE_AGAINST_TAG:
        text = f"{seen} ({sure} % sure): {chosen.anterior} is taken; give the side with --anterior if that is wrong"
        chosen = chosen.facing(chosen.anterior or "", f"detected ({sure} % sure)")
        return best, replace(chosen, warnings=(*chosen.warnings, text))
    text = f"{seen} ({sure} % sure): {film.anterior} is taken; look, and give the side with --anterior"
    return other, replace(candidates[other], warnings=(*film.warnings, *warnings, text))


def _settled_polarity(film: Film, count: int, doubt: Sequence[float]) -> tuple[int, tuple[str, ...]]:
    """The best way to look at a film with its gray scale as it is, or turned around, and what is to be said.

    The first `count` of `doubt` are as the file says it.
    """
    plain = min(range(count), key=lambda i: doubt[i])
    other = min(range(count, len(doubt)), key=lambda i: doubt[i])
    sure = _percent(doubt[other], doubt[plain])
    if not film.polarity_source:
        return (other, ("bone was dark: gray scale turned around",)) if sure > 50 else (plain, ())
    said = film.polarity_source
    if film.polarity_doubt:
        seen = f"the tags contradict each other about the gray scale: {film.polarity_doubt}"
        if sure > 50:
            return other, (f"{seen}; bone was dark in the film ({sure} % sure): turned around",)
        return plain, (f"{seen}; bone is bright in the film as {said} says ({100 - sure} % sure)",)
    if sure >= SURE_OF_POLARITY:
        return other, (f"{said} makes bone dark ({sure} % sure): gray scale turned around",)
    if sure > 50:
        return plain, (f"{said} may make bone dark ({sure} % sure): taken as it says; look at the film",)
    return plain, ()


def _percent(doubt: float, other_doubt: float) -> int:
    """How sure it is that what leaves `doubt` is right and not the other."""
    odds = (other_doubt / max(doubt, 1e-9)) ** 3
    return round(100 * odds / (1 + odds))


def landmarks_seen(look: Look) -> float:
    """How many of the 45 landmarks a look shows sharply: more, the more it resembles a spine that faces its side."""
    step = abs(look.frame.step[1])
    return float(np.mean(np.sum(1 / (1 + (look.spread / step / _SHARP_PX) ** 2), axis=1)))


def implausibility(look: Look) -> float:
    """How little a look resembles a spine that faces its side; compare it between sides and gray scales."""
    return float(np.exp(-_CERTAINTY * landmarks_seen(look)))
