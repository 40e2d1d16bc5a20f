"""Landmarks at the vertebrae they belong to, which networks see by themselves: where they are, and how sure that is."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.bodies_network import Body
from SpineAlignmentLib.measurement.constructions import level_distance
from SpineAlignmentLib.measurement.landmarks import CORNERS, COUNT, INDEX, VERTEBRAE

FloatArray = NDArray[np.float64]

REACH: Final[float] = 0.45
"""A body belongs to a level when it lies nearer to its center than this share of the distance to the next level."""

SEEN_SINGLY: Final[tuple[str, ...]] = VERTEBRAE[: VERTEBRAE.index("L5") + 1]
"""Vertebrae whose landmarks are corners of their bodies, and their middle where all four are known."""

OVERLAP: Final[float] = 0.12
"""A sacral plate that reaches so far into L5, in distances of vertebral centers, was not seen: one of both is wrong."""

CLEAR: Final[float] = 0.5
"""Strength of a body that is seen clearly: of simulated ones that lie 0.4 levels off three in four are below it,
of the others one in seventeen."""

_AXIS_PLATE: Final[list[int]] = [INDEX[name] for name in ("C2_AI", "C2_PI")]
_ABOVE_PLATE: Final[list[int]] = [INDEX[name] for name in ("C2_C", "C2_D")]

_CHANCE: Final[tuple[float, float, float]] = (-3.1, 10.0, 0.5)
"""That a landmark on a body is right, if its level is: the logistic function of a + b times the body's strength + c
times the logit of what its heatmap says."""
_STRONG: Final[float] = 0.8
"""Strength beyond which a body is not seen the more clearly."""


def on_bodies(
    points: FloatArray,
    corners: FloatArray,
    strengths: FloatArray,
    plates: Sequence[Body],
    spacing: tuple[float, float],
) -> tuple[FloatArray, FloatArray]:
    """Where the landmarks are on the bodies, and how strong these are.

    Args:
        points: (45, 2) film pixels, where landmarks are about.
        corners, strengths: (24, 4, 2) and (24,) of every vertebra, see `corners.corners_at`.
        plates: where the sacral plate may be, strongest first, film pixels.
        spacing: (x, y) size of a film pixel; only its ratio matters.

    Returns:
        (45, 2) film pixels and (45,); NaN for those that no body has.
    """
    places, strong = np.full((COUNT, 2), np.nan), np.full(COUNT, np.nan)

    def put(name: str, place: FloatArray, strength: float) -> None:
        row = INDEX.get(name)
        if row is not None and np.isfinite(place).all():
            places[row], strong[row] = place, strength

    for level in SEEN_SINGLY:
        vertebra = VERTEBRAE.index(level)
        for corner, place in zip(CORNERS, corners[vertebra], strict=True):
            put(f"{level}_{corner}", place, strengths[vertebra])
        put(f"{level}_C", corners[vertebra].mean(axis=0), strengths[vertebra])
    scale = np.asarray(spacing, float)
    middle = points[[INDEX["S1_A"], INDEX["S1_P"]]].mean(axis=0)
    gap = level_distance(points * scale)
    above = corners[VERTEBRAE.index("L5"), 2:] * scale
    for plate in plates:
        ends = plate.corners[:2] * scale
        near = np.linalg.norm(ends.mean(axis=0) - middle * scale) < REACH * gap
        if near and not _deepest(ends, above) > OVERLAP * gap:  # which what is not known is not either
            put("S1_A", plate.corners[0], plate.strength)
            put("S1_P", plate.corners[1], plate.strength)
            break
    return places, strong


def _deepest(ends: FloatArray, plate: FloatArray) -> float:
    """How far the ends of a plate (2, 2) lie within the vertebra whose lower plate (2, 2) is above them."""
    along = plate[1] - plate[0]
    up = np.array([along[1], -along[0]]) / np.linalg.norm(along)
    return float(np.max((ends - plate.mean(axis=0)) @ (up if up[1] < 0 else -up)))


def met(points: FloatArray, places: FloatArray, strengths: FloatArray) -> FloatArray:
    """Landmarks (45, 2) at their places on bodies (45, 2).

    A body that is hardly seen may lie between two vertebrae: landmarks meet one of a strength (45,) below `CLEAR`
    halfway. What is missing, as it may lie off the film, stays so. C2's center and dens, which are seen with all around
    them, go as far as its plate: what puts one off puts off the others, as they are one bone.
    """
    share = np.where(strengths >= CLEAR, 1.0, 0.5)[:, None]
    away = share * (places - points)
    away[_ABOVE_PLATE] = away[_AXIS_PLATE].mean(axis=0)
    return np.where(np.isfinite(away), points + away, points)


def sureness(confidence: FloatArray, level_sure: FloatArray, strengths: FloatArray) -> FloatArray:
    """Confidence (45,) of landmarks that are at their bodies, of a strength (45,), NaN where there is none.

    Heatmaps are wide where networks of the whole film are unsure of a place that is now seen by itself: where a body
    is strong the landmark is right, however wide they are, if its level is.

    Args:
        confidence: as heatmaps and levels have it.
        level_sure: (45,) how sure the levels are; confidence is at most that.
        strengths: of the bodies.
    """
    a, b, c = _CHANCE
    heat = np.clip(confidence / np.maximum(level_sure, 1e-6), 0.01, 0.99)
    chance = 1 / (1 + np.exp(-(a + b * np.minimum(strengths, _STRONG))) * (1 / heat - 1) ** c)
    return np.where(np.isfinite(strengths) & np.isfinite(confidence), level_sure * chance, confidence)
