"""Endplates as lines: two corners that networks found are turned to the edge that the film shows between them.

Networks place a corner partly by what lies around it, so that the plates of an unusual vertebra are tilted towards the
usual. Its edge is seen by itself: along a line where bone begins, gray values rise into the body. Of all lines near a
plate the posterior mean is taken, the prior being that the networks are about right. The line's tilt counts; its
distance does not, since a concave plate's edge lies deeper than its corners. Some are fitted as curves instead
(`curved_plate`).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from SpineAlignmentLib.detection.bodies_network import Bodies
from SpineAlignmentLib.detection.curved_plate import AXIS, LUMBAR, Curve, fitted_curve
from SpineAlignmentLib.measurement.landmarks import CORNERS, INDEX, VERTEBRAE
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.numbering import OtherNumbering

FloatArray = NDArray[np.float64]

PLATES: Final[tuple[tuple[str, str, str], ...]] = (
    ("C7_AI", "C7_PI", "C7_C"),
    ("T12_AI", "T12_PI", "T12_C"),
)
"""Anterior and posterior corner and the center of the body of those that are turned. T1 and T5 lie under shoulders and
ribs, and the sacrum's plate goes on as the arcuate line: there other edges mislead (docs/experiments.md)."""

CURVED: Final[tuple[tuple[str, str, str, Curve], ...]] = (
    ("C2_AI", "C2_PI", "C2_C", AXIS),
    ("L1_AS", "L1_PS", "L1_C", LUMBAR),
    ("L4_AS", "L4_PS", "L4_C", LUMBAR),
)
"""Likewise, of those that are fitted as curves: their bodies have walls that no rib and no shoulder crosses."""

HALFWAY_TILTED: Final[tuple[str, str]] = ("C7_AI", "C7_PI")
"""Anterior and posterior corner of the plate that the edge of the shoulders crosses. It misleads the close-up and the
network of bodies each in its own way, so that the plate is tilted halfway to its body's."""

_TURN_DEG: Final[float] = 6.0
_SHIFT_MM: Final[float] = 2.0
"""Standard deviations of how far the networks are off."""
_EVIDENCE: Final[float] = 5.0
"""Weight of the mean rise of gray values along a line, in standard deviations of the surroundings' rises."""

_STEP_MM: Final[float] = 0.25
_SMOOTH_MM: Final[float] = 0.8
_ACROSS_MM: Final[FloatArray] = np.arange(-9.0, 9.0 + _STEP_MM / 2, _STEP_MM)
"""Across a plate, towards the body."""
_ALONG: Final[FloatArray] = np.linspace(0.0, 1.0, 17)
"""Share of the way from the anterior to the posterior corner."""
_TURNS: Final[FloatArray] = np.radians(np.arange(-12.0, 12.1, 1.5))
_SHIFTS_MM: Final[FloatArray] = np.arange(-5.0, 5.1, 0.5)


def turned_to_edges(
    pixels: NDArray[np.generic], ends: ArrayLike, bodies: ArrayLike, spacing: tuple[float, float]
) -> FloatArray:
    """Plates, turned about their middles to the edges that lie there.

    Args:
        pixels: shape (height, width), bone bright.
        ends: (n, 2, 2) film pixels, the anterior and the posterior corner of each.
        bodies: (n, 2) film pixels, on the side of the plate where its vertebra is.
        spacing: (x, y) mm of a film pixel.

    Returns:
        Ends (n, 2, 2), film pixels; those that are not known stay.
    """
    scale = np.asarray(spacing, float)
    corners, inside = np.asarray(ends, float) * scale, np.asarray(bodies, float) * scale
    known = np.isfinite(corners).all(axis=(1, 2)) & np.isfinite(inside).all(axis=1)
    known[known] &= np.linalg.norm(corners[known, 1] - corners[known, 0], axis=1) > 1.0
    out = np.array(ends, float)
    if known.any():
        out[known] = _turned(np.asarray(pixels), corners[known], inside[known], scale) / scale
    return out


def _turned(pixels: NDArray[np.generic], corners: FloatArray, inside: FloatArray, scale: FloatArray) -> FloatArray:
    """`turned_to_edges` in mm."""
    middle, half = corners.mean(axis=1), (corners[:, 1] - corners[:, 0]) / 2
    length = 2 * np.linalg.norm(half, axis=1, keepdims=True)
    normal = np.stack([-half[:, 1], half[:, 0]], axis=1) / (length / 2)
    normal *= np.where(((inside - middle) * normal).sum(axis=1, keepdims=True) < 0, -1.0, 1.0)
    rises = _rises(pixels, corners, normal, scale)
    turn = _most_likely(rises, (_ALONG - 0.5) * length)
    moved = np.tan(turn)[:, None] * length / 2 * normal
    return np.asarray(corners + np.stack([-moved, moved], axis=1))


def _rises(pixels: NDArray[np.generic], corners: FloatArray, normal: FloatArray, scale: FloatArray) -> FloatArray:
    """(n, along, across): how much brighter it gets towards the body, of deviation 1 around each plate."""
    from scipy import ndimage

    base = corners[:, :1] + _ALONG[:, None] * (corners[:, 1:] - corners[:, :1])
    places = (base[:, :, None] + _ACROSS_MM[:, None] * normal[:, None, None]) / scale
    first = np.clip(np.floor(places.min(axis=(0, 1, 2))).astype(int), 0, np.array(pixels.shape[::-1]) - 1)
    last = np.maximum(np.ceil(places.max(axis=(0, 1, 2))).astype(int), first) + 2
    part = np.asarray(pixels[first[1] : last[1], first[0] : last[0]], np.float32)
    gray = ndimage.map_coordinates(part, np.moveaxis(places - first, -1, 0)[::-1], order=1, mode="nearest")
    gray = ndimage.gaussian_filter(gray, (0, 1, _SMOOTH_MM / _STEP_MM))
    rises = np.gradient(gray, axis=2)
    return np.asarray(rises / np.maximum(rises.std(axis=(1, 2), keepdims=True), 1e-9), float)


