"""Where a reader marks the end of an endplate: a little inside the corner that plate and wall would make.

Simulated bodies have sharp edges, real ones are rounded there by some 2 mm, and a reader marks the bright edge, not the
point beyond it at which its two lines would meet. Fourteen real films, on which networks that had learned the sharp
corners were compared with a reader, say by how much, alike in either half of them (docs/experiments.md): most on
thoracic bodies; and upper plates of lumbar vertebrae are marked lower in front, where their rim is rounder, and on the
lip behind.
"""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from SpineAlignmentLib.measurement.landmarks import VERTEBRAE
from Training.simulation.stacking import Stack

FloatArray = NDArray[np.float64]

_ALONG_MM: Final[dict[str, float]] = {"C2": 0.7, "T1": 0.7, "T5": 1.3, "T12": 1.3, "L1": 0.7, "L6": 0.7}
"""Along the plate, by level, in between what lies between."""
_ALONG_BACK_MM: Final[dict[str, float]] = {**_ALONG_MM, "L1": 0.1, "L6": 0.1}
"""The same of the posterior end of an upper plate."""
_FRONT_MM: Final[dict[str, float]] = {"C2": 0.5, "T11": 0.5, "L1": 1.1, "L6": 1.1}
"""Across an upper plate, into the bone, of its anterior end."""
_BACK_MM: Final[dict[str, float]] = {"C2": 0.5, "T11": 0.5, "L1": -0.3, "L6": -0.3}
"""And of its posterior end."""
_LOWER_MM: Final[float] = 0.5
"""Across a lower plate, of both ends."""
_SACRUM_MM: Final[tuple[tuple[float, float], ...]] = ((0.7, 0.5), (0.7, 1.0))
"""Along and across the sacral plate, of its anterior and its posterior end."""


def insets(level: str) -> FloatArray:
    """How far inside the four corners of a vertebra a reader marks them, mm along and across the plate, (4, 2)."""
    along, rear, front, back = (_between(knots, level) for knots in (_ALONG_MM, _ALONG_BACK_MM, _FRONT_MM, _BACK_MM))
    return np.array([(along, front), (rear, back), (along, _LOWER_MM), (along, _LOWER_MM)])


def marked(ends: ArrayLike, inward: ArrayLike, mm: ArrayLike) -> FloatArray:
    """The ends of a plate as a reader marks them.

    Args:
        ends: (2, 3) mm, both ends of the plate.
        inward: (3,) from the plate about into its bone.
        mm: (2, 2) along and across the plate, of either end.
    """
    plate, inset = np.asarray(ends, float), np.asarray(mm, float)
    along = _unit(plate[1] - plate[0])
    into = np.asarray(inward, float)
    across = _unit(into - (into @ along) * along)
    return np.asarray(plate + inset[:, 1:] * across + inset[:, :1] * np.stack([along, -along]))


def as_marked(levels: tuple[str, ...], stacked: Stack) -> Stack:
    """A stack of levels whose corners and sacral plate are where a reader marks them."""
    corners = stacked.corners.copy()
    for level, own in zip(levels, corners, strict=True):
        down, mm = own[2:].mean(axis=0) - own[:2].mean(axis=0), insets(level)
        own[:2], own[2:] = marked(own[:2], down, mm[:2]), marked(own[2:], -down, mm[2:])
    below = stacked.femoral_heads.mean(axis=0) - stacked.s1.mean(axis=0)
    return replace(stacked, corners=corners, s1=marked(stacked.s1, below, _SACRUM_MM))


def _between(knots: dict[str, float], level: str) -> float:
    known = [VERTEBRAE.index(name) for name in knots]
    return float(np.interp(VERTEBRAE.index(level), known, list(knots.values())))


def _unit(vector: FloatArray) -> FloatArray:
    return np.asarray(vector / np.linalg.norm(vector))
