"""The window that a training of a close-up sees, placed about where detection would place it."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.close_up import Region

FloatArray = NDArray[np.floating[Any]]
ImageArray = NDArray[np.float32]

MISPLACED_PX: Final[float] = 12.0
"""Standard deviation of the window's place, since it lies around landmarks as they were found, not as they are."""


def window_corner(
    region: Region, points: FloatArray, size: tuple[int, int], rng: np.random.Generator
) -> tuple[int, int]:
    """(left, top) of a window on an input of (height, width) `size`.

    Args:
        region: the part.
        points: shape (45, 2), input pixels, NaN where missing; with none of the region's, the window lies anywhere.
        size: of the whole input.
        rng: source of chance.
    """
    height, width = region.input_size
    if np.isfinite(points[region.rows]).any():
        middle = region.middle(points) + rng.normal(0, MISPLACED_PX, 2)
    else:
        middle = rng.uniform((0, 0), size[::-1])
    return round(float(middle[0]) - width / 2), round(float(middle[1]) - height / 2)


def cut_window(image: ImageArray, corner: tuple[int, int], region: Region) -> ImageArray:
    """The window whose first pixel is pixel (left, top) of the image; zero beyond the image's edges."""
    height, width = region.input_size
    left, top = corner
    out = np.zeros((height, width), np.float32)
    rows, columns = slice(max(top, 0), max(top + height, 0)), slice(max(left, 0), max(left + width, 0))
    part = image[rows, columns]
    first_row, first_column = max(-top, 0), max(-left, 0)
    out[first_row : first_row + part.shape[0], first_column : first_column + part.shape[1]] = part
    return out


def region_points(region: Region, points: FloatArray, corner: tuple[int, int]) -> FloatArray:
    """Landmarks (45, 2) of an input in pixels of the window; NaN for those of other regions and outside the window."""
    moved = points - corner
    outside = ~((moved >= -0.5) & (moved <= np.array(region.input_size)[::-1] - 0.5)).all(axis=1)
    outside[np.setdiff1d(np.arange(len(points)), region.rows)] = True
    return np.where(outside[:, None], np.nan, moved)
