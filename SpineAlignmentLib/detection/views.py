"""Which part of a film is looked at, and how large."""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from SpineAlignmentLib.film.preprocessing import InputFrame

_CELL: Final[int] = 64
"""Pixels of the coarsest maps' cells of a network of the whole film."""
_BESIDE: Final[float] = 8.0
"""Pixels of nothing that are seen beside a film: landmarks on narrow films move by 0.2 mm, without them by 0.4."""
_NARROWEST: Final[float] = 320.0
"""Pixels below which a view is no narrower, since of strips of films more numberings were wrong."""


def zoomed(frame: InputFrame, zoom: float) -> InputFrame:
    return replace(frame, step=(frame.step[0] / zoom, frame.step[1] / zoom))


def resized(frame: InputFrame, input_size: tuple[int, int]) -> InputFrame:
    """The same view for a network of another input size."""
    if frame.input_size == input_size:
        return frame
    grow = max(frame.input_size[0] / input_size[0], frame.input_size[1] / input_size[1])
    return InputFrame(input_size, frame.center, (frame.step[0] * grow, frame.step[1] * grow))


def as_wide_as(frame: InputFrame, size_px: tuple[int, int]) -> InputFrame:
    """The part of a view that shows a film of (width, height) pixels, from the view's top to its bottom.

    What is empty above and below stays: of a chest alone, the networks tell by it which level is which.
    """
    film = np.sort(frame.to_network([[-0.5, 0], [size_px[0] - 0.5, 0]])[:, 0])
    beside = max(0.0, _NARROWEST - (film[1] - film[0])) / 2
    corners = [[film[0] - beside, 0], [film[1] + beside, frame.input_size[0]]]
    return cells_around(frame, corners, _CELL, _BESIDE)


def cells_around(frame: InputFrame, points: ArrayLike, cell: int, margin: float) -> InputFrame:
    """The part of a view that holds points with a margin.

    Cells of the coarsest maps stay where they are: elsewhere, landmarks move by as much as they are off.

    Args:
        frame: the view.
        points: (n, 2) network pixels.
        cell: pixels of the coarsest maps' cells.
        margin: in network pixels.
    """
    seen, size = np.asarray(points, float), np.array(frame.input_size[::-1])
    first = np.clip(np.floor((seen.min(axis=0) - margin) / cell), 0, (size - 1) // cell) * cell
    last = np.clip(np.ceil((seen.max(axis=0) + margin) / cell) * cell, first + cell, None)
    last = np.minimum(last, size)
    width, height = (int(side) for side in last - first)
    x, y = frame.to_film((first + last - 1) / 2)
    return replace(frame, input_size=(height, width), center=(float(x), float(y)))
