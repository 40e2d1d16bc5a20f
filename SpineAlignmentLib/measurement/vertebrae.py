"""What the corners of vertebrae tell: Cobb angles between any two, wedges, disc heights and slips.

Frame: x anterior +, y up +, millimeters; corners in the order of `landmarks.VERTEBRAE`, S1 after them, and of
`landmarks.CORNERS`; NaN where there is none, and NaN is what follows from it.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from SpineAlignmentLib.measurement.landmarks import CORNERS, INDEX, VERTEBRAE
from SpineAlignmentLib.measurement.parameters import slope

FloatArray = NDArray[np.float64]

LEVELS: Final[tuple[str, ...]] = (*VERTEBRAE, "S1")
"""The rows of `all_corners`; S1 has its upper plate alone."""
_AS, _PS, _AI, _PI = range(len(CORNERS))


def _landmarks() -> NDArray[np.int_]:
    names = {(level, corner): f"{level}_{corner}" for level in VERTEBRAE for corner in CORNERS}
    names |= {("S1", "AS"): "S1_A", ("S1", "PS"): "S1_P"}
    found = [(LEVELS.index(at[0]), CORNERS.index(at[1]), INDEX[name]) for at, name in names.items() if name in INDEX]
    return np.array(found).T


_ROW, _COLUMN, _LANDMARK = _landmarks()
"""Level and corner of each landmark that is a corner, and the landmark's row."""


def all_corners(vertebrae: ArrayLike, points: ArrayLike) -> FloatArray:
    """Every corner that is known, shape (25, 4, 2): those of vertebrae and of the 45 landmarks, which a person corrects
    and which therefore win.

    Args:
        vertebrae: corners (24, 4, 2).
        points: the landmarks (45, 2).
    """
    marks = np.asarray(points, float)
    out: FloatArray = np.concatenate([np.asarray(vertebrae, float), np.full((1, len(CORNERS), 2), np.nan)])
    there = np.isfinite(marks[_LANDMARK]).all(axis=1)
    out[_ROW[there], _COLUMN[there]] = marks[_LANDMARK[there]]
    return out


def cobb(corners: FloatArray, upper: str, lower: str) -> float:
    """The angle in degrees from the upper endplate of one level to the lower endplate of another, kyphosis +.

    S1 counts with its upper plate and C2, which has no other, with its lower one, as in CL. Cobb,
    "Outline for the study of scoliosis", 1948, on the lateral film.

    Raises:
        ValueError: an unknown level, or the upper one does not lie above the lower one.
    """
    above, below = cobb_plates(corners, upper, lower)
    return float(slope(*above) - slope(*below))


def cobb_plates(corners: FloatArray, upper: str, lower: str) -> tuple[FloatArray, FloatArray]:
    """The two endplates of `cobb`, each (2, 2): posterior and anterior end.

    Raises:
        ValueError: an unknown level, or the upper one does not lie above the lower one.
    """
    first, last = checked_levels(upper, lower)
    top, bottom = [_PS, _AS], [_PI, _AI]
    return corners[first, bottom if upper == "C2" else top], corners[last, top if lower == "S1" else bottom]


def checked_levels(upper: str, lower: str) -> tuple[int, int]:
    """The rows of two levels between which an angle is measured; one body has an angle too.

    Raises:
        ValueError: an unknown level, or the upper one does not lie above the lower one.
    """
    first, last = _row(upper), _row(lower)
    if first > last or upper == "S1":
        raise ValueError(f"{upper} does not lie above {lower}")
    return first, last


def wedges(corners: FloatArray) -> FloatArray:
    """Angle between the endplates of each body, degrees, + when it is taller in front; (25,)."""
    return np.asarray(_inferior(corners) - _superior(corners))


def height_losses(corners: FloatArray) -> FloatArray:
    """How much lower each body is in front than behind, as a share of its height behind; (25,)."""
    front = np.linalg.norm(corners[:, _AS] - corners[:, _AI], axis=1)
    back = np.linalg.norm(corners[:, _PS] - corners[:, _PI], axis=1)
    return np.asarray(1 - front / np.where(back > 0, back, np.nan))


def disc_heights(corners: FloatArray) -> FloatArray:
    """Anterior and posterior height of the disc below each level, mm: the distances of the corners; (25, 2)."""
    out = np.full((len(LEVELS), 2), np.nan)
    for level, below in _neighbors(corners):
        facing = corners[level, [_AI, _PI]] - corners[below, [_AS, _PS]]
        out[level] = np.linalg.norm(facing, axis=1)
    return out


def slips(corners: FloatArray) -> FloatArray:
    """How far each level stands in front of the one below, as a share of that one's upper plate; (25,).

    Taillard, "Le spondylolisthesis chez l'enfant et l'adolescent", Acta Orthop Scand 1954: the distance of the
    posterior corners along the lower plate.
    """
    out = np.full(len(LEVELS), np.nan)
    for level, below in _neighbors(corners):
        plate = corners[below, _AS] - corners[below, _PS]
        if plate.any():  # a person may have put both ends at one place
            out[level] = (corners[level, _PI] - corners[below, _PS]) @ plate / (plate @ plate)
    return out


def _row(level: str) -> int:
    if level not in LEVELS:
        raise ValueError(f"unknown level {level!r}; levels are {LEVELS[0]} to {LEVELS[-2]} and S1")
    return LEVELS.index(level)


def _superior(corners: FloatArray) -> FloatArray:
    return slope(corners[:, _PS], corners[:, _AS])


def _inferior(corners: FloatArray) -> FloatArray:
    return slope(corners[:, _PI], corners[:, _AI])


def _neighbors(corners: FloatArray) -> list[tuple[int, int]]:
    """Rows of every level and the one below: the sacrum below L5, or below L6 where there is one."""
    pairs = [(i, i + 1) for i in range(LEVELS.index("L5"))]
    six = LEVELS.index("L6")
    lowest = [(six - 1, six), (six, six + 1)] if np.isfinite(corners[six]).any() else [(six - 1, six + 1)]
    return pairs + lowest
