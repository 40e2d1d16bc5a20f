"""Every statistic against a worked example from the literature or a reference implementation."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pingouin
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from Training.evaluation import statistics

SHROUT_FLEISS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])
"""Table 2 of Shrout and Fleiss, Psychological Bulletin 1979: six targets, four judges."""

DARWIN = [6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75]
"""Differences in height of Darwin's cross- and self-fertilized maize: Wilcoxon W = 24, p = 0.0412598 (exact)."""

WRIGHT = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI_WRIGHT = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
"""Peak flow, first readings (Bland and Altman, Lancet 1986): difference -2.1, SD 38.8, r = 0.94."""


def icc_2_1_exactly(table: np.ndarray) -> Fraction:
    """Shrout and Fleiss's ICC(2,1) from the two-way mean squares, in exact arithmetic."""
    rows = [[Fraction(int(v)) for v in row] for row in table]
    n, k = len(rows), len(rows[0])
    grand = sum(map(sum, rows)) / (n * k)
    targets = k * sum((sum(r) / k - grand) ** 2 for r in rows)
    judges = n * sum((sum(c) / n - grand) ** 2 for c in zip(*rows, strict=True))
    total = sum((v - grand) ** 2 for r in rows for v in r)
    bms, jms = targets / (n - 1), judges / (k - 1)
    ems = (total - targets - judges) / ((n - 1) * (k - 1))
    return (bms - ems) / (bms + (k - 1) * ems + k * (jms - ems) / n)


def test_icc_of_shrout_and_fleiss() -> None:
    icc = statistics.intraclass_correlation(SHROUT_FLEISS)
    assert round(icc, 2) == 0.29
    assert icc == pytest.approx(float(icc_2_1_exactly(SHROUT_FLEISS)), abs=1e-9)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000), subjects=st.integers(5, 30), raters=st.integers(2, 5))
def test_icc_against_pingouin(seed: int, subjects: int, raters: int) -> None:
    rng = np.random.default_rng(seed)
    ratings = rng.normal(0, 3, (subjects, 1)) + rng.normal(0, 1, raters) + rng.normal(0, 1, (subjects, raters))
    subject, rater = np.indices(ratings.shape).reshape(2, -1)
    table = pd.DataFrame({"subject": subject, "rater": rater, "rating": ratings.ravel()})
    found = pingouin.intraclass_corr(table, targets="subject", raters="rater", ratings="rating")
    reference = found.loc[found["Type"].isin(["ICC2", "ICC(A,1)"]), "ICC"].iloc[0]
    assert statistics.intraclass_correlation(ratings) == pytest.approx(reference, abs=1e-9)


def test_icc_of_two_raters_and_of_a_missing_rating() -> None:
    pair = SHROUT_FLEISS[:, [0, 3]].astype(float)
    expected = float(icc_2_1_exactly(SHROUT_FLEISS[:, [0, 3]]))
    assert statistics.intraclass_correlation(pair) == pytest.approx(expected, abs=1e-9)
    with_gap = np.vstack([pair, [np.nan, 5.0]])
    assert statistics.intraclass_correlation(with_gap) == pytest.approx(expected, abs=1e-9)


def test_icc_of_raters_who_agree_exactly_is_one() -> None:
    values = np.array([[1.0, 1.0], [2.0, 2.0], [5.0, 5.0], [7.0, 7.0]])
    assert statistics.intraclass_correlation(values) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("ratings", [[[1.0, 2.0]], [[3.0, 3.0]] * 6, [[1.0], [2.0], [3.0]], np.empty((0, 2))])
def test_icc_is_not_computable(ratings: object) -> None:
    assert np.isnan(statistics.intraclass_correlation(np.asarray(ratings, float)))


def test_wilcoxon_of_darwins_maize() -> None:
    assert statistics.wilcoxon(np.zeros(15), DARWIN) == pytest.approx(0.041259765625, abs=1e-9)


def test_wilcoxon_is_not_computable_without_a_difference() -> None:
    assert np.isnan(statistics.wilcoxon([1, 2, 3], [1, 2, 3]))
    assert np.isnan(statistics.wilcoxon([1], [2]))


def test_pearson_of_anscombe() -> None:
    x = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5]
    y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68]
    r, p = statistics.pearson(x, y)
    assert r == pytest.approx(0.816420516, abs=1e-8)
    assert p == pytest.approx(0.00216962887, abs=1e-8)


