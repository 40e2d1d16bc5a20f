"""Prediction examples (Yeh 2021, Fig. 4): the best, the median and the worst film with true and predicted landmarks."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from Training.datasets.film import AnnotatedFilm
from Training.datasets.pixels import read_pixels
from Training.evaluation.study import MODEL, TRUTH, Study

FloatArray = NDArray[np.float64]

_HEIGHT = 900
"""Height in pixels at which a film is drawn."""


@dataclass(frozen=True)
class Example:
    """A film of the study and why it is shown."""

    index: int
    title: str


def choose_examples(study: Study) -> list[Example]:
    """The films with the smallest, middle and largest mean error; fewer when there are fewer films."""
    errors = study.errors_mm()
    known = [i for i in range(len(study.films)) if np.isfinite(errors[i]).any()]
    order = sorted(known, key=lambda i: float(np.nanmean(errors[i])))
    if not order:
        return []
    places = {"best": order[0], "median": order[len(order) // 2], "worst": order[-1]}
    shown: dict[int, str] = {}
    for title, index in places.items():
        shown.setdefault(index, title)
    return [
        Example(i, f"{title}: {study.films[i].name}\nmean error {np.nanmean(errors[i]):.1f} mm")
        for i, title in shown.items()
    ]


def examples_figure(study: Study) -> Figure | None:
    """The chosen films side by side; None when no film has an error in mm."""
    examples = choose_examples(study)
    if not examples:
        return None
    figure = Figure(figsize=(3.6 * len(examples), 8.5), layout="constrained")
    for axes, example in zip(np.ravel(figure.subplots(1, len(examples))), examples, strict=True):
        _draw(axes, study.films[example.index], study.marks[TRUTH][example.index], study.marks[MODEL][example.index])
        axes.set_title(example.title, fontsize=9)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=9)
    return figure


def _draw(axes: Axes, film: AnnotatedFilm, truth: FloatArray, predicted: FloatArray) -> None:
    x_mm, y_mm = film.annotation.pixel_size
    if film.picture is not None:
        pixels = read_pixels(film.picture)
        height, width = pixels.shape
        low, high = np.percentile(pixels, (0.5, 99.5))
        gray = np.clip((pixels - low) / max(high - low, 1e-6) * 255, 0, 255).astype(np.uint8)
        small = Image.fromarray(gray).resize((max(1, round(width * _HEIGHT / height)), _HEIGHT))
        axes.imshow(np.asarray(small), cmap="gray", extent=(-0.5, width - 0.5, height - 0.5, -0.5))
    else:
        axes.set_facecolor("0.2")
        axes.invert_yaxis()
    # a predicted landmark is joined to its true place, so that a wrong level shows as a long line
    axes.add_collection(LineCollection(list(np.stack([truth, predicted], axis=1)), colors="#ffd54f", linewidths=0.8))
    axes.scatter(
        truth[:, 0], truth[:, 1], s=14, facecolors="none", edgecolors="#4fc3f7", linewidths=0.9, label="ground truth"
    )
    axes.scatter(predicted[:, 0], predicted[:, 1], s=5, color="#ff7043", linewidths=0, label="model")
    axes.set_aspect(y_mm / x_mm)
    axes.set_xticks([])
    axes.set_yticks([])
