"""Corners of the vertebrae whose levels are known: each level takes the body that lies at its center.

From C3 to L5 these corners are the closest look at the landmarks too: each vertebra is seen by itself, where the other
networks lean on what lies around it. There landmarks go to their bodies (docs/experiments.md).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from SpineAlignmentLib.detection.bodies_network import (
    Bodies,
    Body,
    bodies_input,
    frame_around,
    on_film,
    seen_bodies,
    whole_frame,
)
from SpineAlignmentLib.detection.engines import Answers
from SpineAlignmentLib.detection.extent import apparent_spacing
from SpineAlignmentLib.detection.vertebra_network import seen_singly
from SpineAlignmentLib.film.film import Film
from SpineAlignmentLib.measurement.constructions import level_distance
from SpineAlignmentLib.measurement.landmarks import CENTERS, CORNERS, INDEX, VERTEBRAE
from SpineAlignmentLib.measurement.vertebrae import all_corners
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.numbering import OtherNumbering

FloatArray = NDArray[np.float64]
_Found = TypeVar("_Found", Annotation, OtherNumbering)

REACH: Final[float] = 0.45
"""A body belongs to a level when it lies nearer to its center than this share of the distance to the next level."""

SEEN_SINGLY: Final[tuple[str, ...]] = VERTEBRAE[: VERTEBRAE.index("L5") + 1]
"""Vertebrae whose landmarks are corners of their bodies, and their middle where all four are known."""

WITHOUT_CLOSE_UP: Final[tuple[str, ...]] = VERTEBRAE[VERTEBRAE.index("T2") : VERTEBRAE.index("L3") + 1]
"""Vertebrae that no close-up of neck or pelvis shows: their corners' heatmaps are wide, and say so."""

AGREEMENT: Final[float] = 0.2
"""Distance of the two, in distances of vertebral centers, below which they say the same: 14 of 15 such corners were
right of which heatmaps were less than 0.6 sure, on simulated and on real films."""

CLEAR: Final[float] = 0.5
"""Strength of a body that is seen clearly: of simulated ones that lie 0.4 levels off three in four are below it,
of the others one in seventeen."""

_UNSEEN: Final[float] = 0.1
"""Greatest confidence of a landmark whose vertebra has this corner beyond the edge of the film."""

_NOWHERE: Final[tuple[float, float]] = (np.nan, np.nan)

_CHANCE: Final[tuple[float, float]] = (-3.0, 9.0)
"""The chance that no corner of a body is more than 6 mm off is the logistic function of a + b times its strength;
fitted on simulated films, and right to 0.1 on fourteen real ones."""


def bodies_of(film: Film, points: ArrayLike, network: Answers, closer: Answers | None = None) -> Bodies:
    """The bodies of a film's spine, film pixels.

    Args:
        film: with its facing side.
        points: (45, 2) film pixels, where the landmarks are about; they tell the scale where the film does not.
        network: of bodies, loaded by `engines.load_answers`.
        closer: of single vertebrae.
    """
    spacing = film.spacing_mm or apparent_spacing(points, film.pixel_aspect)
    frame = frame_around(whole_frame(film.size_px, spacing, film.anterior or "left"), points)
    image = bodies_input(film.pixels, frame)
    bodies = seen_bodies(image, network)
    if closer is not None:
        bodies = seen_singly(bodies, image, closer)
    return on_film(bodies, frame)


def mm_per_pixel(result: Annotation) -> tuple[float, float]:
    """(x, y) size of a film pixel in mm, as known or as it appears."""
    return result.spacing_mm or apparent_spacing(result.points_px, result.pixel_aspect)


def strengths_at(result: Annotation, bodies: Bodies) -> FloatArray:
    """(24,) strengths of the bodies at a result's levels, NaN where there is none."""
    centers = np.vstack([result.points_px[[INDEX[name] for name in CENTERS]], [_NOWHERE]])
    return corners_at(centers, bodies, result.spacing_mm or (1.0, result.pixel_aspect))[1]


def with_corners(
    result: Annotation, bodies: Bodies, l6_centers: tuple[ArrayLike, ArrayLike] = (_NOWHERE, _NOWHERE)
) -> Annotation:
    """A result with the corners of every vertebra whose level it knows.

    A vertebra is as sure as its center, which knows about levels, times the chance that its corners are right.

    Args:
        result: of the landmarks, whose centers say which level lies where.
        bodies: found on the same film, film pixels.
        l6_centers: (x, y) of an L6, which has no landmark, under the numbering of the result and under the other one;
            it is as sure as L5.
    """
    spacing, numbering = result.spacing_mm or (1.0, result.pixel_aspect), result.numbering
    if numbering is not None and numbering.other is not None:
        numbering = replace(numbering, other=_met(numbering.other, l6_centers[1], bodies, spacing, result.size_px))
    return replace(_met(result, l6_centers[0], bodies, spacing, result.size_px), numbering=numbering)