@pytest.mark.parametrize(("a", "b"), [([1, 2], [1, 2]), ([1, 1, 1, 1], [1, 2, 3, 4]), ([np.nan] * 4, [1, 2, 3, 4])])
def test_pearson_is_not_computable(a: list[float], b: list[float]) -> None:
    assert np.isnan(statistics.pearson(a, b)).all()


def test_limits_of_agreement_of_bland_and_altman() -> None:
    limits = statistics.limits_of_agreement(MINI_WRIGHT, WRIGHT)
    assert (round(limits.bias, 1), round(limits.lower, 1)) == (-2.1, -78.1)
    difference = np.subtract(WRIGHT, MINI_WRIGHT)
    assert limits.upper - limits.bias == pytest.approx(1.96 * difference.std(ddof=1), abs=1e-9)
    assert round(float(difference.std(ddof=1)), 1) == 38.8
    assert statistics.pearson(WRIGHT, MINI_WRIGHT)[0] == pytest.approx(0.943, abs=5e-4)


def test_limits_of_one_film_are_not_computable() -> None:
    limits = statistics.limits_of_agreement([1.0], [3.0])
    assert limits.bias == 2.0 and np.isnan([limits.lower, limits.upper]).all()


def test_power_law_against_statsmodels() -> None:
    epochs = np.arange(1, 41)
    spread = 12.0 * epochs**-0.6 * np.exp(np.random.default_rng(3).normal(0, 0.1, 40))
    fit = statistics.fit_power_law(epochs, spread)
    reference = sm.OLS(np.log(spread), sm.add_constant(np.log(epochs))).fit()
    assert fit.gamma == pytest.approx(-reference.params[1], abs=1e-9)
    assert fit.adjusted_r2 == pytest.approx(reference.rsquared_adj, abs=1e-9)
    assert fit.p == pytest.approx(reference.pvalues[1], rel=1e-6)
    assert fit.scale == pytest.approx(float(np.exp(reference.params[0])), abs=1e-9)


NORRIS = np.array(
    [
        (0.2, 0.1), (337.4, 338.8), (118.2, 118.1), (884.6, 888.0), (10.1, 9.2), (226.5, 228.1), (666.3, 668.5),
        (996.3, 998.5), (448.6, 449.1), (777.0, 778.9), (558.2, 559.2), (0.4, 0.3), (0.6, 0.1), (775.5, 778.1),
        (666.9, 668.8), (338.0, 339.3), (447.5, 448.9), (11.6, 10.8), (556.0, 557.7), (228.1, 228.3), (995.8, 998.0),
        (887.6, 888.8), (120.2, 119.6), (0.3, 0.3), (0.3, 0.6), (556.8, 557.6), (339.1, 339.3), (887.2, 888.0),
        (999.0, 998.5), (779.0, 778.9), (11.1, 10.2), (118.3, 117.6), (229.2, 228.9), (669.1, 668.4), (448.9, 449.2),
        (0.5, 0.2),
    ]
)  # fmt: skip
"""x and y of the linear regression data set Norris of NIST's Statistical Reference Datasets."""


def test_power_law_against_the_certified_regression_of_nist() -> None:
    """The certified line through Norris is a power law through the exponentials of its points."""
    fit = statistics.fit_power_law(np.exp(NORRIS[:, 0] / 100), np.exp(NORRIS[:, 1] / 100))
    assert fit.gamma == pytest.approx(-1.00211681802045, abs=1e-11)
    assert 100 * np.log(fit.scale) == pytest.approx(-0.262323073774029, abs=1e-10)
    adjusted = 1 - (1 - 0.999993745883712) * 35 / 34
    assert fit.adjusted_r2 == pytest.approx(adjusted, abs=1e-12)
    assert fit.p == pytest.approx(stats.f.sf(5436385.54079785, 1, 34), rel=1e-6)


def test_power_law_of_a_short_or_constant_log_is_not_computable() -> None:
    assert np.isnan(statistics.fit_power_law([1, 2], [3, 4]).gamma)
    assert np.isnan(statistics.fit_power_law([1, 2, 3, 4], [5, 5, 5, 5]).gamma)


def test_summary() -> None:
    summary = statistics.summarize([1, 2, 3, 4, np.nan])
    assert (summary.count, summary.mean, summary.median, summary.iqr) == (4, 2.5, 2.5, 1.5)
    assert summary.sd == pytest.approx(np.std([1, 2, 3, 4], ddof=1))
    assert statistics.summarize([]).count == 0 and np.isnan(statistics.summarize([5.0]).sd)


def test_unequal_lists_are_refused() -> None:
    with pytest.raises(ValueError, match="equally many"):
        statistics.paired([1, 2], [1])
