"""How far predicted landmarks lie from the true ones (Yeh 2021, Fig. 6 and the text around it)."""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from SpineAlignmentLib.measurement.landmarks import CENTERS, INDEX, NAMES, REGIONS
from Training.evaluation.statistics import summarize
from Training.evaluation.study import MODEL, TRUTH, Study
from Training.network.metrics import localization_score

FloatArray = NDArray[np.float64]

SUCCESS_RADII_MM: Final[tuple[float, ...]] = (2.0, 4.0, 10.0)
QUANTILES: Final[tuple[float, ...]] = (0.5, 0.75, 0.9, 0.975)
"""The quantiles of the error that tables list and figures mark."""

REGION_OF: Final[dict[str, str]] = {name: region for region, names in REGIONS.items() for name in names}


def success_rate(errors: FloatArray, radius: float, labeled: int | None = None) -> float:
    """Share of landmarks found within a radius; NaN where there are none.

    Args:
        errors: distances, NaN where the model gave no landmark.
        radius: in the unit of the errors.
        labeled: how many landmarks there were to find; without it, those with a known error. A landmark that the model
            did not find counts as a failure.
    """
    total = int(np.isfinite(errors).sum()) if labeled is None else labeled
    return float((errors[np.isfinite(errors)] <= radius).sum() / total) if total else float("nan")


def level_shift(truth: FloatArray, predicted: FloatArray) -> FloatArray:
    """By how many levels each predicted body center is off: that of the nearest true center minus its own.

    Args:
        truth: (films, 45, 2) in mm, or in pixels of equal size; NaN where not labeled.
        predicted: same shape.

    Returns:
        (films, 23) for C2 to L5, positive when the prediction is too low; NaN where either is missing.
    """
    index = [INDEX[name] for name in CENTERS]
    t, p = truth[:, index], predicted[:, index]
    distance = np.linalg.norm(p[:, :, None] - t[:, None], axis=-1)
    known = np.isfinite(p).all(-1) & np.isfinite(t).all(-1)
    nearest = np.where(np.isfinite(distance), distance, np.inf).argmin(axis=-1)
    return np.where(known, nearest - np.arange(len(index)), np.nan)


def findable(study: Study) -> NDArray[np.bool_]:
    """(films, 45) landmarks whose error in mm counts: labeled, on a film of known spacing."""
    labeled = np.isfinite(study.marks[TRUTH]).all(axis=-1)
    return np.asarray(labeled & np.isfinite(study.scale[:, :, 0]))


def _row(name: str, region: str, errors: FloatArray, labeled: int) -> dict[str, object]:
    known = errors[np.isfinite(errors)]
    summary = summarize(known)
    missed = 1 - summary.count / labeled if labeled else float("nan")
    row: dict[str, object] = {"name": name, "region": region, "count": labeled, "missed": missed}
    row |= {"mean_mm": summary.mean, "sd_mm": summary.sd, "iqr_mm": summary.iqr}
    for q in QUANTILES:
        row[f"q{100 * q:g}_mm"] = float(np.quantile(known, q)) if known.size else float("nan")
    return row | {f"within_{radius:g}_mm": success_rate(errors, radius, labeled) for radius in SUCCESS_RADII_MM}


def localization_table(study: Study) -> pd.DataFrame:
    """One row for each landmark, region and all together: errors in mm, success rates as shares."""
    errors, counts = study.errors_mm(), findable(study).sum(axis=0)
    rows = [_row(name, REGION_OF[name], errors[:, INDEX[name]], int(counts[INDEX[name]])) for name in NAMES]
    for region, names in REGIONS.items():
        members = [INDEX[n] for n in names]
        rows.append(_row(f"all {region}", region, errors[:, members], int(counts[members].sum())))
    rows.append(_row("all", "all", errors, int(counts.sum())))
    return pd.DataFrame(rows)


def level_table(study: Study) -> pd.DataFrame:
    """Wrong-level rate of each body center: share of films where the nearest true body is another level's."""
    shift = _shift(study)
    rows = []
    for i, name in enumerate(CENTERS):
        known = shift[np.isfinite(shift[:, i]), i]
        rate = float((known != 0).mean()) if known.size else float("nan")
        rows.append(
            {
                "name": name,
                "count": known.size,
                "wrong_level": rate,
                "too_high": float((known < 0).mean()) if known.size else float("nan"),
                "too_low": float((known > 0).mean()) if known.size else float("nan"),
            }
        )
    return pd.DataFrame(rows)


def _shift(study: Study) -> FloatArray:
    return level_shift(study.marks[TRUTH] * study.relative_scale, study.marks[MODEL] * study.relative_scale)


def headline(study: Study) -> dict[str, float]:
    """The figures that sum a model up: error in mm, success and wrong-level rates as shares, the paper's metric."""
    errors = study.errors_mm()
    known = errors[np.isfinite(errors)]
    per_landmark = [float(np.median(e[np.isfinite(e)])) for e in errors.T if np.isfinite(e).any()]
    shift = _shift(study)
    counted = np.isfinite(shift)
    normalized = localization_score(
        study.marks[MODEL] * study.relative_scale, study.marks[TRUTH] * study.relative_scale
    )
    nan = float("nan")
    figures = {
        "films": float(len(study.films)),
        "median_error_mm": float(np.median(known)) if known.size else nan,
        "mean_error_mm": float(known.mean()) if known.size else nan,
        "best_landmark_median_mm": min(per_landmark, default=nan),
        "worst_landmark_median_mm": max(per_landmark, default=nan),
        "normalized_error": normalized,
        "wrong_level_rate": float((shift[counted] != 0).mean()) if counted.any() else nan,
        "films_with_wrong_level": float((np.where(counted, shift, 0) != 0).any(1).mean()) if counted.any() else nan,
    }
    labeled = int(findable(study).sum())
    return figures | {f"within_{radius:g}_mm": success_rate(errors, radius, labeled) for radius in SUCCESS_RADII_MM}
