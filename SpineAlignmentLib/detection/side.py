"""Which side the patient faces."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from SpineAlignmentLib.detection.look import Look
from SpineAlignmentLib.film.film import Film
from SpineAlignmentLib.measurement.constructions import level_distance
from SpineAlignmentLib.measurement.landmarks import CENTERS, INDEX

SURE_OF_SIDE: Final[int] = 60
"""Percentage from which a detected facing side is not called a guess."""
SURE_AGAINST_TAG: Final[int] = 80
"""Percentage from which what the pixels say of the side wins over what the file says: on fourteen real films the right
side got 81 % and more, a wrong one at most 62 %."""
SURE_OF_POLARITY: Final[int] = 60
"""The same of the polarity, of a film whose edges are bright, as air's are where bone is dark: 73 % and more."""

_CENTER_ROWS: Final[list[int]] = [INDEX[name] for name in CENTERS]
_ANTERIOR: Final[list[int]] = [
    INDEX[n] for n in ("C2_AI", "C7_AI", "T1_AS", "T5_AS", "T5_AI", "T12_AI", "L1_AS", "L4_AS")
]
_POSTERIOR: Final[list[int]] = [
    INDEX[n] for n in ("C2_PI", "C7_PI", "T1_PS", "T5_PS", "T5_PI", "T12_PI", "L1_PS", "L4_PS")
]


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


def implausibility(look: Look, anterior: str) -> float:
    """How little a look resembles a spine that faces `anterior`; compare it between the two sides.

    The heatmaps' spread against the spine's own level distance, and the share of levels out of order or of endplates
    with their front behind.
    """
    points = look.mean
    level = level_distance(points)
    spread = float(np.mean(look.spread)) / level
    centers = points[_CENTER_ROWS]
    disorder = float(np.mean(np.diff(centers[:, 1]) <= 0))
    front = (points[_POSTERIOR, 0] - points[_ANTERIOR, 0]) * (1 if anterior == "left" else -1)
    extent = float(np.ptp(centers[:, 1])) / max(look.frame.input_size[0] * look.frame.step[1], 1e-9)
    return spread + disorder + float(np.mean(front <= 0)) + max(0.0, 0.3 - extent)
