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

    first, second = (part * step_mm for part in cells)
    places = (middle_mm + first[:, None, None] * axes[0] + second[None, :, None] * axes[1]) / spacing
    start = np.clip(np.floor(places.min(axis=(0, 1))).astype(int), 0, np.array(pixels.shape[::-1]) - 1)
    stop = np.maximum(np.ceil(places.max(axis=(0, 1))).astype(int), start) + 2
    part = np.asarray(pixels[start[1] : stop[1], start[0] : stop[0]], np.float32)
    gray = ndimage.map_coordinates(part, np.moveaxis(places - start, -1, 0)[::-1], order=1, mode="nearest")
    rises = np.array(np.gradient(ndimage.gaussian_filter(gray, smooth_mm / step_mm)))
    steep = (rises**2).sum(axis=0)
    return Rises(*(rises / np.sqrt(steep + np.median(steep) + _NONE)))
