"""Whether the confidence that a result gives means what it says: reliability by bins, and the correction it needs.

A landmark counts as right where its error is below a third of the distance of two vertebral centers (`RIGHT`), which
is what `SpineAlignmentLib.detection.detector.confidence` promises the chance of.
"""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit

from SpineAlignmentLib.detection.confidence import RIGHT
from SpineAlignmentLib.measurement.constructions import level_distance
from Training.evaluation.study import MODEL, TRUTH, Study

FloatArray = NDArray[np.float64]

BINS: Final[FloatArray] = np.linspace(0, 1, 11)
_FEWEST: Final[int] = 50


def judged(study: Study) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Confidence of every landmark that has a truth, and whether it was right, both (n,)."""
    if study.confidence is None:
        return np.zeros(0), np.zeros(0, bool)
    truth, found = study.marks[TRUTH] * study.relative_scale, study.marks[MODEL] * study.relative_scale
    level = np.array([level_distance(points) for points in truth])[:, None]
    error = np.linalg.norm(found - truth, axis=-1) / level
    known = np.isfinite(error) & np.isfinite(study.confidence)
    return study.confidence[known], error[known] < RIGHT


def reliability_table(study: Study) -> pd.DataFrame:
    """One row for each bin of confidence that holds landmarks: their number, mean confidence and share right."""
    confidence, right = judged(study)
    place = np.clip(np.digitize(confidence, BINS) - 1, 0, len(BINS) - 2)
    rows = [
        {
            "from": BINS[k],
            "to": BINS[k + 1],
            "count": int((place == k).sum()),
            "confidence": float(confidence[place == k].mean()),
            "right": float(right[place == k].mean()),
        }
        for k in np.unique(place)
    ]
    return pd.DataFrame(rows, columns=["from", "to", "count", "confidence", "right"])


def platt(confidence: FloatArray, right: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset that bring logit(confidence) nearest to the truth (Platt 1999); (1, 0) is calibrated.

    NaN where there are too few landmarks, or all or none of them are right.

    Args:
        confidence: shape (n,), 0 to 1.
        right: shape (n,).
    """
    if len(right) < _FEWEST or right.all() or not right.any():
        return float("nan"), float("nan")
    x = logit(np.clip(confidence, 1e-4, 1 - 1e-4))

    def loss(w: FloatArray) -> float:
        z = w[0] * x + w[1]
        return float(np.mean(np.logaddexp(0, z) - right * z))

    def slope(w: FloatArray) -> FloatArray:
        off = expit(w[0] * x + w[1]) - right
        return np.array([np.mean(off * x), np.mean(off)])

    best = minimize(loss, np.array([1.0, 0.0]), jac=slope, method="BFGS").x
    return float(best[0]), float(best[1])
