"""Endplates as hollow curves between the two walls of their bodies: C2's, whose front hangs before the disc as a lip,
and those of the loins.

Networks that place a lip from what lies around it cut it off, and the plate is too flat. Each line that bounds bone
is seen by itself: along it, gray values rise into the body. Of all curves near the plate the posterior mean is taken,
the prior being that the networks are about right; what speaks for one are its own edge and, at its ends, the walls that
go up from there. Directions of edges count, hardly their strength, so that no edge outshines a thin plate.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from SpineAlignmentLib.detection.edges import Rises, axes_of, rises_around

FloatArray = NDArray[np.float64]

_TURN_DEG: Final[float] = 8.0
_SHIFT_MM: Final[float] = 2.0
"""Standard deviations of how far the networks are off; the shift's, along the plate and across."""
_EDGE: Final[float] = 16.0
_WALL: Final[float] = 5.0
"""Weights of the mean rise along the curve and along each wall; a rise is at most 1."""

_TURNS: Final[FloatArray] = np.radians(np.arange(-20.0, 20.1, 2.5))
_ALONG: Final[FloatArray] = np.linspace(0.04, 0.96, 15)
"""Share of the way from the anterior to the posterior end."""
_CORTEX_MM: Final[float] = 0.4
"""A corner is the middle of a bright line, so far inside its steepest rise."""
_BEFORE, _ABOVE, _BELOW = 60, 54, 40
"""Cells of the patch to either side along the plate, towards the body, and away from it."""
_REACH: Final[int] = 24
"""Cells, more than a wall is long."""


@dataclass(frozen=True)
class Curve:
    """What a plate and its walls are like."""

    step_mm: float
    """Size of a cell."""
    smooth_mm: float
    shifts: NDArray[np.intp]
    """Cells."""
    depths_mm: FloatArray
    """Of the hollow below the line of its ends, as simulated bodies have them."""
    skews: FloatArray
    """0: deepest in the middle; above it: behind the middle."""
    walls_mm: FloatArray
    """Places along a wall, from its corner."""
    leans: FloatArray
    """Of the walls, against the normal of the plate."""
    across: bool
    """Whether ends move across the plate: those of loins do not, whose rims stand out more or less from their edges."""


AXIS: Final[Curve] = Curve(
    step_mm=0.3,
    smooth_mm=0.5,
    shifts=np.arange(-12, 13, 3),
    depths_mm=np.array([0.5, 1.25, 2.0, 2.75]),
    skews=np.array([0.0, 0.5]),
    walls_mm=np.linspace(0.8, 6.0, 7),
    leans=np.radians([-30.0, -15.0, 0.0, 15.0, 30.0]),
    across=True,
)
"""C2."""
LUMBAR: Final[Curve] = Curve(
    step_mm=0.5,
    smooth_mm=0.7,
    shifts=np.arange(-8, 9, 2),
    depths_mm=np.array([0.0, 1.0, 2.0, 3.0]),
    skews=np.array([0.0]),
    walls_mm=np.linspace(0.8, 10.0, 9),
    leans=np.radians([-20.0, -10.0, 0.0, 10.0, 20.0]),
    across=False,
)


def fitted_curve(
    pixels: NDArray[np.generic], ends: ArrayLike, body: ArrayLike, spacing: tuple[float, float], curve: Curve = AXIS
) -> FloatArray:
    """The ends of a curved plate, (2, 2) film pixels, where the film shows them; as given where they are not known.

    Args:
        pixels: shape (height, width), bone bright.
        ends: (2, 2) film pixels, the anterior and the posterior end.
        body: (2,) film pixels, a point of the vertebra on its side of the plate.
        spacing: (x, y) mm of a film pixel.
        curve: what the plate is like.
    """
    scale = np.asarray(spacing, float)
    given = np.asarray(ends, float)
    (front, back), inside = given * scale, np.asarray(body, float) * scale
    length = float(np.linalg.norm(back - front))
    if not (np.isfinite(inside).all() and length > 1.0):  # a length that is not known is not above either
        return given.copy()
    middle, along = (front + back) / 2, (back - front) / length
    axes = axes_of(along, inside - middle)
    cells = np.arange(-_BEFORE, _BEFORE + 1), np.arange(-_BELOW, _ABOVE + 1)
    rises = rises_around(pixels, middle, axes, cells, curve.step_mm, curve.smooth_mm, scale)
    shift, half = _most_likely(rises, length, curve)
    shift = shift * (1.0, float(curve.across))
    return np.asarray((middle + np.array([shift - half, shift + half]) @ axes) / scale)


