"""Vertebrae slid front to back to where their outlines are.

Networks know where along the spine a vertebra lies, less well how far in front: on a spine that bends as few do they
leave it towards the mean one. Its anterior and its posterior wall are seen by themselves: across them gray values rise
into the body. In the chest ribs and lungs draw other lines along the bodies, and less is seen of the walls than of the
plates, which begin and end there. The landmarks and the network of bodies say each where it lies, one as sure as its
deviation, and the outline decides between them.
"""

from dataclasses import replace
from functools import cache
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.edges import Rises, axes_of, rises_around
from SpineAlignmentLib.measurement.landmarks import INDEX, NAMES, VERTEBRAE
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.numbering import OtherNumbering

FloatArray = NDArray[np.float64]
_Found = TypeVar("_Found", Annotation, OtherNumbering)

BY_WALLS: Final[tuple[str, ...]] = ("C3", "C4", "C5", "C6", "C7", "L1", "L2", "L3", "L4", "L5")
"""Vertebrae whose walls no rib crosses."""
BY_PLATES: Final[tuple[str, ...]] = VERTEBRAE[VERTEBRAE.index("T2") : VERTEBRAE.index("T12") + 1]
"""Vertebrae that lie where their plates begin and end. T1's lie under the shoulders."""
_LANDMARKS: Final[dict[str, list[int]]] = {
    level: [INDEX[name] for name in NAMES if name.startswith(f"{level}_")] for level in (*BY_WALLS, *BY_PLATES)
}

_BODY_MM: Final[float] = 2.0
"""Standard deviation of a body, front to back."""
_SURE_MM: Final[float] = 0.3
"""Least one of landmarks."""
_DEPTH_MM: Final[float] = 1.5
"""Standard deviation of a body's depth, against that of its corners."""
_WALL: Final[float] = 8.0
"""Weight of the mean rise across a wall; a rise is at most 1."""
_PLATE: Final[float] = 10.0
"""Weight of the mean rise across a plate between its ends, less what rises or falls beyond."""
_SHIFTS_MM: Final[FloatArray] = np.arange(-7.0, 7.1, 0.5)
_WAISTS_MM: Final[FloatArray] = np.array([0.0, 0.8, 1.6])
"""How far a wall is drawn in between its corners."""
_ALONG: Final[FloatArray] = np.linspace(0.12, 0.88, 9)
"""Share of the way from a wall's upper to its lower corner."""
_BEYOND_MM: Final[tuple[float, float]] = (1.0, 6.0)
"""From the end of a plate, where nothing should go on; as far inside it nothing is asked."""
_CORTEX_MM: Final[float] = 0.4
"""A corner is the middle of a bright line, so far inside its steepest rise."""

_STEP_MM: Final[float] = 0.75
_SMOOTH_MM: Final[float] = 0.7
_BEFORE, _ABOVE = 38, 22
"""Cells of the patch to either side, along the plates and across."""
_PLATE_STEP_MM: Final[float] = 0.5
_PLATE_CELLS: Final[int] = 4
"""To either side of a plate."""


class Outline(NamedTuple):
    """What the film shows of a body's place front to back."""

    middle: FloatArray
    """(2,) mm, of its corners."""
    along: FloatArray
    """(2,) unit vector to the back."""
    evidence: FloatArray
    """Logarithm of the evidence for the body at each of `_SHIFTS_MM`."""


def with_outlines(result: Annotation, pixels: NDArray[np.generic], spacing: tuple[float, float]) -> Annotation:
    """A result whose vertebrae, corners and landmarks, lie where their outlines are, under either numbering.

    Args:
        result: with the corners of its vertebrae.
        pixels: shape (height, width), bone bright.
        spacing: (x, y) mm of a film pixel.
    """
    scale = np.asarray(spacing, float)

    @cache  # the same bodies under both numberings
    def outline_of(corners: tuple[float, ...], walls: bool) -> Outline | None:
        return outline_at(pixels, np.reshape(corners, (4, 2)), scale, walls)

    def slid(found: _Found) -> _Found:
        points, vertebrae = found.points_px.copy(), found.vertebrae_px.copy()
        for level, rows in _LANDMARKS.items():
            row, center = VERTEBRAE.index(level), INDEX[f"{level}_C"]
            outline = outline_of(tuple((vertebrae[row] * scale).ravel().tolist()), level in BY_WALLS)
            if outline is not None and np.isfinite(points[center]).all():
                deviation = float(found.deviation_px[center]) * spacing[1]
                body, landmarks = slide(outline, points[center] * scale, deviation)
                vertebrae[row] += body / scale
                points[rows] += landmarks / scale
        return replace(found, points_px=points, vertebrae_px=vertebrae)

    numbering = result.numbering
    if numbering is not None and numbering.other is not None:
        numbering = replace(numbering, other=slid(numbering.other))
    return replace(slid(result), numbering=numbering)


