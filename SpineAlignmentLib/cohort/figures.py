"""The figures of a cohort; each function answers a matplotlib figure."""

from typing import Any, Final

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from SpineAlignmentLib.clinical.norms import norm
from SpineAlignmentLib.cohort.visits import AFTER
from SpineAlignmentLib.measurement.parameters import BY_KEY, PARAMETERS
from SpineAlignmentLib.results.table import label

TRENDS: Final[tuple[str, ...]] = ("PI", "LL", "PT", "SVA", "TPA", "GTK")
MANY_PATIENTS: Final[int] = 300
"""More lines than this cannot be told apart: as many patients, evenly chosen, stand for all."""
_POINTS: Final[float] = 900.0
"""Area of the points of all patients together, square points; those of one are between the ends of `_POINT`."""
_POINT: Final[tuple[float, float]] = (7.0, 30.0)
_SHOWN: Final[tuple[float, float]] = (0.005, 0.995)
"""Share of the values that a histogram shows; the rest are among the outliers."""
_DAYS_A_YEAR: Final[float] = 365.25


def distributions(table: pd.DataFrame) -> Figure:
    """A histogram of each parameter; the band is the mean of the norm with two standard deviations on both sides."""
    figure = Figure(figsize=(13, 13), layout="constrained")
    done = table[table["status"] == "done"]
    for p, axes in zip(PARAMETERS, figure.subplots(5, 4).flat, strict=False):
        values = done[label(p)].dropna()
        if (usual := norm(p.key)) is not None:
            axes.axvspan(*usual.usual, color="0.9", zorder=0)
            axes.axvline(usual.mean, color="0.5", linewidth=1, zorder=1)
        if len(values):
            low, high = values.quantile(list(_SHOWN))
            sns.histplot(x=values.clip(low, high), ax=axes, bins=30, color="C0", edgecolor="none")
        axes.set(title=f"{p.name}", xlabel=label(p), ylabel="films")
        axes.title.set_fontsize(9)
        axes.yaxis.get_major_locator().set_params(integer=True)
    for axes in figure.axes[len(PARAMETERS) :]:
        axes.remove()
    return figure


def trends(found: pd.DataFrame) -> Figure:
    """Main parameters of patients with more than one visit, a line each, over the years since the first film."""
    figure = Figure(figsize=(13, 7.5), layout="constrained")
    seen = found[found.groupby("patient")["visit"].transform("max") > 1]
    names = seen["patient"].unique()
    chosen = names[np.linspace(0, len(names) - 1, min(len(names), MANY_PATIENTS)).astype(int)]
    size = float(np.clip(_POINTS / len(chosen), *_POINT))
    for key, axes in zip(TRENDS, figure.subplots(2, 3).flat, strict=True):
        p = BY_KEY[key]
        if (usual := norm(key)) is not None:
            axes.axhspan(*usual.usual, color="0.93", zorder=0)
        for _, visits in seen[seen["patient"].isin(chosen)].groupby("patient"):
            _line(axes, visits["day"] / _DAYS_A_YEAR, visits[label(p)], visits["state"] == AFTER, size)
        axes.set(title=p.name, xlabel="years since the first film", ylabel=label(p))
    return figure


def _line(axes: Any, years: pd.Series, values: pd.Series, after: pd.Series, size: float) -> None:
    axes.plot(years, values, color="0.5", linewidth=0.6, alpha=0.6, zorder=1)
    axes.scatter(years, values, s=size, c=np.where(after, "C3", "C0"), alpha=0.7, linewidths=0, zorder=2)
