"""The femoral heads as circles: their landmarks are the centers, their sizes are the person's."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from SpineAlignmentLib.measurement.constructions import level_distance
from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.results.annotation import HEADS, Annotation

FloatArray = NDArray[np.float64]

_ROUND: Final[FloatArray] = np.arange(0.0, 361.0, 7.5)


def head_centers(film: Annotation) -> FloatArray:
    """Shape (2, 2), film pixels (x, y)."""
    return np.asarray(film.points_px[[INDEX[name] for name in HEADS]])


def middle_of_heads(film: Annotation) -> FloatArray:
    """Shape (2,), film pixels (x, y): the middle of the heads that are known; NaN where none is."""
    known = [center for center in head_centers(film) if np.isfinite(center).all()]
    return np.mean(known, axis=0) if known else np.full(2, np.nan)


def head_radii(film: Annotation, offered: bool = False) -> FloatArray:
    """Shape (2,), film pixels along x: the radii of the femoral heads.

    Args:
        film: the film.
        offered: whether a head that nobody sized gets a usual size: about the distance of two vertebrae.
    """
    if not offered:
        return film.head_radius_px
    usual = level_distance(film.points_mm()) / _step(film)[0]
    return np.where(np.isnan(film.head_radius_px), usual, film.head_radius_px)


def rim(film: Annotation, head: int, radius: float, degrees: ArrayLike = _ROUND) -> FloatArray:
    """Points on the rim of a head, shape (n, 2), film pixels; pixels that are not square make it no circle there.

    Args:
        film: the film.
        head: 0 or 1.
        radius: in film pixels along x.
        degrees: clockwise from the film's right; a whole turn when left out.
    """
    angles, step = np.radians(np.asarray(degrees, float)), _step(film)
    turn = np.stack([np.cos(angles), np.sin(angles) * step[0] / step[1]], axis=-1)
    return np.asarray(head_centers(film)[head] + radius * turn)


def radius_to(film: Annotation, head: int, place: FloatArray) -> float:
    """Radius in film pixels along x of a rim that goes through a place."""
    step = _step(film)
    return float(np.hypot(*((place - head_centers(film)[head]) * step / step[0])))


def _step(film: Annotation) -> FloatArray:
    return np.array(film.pixel_size)