def _most_likely(rises: FloatArray, along_mm: FloatArray) -> FloatArray:
    """(n,) turns in radians, positive where the posterior end goes towards the body: their posterior mean.

    Args:
        rises: (n, along, across).
        along_mm: (n, along), from the middle.
    """
    plates, along, across = rises.shape
    scores = np.empty((plates, len(_TURNS), len(_SHIFTS_MM)))
    rows = (np.arange(plates)[:, None] * along + np.arange(along)) * across
    flat = rises.ravel()
    for i, turn in enumerate(_TURNS):
        at = along_mm[:, None] * np.tan(turn) + _SHIFTS_MM[:, None]
        cells = np.clip(np.rint((at - _ACROSS_MM[0]) / _STEP_MM).astype(np.intp), 0, across - 1)
        scores[:, i] = flat[rows[:, None] + cells].mean(axis=2)
    prior = -((np.degrees(_TURNS)[:, None] / _TURN_DEG) ** 2) / 2 - (_SHIFTS_MM / _SHIFT_MM) ** 2 / 2
    chance = _EVIDENCE * scores + prior
    chance = np.exp(chance - chance.max(axis=(1, 2), keepdims=True)).sum(axis=2)
    return np.asarray((chance @ _TURNS) / chance.sum(axis=1))


def with_turned_plates(bodies: Bodies, pixels: NDArray[np.generic], spacing: tuple[float, float]) -> Bodies:
    """Bodies whose upper and lower plates lie along their edges.

    Args:
        bodies: film pixels.
        pixels: shape (height, width), bone bright.
        spacing: (x, y) mm of a film pixel.
    """
    if not bodies.vertebrae:
        return bodies
    corners = np.array([body.corners for body in bodies.vertebrae]).reshape(-1, 2, 2)
    centers = np.repeat([body.center for body in bodies.vertebrae], 2, axis=0)
    moved = turned_to_edges(pixels, corners, centers, spacing).reshape(-1, 4, 2)
    return replace(bodies, vertebrae=tuple(replace(b, corners=c) for b, c in zip(bodies.vertebrae, moved, strict=True)))


def with_plates(result: Annotation, pixels: NDArray[np.generic], spacing: tuple[float, float]) -> Annotation:
    """A result whose endplates among the landmarks lie where the film shows them, under either numbering."""
    numbering = result.numbering
    if numbering is not None and numbering.other is not None:
        other = replace(numbering.other, points_px=landmarks_turned(numbering.other, pixels, spacing))
        numbering = replace(numbering, other=other)
    return replace(result, points_px=landmarks_turned(result, pixels, spacing), numbering=numbering)


def landmarks_turned(
    found: Annotation | OtherNumbering, pixels: NDArray[np.generic], spacing: tuple[float, float]
) -> FloatArray:
    """Landmarks (45, 2), film pixels: `PLATES` turned to their edges, `CURVED` fitted, `HALFWAY_TILTED` to bodies."""
    anterior, posterior, centers = (_rows(part) for part in zip(*PLATES, strict=True))
    out = found.points_px.copy()
    ends = np.stack([out[anterior], out[posterior]], axis=1)
    moved = turned_to_edges(pixels, ends, out[centers], spacing)
    out[anterior], out[posterior] = moved[:, 0], moved[:, 1]
    for first, last, middle, curve in CURVED:
        front, back, center = _rows((first, last, middle))
        before = out[[front, back]]
        out[[front, back]] = fitted_curve(pixels, before, out[center], spacing, curve)
        if curve is AXIS:  # whose body `outlines` leaves alone; heatmaps place the center by themselves as well
            out[center] += (out[[front, back]] - before).mean(axis=0) / 2
    body = [found.vertebrae_px[VERTEBRAE.index(n[:2]), CORNERS.index(n[3:])] for n in HALFWAY_TILTED]
    out[_rows(HALFWAY_TILTED)] = tilted_halfway(out[_rows(HALFWAY_TILTED)], body, spacing)
    return out


def tilted_halfway(ends: ArrayLike, other: ArrayLike, spacing: tuple[float, float]) -> FloatArray:
    """A plate turned about its middle halfway to another's direction; as it is where one of them is not known.

    Args:
        ends: (2, 2) film pixels, the anterior and the posterior corner.
        other: (2, 2), of the other plate.
        spacing: (x, y) mm of a film pixel.
    """
    scale = np.asarray(spacing, float)
    own = np.asarray(ends, float) * scale
    way, toward = np.diff(own, axis=0)[0], np.diff(np.asarray(other, float) * scale, axis=0)[0]
    if not way @ toward > 0:  # what is not known is not either
        return np.array(ends, float)
    length = np.linalg.norm(way)
    between = way / length + toward / np.linalg.norm(toward)
    half = between / np.linalg.norm(between) * length / 2
    return np.asarray((own.mean(axis=0) + np.array([-half, half])) / scale)


def _rows(names: Sequence[str]) -> list[int]:
    return [INDEX[name] for name in names]
