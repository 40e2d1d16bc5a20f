"""How sure the networks are of a landmark, and how far off it may be."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.look import Look
from SpineAlignmentLib.measurement.constructions import level_distance
from SpineAlignmentLib.measurement.landmarks import NAMES

FloatArray = NDArray[np.float64]

RIGHT: Final[float] = 1 / 3
"""Error below which a landmark counts as right, as a share of the distance of two vertebral centers: of its own level,
whatever the landmark."""

_LOGISTIC: Final[tuple[float, float]] = (4.2, 0.42)
"""Slope of the confidence, and the unsureness, in distances of two vertebral centers, at which it is one half: fitted
on 500 simulated films (3.8, 0.46), the second lowered since networks err more on real films than they know, the first
raised so that as many are right, in each tenth of the simulated ones, as it says, to 0.08."""

_STRANGENESS: Final[float] = 1.0
"""Power of the median unsureness of a film. Simulated films alone say 0.5, and 1 for the landmark's own; real ones are
twice as unsure as they and err nearly three times as much, which intervals follow with 0.5 and 1."""
_DEVIATION: Final[FloatArray] = np.where([name.startswith("FH") for name in NAMES], 3.5, 1.25)
"""(45,) standard deviation over the product of both, all in distances of vertebral centers: on simulated films, where
it is right on average. Heatmaps of the heads are sharper than they are right. How far it is from right for each
parameter, `calibration` says."""


def unsureness(look: Look, points: FloatArray, pixel_size: tuple[float, float]) -> FloatArray:
    """How unsure the networks are of a landmark, shape (45,), in distances of two vertebral centers.

    The heatmaps' spread, the models' disagreement, and how far the shape of the spine moved the landmark, together.

    Args:
        look: what the models saw.
        points: the landmarks they led to, film pixels.
        pixel_size: (x, y), only the ratio matters.
    """
    scale = _square(pixel_size)
    square = Look(look.frame, look.points * scale, look.spread)
    moved = np.sum((points * scale - square.mean) ** 2, axis=1)
    unsure = np.sqrt(square.deviation**2 + square.apart**2 + moved)
    return np.asarray(unsure / level_distance(points * scale))


def deviation(unsure: FloatArray, points: FloatArray, pixel_size: tuple[float, float]) -> FloatArray:
    """Standard deviation of landmarks along either axis, shape (45,), film pixels along y.

    A landmark errs with its own unsureness and, more steeply, with that of the whole film: what is strange to the
    networks, another hospital's film or a rare spine, makes their heatmaps wider everywhere, and every landmark worse
    than its own heatmap says.

    Args:
        unsure: (45,) as `unsureness` gives it.
        points: the landmarks, film pixels; those missing (NaN) do not count for the film.
        pixel_size: (x, y), only the ratio matters.
    """
    there = np.isfinite(points[:, 0])
    film = float(np.median(unsure[there])) if there.any() else np.nan
    share = _DEVIATION * np.sqrt(unsure) * film**_STRANGENESS
    return np.asarray(share * level_distance(points * _square(pixel_size)))


def _square(pixel_size: tuple[float, float]) -> FloatArray:
    """(x, y) factors after which pixels are square, as high as before."""
    return np.array([pixel_size[0] / pixel_size[1], 1.0])


def confidence(look: Look, points: FloatArray, pixel_size: tuple[float, float]) -> FloatArray:
    """The chance that a landmark is off by less than a third of the distance of two vertebrae, shape (45,), 0 to 1.

    A logistic function of `unsureness`, which has the same arguments. `Training.evaluate` draws how well it keeps its
    word.
    """
    slope, half = _LOGISTIC
    return np.asarray(1 / (1 + (unsureness(look, points, pixel_size) / half) ** slope))