def _most_likely(rises: Rises, length: float, curve: Curve) -> tuple[FloatArray, FloatArray]:
    """Posterior means of the middle and of the half way from the anterior to the posterior end, (2,) mm each."""
    turn, depth, skew = (part.ravel() for part in np.meshgrid(_TURNS, curve.depths_mm, curve.skews, indexing="ij"))
    shifts = np.stack(np.meshgrid(curve.shifts, curve.shifts, indexing="ij"), axis=-1).reshape(-1, 2)
    half = np.stack([np.cos(turn), np.sin(turn)], axis=1) * length / 2
    step = curve.step_mm
    chance = _EDGE * _edge(rises, _curves(turn, depth, skew, length), shifts, step)
    for side, wall in zip((-1, 1), _walls(rises, curve), strict=True):
        ends = side * (half + (_CORTEX_MM, 0.0))
        chance += _WALL * wall.ravel()[_cells(ends[:, None] / step, shifts)[..., 0]]
    chance -= (np.degrees(turn)[:, None] / _TURN_DEG) ** 2 / 2
    chance -= ((shifts * step / _SHIFT_MM) ** 2).sum(axis=1) / 2
    chance = np.exp(chance - chance.max())
    chance /= chance.sum()
    return chance.sum(axis=0) @ shifts * step, chance.sum(axis=1) @ half


def _curves(turn: FloatArray, depth: FloatArray, skew: FloatArray, length: float) -> tuple[FloatArray, FloatArray]:
    """Places (n, along, 2) in mm of n curves' steepest rises, and which way their plates lean there, in radians."""
    across = 2 * _ALONG - 1
    hollow = depth[:, None] * (1 - across**2) * (1 + skew[:, None] * across)
    lean = turn[:, None] + np.arctan(np.gradient(hollow, _ALONG, axis=1) / length)
    way, deep = (_ALONG - 0.5) * length, hollow - _CORTEX_MM
    cos, sin = np.cos(turn)[:, None], np.sin(turn)[:, None]
    return np.stack([way * cos - deep * sin, way * sin + deep * cos], axis=-1), lean


def _edge(rises: Rises, curves: tuple[FloatArray, FloatArray], shifts: NDArray[np.intp], step_mm: float) -> FloatArray:
    """(n, shifts) mean rise into the body along curves, each shifted."""
    places, lean = curves
    cells = _cells(places / step_mm, shifts)
    across, along = rises.across.ravel()[cells], rises.along.ravel()[cells]
    towards = np.einsum("nsm,nm->ns", across, np.cos(lean)) - np.einsum("nsm,nm->ns", along, np.sin(lean))
    return np.asarray(towards / len(_ALONG))


def _walls(rises: Rises, curve: Curve) -> tuple[FloatArray, FloatArray]:
    """Mean rise towards the back along the steepest wall that goes up from each place, and towards the front."""
    padded = [np.pad(part, _REACH, mode="edge") for part in rises]
    height, width = rises.along.shape
    sums = np.zeros((len(curve.leans), height, width), np.float32)
    for total, lean in zip(sums, curve.leans, strict=True):
        way = np.stack([curve.walls_mm * np.sin(lean), curve.walls_mm * np.cos(lean)], axis=1)
        for i, j in _REACH + np.rint(way / curve.step_mm).astype(int):
            along, across = (part[i : i + height, j : j + width] for part in padded)
            total += along * np.float32(np.cos(lean)) - across * np.float32(np.sin(lean))
    return sums.max(axis=0) / len(curve.walls_mm), -sums.min(axis=0) / len(curve.walls_mm)


def _cells(places: FloatArray, shifts: NDArray[np.intp]) -> NDArray[np.intp]:
    """Flat indices (n, shifts, m) into a patch of places (n, m, 2), in cells, each shifted."""
    farthest, width = int(shifts.max()), _BELOW + _ABOVE + 1
    cells = np.rint(places).astype(np.intp) + (_BEFORE, _BELOW)
    cells = np.clip(cells, farthest, np.array([2 * _BEFORE, _BELOW + _ABOVE]) - farthest)
    return np.asarray((cells @ (width, 1))[:, None] + (shifts @ (width, 1))[:, None])
