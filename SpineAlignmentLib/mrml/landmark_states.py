"""Where each landmark of a film stands: as detected, corrected, placed by hand, or without a place."""

from collections.abc import Collection
from typing import Any, Final

import numpy as np
import slicer
from numpy.typing import NDArray

from SpineAlignmentLib.measurement.landmarks import COUNT, NAMES
from SpineAlignmentLib.results.annotation import LOW_CONFIDENCE, Annotation

Node = Any
FloatArray = NDArray[np.float64]

_MOVED_PX: Final[float] = 0.01


def current_confidence(points_px: FloatArray, detection: Annotation | None) -> FloatArray:
    """Shape (45,): the detection's confidence of landmarks that are where it put them; NaN of all others."""
    if detection is None:
        return np.full(COUNT, np.nan)
    return np.where(_as_detected(points_px, detection), detection.confidence, np.nan)


def landmark_states(
    landmarks: Node, points_px: FloatArray, detection: Annotation | None, reviewed: Collection[str] = ()
) -> list[str]:
    """What each landmark is, in the order of `landmarks.NAMES`.

    One of "detected", "low confidence", "reviewed" (left where it was detected by a person), "adjusted", "placed",
    "missing" and "not placed".
    """
    as_detected = np.zeros(COUNT, bool) if detection is None else _as_detected(points_px, detection)
    low = np.nan_to_num(current_confidence(points_px, detection), nan=1.0) < LOW_CONFIDENCE
    states = []
    for i in range(COUNT):
        if not np.isfinite(points_px[i]).all():
            missing = slicer.vtkMRMLMarkupsNode.PositionMissing
            states.append("missing" if landmarks.GetNthControlPointPositionStatus(i) == missing else "not placed")
        elif detection is None or not np.isfinite(detection.points_px[i]).all():
            states.append("placed")
        elif not as_detected[i]:
            states.append("adjusted")
        else:
            seen = NAMES[i] in reviewed
            states.append("reviewed" if seen else "low confidence" if low[i] else "detected")
    return states


def _as_detected(points_px: FloatArray, detection: Annotation) -> NDArray[np.bool_]:
    return np.asarray(np.abs(points_px - detection.points_px).max(axis=1) < _MOVED_PX)
