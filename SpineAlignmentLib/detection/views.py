"""Which part of a film is looked at, and how large."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.film.preprocessing import InputFrame

FloatArray = NDArray[np.float64]


def region_of(
    points: FloatArray, size_px: tuple[int, int], margin: float, pixel_size: tuple[float, float] = (1.0, 1.0)
) -> tuple[float, float, float, float]:
    """The part of the film that holds the landmarks with a margin: (left, top, right, bottom), film pixels.

    Args:
        points: shape (45, 2), film pixels.
        size_px: (width, height) of the film.
        margin: on each side, as a share of the landmarks' height.
        pixel_size: (x, y), so that the margin is as wide as it is high; only the ratio matters.
    """
    low, high = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
    reach_y = margin * max(high[1] - low[1], 1.0)
    reach_x = reach_y * pixel_size[1] / pixel_size[0]
    width, height = size_px
    left, right = max(low[0] - reach_x, -0.5), min(high[0] + reach_x, width - 0.5)
    top, bottom = max(low[1] - reach_y, -0.5), min(high[1] + reach_y, height - 0.5)
    if right - left < 1 or bottom - top < 1:
        return -0.5, -0.5, width - 0.5, height - 0.5
    return float(left), float(top), float(right), float(bottom)


def zoomed(frame: InputFrame, zoom: float) -> InputFrame:
    return replace(frame, step=(frame.step[0] / zoom, frame.step[1] / zoom))


def resized(frame: InputFrame, input_size: tuple[int, int]) -> InputFrame:
    """The same view for a network of another input size."""
    if frame.input_size == input_size:
        return frame
    grow = max(frame.input_size[0] / input_size[0], frame.input_size[1] / input_size[1])
    return InputFrame(input_size, frame.center, (frame.step[0] * grow, frame.step[1] * grow))