def outline_at(
    pixels: NDArray[np.generic], corners: FloatArray, spacing: FloatArray, walls: bool = True
) -> Outline | None:
    """The outline near a body; None where its corners are not known.

    Args:
        pixels: shape (height, width), bone bright.
        corners: (4, 2) mm, film pixels times spacing, in the order of `landmarks.CORNERS`.
        spacing: (x, y) mm of a film pixel.
        walls: whether the walls tell, or where the plates begin and end.
    """
    anterior, posterior = corners[[0, 2]].mean(axis=0), corners[[1, 3]].mean(axis=0)
    depth = float(np.linalg.norm(posterior - anterior))
    if not depth > 1.0:  # which what is not known is not either
        return None
    along, middle = (posterior - anterior) / depth, corners.mean(axis=0)
    if walls:
        return Outline(middle, along, _wall_evidence(pixels, corners, middle, along, spacing))
    plates = [_plate_evidence(pixels, ends, middle, spacing) for ends in (corners[:2], corners[2:])]
    return Outline(middle, along, plates[0] + plates[1])


def slide(outline: Outline, center: FloatArray, deviation_mm: float) -> tuple[FloatArray, FloatArray]:
    """How far a body and the landmark of its center move for both to lie where the outline is, (2,) mm each.

    Args:
        outline: of the body.
        center: (2,) mm.
        deviation_mm: standard deviation of the center; NaN where unknown, and then it says nothing.
    """
    own = float((center - outline.middle) @ outline.along)
    sure = max(deviation_mm, _SURE_MM) if np.isfinite(deviation_mm) else np.inf
    chance = outline.evidence - (_SHIFTS_MM / _BODY_MM) ** 2 / 2 - ((_SHIFTS_MM - own) / sure) ** 2 / 2
    chance = np.exp(chance - chance.max())
    shift = float(chance @ _SHIFTS_MM / chance.sum())
    return shift * outline.along, (shift - own) * outline.along


def _wall_evidence(
    pixels: NDArray[np.generic], corners: FloatArray, middle: FloatArray, along: FloatArray, spacing: FloatArray
) -> FloatArray:
    """At each shift, whatever the body's depth."""
    axes = axes_of(along, corners[2:].sum(axis=0) - corners[:2].sum(axis=0))
    cells = np.arange(-_BEFORE, _BEFORE + 1), np.arange(-_ABOVE, _ABOVE + 1)
    rises = rises_around(pixels, middle, axes, cells, _STEP_MM, _SMOOTH_MM, spacing)
    own = (corners - middle) @ axes.T
    front, back = (_rise_at(rises, own[rows], side) for rows, side in (([0, 2], 1.0), ([1, 3], -1.0)))
    where, deeper = np.arange(len(_SHIFTS_MM)), np.arange(-3, 4)[:, None]
    step, last = _SHIFTS_MM[1] - _SHIFTS_MM[0], len(_SHIFTS_MM) - 1
    both = front[np.clip(where - deeper, 0, last)] + back[np.clip(where + deeper, 0, last)]
    return np.asarray(np.logaddexp.reduce(both - (2 * deeper * step / _DEPTH_MM) ** 2 / 2, axis=0))


def _rise_at(rises: Rises, wall: FloatArray, side: float) -> FloatArray:
    """Of a wall (2, 2), upper corner first, at each shift; side 1: the front, -1: the back."""
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
    return np.asarray(np.log(np.exp(_WALL * inward.mean(axis=2)).mean(axis=0)), float)


def _plate_evidence(pixels: NDArray[np.generic], ends: FloatArray, body: FloatArray, spacing: FloatArray) -> FloatArray:
    """Of a plate (2, 2), anterior end first, at each shift, wherever it lies within a few cells across."""
    length = float(np.linalg.norm(ends[1] - ends[0]))
    if not length > 1.0:
        return np.zeros(len(_SHIFTS_MM))
    middle, along = ends.mean(axis=0), (ends[1] - ends[0]) / length
    reach = int((length / 2 + _BEYOND_MM[1] + _SHIFTS_MM[-1]) / _PLATE_STEP_MM) + 2
    cells = np.arange(-reach, reach + 1), np.arange(-_PLATE_CELLS, _PLATE_CELLS + 1)
    across = rises_around(
        pixels, middle, axes_of(along, body - middle), cells, _PLATE_STEP_MM, _SMOOTH_MM, spacing
    ).across
    from_end = abs(cells[0] * _PLATE_STEP_MM - _SHIFTS_MM[:, None]) - length / 2
    inside = from_end < -_BEYOND_MM[0]
    beyond = (from_end > _BEYOND_MM[0]) & (from_end < _BEYOND_MM[1])
    seen = (inside @ across) / np.maximum(inside.sum(axis=1), 1)[:, None]
    seen -= (beyond @ abs(across)) / beyond.sum(axis=1)[:, None]
    return np.asarray(np.log(np.exp(_PLATE * seen).mean(axis=1)), float)
