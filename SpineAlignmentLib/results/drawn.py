"""What a person measures besides the 18 parameters: Cobb angles between any two levels, distances, angles of two lines.

Points are film pixels (x, y). Results keep these beside the landmarks, and every front end draws and exports them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.measurement.vertebrae import checked_levels

FloatArray = NDArray[np.float64]
Point = tuple[float, float]
Kind = Literal["cobb", "distance", "angle"]

POINTS: Final[dict[Kind, int]] = {"cobb": 0, "distance": 2, "angle": 4}
"""How many points each kind has: the ends of one line, or of a first and a second one."""
NAMES: Final[dict[Kind, str]] = {"cobb": "Cobb", "distance": "Distance", "angle": "Angle"}
UNITS: Final[dict[Kind, str]] = {"cobb": "deg", "distance": "mm", "angle": "deg"}
MAX_DRAWN: Final[int] = 50
LEAST_PX: Final[float] = 3.0
"""Shorter lines, in film pixels, are a hand that trembled, not a distance or a direction."""
_MAX_PX: Final[float] = 1e6


@dataclass(frozen=True)
class Drawn:
    """One of them."""

    kind: Kind
    levels: tuple[str, str] | None = None
    """Upper and lower level of a Cobb angle."""
    points_px: tuple[Point, ...] = ()
    """Both ends of a distance; those of the first and of the second line of an angle."""

    @property
    def unit(self) -> str:
        """ "deg" or "mm"."""
        return UNITS[self.kind]


def names(drawn: Sequence[Drawn]) -> list[str]:
    """What each is called, such as "Cobb T4-T12" and "Distance 2"."""
    counts: Counter[str] = Counter()
    found = []
    for one in drawn:
        counts[one.kind] += 1
        found.append(f"{NAMES[one.kind]} {'-'.join(one.levels) if one.levels else counts[one.kind]}")
    return found


def cobb_between(upper: str, lower: str) -> Drawn:
    """The Cobb angle between two levels.

    Raises:
        ValueError: an unknown level, or the upper one does not lie above the lower one.
    """
    checked_levels(upper, lower)
    return Drawn("cobb", (upper, lower))


def line_value(kind: Kind, points: FloatArray) -> float:
    """Length of a line, or the angle from the first to the second of two lines as they were drawn, 0 to 180 degrees.

    Args:
        kind: "distance" or "angle".
        points: shape (2, 2) or (4, 2), in mm or another unit of square pixels.
    """
    first = points[1] - points[0]
    if kind == "distance":
        return float(np.hypot(*first))
    second = points[3] - points[2]
    across = first[0] * second[1] - first[1] * second[0]
    return float(np.degrees(np.arctan2(abs(across), first @ second)))


def too_short(points_px: FloatArray) -> bool:
    """Whether a line has both ends, shape (..., 2, 2) in film pixels, on one spot."""
    lines = np.asarray(points_px, float).reshape(-1, 2, 2)
    return bool((np.hypot(*(lines[:, 1] - lines[:, 0]).T) < LEAST_PX).any())


def to_json(drawn: Drawn, value: float) -> dict[str, Any]:
    """One entry of "drawn" in a result file."""
    where = {"levels": list(drawn.levels)} if drawn.levels else {"points_px": [list(p) for p in drawn.points_px]}
    number = round(value, 6) if np.isfinite(value) else None
    return {"kind": drawn.kind, **where, "value": number, "unit": drawn.unit}


def from_json(content: Any, name: str) -> tuple[Drawn, ...]:
    """Everything under "drawn" in a result file; values are computed anew.

    Raises:
        ResultError: it is not as `to_json` makes it.
    """
    if content is None:
        return ()
    if not isinstance(content, list) or len(content) > MAX_DRAWN:
        raise ResultError(f'{name}: "drawn" must be a list of no more than {MAX_DRAWN}')
    return tuple(_entry(entry, name) for entry in content)


def _entry(entry: Any, name: str) -> Drawn:
    try:
        if not isinstance(entry, Mapping) or entry["kind"] not in get_args(Kind):
            raise ValueError("unknown kind")
        kind: Kind = entry["kind"]
        if kind == "cobb":
            upper, lower = entry["levels"]
            return cobb_between(str(upper), str(lower))
        points = tuple((float(x), float(y)) for x, y in entry["points_px"])
        if len(points) != POINTS[kind] or not np.all(np.abs(points) < _MAX_PX):
            raise ValueError(f"{kind} needs {POINTS[kind]} points on the film")
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ResultError(f'{name}: "drawn" is not as a result file has it ({error})') from error
    return Drawn(kind, None, points)
