"""How far predicted landmarks are from the true ones, and how often they sit on the wrong vertebra."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.measurement import landmarks

FloatArray = NDArray[Any]

CENTER_INDEX: Final[list[int]] = [landmarks.INDEX[name] for name in landmarks.CENTERS]


def errors(predicted: FloatArray, true: FloatArray) -> FloatArray:
    """Distances (n, 45) between landmarks (n, 45, 2), in their unit; NaN where the true one is missing."""
    return np.asarray(np.linalg.norm(np.asarray(predicted, float) - np.asarray(true, float), axis=-1))


def wrong_levels(predicted: FloatArray, true: FloatArray) -> FloatArray:
    """1 where a predicted center is nearer to another level's true center than to its own, 0 where not; (n, 23).

    NaN where the true center is missing. Landmarks are (n, 45, 2).
    """
    own, others = np.asarray(predicted, float)[:, CENTER_INDEX], np.asarray(true, float)[:, CENTER_INDEX]
    distance = np.linalg.norm(own[:, :, None] - others[:, None, :], axis=-1)
    missing = ~np.isfinite(others).all(axis=-1)
    nearest = np.where(missing[:, None, :], np.inf, distance).argmin(axis=-1)
    return np.where(missing, np.nan, nearest != np.arange(len(CENTER_INDEX))[None])


def localization_score(predicted: FloatArray, true: FloatArray) -> float:
    """The paper's selection measure: error over distance to the nearest annotated neighbor, worst landmark's median.

    Landmarks are (n, 45, 2); landmarks that no film has are left out. NaN when there is nothing to measure.
    """
    true = np.asarray(true, float)
    between = np.linalg.norm(true[:, :, None] - true[:, None, :], axis=-1)
    between[:, np.arange(true.shape[1]), np.arange(true.shape[1])] = np.nan
    neighbor = np.min(np.where(np.isfinite(between), between, np.inf), axis=-1)
    weighted = errors(predicted, true) / np.where((neighbor > 0) & np.isfinite(neighbor), neighbor, np.nan)
    measured = np.isfinite(weighted).any(axis=0)
    return float(np.max(np.nanmedian(weighted[:, measured], axis=0))) if measured.any() else float("nan")


def summarize(predicted: FloatArray, true: FloatArray, pixel: float) -> dict[str, float]:
    """The figures of one validation.

    Args:
        predicted, true: landmarks (n, 45, 2) in input pixels, true ones NaN where missing.
        pixel: size of an input pixel in pixels of a film 864 pixels high, each about 1 mm on a whole-spine film.

    Returns:
        In those pixels: "mean_px", "median_px", "<region>_px" (medians), "worst_px" (largest median of a landmark);
        "wrong_level": share of centers nearer to another level's true center; "localization": see
        `localization_score`. NaN where nothing was annotated.
    """
    distance = errors(predicted, true) * pixel
    measured = np.isfinite(distance).any(axis=0)
    figures = {"mean_px": _over(np.mean, distance), "median_px": _over(np.median, distance)}
    for region, names in landmarks.REGIONS.items():
        figures[f"{region}_px"] = _over(np.median, distance[:, [landmarks.INDEX[name] for name in names]])
    worst = np.nanmedian(distance[:, measured], axis=0) if measured.any() else np.array([np.nan])
    figures["worst_px"] = float(np.max(worst))
    figures["wrong_level"] = _over(np.mean, wrong_levels(predicted, true))
    figures["localization"] = localization_score(predicted, true)
    return figures


def spread_by_region(name: str, spread: FloatArray, true: FloatArray, pixel: float) -> dict[str, float]:
    """How wide heatmaps are: "<name>_<region>_px", the mean over a region's annotated landmarks, in pixels as above.

    Args:
        name: of the stage's spread, "spread" or "global_spread".
        spread: standard deviations (n, 45) of the heatmaps in input pixels.
        true: landmarks (n, 45, 2), NaN where missing; those say nothing of how sure the network should be.
        pixel: see `summarize`.
    """
    known = np.where(np.isfinite(np.asarray(true, float)).all(axis=-1), np.asarray(spread, float) * pixel, np.nan)
    return {
        f"{name}_{region}_px": _over(np.mean, known[:, [landmarks.INDEX[member] for member in members]])
        for region, members in landmarks.REGIONS.items()
    }


def _over(statistic: object, values: FloatArray) -> float:
    finite = values[np.isfinite(values)]
    return float(statistic(finite)) if finite.size else float("nan")  # type: ignore[operator]
