"""What readings are computed from: measured quantities with their intervals, and how intervals pass through sums."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.clinical.constants import GENANT_LEVELS
from SpineAlignmentLib.measurement.landmarks import CORNERS, INDEX
from SpineAlignmentLib.measurement.parameters import lean
from SpineAlignmentLib.measurement.vertebrae import LEVELS, cobb, height_losses, slips

FloatArray = NDArray[np.float64]
PELVIC_ANGLES: Final[dict[str, str]] = {"T4PA": "T4_C", "C2PA": "C2_C"}
"""Pelvic angles besides TPA and LPA, and the body center that each looks at."""
SLIP, LOSS = "slip ", "height loss "
"""How the names of what is known of single levels begin, in percent: "slip L5"."""


@dataclass(frozen=True)
class Quantity:
    """A measured value and, where it is known, the interval that it lies in."""

    value: float
    low: float = math.nan
    high: float = math.nan
    reason: str = ""
    """Why it is not measurable, where the result says so."""

    @property
    def known(self) -> bool:
        """Whether it is measurable."""
        return math.isfinite(self.value)

    @property
    def has_interval(self) -> bool:
        """Whether its interval is known."""
        return math.isfinite(self.low) and math.isfinite(self.high)


def linear(terms: Mapping[str, float], constant: float, quantities: Mapping[str, Quantity]) -> Quantity:
    """A sum of quantities, each times a factor.

    The interval is that of quantities which know nothing of each other's errors in the worst case: each at the end of
    its interval that moves the sum farthest. Errors of shared endplates cancel in truth, so that it is rather too wide.
    It is unknown when that of any of them is.
    """
    value = constant + sum(factor * quantities[key].value for key, factor in terms.items())
    low = high = constant
    for key, factor in terms.items():
        ends = sorted((factor * quantities[key].low, factor * quantities[key].high))
        low, high = low + ends[0], high + ends[1]
    return Quantity(value, low, high)


def ratio(above: Quantity, below: Quantity) -> Quantity:
    """A quotient in percent; not measurable where the divisor is not positive, unbounded where it may not be."""
    if not below.value > 0:
        return Quantity(math.nan)
    value = 100 * above.value / below.value
    if not (above.has_interval and below.has_interval):
        return Quantity(value)
    if below.low <= 0:
        return Quantity(value, -math.inf, math.inf)
    ends = [100 * a / b for a in (above.low, above.high) for b in (below.low, below.high)]
    return Quantity(value, min(ends), max(ends))


def exactly(value: float) -> Quantity:
    """A quantity without error, such as an age."""
    return Quantity(value, value, value)


def quantities(
    parameters: Mapping[str, Mapping[str, Any]], points: FloatArray, corners: FloatArray | None = None
) -> dict[str, Quantity]:
    """All that readings are made of.

    Args:
        parameters: those of a result file, each with "value" and perhaps "low", "high" and "reason".
        points: shape (45, 2), x anterior +, y up +, NaN where missing, in any one unit of length.
        corners: of every vertebra, shape (25, 4, 2) in the same frame, see `measurement.vertebrae`; None for none.

    Returns:
        The 18 parameters, "PI-LL", the pelvic angles of T4 and C2 in degrees, "SFD", the sacro-femoral distance in the
        unit of the points, the kyphoses "T4-T12" and "T2-T5", and slip and loss of height of each level that is known.
    """
    found = {key: _of(entry) for key, entry in parameters.items()}
    found["PI-LL"] = linear({"PI": 1.0, "LL": -1.0}, 0.0, found)
    hips = (points[INDEX["FH_1"]] + points[INDEX["FH_2"]]) / 2
    for key, center in PELVIC_ANGLES.items():
        found[key] = Quantity(found["PT"].value + float(lean(hips, points[INDEX[center]])))
    found["SFD"] = Quantity(float(hips[0] - points[INDEX["S1_P"], 0]))
    known = np.full((len(LEVELS), len(CORNERS), 2), np.nan) if corners is None else corners
    return found | _of_corners(known, found["MTK"])


def _of_corners(corners: FloatArray, neighbor: Quantity) -> dict[str, Quantity]:
    """What the corners of every vertebra tell. T4 to T12 is taken to be as uncertain as T5 to T12, its `neighbor`."""
    kyphosis, proximal = cobb(corners, "T4", "T12"), cobb(corners, "T2", "T5")
    down, up = neighbor.value - neighbor.low, neighbor.high - neighbor.value
    found = {
        "T4-T12": Quantity(kyphosis, kyphosis - down, kyphosis + up, _unknown(kyphosis)),
        "T2-T5": Quantity(proximal, reason=_unknown(proximal)),
    }
    first, last = (LEVELS.index(level) for level in GENANT_LEVELS)
    slipped, lost = 100 * slips(corners), 100 * height_losses(corners)
    found |= {f"{SLIP}{LEVELS[i]}": Quantity(float(slipped[i])) for i in range(LEVELS.index("L1"), len(LEVELS) - 1)}
    found |= {f"{LOSS}{LEVELS[i]}": Quantity(float(lost[i])) for i in range(first, last + 1)}
    return found


def _unknown(value: float) -> str:
    return "" if math.isfinite(value) else "corners unknown"


def _of(entry: Mapping[str, Any]) -> Quantity:
    value, low, high = (math.nan if entry.get(k) is None else float(entry[k]) for k in ("value", "low", "high"))
    return Quantity(value, low, high, str(entry.get("reason") or ""))
