"""How random numbers of a look are drawn: a plausible range that widens with the intensity of randomization."""

import math
from dataclasses import dataclass

import numpy as np

Range = tuple[float, float]


@dataclass(frozen=True)
class Dice:
    """Draws the numbers of a look.

    `randomization` 0 draws from the plausible ranges, 1 from the wide ones, values between and above interpolate and
    extrapolate the ends of the ranges.
    """

    rng: np.random.Generator
    randomization: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.randomization <= 1.5:
            raise ValueError(f"randomization must be between 0 and 1.5, got {self.randomization}")

    def uniform(self, plausible: Range, wide: Range, limits: Range = (-math.inf, math.inf)) -> float:
        """A number between the interpolated ends of the two ranges, kept inside `limits`."""
        low, high = (p + (w - p) * self.randomization for p, w in zip(plausible, wide, strict=True))
        return float(np.clip(self.rng.uniform(low, high), *limits))

    def log_uniform(self, plausible: Range, wide: Range, limits: Range = (1e-12, math.inf)) -> float:
        """As `uniform`, for positive quantities that vary by factors."""
        logs = [(math.log(a), math.log(b)) for a, b in (plausible, wide, limits)]
        return math.exp(self.uniform(*logs))

    def chance(self, plausible: float, wide: float) -> bool:
        """True with the interpolated probability; one number is drawn whatever the outcome."""
        probability = plausible + (wide - plausible) * self.randomization
        return bool(self.rng.random() < probability)

    def count(self, plausible: Range, wide: Range) -> int:
        """A whole number, zero or more."""
        return max(0, round(self.uniform(plausible, wide)))

    def sometimes(self, probability: float, value: float) -> float:
        """`value` with the given probability, else 0."""
        return value if self.rng.random() < probability else 0.0
