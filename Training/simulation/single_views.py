"""Views of single structures as far off as detection takes them, in training, and structures that move in them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.single_view import SingleView
from SpineAlignmentLib.measurement.landmarks import INDEX
from Training.simulation.moves import Moves, Structure

FloatArray = NDArray[np.float64]

_GREATEST: Final[float] = 3.0
"""Standard deviations."""
_TURN: Final[float] = np.radians(7.0)
_SCALE: Final[float] = 0.1
_ALONE: Final[float] = 0.6
"""Share of views in which the bone that is looked for moves alone, so that nothing around it says where it is."""


def off(view: SingleView, distance_px: float, rng: np.random.Generator) -> SingleView:
    """A view that is off by about a distance in view pixels in either direction, turned, and of another size."""
    size = float(np.sqrt(abs(np.linalg.det(view.axes))))
    away = distance_px * size * np.clip(rng.normal(0, 1, 2), -_GREATEST, _GREATEST)
    turn = rng.normal(0, _TURN)
    cos, sin = np.cos(turn), np.sin(turn)
    axes = np.exp(rng.normal(0, _SCALE)) * np.array([[cos, sin], [-sin, cos]]) @ view.axes
    return SingleView(view.center + away, axes, view.size)


def moved_alone(
    structures: Sequence[Structure],
    further: float,
    window: tuple[int, int],
    marks: FloatArray,
    spacing_mm: float,
    rng: np.random.Generator,
) -> Moves:
    """Moves of bones of which, in most views, that in the middle is one.

    Args:
        structures: of which one is looked for.
        further: by how much more than elsewhere it is moved.
        window: its (height, width).
        marks: landmarks (45, 2), window pixels, NaN where missing.
        spacing_mm: of these pixels.
        rng: where chance comes from.
    """
    if rng.random() >= _ALONE:
        return Moves.sample(marks, spacing_mm, rng)
    centers = np.array([marks[[INDEX[name] for name in each.landmarks]].mean(axis=0) for each in structures])
    away = np.linalg.norm(centers - (np.array(window[::-1]) - 1) / 2, axis=1)
    nearest = structures[int(np.argmin(np.where(np.isfinite(away), away, np.inf)))]
    return Moves.sample(marks, spacing_mm, rng, replace(nearest, shift_mm=further * nearest.shift_mm))
