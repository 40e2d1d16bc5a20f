"""Corners of the vertebrae whose levels are known: each level takes the body that lies at its center."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from SpineAlignmentLib.detection.bodies_network import Bodies
from SpineAlignmentLib.measurement.landmarks import CORNERS, VERTEBRAE

FloatArray = NDArray[np.float64]

REACH: Final[float] = 0.45
"""A body belongs to a level when it lies nearer to its center than this share of the distance to the next level."""


def corners_at(
    centers: ArrayLike, bodies: Bodies, spacing: tuple[float, float] = (1.0, 1.0)
) -> tuple[FloatArray, FloatArray]:
    """Corners of every level and how sure the network of bodies is of them.

    Args:
        centers: (24, 2) film pixels in the order of `landmarks.VERTEBRAE`, NaN where a level is not on the film.
        bodies: found on the same film, film pixels.
        spacing: (x, y) size of a film pixel; only its ratio matters.

    Returns:
        Corners (24, 4, 2), NaN where no body lies at the level, C2's upper two always; strengths (24,), NaN as well.
    """
    scale = np.asarray(spacing, float)
    places = np.asarray(centers, float) * scale
    corners = np.full((len(VERTEBRAE), len(CORNERS), 2), np.nan)
    strengths = np.full(len(VERTEBRAE), np.nan)
    known = np.flatnonzero(np.isfinite(places).all(axis=1))
    if not len(known) or not bodies.vertebrae:
        return corners, strengths
    found = np.array([body.center for body in bodies.vertebrae]) * scale
    distance = np.linalg.norm(places[known, None] - found[None], axis=2)
    reach = REACH * _gaps(places[known])
    for i, level in enumerate(known):
        nearest = int(distance[i].argmin())
        if distance[i, nearest] <= reach[i] and distance[:, nearest].argmin() == i:
            corners[level] = bodies.vertebrae[nearest].corners
            strengths[level] = bodies.vertebrae[nearest].strength
    corners[VERTEBRAE.index("C2"), :2] = np.nan
    return corners, strengths


def _gaps(places: FloatArray) -> FloatArray:
    """Distance of each center to the nearer one of its neighbors; infinite for a level alone."""
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    return np.minimum(np.append(steps, np.inf), np.append(np.inf, steps))
