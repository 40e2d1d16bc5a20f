"""Apex and length of the lumbar lordosis, from the curve through the vertebral body centers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.measurement.constructions import spine_curve
from SpineAlignmentLib.measurement.landmarks import CENTERS, INDEX, PRESACRAL_LEVELS

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Lordosis:
    """Levels of the lumbar lordosis, such as "L4"."""

    apex: str
    """The vertebra nearest to the most anterior point."""
    inflection: str
    """The vertebra nearest to where lordosis turns into kyphosis: the curve leans back most there."""


def lordosis(points: FloatArray) -> Lordosis | None:
    """Apex and inflection of the lumbar lordosis.

    Args:
        points: shape (45, 2), x anterior +, y up +, in any one unit of length.

    Returns:
        None where a body center between T10 and L5 is missing, since the curve is a guess there, and where no lumbar
        body is the most anterior one, as in a trunk that leans forward, or centers do not lie one below the other.
    """
    centers = points[[INDEX[name] for name in CENTERS]]
    first = PRESACRAL_LEVELS.index("T10")
    if not np.isfinite(centers[first:]).all():
        return None
    curve = spine_curve(points)
    curve = curve[curve[:, 1] <= centers[first, 1]]
    if not len(curve):
        return None
    apex = int(np.argmax(curve[:, 0]))
    above = curve[: apex + 1]
    if len(above) < 2 or not _nearest(curve[apex], centers).startswith("L"):
        return None
    steps = np.diff(above[::-1], axis=0)
    backward = int(np.argmin(np.arctan2(steps[:, 0], steps[:, 1])))
    return Lordosis(_nearest(curve[apex], centers), _nearest(above[::-1][backward], centers))


def _nearest(point: FloatArray, centers: FloatArray) -> str:
    return PRESACRAL_LEVELS[int(np.nanargmin(np.linalg.norm(centers - point, axis=1)))]
