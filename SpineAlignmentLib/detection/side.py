"""Which side the patient faces."""

from dataclasses import replace
from typing import Final

import numpy as np

from SpineAlignmentLib.detection.look import Look
from SpineAlignmentLib.film.film import Film
from SpineAlignmentLib.measurement.constructions import level_distance
from SpineAlignmentLib.measurement.landmarks import CENTERS, INDEX

SURE_OF_SIDE: Final[int] = 60
"""Percentage from which a detected facing side is not called a guess."""

_CENTER_ROWS: Final[list[int]] = [INDEX[name] for name in CENTERS]
_ANTERIOR: Final[list[int]] = [
    INDEX[n] for n in ("C2_AI", "C7_AI", "T1_AS", "T5_AS", "T5_AI", "T12_AI", "L1_AS", "L4_AS")
]
_POSTERIOR: Final[list[int]] = [
    INDEX[n] for n in ("C2_PI", "C7_PI", "T1_PS", "T5_PS", "T5_PI", "T12_PI", "L1_PS", "L4_PS")
]


def told_side(film: Film, doubt: float, other_doubt: float) -> Film:
    """The film with the side that was detected, and how sure that is."""
    odds = (other_doubt / max(doubt, 1e-9)) ** 3
    sure = round(100 * odds / (1 + odds))
    film = film.facing(film.anterior or "", f"detected ({sure} % sure)")
    if sure >= SURE_OF_SIDE:
        return film
    text = f"which side the patient faces is a guess ({film.anterior}, {sure} % sure): look, or give it with --anterior"
    return replace(film, warnings=(*film.warnings, text))


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
