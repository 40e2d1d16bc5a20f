"""The window that a training of a close-up sees, placed about where detection would place it."""

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.close_ups import Region

FloatArray = NDArray[np.floating[Any]]
ImageArray = NDArray[np.float32]

MISPLACED_PX: Final[tuple[float, float]] = (12.0, 30.0)
"""Standard deviations of the window's place across and along the film, since it lies around landmarks as found, not as
they are. Along the film those are off by a level at times; with less than this a network tells levels by their place in
the window."""


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


def window_of(image: ImageArray, corner: tuple[int, int], size: tuple[int, int], border: int) -> ImageArray:
    """The (height, width) `size` of an image or field from pixel (left, top) on; `border`: OpenCV's, past its edges."""
    shift = np.array([[1.0, 0.0, corner[0]], [0.0, 1.0, corner[1]]])
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(image, shift, size[::-1], flags=flags, borderMode=border), np.float32)


def cut_window(image: ImageArray, corner: tuple[int, int], region: Region) -> ImageArray:
    """The window whose first pixel is pixel (left, top) of the image; zero beyond the image's edges."""
    return window_of(image, corner, region.input_size, cv2.BORDER_CONSTANT)


def region_points(region: Region, points: FloatArray, corner: tuple[int, int]) -> FloatArray:
    """Landmarks (45, 2) of an input in pixels of the window; NaN for those of other regions and outside the window."""
    moved = points - corner
    outside = ~((moved >= -0.5) & (moved <= np.array(region.input_size)[::-1] - 0.5)).all(axis=1)
    outside[np.setdiff1d(np.arange(len(points)), region.rows)] = True
    return np.where(outside[:, None], np.nan, moved)
