"""The statistics of the study, from SciPy, with one rule of our own: what cannot be computed is NaN.

Every function takes paired values, drops the pairs that are not finite, and answers NaN where the rest has too few
values or does not vary. Nothing raises on such data, and nothing invents a number.
"""

import warnings
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

FloatArray = NDArray[np.float64]

NAN: Final[float] = float("nan")


@dataclass(frozen=True)
class Summary:
    """Location and spread of a set of values, in their unit."""

    count: int
    mean: float
    sd: float
    """Sample standard deviation (n - 1)."""
    median: float
    iqr: float


@dataclass(frozen=True)
class Agreement:
    """Limits of agreement of two methods (Bland and Altman, Lancet 1986)."""

    bias: float
    """Mean of second minus first."""
    lower: float
    upper: float


@dataclass(frozen=True)
class PowerLaw:
    """y = scale * x ** -gamma, fitted as a line in log-log space."""

    scale: float
    gamma: float
    adjusted_r2: float
    p: float
    """Two-sided, of the hypothesis gamma = 0."""


def paired(a: ArrayLike, b: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """The pairs of two equally long lists that are finite in both.

    Raises:
        ValueError: the lists differ in length.
    """
    x, y = np.asarray(a, float).ravel(), np.asarray(b, float).ravel()
    if x.shape != y.shape:
        raise ValueError(f"paired values must be equally many, got {x.size} and {y.size}")
    keep = np.isfinite(x) & np.isfinite(y)
    return x[keep], y[keep]


def varies(values: FloatArray) -> bool:
    """Whether values differ by more than rounding."""
    return values.size > 1 and bool(np.ptp(values) > 1e-12 * max(1.0, float(np.abs(values).max())))


def summarize(values: ArrayLike) -> Summary:
    """Mean, SD, median and interquartile range of the finite values; NaN where there are too few."""
    x = np.asarray(values, float).ravel()
    x = x[np.isfinite(x)]
    if x.size == 0:
        return Summary(0, NAN, NAN, NAN, NAN)
    sd = float(x.std(ddof=1)) if x.size > 1 else NAN
    iqr = float(stats.iqr(x)) if x.size > 1 else NAN
    return Summary(int(x.size), float(x.mean()), sd, float(np.median(x)), iqr)


def pearson(a: ArrayLike, b: ArrayLike) -> tuple[float, float]:
    """Pearson's R and its two-sided p (`scipy.stats.pearsonr`); NaN for fewer than 3 pairs or a constant side."""
    x, y = paired(a, b)
    if x.size < 3 or not (varies(x) and varies(y)):
        return NAN, NAN
    result = stats.pearsonr(x, y)
    return float(result.statistic), float(result.pvalue)


def wilcoxon(a: ArrayLike, b: ArrayLike) -> float:
    """Two-sided p of Wilcoxon's signed-rank test (`scipy.stats.wilcoxon`); NaN where no pair differs."""
    x, y = paired(a, b)
    if x.size < 2 or not np.any(x != y):
        return NAN
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return float(stats.wilcoxon(x, y).pvalue)


def intraclass_correlation(ratings: ArrayLike) -> float:
    """ICC(2,1): two-way random effects, absolute agreement, single rater, from mean squares (Shrout and Fleiss 1979).

    pingouin gives the same to 1e-9, but takes 0.35 s for two raters of 400 films, and a study has hundreds of pairs.

    Args:
        ratings: shape (subjects, raters); subjects with a rating that is not finite are left out.

    Returns:
        The coefficient; NaN for fewer than 3 subjects, fewer than 2 raters, or subjects that do not vary.
    """
    table = np.asarray(ratings, float)
    table = table[np.isfinite(table).all(axis=1)]
    n, k = table.shape
    if n < 3 or k < 2 or not varies(table.mean(axis=1)):
        return NAN
    by_subject, by_rater = table.mean(axis=1, keepdims=True), table.mean(axis=0, keepdims=True)
    between_subjects = k * float(by_subject.var(ddof=1))
    between_raters = n * float(by_rater.var(ddof=1))
    residual = float(((table - by_subject - by_rater + table.mean()) ** 2).sum()) / ((n - 1) * (k - 1))
    spread = between_subjects + (k - 1) * residual + k * (between_raters - residual) / n
    return (between_subjects - residual) / spread if spread else NAN


def limits_of_agreement(first: ArrayLike, second: ArrayLike) -> Agreement:
    """Bias and 95 % limits of agreement, mean +- 1.96 SD of second minus first; NaN for fewer than 2 pairs."""
    x, y = paired(first, second)
    if x.size < 2:
        return Agreement(float((y - x).mean()) if x.size else NAN, NAN, NAN)
    difference = y - x
    bias, reach = float(difference.mean()), 1.96 * float(difference.std(ddof=1))
    return Agreement(bias, bias - reach, bias + reach)


def fit_power_law(x: ArrayLike, y: ArrayLike) -> PowerLaw:
    """Power law through positive pairs, by least squares on the logarithms (`scipy.stats.linregress`).

    NaN for fewer than 3 positive pairs or a side that does not vary.
    """
    a, b = paired(x, y)
    positive = (a > 0) & (b > 0)
    log_x, log_y = np.log(a[positive]), np.log(b[positive])
    if log_x.size < 3 or not (varies(log_x) and varies(log_y)):
        return PowerLaw(NAN, NAN, NAN, NAN)
    line = stats.linregress(log_x, log_y)
    n = log_x.size
    adjusted = 1 - (1 - line.rvalue**2) * (n - 1) / (n - 2)
    return PowerLaw(float(np.exp(line.intercept)), float(-line.slope), float(adjusted), float(line.pvalue))
