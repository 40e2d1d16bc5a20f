"""The corners of every vertebra as a result holds them, and as its file does."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.measurement.landmarks import CORNERS, VERTEBRAE

FloatArray = NDArray[np.float64]


def no_vertebrae() -> FloatArray:
    """Shape (24, 4, 2): no corner is known."""
    return np.full((len(VERTEBRAE), len(CORNERS), 2), np.nan)


def no_vertebra_confidence() -> FloatArray:
    """Shape (24,): unknown for every vertebra."""
    return np.full(len(VERTEBRAE), np.nan)


def to_json(corners: FloatArray, confidence: FloatArray) -> dict[str, Any]:
    """The content of "vertebrae" in a result file: each level of which corners are known, with its confidence.

    Args:
        corners: (24, 4, 2) film pixels, in the order of `landmarks.VERTEBRAE` and `CORNERS`, NaN where missing.
        confidence: (24,), NaN where unknown.
    """
    out: dict[str, Any] = {}
    for level, own, sure in zip(VERTEBRAE, corners, confidence, strict=True):
        known = {
            name: {"x_px": round(float(x), 6), "y_px": round(float(y), 6)}
            for name, (x, y) in zip(CORNERS, own, strict=True)
            if np.isfinite(x) and np.isfinite(y)
        }
        if known:
            out[level] = {**known, "confidence": round(float(sure), 3) if np.isfinite(sure) else None}
    return out


def from_json(content: Any, name: str) -> tuple[FloatArray, FloatArray]:
    """Corners (24, 4, 2) and confidence (24,) from what `to_json` made, or None.

    Raises:
        ResultError: it is not as `to_json` makes it.
    """
    corners, confidence = no_vertebrae(), no_vertebra_confidence()
    if content is not None and not isinstance(content, Mapping):
        raise ResultError(f"{name}: vertebrae must be levels with their corners, not {content!r}")
    for level, own in (content or {}).items():
        if level not in VERTEBRAE or not isinstance(own, Mapping):
            raise ResultError(f"{name}: unknown vertebra {level!r}")
        row = VERTEBRAE.index(level)
        for key, value in own.items():
            if key == "confidence":
                confidence[row] = np.nan if value is None else chance(value, f"{name}: confidence of {level}")
            elif key in CORNERS and isinstance(value, Mapping) and "x_px" in value and "y_px" in value:
                place = [_number(value[c], f"{name}: {level} {key}") for c in ("x_px", "y_px")]
                corners[row, CORNERS.index(key)] = place
            else:
                raise ResultError(f"{name}: {level} needs corners {', '.join(CORNERS)} with x_px and y_px, not {key!r}")
    return corners, confidence


def chance(value: Any, what: str) -> float:
    """A confidence of a file: a percentage would pass for a surer one than there is.

    Raises:
        ResultError: it is not a number from 0 to 1.
    """
    number = _number(value, what)
    if not 0 <= number <= 1:
        raise ResultError(f"{what}: {number:g} is not from 0 to 1")
    return number


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ResultError(f"{what}: {value!r} is not a number")
    return float(value)
