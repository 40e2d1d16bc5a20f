"""What a spine looks like: a Gaussian model of all 45 landmarks together, which settles what a network leaves open.

A network looks at each landmark almost on its own; where a level is hidden, its heatmap spreads over the neighbors'
and the count slips by one. Landmarks that it is sure of then say where the unsure ones must be: with the shape's mean m
and covariance C, both in a frame that does not know place, turn and size, and a network's answer y with covariance R,
the most probable landmarks are m + C (C + R)^-1 (y - m) (Bishop, Pattern Recognition and Machine Learning, 2006,
equations 2.113 to 2.117; active shape models, Cootes et al., CVIU 1995, limit the same m and C instead).
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.measurement.landmarks import COUNT

FloatArray = NDArray[np.float64]

_FILE: Final[Path] = Path(__file__).with_name("shape_model.npz")
_ALIGNMENTS: Final[int] = 3
"""Times the frame is found again from the landmarks as they move."""


@dataclass(frozen=True)
class ShapeModel:
    """Mean and covariance of the landmarks of patients that face left, aligned by place, turn and size."""

    mean: FloatArray
    """Shape (45, 2), millimeters, y down."""
    covariance: FloatArray
    """Shape (90, 90) of (x, y) of the first landmark, of the second, and so on; mm2."""

    def most_probable(self, points: FloatArray, deviation: FloatArray) -> FloatArray:
        """The landmarks that a network's answer and the model together make most probable.

        Args:
            points: shape (45, 2), any unit and any frame whose patient faces left and whose y runs down.
            deviation: shape (45,), how far off each point may be: one standard deviation per axis, same unit.

        Returns:
            Shape (45, 2), in the frame of `points`.
        """
        out = points
        for _ in range(_ALIGNMENTS):
            turn, shift = similarity(out, self.mean, 1 / deviation**2)
            aligned = moved(points, turn, shift) - self.mean
            noise = np.repeat((deviation * abs(turn)) ** 2, 2)
            gain = np.linalg.solve(self.covariance + np.diag(noise), aligned.ravel())
            probable = self.mean + (self.covariance @ gain).reshape(COUNT, 2)
            out = moved(probable, 1 / turn, -shift / turn)
        return out


def similarity(points: FloatArray, onto: FloatArray, weights: FloatArray) -> tuple[complex, complex]:
    """The turn and size a and the shift b that bring points onto others best: onto = a points + b as complex numbers.

    Weighted least squares (Procrustes analysis; Dryden and Mardia, Statistical Shape Analysis, 2016).

    Args:
        points, onto: shape (n, 2).
        weights: shape (n,), not negative.
    """
    share = weights / weights.sum()
    p, q = points @ (1, 1j), onto @ (1, 1j)
    middle_p, middle_q = share @ p, share @ q
    p, q = p - middle_p, q - middle_q
    turn = (share * q) @ np.conj(p) / (share @ np.abs(p) ** 2)
    return complex(turn), complex(middle_q - turn * middle_p)


def moved(points: FloatArray, turn: complex, shift: complex) -> FloatArray:
    """The points (n, 2) after a similarity, see `similarity`."""
    z = turn * (points @ (1, 1j)) + shift
    return np.stack([z.real, z.imag], axis=-1)


@lru_cache(maxsize=1)
def shape_model() -> ShapeModel:
    """The model that ships; `python -m Training.shape_model` makes it from simulated people."""
    with np.load(_FILE) as arrays:
        return ShapeModel(arrays["mean"].astype(float), arrays["covariance"].astype(float))
