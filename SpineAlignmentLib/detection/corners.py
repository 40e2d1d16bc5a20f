"""Corners of the vertebrae whose levels are known: each level takes the body that lies at its center.

These corners are the closest look at the landmarks too: each vertebra is seen by itself, where the other networks lean
on what lies around it. So landmarks go to their bodies, see `at_bodies`.
"""

from dataclasses import replace
from typing import Final, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from SpineAlignmentLib.detection.at_bodies import REACH, met, on_bodies, sureness
from SpineAlignmentLib.detection.bodies_network import Bodies
from SpineAlignmentLib.detection.extent import apparent_spacing
from SpineAlignmentLib.measurement.landmarks import CENTERS, CORNERS, COUNT, INDEX, VERTEBRAE
from SpineAlignmentLib.measurement.vertebrae import all_corners
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.numbering import OtherNumbering

FloatArray = NDArray[np.float64]
_Found = TypeVar("_Found", Annotation, OtherNumbering)

_UNSEEN: Final[float] = 0.1
"""Greatest confidence of a landmark whose vertebra has this corner beyond the edge of the film."""

_NOWHERE: Final[tuple[float, float]] = (np.nan, np.nan)

_CHANCE: Final[tuple[float, float]] = (-3.0, 9.0)
"""The chance that no corner of a body is more than 6 mm off is the logistic function of a + b times its strength;
fitted on simulated films, and right to 0.1 on fourteen real ones."""


def mm_per_pixel(result: Annotation) -> tuple[float, float]:
    """(x, y) size of a film pixel in mm, as known or as it appears."""
    return result.spacing_mm or apparent_spacing(result.points_px, result.pixel_aspect)


def strengths_at(result: Annotation, bodies: Bodies) -> FloatArray:
    """(24,) strengths of the bodies at a result's levels, NaN where there is none."""
    centers = np.vstack([result.points_px[[INDEX[name] for name in CENTERS]], [_NOWHERE]])
    return corners_at(centers, bodies, result.spacing_mm or (1.0, result.pixel_aspect))[1]


def with_corners(
    result: Annotation,
    bodies: Bodies,
    l6_centers: tuple[ArrayLike, ArrayLike] = (_NOWHERE, _NOWHERE),
    level_sure: FloatArray | None = None,
) -> Annotation:
    """A result with the corners of every vertebra whose level it knows, its landmarks at them.

    A vertebra is as sure as its level times the chance that its corners are right.

    Args:
        result: of the landmarks, whose centers say which level lies where.
        bodies: found on the same film, film pixels.
        l6_centers: (x, y) of an L6, which has no landmark, under the numbering of the result and under the other one;
            it is as sure as L5.
        level_sure: (45,) how sure the levels of the result's landmarks are; None: quite.
    """
    numbering, quite = result.numbering, np.ones(COUNT)
    if numbering is not None and numbering.other is not None:
        numbering = replace(numbering, other=_met(numbering.other, l6_centers[1], bodies, result, quite))
    found = _met(result, l6_centers[0], bodies, result, quite if level_sure is None else level_sure)
    return replace(found, numbering=numbering)


def _met(found: _Found, l6_center: ArrayLike, bodies: Bodies, film: Annotation, level_sure: FloatArray) -> _Found:
    """What was found under one numbering on a film, with its vertebrae, its landmarks at them."""
    points, spacing = found.points_px, film.spacing_mm or (1.0, film.pixel_aspect)
    rows: list[int] = [INDEX[name] for name in CENTERS]
    corners, strengths = corners_at(np.vstack([points[rows], np.asarray(l6_center, float)]), bodies, spacing)
    beyond = _beyond(corners, film.size_px)
    corners[beyond] = np.nan
    plates = [plate for plate in bodies.plates if not _beyond(plate.corners, film.size_px).any()]
    places, strong = on_bodies(points, corners, strengths, plates, spacing)
    confidence = sureness(found.confidence, level_sure, strong)
    unseen = [INDEX[name] for v, c in np.argwhere(beyond) if (name := f"{VERTEBRAE[v]}_{CORNERS[c]}") in INDEX]
    confidence[unseen] = np.fmin(confidence[unseen], _UNSEEN)
    chance = 1 / (1 + np.exp(-(_CHANCE[0] + _CHANCE[1] * strengths)))
    placed = met(points, places, strong)
    one_place = all_corners(corners, placed)[: len(VERTEBRAE)]
    return replace(
        found,
        points_px=placed,
        confidence=confidence,
        vertebrae_px=np.where(np.isfinite(corners), one_place, np.nan),
        vertebrae_confidence=level_sure[[*rows, rows[-1]]] * chance,
    )


def _beyond(points: FloatArray, size_px: tuple[int, int]) -> NDArray[np.bool_]:
    """Which points (..., 2) lie beyond the edge of a film of (width, height)."""
    return np.asarray(((points < -0.5) | (points > np.array(size_px) - 0.5)).any(axis=-1))


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
