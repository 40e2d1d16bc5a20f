"""The frame in which films are measured: x anterior +, y up +, in mm; and the way from film pixels to it and back."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

ANTERIOR_SIDES: Final[tuple[str, str]] = ("left", "right")


def frame_points(
    points_px: ArrayLike, spacing: tuple[float, float] | None, anterior: str, quarter_turns: int = 0
) -> FloatArray:
    """Film pixels, shape (..., 2), in the frame of `parameters`: x anterior +, y up +, mm (pixels without spacing).

    Args:
        points_px: as the film is stored.
        spacing: (x, y) size of a pixel of the film as it is stored.
        anterior: the side the patient faces on the film set upright, "left" or "right".
        quarter_turns: counterclockwise ones that set the film upright.
    """
    points = np.asarray(points_px, float)
    step = _step(spacing, anterior, quarter_turns)
    return np.asarray((points[..., ::-1] if quarter_turns % 2 else points) * step)


def film_points(
    points: ArrayLike, spacing: tuple[float, float] | None, anterior: str, quarter_turns: int = 0
) -> FloatArray:
    """The exact inverse of `frame_points`."""
    found = np.asarray(np.asarray(points, float) / _step(spacing, anterior, quarter_turns))
    return found[..., ::-1] if quarter_turns % 2 else found


def _step(spacing: tuple[float, float] | None, anterior: str, quarter_turns: int) -> FloatArray:
    """What takes a pixel's (x, y), of a film on its side (y, x), to the frame."""
    if anterior not in ANTERIOR_SIDES:
        raise ValueError(f"anterior must be 'left' or 'right', got {anterior!r}")
    x, y = spacing or (1.0, 1.0)
    across, up = [(x, -y), (y, x), (-x, y), (-y, -x)][quarter_turns % 4]
    return np.array([-across if anterior == "left" else across, up])
