"""Scoliosis: lateral curves with the rotation of the vertebrae that goes with them.

A curve of Cobb angle A with apex at level a and half length h tilts the body at level i by -A/2 t exp((1 - t^2)/2), t
= (i - a)/h: its end vertebrae, at t = -1 and 1, are tilted by A/2 each way. Patterns follow Lenke et al., J Bone
Joint Surg 2001; the rotation of the apex is about 0.4 of the Cobb angle (Kuklo et al., Spine 2005), toward the
convexity.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from Training.simulation.people import Person

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class LateralCurve:
    """One curve of the frontal plane."""

    apex: str
    cobb_deg: float
    """+ when convex to the right."""
    half_length: float
    """Levels from the apex to an end vertebra."""


# Each pattern: rate in the young, rate in adults, curves (apex choices, size against the major one, +1 convex right).
_PATTERNS: Final[tuple[tuple[float, float, tuple[tuple[tuple[str, ...], float, int], ...]], ...]] = (
    (0.30, 0.12, ((("T8", "T9"), 1.0, 1), (("L2",), 0.5, -1))),
    (0.14, 0.06, ((("T3", "T4"), 0.6, -1), (("T8", "T9"), 1.0, 1), (("L2",), 0.45, -1))),
    (0.20, 0.18, ((("T8", "T9"), 0.9, 1), (("L1", "L2"), 1.0, -1))),
    (0.24, 0.46, ((("L1", "L2", "L3"), 1.0, -1), (("T8", "T9", "T10"), 0.4, 1))),
    (0.12, 0.18, ((("T11", "T12", "L1"), 1.0, 1),)),
)
_LARGEST_ROTATION_DEG: Final[float] = 32.0


def sample_curves(person: Person, rng: np.random.Generator) -> tuple[LateralCurve, ...]:
    """The curves of a person; for one without scoliosis one or two of less than 9 degrees."""
    if not person.scoliosis:
        apex = str(rng.choice(["T6", "T8", "T10", "L1", "L3"]))
        return (LateralCurve(apex, float(np.clip(rng.normal(0, 3.5), -9, 9)), float(rng.uniform(3, 5))),)
    rates = np.array([pattern[0 if person.age < 25 else 1] for pattern in _PATTERNS])
    curves = _PATTERNS[int(rng.choice(len(_PATTERNS), p=rates / rates.sum()))][2]
    major = float(np.clip(10 + rng.gamma(1.6, 11), 10, 80))
    side = 1 if rng.random() < 0.85 else -1
    return tuple(
        LateralCurve(
            str(rng.choice(list(apexes))),
            side * right * major * share * float(rng.uniform(0.85, 1.15)),
            float(rng.uniform(2.6, 3.6)),
        )
        for apexes, share, right in curves
    )


def coronal_angles(
    levels: tuple[str, ...], curves: tuple[LateralCurve, ...], obliquity: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Tilt and rotation of every level, shapes (levels,), degrees; signs as `SpineAngles`.

    The head comes back over the pelvis but for a few millimetres, and the lowest level follows the sacrum.
    """
    count = len(levels)
    index = np.arange(count, dtype=float)
    tilt, turn = np.zeros(count), np.zeros(count)
    for curve in curves:
        apex = levels.index(curve.apex) if curve.apex in levels else 0
        t = (index - apex) / curve.half_length
        tilt -= curve.cobb_deg / 2 * t * np.exp((1 - t**2) / 2)
        turn -= float(rng.uniform(0.25, 0.5)) * curve.cobb_deg * np.exp(-0.5 * (t / 0.9) ** 2)
    tilt += obliquity * np.exp(-index / 2)
    rise = np.clip((index + 1) / 4, 0, 1)  # leaves the lumbosacral disc its shape
    left_over = tilt.sum() - float(rng.normal(0, 18.0))
    tilt -= rise * left_over / rise.sum()
    tilt *= np.where(index < 2, 0.5 * (index + 1) ** 0.5, 1.0)
    wobble = np.convolve(rng.normal(0, 0.8, count + 2), np.full(3, 1 / 3), "valid")
    return tilt + wobble, np.clip(turn, -_LARGEST_ROTATION_DEG, _LARGEST_ROTATION_DEG) + 0.8 * wobble[::-1]
