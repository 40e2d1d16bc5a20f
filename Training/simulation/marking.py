"""Where a reader marks the end of an endplate: a little inside the corner that plate and wall would make.

Simulated bodies have sharp edges, real ones are rounded there by some 2 mm, and a reader marks the bright edge, not the
point beyond it at which its two lines would meet. On fourteen real films corners found by networks that had learned the
sharp ones lay outside the reader's by 0.7 mm along the plate and 0.5 mm across it, alike in either half of the films.
"""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from Training.simulation.stacking import Stack

FloatArray = NDArray[np.float64]

ALONG_MM: Final[float] = 0.7
ACROSS_MM: Final[float] = 0.5


def marked(ends: ArrayLike, inward: ArrayLike) -> FloatArray:
    """The ends of plates as a reader marks them.

    Args:
        ends: (..., 2, 3) mm, both ends of a plate.
        inward: (..., 3) from the plate about into its bone.
    """
    plate = np.asarray(ends, float)
    along = _unit(plate[..., 1, :] - plate[..., 0, :])
    into = np.asarray(inward, float)
    across = ACROSS_MM * _unit(into - (into * along).sum(axis=-1, keepdims=True) * along)
    along = ALONG_MM * along
    return np.asarray(plate + np.stack([across + along, across - along], axis=-2))


def as_marked(stacked: Stack) -> Stack:
    """A stack whose corners and sacral plate are where a reader marks them."""
    upper, lower = stacked.corners[:, :2], stacked.corners[:, 2:]
    down = lower.mean(axis=1) - upper.mean(axis=1)
    below = stacked.femoral_heads.mean(axis=0) - stacked.s1.mean(axis=0)
    corners = np.concatenate([marked(upper, down), marked(lower, -down)], axis=1)
    return replace(stacked, corners=corners, s1=marked(stacked.s1, below))


def _unit(vectors: FloatArray) -> FloatArray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))
