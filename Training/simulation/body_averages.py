"""Averages of many vertebral bodies, each turned into its own frame.

Single films hide by noise and overlap where the bright and dark parts lie against a body's center; the average over
films shows it, and so what a simulated vertebra lacks: foramina, articular pillars, walls too bright.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.landmarks import PRESACRAL_LEVELS

Image = NDArray[np.float32]
Marks = Mapping[str, tuple[float, float]]
AnnotatedFilm = tuple[Image, Marks, float, str]
"""Gray values, landmarks in pixels, pixel size in mm, the side the patient faces."""

GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "C3 to C6": ("C3", "C4", "C5", "C6"),
    "C7 to T1": ("C7", "T1"),
    "T2 to T5": ("T2", "T3", "T4", "T5"),
    "T6 to T11": ("T6", "T7", "T8", "T9", "T10", "T11"),
    "L1 to L4": ("L1", "L2", "L3", "L4"),
}
REACH_MM: Final[float] = 36.0
"""Half the side of an average."""
STEP_MM: Final[float] = 0.5


def body_view(film: AnnotatedFilm, level: str) -> Image | None:
    """One body in its frame: anterior left, the line through its neighbors' centers upright; contrast stretched.

    Returns:
        Shape (144, 144), 0 to 1 for the middle of its gray values, or None where a neighbor is not annotated.
    """
    pixels, marks, spacing, anterior = film
    place = PRESACRAL_LEVELS.index(level)
    if not 0 < place < len(PRESACRAL_LEVELS) - 1:
        return None
    names = [f"{PRESACRAL_LEVELS[i]}_C" for i in (place - 1, place, place + 1)]
    if any(name not in marks for name in names):
        return None
    above, center, below = (np.array(marks[name], float) for name in names)
    up = (above - below) / np.linalg.norm(above - below)
    back = np.array([-up[1], up[0]]) * (1.0 if anterior == "left" else -1.0)
    axis = (np.arange(round(2 * REACH_MM / STEP_MM)) + 0.5) * STEP_MM - REACH_MM
    x, y = np.meshgrid(axis, axis)
    at = center + (x[..., None] * back - y[..., None] * up) / spacing
    at = at.astype(np.float32)
    view = cv2.remap(pixels, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderValue=np.nan)
    low, high = np.nanpercentile(view, (3, 97))
    return np.asarray(np.clip((view - low) / max(high - low, 1e-6), -0.2, 1.2), np.float32)


def averages(films: Iterable[AnnotatedFilm]) -> dict[str, tuple[Image, int]]:
    """The average body of each group that was seen, and over how many."""
    views: dict[str, list[Image]] = {name: [] for name in GROUPS}
    for film in films:
        for name, levels in GROUPS.items():
            views[name] += [view for level in levels if (view := body_view(film, level)) is not None]
    return {name: (np.nanmean(found, axis=0), len(found)) for name, found in views.items() if found}


def draw(real: dict[str, tuple[Image, int]], simulated: dict[str, tuple[Image, int]], path: Path) -> None:
    """Both averages of every group above each other, a cross at the center."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, len(GROUPS), figsize=(3 * len(GROUPS), 6.4), constrained_layout=True)
    for row, (label, found) in zip(axes, (("real", real), ("simulated", simulated)), strict=True):
        for axis, name in zip(row, GROUPS, strict=True):
            axis.axis("off")
            if name in found:
                view, count = found[name]
                axis.imshow(view, cmap="gray", extent=(-REACH_MM, REACH_MM, -REACH_MM, REACH_MM))
                axis.plot(0, 0, "+", color="tab:red")
                axis.set_title(f"{label}, {name} ({count})", fontsize=9)
    figure.savefig(path, dpi=80)
    plt.close(figure)
