"""The figures of the study, in the manner of Yeh 2021, Figs. 4 to 7; each function answers a matplotlib figure."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from scipy.cluster import hierarchy

from SpineAlignmentLib.measurement.landmarks import INDEX, REGIONS
from SpineAlignmentLib.measurement.parameters import PARAMETERS
from Training.evaluation import statistics
from Training.evaluation.localization import QUANTILES, SUCCESS_RADII_MM
from Training.evaluation.study import MODEL, TRUTH, Study

FloatArray = NDArray[np.float64]

REGION_COLORS = dict(zip(REGIONS, sns.color_palette("colorblind", 4), strict=True))
_MARKERS = dict(zip(QUANTILES, ("|", "o", "D", "X"), strict=True))
_FLOOR_MM = 0.05
"""Errors below this are drawn here, so that a logarithmic axis can show them."""


def _figure(width: float, height: float) -> Figure:
    return Figure(figsize=(width, height), layout="constrained")


def localization(study: Study) -> Figure:
    """Letter-value plots of the error of each landmark, a panel for each region (Fig. 6)."""
    errors = np.maximum(study.errors_mm(), _FLOOR_MM)
    figure = _figure(13, 8.5)
    left, right = figure.subfigures(1, 2, squeeze=False)[0]
    upper = ("cervical", "lumbosacral", "femoral")
    axes_left = left.subplots(3, 1, sharex=True, height_ratios=[len(REGIONS[region]) + 1 for region in upper])
    axes_right = right.subplots(1, 1)
    known = errors[np.isfinite(errors)]
    limits = (_FLOOR_MM, max(20.0, float(known.max()) * 1.3) if known.size else 20.0)
    places = {"cervical": axes_left[0], "lumbosacral": axes_left[1], "femoral": axes_left[2], "thoracic": axes_right}
    for region, axes in places.items():
        _letter_values(axes, region, errors)
        axes.set(xscale="log", xlim=limits)
        axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    for axes in (axes_left[2], axes_right):
        axes.set_xlabel("Localization error (mm)")
    marks = [Line2D([], [], color="black", marker=_MARKERS[q], linestyle="", label=f"{100 * q:g} %") for q in QUANTILES]
    figure.legend(
        handles=marks, loc="outside lower center", ncols=len(marks), title="Share of the films below the mark"
    )
    return figure


def reliability(table: pd.DataFrame, correction: tuple[float, float]) -> Figure:
    """Share of right landmarks against confidence, sizes by number; `correction` as `reliability.platt` gives it."""
    figure = _figure(5.5, 5.2)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    axes.plot(table["confidence"], table["right"], color="C0", linewidth=1)
    axes.scatter(table["confidence"], table["right"], s=20 + 400 * table["count"] / table["count"].sum(), color="C0")
    for row in table.itertuples():
        axes.annotate(f"{row.count:,}", (row.confidence, row.right), (6, -10), textcoords="offset points", fontsize=7)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="Confidence", ylabel="Share right", aspect="equal")
    axes.set_title("slope {:.2f}, offset {:.2f} on the logit scale".format(*correction), fontsize=9)
    return figure


def _letter_values(axes: Axes, region: str, errors: FloatArray) -> None:
    names = REGIONS[region]
    values = {name: errors[:, INDEX[name]][np.isfinite(errors[:, INDEX[name]])] for name in names}
    for radius in SUCCESS_RADII_MM:
        axes.axvline(radius, color="0.8", linewidth=0.8, zorder=0)
    long = pd.DataFrame([(n, v) for n in names for v in values[n]], columns=["landmark", "error"])
    if len(long):
        sns.boxenplot(
            long, x="error", y="landmark", order=list(names), ax=axes, color=REGION_COLORS[region], log_scale=True,
            width=0.75, linewidth=0.5, k_depth="trustworthy",
            line_kws={"linewidth": 0}, flier_kws={"s": 5, "alpha": 0.5},
        )  # fmt: skip
    for row, name in enumerate(names):
        for q in QUANTILES if values[name].size else ():
            size = 9 if q == 0.5 else 4
            place, edge = np.quantile(values[name], q), size / 6
            axes.plot(place, row, _MARKERS[q], color="black", markersize=size, markeredgewidth=edge, zorder=5)
    axes.set(xlabel="", ylabel="", title=f"{region.capitalize()}")
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_ylim(len(names) - 0.5, -0.5)


def _parameter_grid() -> tuple[Figure, list[Axes]]:
    figure = _figure(14, 8)
    return figure, list(figure.subplots(3, 6).ravel())


def _not_computable(axes: Axes) -> None:
    axes.text(0.5, 0.5, "not computable", ha="center", va="center", transform=axes.transAxes, color="0.4")


def scatter(study: Study) -> Figure:
    """Model against ground truth for each parameter, with the line of identity and Pearson's R."""
    figure, grid = _parameter_grid()
    truth, model = study.parameters(TRUTH), study.parameters(MODEL)
    for axes, parameter in zip(grid, PARAMETERS, strict=True):
        t, m = statistics.paired(truth[parameter.key], model[parameter.key])
        r, _ = statistics.pearson(t, m)
        unit = f" ({parameter.unit})" if parameter.unit else ""
        axes.set_title(f"{parameter.key}{unit}" + (f"   R = {r:.3f}" if np.isfinite(r) else ""), fontsize=10)
        if not t.size:
            _not_computable(axes)
            continue
        ends = [min(t.min(), m.min()), max(t.max(), m.max())]
        axes.plot(ends, ends, color="0.6", linewidth=0.8, zorder=0)
        axes.scatter(t, m, s=10, alpha=0.6, linewidths=0, color=REGION_COLORS["cervical"])
    figure.supxlabel("Ground truth")
    figure.supylabel("Model")
    return figure


