"""Where a film lies in space, as Slicer's own reader lays it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Placement:
    """Where a film lies in space: LPS position = origin + x_px * x_step + y_px * y_step, in mm."""

    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    x_step: tuple[float, float, float] = (1.0, 0.0, 0.0)
    y_step: tuple[float, float, float] = (0.0, 1.0, 0.0)

    def to_lps(self, points_px: ArrayLike) -> FloatArray:
        """Film pixels (..., 2) to LPS positions (..., 3)."""
        return np.asarray(self.steps_to_lps(points_px) + self.origin)

    def steps_to_lps(self, steps_px: ArrayLike) -> FloatArray:
        """Steps of film pixels (..., 2) to steps in space (..., 3)."""
        return np.asarray(np.asarray(steps_px, float) @ np.array([self.x_step, self.y_step]))

    def to_film(self, positions: ArrayLike) -> FloatArray:
        """LPS positions (..., 3) to film pixels (..., 2); what is off the film's plane is projected onto it."""
        inverse = np.linalg.pinv(np.array([self.x_step, self.y_step]))
        return np.asarray((np.asarray(positions, float) - self.origin) @ inverse)


def plain_placement(spacing: tuple[float, float] | None) -> Placement:
    """How Slicer lays a film that says nothing of its place: pixel x to the left, y to the back, from the origin."""
    x, y = spacing or (1.0, 1.0)
    return Placement((0.0, 0.0, 0.0), (x, 0.0, 0.0), (0.0, y, 0.0))
