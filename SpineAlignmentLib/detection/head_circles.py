"""Femoral heads as circles: moved to where a rim lies around them, by as much as the networks leave open.

Two looks of different kinds settle it, and a head lies halfway between them: a network that sees the hips alone and
knows rims (`heads_network`), which also says how large a head is, and edges of the film near where that one found it.

In the edges a head's rim and the roof of its socket are arcs about one center. Of all centers near a head the posterior
mean is taken; the prior is as wide as the networks of the whole film leave it, the radius is left open from a small
head's to a large roof's, so that it does not matter which of the two arcs a film shows better.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from SpineAlignmentLib.detection.edges import Rises, rises_around
from SpineAlignmentLib.detection.heads_network import Circle
from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.results.annotation import HEADS, LOW_CONFIDENCE, Annotation
from SpineAlignmentLib.results.numbering import OtherNumbering

FloatArray = NDArray[np.float64]
_Found = TypeVar("_Found", Annotation, OtherNumbering)

_HEADS: Final[list[int]] = [INDEX[name] for name in HEADS]

_EVIDENCE: Final[float] = 20.0
"""Weight of the mean rise towards the center along an arc; a rise is at most 1."""
_RADII_MM: Final[FloatArray] = np.arange(18.0, 36.0, 1.0)
_RADIUS_MM: Final[tuple[float, float]] = (25.0, 9.0)
"""Mean and standard deviation."""
_LARGEST_MM: Final[float] = 4.0
"""Of the prior's standard deviations: beyond it another arc than the head's may be nearest."""
_TOGETHER: Final[float] = 0.5
"""Share of the way that both heads move together, not each by itself: often one rim is clear, and draws both to it."""
_HALF_MM: Final[float] = 9.0
_STEEP_MM: Final[float] = 1.5
"""A head is at most half sure, its chance halved again every millimeter or so, where both looks are so far apart: of
110 simulated ones less than 4 mm apart none was more than 8 mm off, of four beyond 6 mm one."""
_ROUGH: Final[float] = 3.0
"""Millimeters apart that are as doubtful as one by which points of a rim miss their circle; these miss by 0.5."""
_ARC: Final[FloatArray] = np.radians(np.arange(-10.0, 191.0, 5.0))
"""The upper half and a little more, which no neck or shaft interrupts; 0 and 180 are front and back."""

_STEP_MM: Final[float] = 0.75
_SMOOTH_MM: Final[float] = 0.8
_SHIFTS: Final[NDArray[np.intp]] = np.arange(-12, 13, 2)
"""Cells, of the centers along either axis."""
_REACH: Final[int] = 63
"""Cells, more than from a head to the farthest place of an arc."""


def with_heads(
    result: Annotation, pixels: NDArray[np.generic], spacing: tuple[float, float], seen: Sequence[Circle] = ()
) -> Annotation:
    """A result whose heads lie where the film shows circles, FH_1 still further anterior; alike under either numbering.

    Args:
        result: of a film whose facing side is known.
        pixels: shape (height, width), bone bright.
        spacing: (x, y) mm of a film pixel.
        seen: both heads as their network sees them, film pixels, lengths along y; without, no head is sized, nor is
            one of low confidence.
    """
    before = result.points_px[_HEADS]
    both = bool(np.isfinite(before).all())
    near = _nearest(seen, before, spacing) if both and seen else ()
    start = np.array([head.center for head in near]) if near else before
    heads = circled(pixels, start, result.deviation_px[_HEADS] * spacing[1], spacing)
    if both:
        heads = heads + _TOGETHER * np.diff(heads - start, axis=0) / 2 * [[1.0], [-1.0]]
    found = _Heads(heads, result.confidence[_HEADS], result.deviation_px[_HEADS], result.head_radius_px)
    if near:
        found = found.met(near, before, spacing)
    last = np.array(result.size_px) - 1
    beyond = ((found.points < 0) | (found.points > last)).any(axis=1)
    found = replace(found, points=np.where(beyond[:, None], before, found.points))
    if (found.points[1, 0] - found.points[0, 0]) * (1 if result.anterior == "right" else -1) > 0:
        found = found.reversed()
    numbering = result.numbering
    if numbering is not None and numbering.other is not None:
        numbering = replace(numbering, other=found.put(numbering.other))
    return replace(found.put(result), numbering=numbering, head_radius_px=found.radius)


@dataclass(frozen=True)
class _Heads:
    """Both heads: centers (2, 2), and (2,) each of the rest, film pixels as in `Annotation`."""

    points: FloatArray
    confidence: FloatArray
    deviation: FloatArray
    radius: FloatArray

    def met(self, near: Sequence[Circle], before: FloatArray, spacing: tuple[float, float]) -> "_Heads":
        """Halfway to the circles, the less sure the less round these are and the further from the heads before."""
        apart = _apart(near, before, spacing)
        round_off = spacing[1] * np.array([head.residual for head in near])
        doubt = np.hypot(apart, _ROUGH * round_off)
        sure = np.round(np.fmin(self.confidence, 1 / (1 + np.exp((doubt - _HALF_MM) / _STEEP_MM))), 3)
        radius = np.array([head.radius for head in near]) * spacing[1] / spacing[0]
        return _Heads(
            (self.points + [head.center for head in near]) / 2,
            sure,
            np.hypot(self.deviation, apart / 2 / spacing[1]),
            np.where(sure >= LOW_CONFIDENCE, radius, np.nan),  # a circle looks measured
        )

    def reversed(self) -> "_Heads":
        """The second head first."""
        return _Heads(self.points[::-1], self.confidence[::-1], self.deviation[::-1], self.radius[::-1])

    def put(self, found: _Found) -> _Found:
        """What was found under one numbering, with these heads."""
        points, sure, off = found.points_px.copy(), found.confidence.copy(), found.deviation_px.copy()
        points[_HEADS], sure[_HEADS], off[_HEADS] = self.points, self.confidence, self.deviation
        return replace(found, points_px=points, confidence=sure, deviation_px=off)


def _nearest(seen: Sequence[Circle], heads: FloatArray, spacing: tuple[float, float]) -> Sequence[Circle]:
    """The circles in the order in which they lie nearest to both heads (2, 2)."""
    return min((list(seen), list(seen)[::-1]), key=lambda order: float(_apart(order, heads, spacing).sum()))


def _apart(circles: Sequence[Circle], heads: FloatArray, spacing: tuple[float, float]) -> FloatArray:
    """(2,) mm from the centers of circles to heads (2, 2) film pixels."""
    away = (heads - [circle.center for circle in circles]) * np.asarray(spacing, float)
    return np.asarray(np.linalg.norm(away, axis=1))


def circled(
    pixels: NDArray[np.generic], heads: ArrayLike, deviations_mm: ArrayLike, spacing: tuple[float, float]
) -> FloatArray:
    """Centers of heads, (n, 2) film pixels, where the film shows rims; those that are not known stay.

    Args:
        pixels: shape (height, width), bone bright.
        heads: (n, 2) film pixels.
        deviations_mm: (n,) standard deviations of the heads along either axis.
        spacing: (x, y) mm of a film pixel.
    """
    scale = np.asarray(spacing, float)
    out = np.array(heads, float)
    for i, (place, deviation) in enumerate(zip(out * scale, np.asarray(deviations_mm, float), strict=True)):
        if np.isfinite(place).all() and deviation > 0:
            cells = np.arange(-_REACH, _REACH + 1)
            rises = rises_around(pixels, place, np.eye(2), (cells, cells), _STEP_MM, _SMOOTH_MM, scale)
            out[i] = (place + _most_likely(rises, min(float(deviation), _LARGEST_MM))) / scale
    return out


def _most_likely(rises: Rises, deviation_mm: float) -> FloatArray:
    """(2,) mm from the middle of a patch (x, y) to the center of its circle: the posterior mean."""
    shifts = np.stack(np.meshgrid(_SHIFTS, _SHIFTS, indexing="ij"), axis=-1).reshape(-1, 2)
    outward = np.stack([np.cos(_ARC), -np.sin(_ARC)], axis=1)
    arcs = _REACH + np.rint(_RADII_MM[:, None, None] * outward / _STEP_MM).astype(np.intp)
    width = 2 * _REACH + 1
    cells = (arcs @ (width, 1))[:, None] + (shifts @ (width, 1))[:, None]
    inward = [np.einsum("rsa,a->rs", part.ravel()[cells], -outward[:, k]) for k, part in enumerate(rises)]
    chance = _EVIDENCE * (inward[0] + inward[1]) / len(_ARC)
    chance -= (((_RADII_MM - _RADIUS_MM[0]) / _RADIUS_MM[1]) ** 2 / 2)[:, None]
    chance -= ((shifts * _STEP_MM / deviation_mm) ** 2).sum(axis=1) / 2
    chance = np.exp(chance - chance.max()).sum(axis=0)
    return np.asarray(chance @ shifts * _STEP_MM / chance.sum())