def bland_altman(study: Study) -> Figure:
    """Difference against mean for each parameter, with bias and 95 % limits of agreement."""
    figure, grid = _parameter_grid()
    truth, model = study.parameters(TRUTH), study.parameters(MODEL)
    for axes, parameter in zip(grid, PARAMETERS, strict=True):
        t, m = statistics.paired(truth[parameter.key], model[parameter.key])
        axes.set_title(f"{parameter.key}" + (f" ({parameter.unit})" if parameter.unit else ""), fontsize=10)
        if not t.size:
            _not_computable(axes)
            continue
        axes.scatter((t + m) / 2, m - t, s=10, alpha=0.6, linewidths=0, color=REGION_COLORS["lumbosacral"])
        limits = statistics.limits_of_agreement(t, m)
        digits = 2 if abs(limits.upper - limits.lower) < 1 else 1
        for value, style in ((limits.bias, "-"), (limits.lower, "--"), (limits.upper, "--")):
            if np.isfinite(value):
                axes.axhline(value, color="black", linestyle=style, linewidth=0.8)
                axes.annotate(
                    f"{round(value, digits) + 0.0:.{digits}f}",
                    (1, value),
                    xycoords=("axes fraction", "data"),
                    ha="right",
                    va="bottom",
                    fontsize=8,
                    bbox={"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.5},
                )
    figure.supxlabel("Mean of model and ground truth")
    figure.supylabel("Model - ground truth")
    return figure


def agreement_heatmap(icc: pd.DataFrame) -> Figure:
    """ICC(2,1) of every pair of raters, parameters and pairs ordered by hierarchical clustering (Fig. 7)."""
    values = icc.to_numpy(float)
    rows, columns = _linkage(values), _linkage(values.T)
    figure = _figure(4.5 + 0.62 * len(icc.columns), 8.5)
    grid = figure.subplots(2, 2, width_ratios=(1.2, 1 + 0.62 * len(icc.columns)), height_ratios=(1, 7))
    (corner, above), (left, axes) = grid
    corner.axis("off")
    order = [
        _dendrogram(tree, size, *place)
        for tree, size, place in ((rows, len(icc), (left, "left")), (columns, len(icc.columns), (above, "top")))
    ]
    table = icc.iloc[order[0], order[1]]
    sns.heatmap(
        table, ax=axes, vmin=0, vmax=1, cmap="viridis", annot=True, fmt=".2f", annot_kws={"fontsize": 8},
        mask=table.isna(), linewidths=0.5, cbar_kws={"label": "ICC(2,1)"},
    )  # fmt: skip
    axes.set_facecolor("0.9")
    axes.yaxis.tick_right()
    axes.set(xlabel="", ylabel="")
    axes.tick_params(axis="x", rotation=90)
    axes.tick_params(axis="y", rotation=0)
    return figure


def _linkage(rows: FloatArray) -> FloatArray | None:
    """Average linkage of rows, None for fewer than two; what is not computable counts as no agreement."""
    if len(rows) < 2 or not rows.shape[1]:
        return None
    return np.asarray(hierarchy.linkage(np.nan_to_num(rows), "average", optimal_ordering=True))


def _dendrogram(tree: FloatArray | None, leaves: int, axes: Axes, side: str) -> list[int]:
    """Draws a tree beside the heatmap it orders; answers the order of its leaves."""
    axes.axis("off")
    if tree is None or tree[-1, 2] == 0:  # nothing to tell apart
        return list(range(leaves))
    drawn = hierarchy.dendrogram(tree, ax=axes, orientation=side, color_threshold=0, above_threshold_color="0.4")
    axes.axis("off")
    if side == "left":
        axes.invert_yaxis()
    return list(drawn["leaves"])


def learning_speed(spread: pd.DataFrame, laws: pd.DataFrame) -> Figure:
    """Spread of the stage-1 heatmaps against epoch, with the fitted power law of each region (Fig. 5)."""
    figure = _figure(7, 5)
    axes, unit = figure.subplots(), str(spread.columns[0])
    for row in laws.itertuples():
        region = str(row.region)
        color = REGION_COLORS[region]
        part = spread[spread["region"] == region]
        axes.scatter(part[unit], part["spread"], s=14, alpha=0.6, linewidths=0, color=color)
        label = region
        if np.isfinite(row.gamma):
            epochs = np.geomspace(part[unit].min(), part[unit].max(), 50)
            axes.plot(epochs, row.scale * epochs**-row.gamma, color=color)
            label += f": gamma = {row.gamma:.2f}, adjusted R2 = {row.adjusted_r2:.2f}, p = {row.p:.1g}"
        axes.plot([], [], color=color, label=label)
    axes.set(
        xscale="log",
        yscale="log",
        xlabel=unit.capitalize(),
        ylabel="Spread of the stage-1 heatmaps (px, film 864 px high)",
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(ticker.NullFormatter())
    axes.legend(fontsize=8)
    return figure
