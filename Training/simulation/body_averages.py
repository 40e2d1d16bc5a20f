"""Averages of many vertebral bodies, and of hips, each in its own frame and in its own size.

Single films hide by noise and overlap where the bright and dark parts lie against a body's center; the average over
films shows it, and so what a simulated patient lacks: foramina, articular pillars, a chest deep enough behind the
spine, bone behind the hips. The profile across an average says where, in units that need no pixel size.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.measurement.landmarks import PRESACRAL_LEVELS

Image = NDArray[np.float32]
Point = NDArray[np.float64]
Marks = Mapping[str, tuple[float, float]]
AnnotatedFilm = tuple[Image, Marks, float, str]
"""Gray values, landmarks in pixels, pixel size in mm, the side the patient faces."""

GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "C3 to C6": ("C3", "C4", "C5", "C6"),
    "C7 to T1": ("C7", "T1"),
    "T2 to T4": ("T2", "T3", "T4"),
    "T5 to T9": ("T5", "T6", "T7", "T8", "T9"),
    "L1 to L4": ("L1", "L2", "L3", "L4"),
}
HIPS: Final[str] = "hips"
REACH: Final[float] = 3.6
"""Half the side of an average. The unit is the distance of two levels' centers; for hips, a third of that to S1."""
STEPS: Final[int] = 40
"""Points of an average to a unit."""
_CORE: Final[float] = 1.8
"""Half the side of the middle part, whose mean becomes 0 and whose standard deviation 1."""
_BAND: Final[float] = 0.5
"""Half the height of the band in which a profile is taken."""
_HEADS_APART: Final[float] = 0.2
"""Of their distance to S1: hips with heads farther apart are left out, since their average would be two hips."""


def body_view(film: AnnotatedFilm, level: str) -> Image | None:
    """One body in its frame: anterior left, the line through its neighbors' centers upright.

    Returns:
        Shape (288, 288), in standard deviations of its middle part; None where a neighbor is not annotated.
    """
    marks = film[1]
    place = PRESACRAL_LEVELS.index(level)
    if not 0 < place < len(PRESACRAL_LEVELS) - 1:
        return None
    names = [f"{PRESACRAL_LEVELS[i]}_C" for i in (place - 1, place, place + 1)]
    if any(name not in marks for name in names):
        return None
    above, center, below = (np.array(marks[name], float) for name in names)
    return _view(film, center, (above - below) / 2)


def hip_view(film: AnnotatedFilm) -> Image | None:
    """The hips upright around the middle of the femoral heads, else as `body_view`."""
    marks = film[1]
    if any(name not in marks for name in ("FH_1", "FH_2", "S1_A", "S1_P")):
        return None
    first, second, front, back = (np.array(marks[name], float) for name in ("FH_1", "FH_2", "S1_A", "S1_P"))
    height = float(np.linalg.norm((first + second - front - back) / 2))
    if np.linalg.norm(first - second) > _HEADS_APART * height:
        return None
    return _view(film, (first + second) / 2, np.array([0.0, -height / 3]))


def _view(film: AnnotatedFilm, center: Point, up: Point) -> Image:
    """The surroundings of a point, `up` one unit long in pixels."""
    pixels, _, _, anterior = film
    back = np.array([-up[1], up[0]]) * (1.0 if anterior == "left" else -1.0)
    axis = positions()
    x, y = np.meshgrid(axis, axis)
    at = (center + x[..., None] * back - y[..., None] * up).astype(np.float32)
    view = cv2.remap(pixels.astype(np.float32), at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderValue=np.nan)
    core = view[np.ix_(np.abs(axis) < _CORE, np.abs(axis) < _CORE)]
    return np.asarray((view - np.nanmean(core)) / max(float(np.nanstd(core)), 1e-6), np.float32)


def positions() -> Point:
    """Where the columns of an average lie behind its center, and its rows below it, in units."""
    count = round(2 * REACH * STEPS)
    return np.asarray((np.arange(count) + 0.5) / STEPS - REACH)


def profile(view: Image) -> Image:
    """The mean across an average at the height of its center, shape (288,)."""
    return np.asarray(np.nanmean(view[np.abs(positions()) < _BAND], axis=0), np.float32)


def averages(films: Iterable[AnnotatedFilm]) -> dict[str, tuple[Image, int]]:
    """The average of each group that was seen, and over how many."""
    views: dict[str, list[Image]] = {name: [] for name in (*GROUPS, HIPS)}
    for film in films:
        for name, levels in GROUPS.items():
            views[name] += [view for level in levels if (view := body_view(film, level)) is not None]
        if (hips := hip_view(film)) is not None:
            views[HIPS].append(hips)
    return {name: (np.nanmean(found, axis=0), len(found)) for name, found in views.items() if found}


def draw(real: dict[str, tuple[Image, int]], simulated: dict[str, tuple[Image, int]], path: Path) -> None:
    """Both averages of every group above each other, a cross at the center, and below them both profiles."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    names = (*GROUPS, HIPS)
    figure, axes = plt.subplots(3, len(names), figsize=(3 * len(names), 8.6), constrained_layout=True)
    for row, (label, found) in zip(axes, (("real", real), ("simulated", simulated)), strict=False):
        for axis, curves, name in zip(row, axes[2], names, strict=True):
            axis.axis("off")
            if name in found:
                view, count = found[name]
                axis.imshow(view, cmap="gray", vmin=-2, vmax=2, extent=(-REACH, REACH, -REACH, REACH))
                axis.plot(0, 0, "+", color="tab:red")
                axis.set_title(f"{label}, {name} ({count})", fontsize=9)
                curves.plot(positions(), profile(view), label=label)
    for curves in axes[2]:
        curves.axvline(0, color="0.7", linewidth=0.8)
        curves.set_xlabel("behind the center (levels)" if curves is not axes[2][-1] else "behind (S1 at 3)", fontsize=8)
        curves.tick_params(labelsize=7)
    handles, labels = next((c.get_legend_handles_labels() for c in axes[2] if c.lines[1:]), ([], []))
    figure.legend(handles, labels, loc="lower left", fontsize=8)
    axes[2][0].set_ylabel("gray (standard deviations)", fontsize=8)
    figure.savefig(path, dpi=80)
    plt.close(figure)
