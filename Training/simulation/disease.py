"""Degeneration, fractures, slips and fusions of a person's levels.

Rates are approximate: disc degeneration by age and level Teraguchi et al. 2014; compression fractures by age and bone
density, most at T8 and T12 to L1, Ismail et al. 1999; spondylolisthesis Kalichman et al. 2009; congenital block
vertebrae Tassi et al. 2016.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from Training.simulation.people import Person

FloatArray = NDArray[np.float64]


_WEAR: Final[dict[str, float]] = {
    **{"L6": 1.0, "L5": 1.0, "L4": 1.1, "L3": 0.85, "L2": 0.8, "L1": 0.7},
    **{"C2": 0.2, "C4": 0.8, "C5": 1.1, "C6": 1.1, "C7": 0.5},
}
_FRACTURE_ODDS: Final[dict[str, float]] = {
    **{"T7": 0.7, "T8": 1.0, "T9": 0.6, "T10": 0.5, "T11": 0.8, "T12": 1.6},
    **{"L1": 1.8, "L2": 0.9, "L3": 0.7, "L4": 0.4},
}


@dataclass(frozen=True)
class Disease:
    """What ails each level; arrays of shape (levels,), the lowest first."""

    disc_left: FloatArray
    """Factor on the height of the disc below, 1 when healthy."""
    osteophyte_mm: FloatArray
    """Length of the spurs at the rims."""
    height_left: FloatArray
    """Factor on the mid height of the body, 1 when not fractured."""
    anterior_loss: FloatArray
    """Share of the anterior height lost by a wedge fracture."""
    slip: FloatArray
    """Forward slip over the level below, as a share of the depth."""
    fused: NDArray[np.bool_]
    """Fused to the level below."""


def sample_disease(person: Person, levels: tuple[str, ...], rng: np.random.Generator) -> Disease:
    """Draw the state of every level."""
    count = len(levels)
    weight = np.array([_wear(level) for level in levels])
    severity = np.clip(person.degeneration * weight * np.exp(rng.normal(0, 0.55, count)), 0, 1)
    severity[rng.random(count) < 0.25 * person.degeneration] *= 1.6
    severity = np.clip(severity, 0, 1)
    fused = rng.random(count) < 0.0012 + 0.01 * (severity > 0.85)
    disc_left = np.where(fused, 0.3, 1 - 0.75 * severity**1.3)
    osteophyte = np.clip(severity * rng.gamma(2.0, 1.6, count) - 0.8, 0, 6.0)
    height_left, anterior_loss = _fractures(person, levels, rng)
    return Disease(disc_left, osteophyte, height_left, anterior_loss, _slips(person, levels, severity, rng), fused)


def _wear(level: str) -> float:
    """How much a level's lower disc takes part in degeneration."""
    return _WEAR.get(level, 0.55)


def _fractures(person: Person, levels: tuple[str, ...], rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    count = len(levels)
    height_left, anterior_loss = np.ones(count), np.zeros(count)
    weak = np.clip((1 - person.bone_density) / 0.4, 0, 1.3)
    chance = 0.008 + (0.28 * weak if person.age > 50 else 0.0)
    for _ in range(3):
        if rng.random() > chance:
            break
        odds = np.array([_FRACTURE_ODDS.get(level, 0.05 if level[0] == "T" else 0.0) for level in levels])
        i = int(rng.choice(count, p=odds / odds.sum()))
        anterior_loss[i] = float(rng.uniform(0.1, 0.5)) if rng.random() < 0.75 else 0.05
        height_left[i] = float(rng.uniform(0.75, 0.97)) - 0.35 * anterior_loss[i]
        chance = 0.3
    return height_left, anterior_loss


def _slips(person: Person, levels: tuple[str, ...], severity: FloatArray, rng: np.random.Generator) -> FloatArray:
    slip = rng.normal(0, 0.006, len(levels))
    lowest, second = 0, 1
    if rng.random() < 0.04:  # isthmic, at the lowest level
        slip[lowest] += float(rng.uniform(0.06, 0.35))
    if person.age > 45 and rng.random() < 0.09:  # degenerative, one level up
        slip[second] += float(rng.uniform(0.06, 0.25))
    for i in np.flatnonzero((severity > 0.6) & (rng.random(len(levels)) < 0.15)):
        slip[i] += float(rng.choice([-1, 1]) * rng.uniform(0.03, 0.1))
    return np.asarray(np.clip(slip, -0.15, 0.4))
