"""Directions of edges in a patch of a film: which way gray values rise, whatever by how much.

Bone is told from what lies beside it by the direction in which it gets brighter. Strength tells less: a thin plate
rises less than what crosses it, shoulders, alae or text. So each rise is brought to a length of nearly 1 where it
stands out from the patch's median, and to less below that.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_NONE: Final[float] = 1e-12
"""Square of a rise that is none, gray values having any scale."""


class Rises(NamedTuple):
    """Rises of gray values, at most 1 long, shape (along, across) the axes of a patch."""

    along: NDArray[np.float32]
    across: NDArray[np.float32]


def rises_around(
    pixels: NDArray[np.generic],
    middle_mm: FloatArray,
    axes: FloatArray,
    cells: tuple[NDArray[np.intp], NDArray[np.intp]],
    step_mm: float,
    smooth_mm: float,
    spacing: FloatArray,
) -> Rises:
    """Rises in a patch of a film; beyond the film its border goes on.

    Args:
        pixels: shape (height, width), bone bright.
        middle_mm: (2,) place of cell (0, 0), film pixels times spacing.
        axes: (2, 2) unit vectors, of the first and of the second axis.
        cells: steps along the first and along the second axis, each rising by 1.
        step_mm: size of a cell.
        smooth_mm: standard deviation of the blur before.
        spacing: (x, y) mm of a film pixel.
    """
    from scipy import ndimage

    first, second = cells[0][:, None] * step_mm, cells[1] * step_mm
    places = [(middle_mm[k] + first * axes[0, k] + second * axes[1, k]) / spacing[k] for k in (0, 1)]
    start = [max(min(int(place.min()), size - 1), 0) for place, size in zip(places, pixels.shape[::-1], strict=True)]
    stop = [max(int(place.max()) + 1, begin) + 2 for place, begin in zip(places, start, strict=True)]
    part = np.asarray(pixels[start[1] : stop[1], start[0] : stop[0]], np.float32)
    at = [places[1] - start[1], places[0] - start[0]]
    for axis in (0, 1):  # pixels finer than cells are averaged, or their noise would stay
        if (together := min(int(step_mm / spacing[1 - axis]), part.shape[axis])) > 1:
            whole = np.moveaxis(part, axis, 0)[: part.shape[axis] // together * together]
            part = np.moveaxis(whole.reshape(-1, together, whole.shape[1]).mean(axis=1), 0, axis)
            at[axis] = (at[axis] - (together - 1) / 2) / together
    gray = ndimage.gaussian_filter(ndimage.map_coordinates(part, at, order=1, mode="nearest"), smooth_mm / step_mm)
    along, across = np.gradient(gray)
    steep = along * along + across * across
    length = np.sqrt(steep + np.median(steep) + _NONE)
    return Rises(along / length, across / length)
