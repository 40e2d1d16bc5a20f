"""Views of single structures as far off as detection takes them, in training."""

from typing import Final

import numpy as np

from SpineAlignmentLib.detection.single_view import SingleView

_GREATEST: Final[float] = 3.0
"""Standard deviations."""
_TURN: Final[float] = np.radians(7.0)
_SCALE: Final[float] = 0.1


def off(view: SingleView, distance_px: float, rng: np.random.Generator) -> SingleView:
    """A view that is off by about a distance in view pixels in either direction, turned, and of another size."""
    size = float(np.sqrt(abs(np.linalg.det(view.axes))))
    away = distance_px * size * np.clip(rng.normal(0, 1, 2), -_GREATEST, _GREATEST)
    turn = rng.normal(0, _TURN)
    cos, sin = np.cos(turn), np.sin(turn)
    axes = np.exp(rng.normal(0, _SCALE)) * np.array([[cos, sin], [-sin, cos]]) @ view.axes
    return SingleView(view.center + away, axes, view.size)