def _met(
    found: _Found, l6_center: ArrayLike, bodies: Bodies, spacing: tuple[float, float], size_px: tuple[int, int]
) -> _Found:
    """What was found under one numbering on a film of (width, height), with its vertebrae, its landmarks at them."""
    points, sure = found.points_px, found.confidence
    rows: list[int] = [INDEX[name] for name in CENTERS]
    corners, strengths = corners_at(np.vstack([points[rows], np.asarray(l6_center, float)]), bodies, spacing)
    beyond = ((corners < -0.5) | (corners > np.array(size_px) - 0.5)).any(axis=2)
    corners[beyond] = np.nan
    chance = 1 / (1 + np.exp(-(_CHANCE[0] + _CHANCE[1] * strengths)))
    confidence, deviation = confirmed(points, sure, found.deviation_px, corners, spacing)
    unseen = [INDEX[name] for v, c in np.argwhere(beyond) if (name := f"{VERTEBRAE[v]}_{CORNERS[c]}") in INDEX]
    confidence[unseen] = np.fmin(confidence[unseen], _UNSEEN)
    return replace(
        found,
        points_px=at_plate(at_bodies(points, corners, strengths), bodies.plates, spacing),
        confidence=confidence,
        deviation_px=deviation,
        vertebrae_px=corners,
        vertebrae_confidence=sure[[*rows, rows[-1]]] * chance,
    )


def with_one_place(result: Annotation) -> Annotation:
    """A result whose vertebrae have their corners where the landmarks of these corners are, under either numbering."""
    numbering = result.numbering
    if numbering is not None and numbering.other is not None:
        numbering = replace(numbering, other=_at_landmarks(numbering.other))
    return replace(_at_landmarks(result), numbering=numbering)


def _at_landmarks(found: _Found) -> _Found:
    corners = all_corners(found.vertebrae_px, found.points_px)[: len(VERTEBRAE)]
    return replace(found, vertebrae_px=np.where(np.isfinite(found.vertebrae_px), corners, np.nan))


def confirmed(
    points: FloatArray, confidence: FloatArray, deviation: FloatArray, corners: FloatArray, spacing: tuple[float, float]
) -> tuple[FloatArray, FloatArray]:
    """Confidence and deviation (45,) where two networks that know nothing of each other say the same.

    A corner of `WITHOUT_CLOSE_UP` that is seen at nearly the same place on its vertebra alone is right however wide its
    heatmap is, if its level is: then it is at least as sure as its body's center.

    Args:
        points, confidence, deviation: (45, 2), (45,) and (45,), the landmarks before they meet.
        corners: (24, 4, 2) of the bodies.
        spacing: (x, y) size of a film pixel; only its ratio matters.
    """
    sure, off = confidence.copy(), deviation.copy()
    scale = np.asarray(spacing, float)
    near = AGREEMENT * level_distance(points * scale)
    for level in WITHOUT_CLOSE_UP:
        center = INDEX[f"{level}_C"]
        for name, place in zip(CORNERS, corners[VERTEBRAE.index(level)], strict=True):
            row = INDEX.get(f"{level}_{name}")
            if row is not None and np.linalg.norm((points[row] - place) * scale) < near:
                sure[row], off[row] = np.fmax(sure[row], sure[center]), np.fmin(off[row], off[center])
    return sure, off


def at_bodies(points: FloatArray, corners: FloatArray, strengths: FloatArray) -> FloatArray:
    """Landmarks (45, 2), those of `SEEN_SINGLY` at their bodies' corners (24, 4, 2), centers at their means.

    A body that is hardly seen may lie between two vertebrae: landmarks meet one of a strength (24,) below `CLEAR`
    halfway. What is missing, as it may lie off the film, stays so.
    """
    out = points.copy()
    for level in SEEN_SINGLY:
        vertebra = VERTEBRAE.index(level)
        own, share = corners[vertebra], 1.0 if strengths[vertebra] >= CLEAR else 0.5
        seen = dict(zip(CORNERS, own, strict=True)) | {"C": own.mean(axis=0)}
        for name, place in seen.items():
            row = INDEX.get(f"{level}_{name}")
            if row is not None and np.isfinite(place - out[row]).all():
                out[row] += share * (place - out[row])
    return out


def at_plate(points: FloatArray, plates: Sequence[Body], spacing: tuple[float, float]) -> FloatArray:
    """Landmarks (45, 2), those of the sacrum at the ends of the plate that lies there, like those of `at_bodies`."""
    out = points.copy()
    ends, scale = [INDEX["S1_A"], INDEX["S1_P"]], np.asarray(spacing, float)
    middle = out[ends].mean(axis=0)
    reach = REACH * level_distance(points * scale)
    near = [plate for plate in plates if np.linalg.norm((plate.corners[:2].mean(axis=0) - middle) * scale) < reach]
    if near:
        share = 1.0 if near[0].strength >= CLEAR else 0.5
        out[ends] += share * (near[0].corners[:2] - out[ends])
    return out


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
