"""Vertebrae slid front to back to where their walls are.

Networks know where along the spine a vertebra lies, less well how far in front: on a spine that bends as few do they
leave it towards the mean one. Its anterior and its posterior wall are seen by themselves: across them gray values rise
into the body. The landmarks and the network of bodies say each where it lies, one as sure as its deviation, and the
walls decide between them. In the chest ribs and lungs draw other lines along the bodies; there vertebrae stay.
"""

from dataclasses import replace
from functools import cache
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.edges import Rises, rises_around
from SpineAlignmentLib.measurement.landmarks import INDEX, NAMES, VERTEBRAE
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.numbering import OtherNumbering

FloatArray = NDArray[np.float64]
_Found = TypeVar("_Found", Annotation, OtherNumbering)

SLID: Final[tuple[str, ...]] = ("C3", "C4", "C5", "C6", "C7", "L1", "L2", "L3", "L4", "L5")
"""Vertebrae whose walls no rib crosses."""
_LANDMARKS: Final[dict[str, list[int]]] = {
    level: [INDEX[name] for name in NAMES if name.startswith(f"{level}_")] for level in SLID
}

_BODY_MM: Final[float] = 2.0
"""Standard deviation of a body, front to back."""
_SURE_MM: Final[float] = 0.3
"""Least one of landmarks."""
_DEPTH_MM: Final[float] = 1.5
"""Standard deviation of a body's depth, against that of its corners."""
_EVIDENCE: Final[float] = 8.0
"""Weight of the mean rise across a wall; a rise is at most 1."""
_SHIFTS_MM: Final[FloatArray] = np.arange(-7.0, 7.1, 0.5)
_WAISTS_MM: Final[FloatArray] = np.array([0.0, 0.8, 1.6])
"""How far a wall is drawn in between its corners."""
_ALONG: Final[FloatArray] = np.linspace(0.12, 0.88, 9)
"""Share of the way from a wall's upper to its lower corner."""
_CORTEX_MM: Final[float] = 0.4
"""A corner is the middle of a bright line, so far inside its steepest rise."""

_STEP_MM: Final[float] = 0.75
_SMOOTH_MM: Final[float] = 0.7
_BEFORE, _ABOVE = 38, 22
"""Cells of the patch to either side, along the plates and across."""


class Walls(NamedTuple):
    """What the film shows of a body's walls."""

    middle: FloatArray
    """(2,) mm, of its corners."""
    along: FloatArray
    """(2,) unit vector to the back."""
    front: FloatArray
    back: FloatArray
    """Logarithm of the evidence for either wall at each of `_SHIFTS_MM`."""


def with_walls(result: Annotation, pixels: NDArray[np.generic], spacing: tuple[float, float]) -> Annotation:
    """A result whose vertebrae of `SLID`, corners and landmarks, lie where their walls are, under either numbering.

    Args:
        result: with the corners of its vertebrae.
        pixels: shape (height, width), bone bright.
        spacing: (x, y) mm of a film pixel.
    """
    scale = np.asarray(spacing, float)

    @cache  # the same bodies under both numberings
    def walls_of(corners: tuple[float, ...]) -> Walls | None:
        return walls_at(pixels, np.reshape(corners, (4, 2)), scale)

    def slid(found: _Found) -> _Found:
        points, vertebrae = found.points_px.copy(), found.vertebrae_px.copy()
        for level, rows in _LANDMARKS.items():
            row, center = VERTEBRAE.index(level), INDEX[f"{level}_C"]
            walls = walls_of(tuple((vertebrae[row] * scale).ravel().tolist()))
            if walls is not None and np.isfinite(points[center]).all():
                deviation = float(found.deviation_px[center]) * spacing[1]
                body, landmarks = slide(walls, points[center] * scale, deviation)
                vertebrae[row] += body / scale
                points[rows] += landmarks / scale
        return replace(found, points_px=points, vertebrae_px=vertebrae)

    numbering = result.numbering
    if numbering is not None and numbering.other is not None:
        numbering = replace(numbering, other=slid(numbering.other))
    return replace(slid(result), numbering=numbering)


def walls_at(pixels: NDArray[np.generic], corners: FloatArray, spacing: FloatArray) -> Walls | None:
    """The walls near a body; None where its corners are not known.

    Args:
        pixels: shape (height, width), bone bright.
        corners: (4, 2) mm, film pixels times spacing, in the order of `landmarks.CORNERS`.
        spacing: (x, y) mm of a film pixel.
    """
    anterior, posterior = corners[[0, 2]].mean(axis=0), corners[[1, 3]].mean(axis=0)
    depth = float(np.linalg.norm(posterior - anterior))
    if not depth > 1.0:  # which what is not known is not either
        return None
    along, middle = (posterior - anterior) / depth, corners.mean(axis=0)
    normal = np.array([-along[1], along[0]])
    downwards = corners[2:].sum(axis=0) - corners[:2].sum(axis=0)
    axes = np.array([along, normal if downwards @ normal >= 0 else -normal])
    cells = np.arange(-_BEFORE, _BEFORE + 1), np.arange(-_ABOVE, _ABOVE + 1)
    rises = rises_around(pixels, middle, axes, cells, _STEP_MM, _SMOOTH_MM, spacing)
    own = (corners - middle) @ axes.T
    return Walls(middle, along, _evidence(rises, own[[0, 2]], 1.0), _evidence(rises, own[[1, 3]], -1.0))


def slide(walls: Walls, center: FloatArray, deviation_mm: float) -> tuple[FloatArray, FloatArray]:
    """How far a body and the landmark of its center move for both to lie where the walls are, (2,) mm each.

    Args:
        walls: of the body.
        center: (2,) mm.
        deviation_mm: standard deviation of the center; NaN where unknown, and then it says nothing.
    """
    own = float((center - walls.middle) @ walls.along)
    sure = max(deviation_mm, _SURE_MM) if np.isfinite(deviation_mm) else np.inf
    first, second = np.meshgrid(_SHIFTS_MM, _SHIFTS_MM, indexing="ij")
    place = (first + second) / 2
    chance = walls.front[:, None] + walls.back - ((first - second) / _DEPTH_MM) ** 2 / 2
    chance -= (place / _BODY_MM) ** 2 / 2 + ((place - own) / sure) ** 2 / 2
    chance = np.exp(chance - chance.max())
    shift = float((chance * place).sum() / chance.sum())
    return shift * walls.along, (shift - own) * walls.along


def _evidence(rises: Rises, wall: FloatArray, side: float) -> FloatArray:
    """Logarithm of the evidence for a wall (2, 2), upper corner first, at each shift; side 1: front, -1: back."""
    way = wall[1] - wall[0]
    way = way / max(float(np.linalg.norm(way)), 1e-9)
    line = wall[0] + _ALONG[:, None] * (wall[1] - wall[0])
    drawn_in = _WAISTS_MM[:, None] * 4 * _ALONG * (1 - _ALONG) - _CORTEX_MM
    first = line[:, 0] + side * drawn_in[:, None] + _SHIFTS_MM[:, None]
    cells = (
        np.clip(np.rint(first / _STEP_MM).astype(np.intp) + _BEFORE, 0, 2 * _BEFORE),
        np.clip(np.rint(line[:, 1] / _STEP_MM).astype(np.intp) + _ABOVE, 0, 2 * _ABOVE),
    )
    inward = side * (way[1] * rises.along[cells] - way[0] * rises.across[cells])
    return np.asarray(np.log(np.exp(_EVIDENCE * inward.mean(axis=2)).mean(axis=0)), float)
