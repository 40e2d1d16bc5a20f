"""Where texts go on a film: near what they name, off one another, and off the spine that they are about."""

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from SpineAlignmentLib.measurement.constructions import level_distance
from SpineAlignmentLib.measurement.landmarks import CENTERS, INDEX
from SpineAlignmentLib.results.annotation import HEADS, Annotation
from SpineAlignmentLib.results.heads import head_centers, head_radii

FloatArray = NDArray[np.float64]
Box = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels."""

_RINGS: Final[int] = 40
_ANGLES: Final[FloatArray] = np.radians(np.arange(0, 360, 45))
_WAYS: Final[FloatArray] = np.vstack(
    [(0, 0), *(ring * np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1) for ring in range(1, _RINGS))]
)
"""Steps to the places that are tried: the nearest first, in eight directions."""
_AT_ONCE: Final[tuple[int, ...]] = (0, 1, 9, 25, 49, 81, 129, 193, len(_WAYS))
"""So many are tried together: most texts find theirs among the first."""
_BODY: Final[tuple[float, float]] = (0.75, 0.5)
"""Half the width and height of a vertebra that a text keeps off, in levels."""
_SACRUM: Final[float] = 1.6
"""How far below its endplate the sacrum is kept clear, in levels."""


def structure_boxes(film: Annotation) -> FloatArray:
    """What no text may lie on: vertebrae, sacrum and femoral heads; film pixels, shape (n, 4)."""
    step = np.array(film.spacing_mm or (1.0, film.pixel_aspect))
    level = level_distance(film.points_mm()) / step
    centers = film.points_px[[INDEX[name] for name in CENTERS]]
    boxes = [np.hstack([centers - level * _BODY, centers + level * _BODY])]
    bodies = film.vertebrae_px
    boxes.append(np.hstack([bodies.min(axis=1), bodies.max(axis=1)]))
    plate = film.points_px[[INDEX["S1_A"], INDEX["S1_P"]]]
    low, high = plate.min(axis=0), plate.max(axis=0) + (0, _SACRUM * level[1])
    boxes.append(np.concatenate([low, high])[None])
    radii = np.minimum(head_radii(film, offered=True), level[0])[:, None] * step[0] / step
    heads = head_centers(film)
    boxes.append(np.hstack([heads - radii, heads + radii]).reshape(len(HEADS), 4))
    out = np.vstack(boxes)
    return np.asarray(out[np.isfinite(out).all(axis=1)])


def free_place(box: Box, taken: ArrayLike, size: tuple[float, float] | None = None, step: float = 8.0) -> Box:
    """The place of a box nearest to where it would like to be that covers no other.

    Args:
        box: left, top, right and bottom in pixels.
        taken: the boxes that are there already, shape (n, 4).
        size: width and height of the picture that it must not leave; None when it may.
        step: pixels between the places that are tried.
    """
    width, height = box[2] - box[0], box[3] - box[1]
    extent = np.array([width, height])
    boxes = np.asarray(taken, float).reshape(-1, 4)
    for first, end in pairwise(_AT_ONCE):
        places = np.array(box[:2]) + step * _WAYS[first:end]
        if size is not None:
            places = np.clip(places, 2, np.maximum(np.array(size) - extent - 2, 2))
        ends = places + extent
        near = boxes[((boxes[:, :2] < ends.max(axis=0)) & (places.min(axis=0) < boxes[:, 2:])).all(axis=1)]
        left, top, right, bottom = near.T
        (x, y), (end_x, end_y) = places.T[:, :, None], ends.T[:, :, None]
        covers = ((x < right) & (left < end_x) & (y < bottom) & (top < end_y)).any(axis=1)
        if not covers.all():
            return _box(places[np.argmin(covers)], extent)
    return _box(places[-1], extent)


def _box(place: FloatArray, extent: FloatArray) -> Box:
    left, top, right, bottom = np.concatenate([place, place + extent]).tolist()
    return left, top, right, bottom
