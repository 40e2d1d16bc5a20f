"""Where texts go on a film: near what they name, off one another, and off the spine that they are about."""

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
_ANGLES: Final[FloatArray] = np.radians(np.arange(0, 360, 22.5))
_AROUND: Final[FloatArray] = np.tile(np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1), 2)
"""Directions of the places that are tried, for both corners of a box, shape (16, 4)."""
_BODY: Final[tuple[float, float]] = (0.75, 0.5)
"""Half the width and height of a vertebra that a text keeps off, in levels."""
_SACRUM: Final[float] = 1.6
"""How far below its endplate the sacrum is kept clear, in levels."""


def structure_boxes(film: Annotation) -> FloatArray:
    """What no text may lie on: vertebrae, sacrum and femoral heads; film pixels, shape (n, 4)."""
    step = np.array(film.pixel_size)
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


def free_place(
    box: Box,
    taken: ArrayLike,
    size: tuple[float, float] | None = None,
    step: float = 8.0,
    tie: tuple[ArrayLike, ArrayLike] | None = None,
) -> Box:
    """The place of a box nearest to where it would like to be that covers no other.

    Args:
        box: left, top, right and bottom in pixels.
        taken: the boxes that are there already, shape (n, 4).
        size: width and height of the picture that it must not leave; None when it may.
        step: pixels between the places that are tried.
        tie: what it names, shape (2,), and the boxes, shape (m, 4), that a line from there to it must not cross.
    """
    others = np.asarray(taken, float).reshape(-1, 4)
    width, height = box[2] - box[0], box[3] - box[1]
    found = None
    for ring in range(_RINGS):
        places = np.array(box) + step * ring * (_AROUND if ring else _AROUND[:1])
        if size is not None:
            corners = np.clip(places[:, :2], 2, np.maximum(np.array(size) - (width, height) - 2, 2))
            places = np.hstack([corners, corners + (width, height)])
        # the nearest free place first, in sixteen directions
        free = places[~_covered(places, others)]
        if len(free):
            found = free[0] if found is None else found
            clear = free if tie is None else free[~_crossed(np.asarray(tie[0], float), free, np.asarray(tie[1], float))]
            if len(clear):
                return _box(clear[0])
    return _box(places[-1] if found is None else found)


def _box(place: FloatArray) -> Box:
    left, top, right, bottom = place.tolist()
    return (left, top, right, bottom)


def _covered(places: FloatArray, others: FloatArray) -> NDArray[np.bool_]:
    """Which of the boxes, shape (k, 4), lie on one of the others, shape (n, 4)."""
    left, top, right, bottom = (side[:, None] for side in places.T)
    its_left, its_top, its_right, its_bottom = others.T
    on = (left < its_right) & (its_left < right) & (top < its_bottom) & (its_top < bottom)
    return np.asarray(on.any(axis=1))


def _crossed(start: FloatArray, places: FloatArray, others: FloatArray) -> NDArray[np.bool_]:
    """From which boxes, shape (k, 4), the line to a point crosses one of the others, shape (n, 4), before its end."""
    others = others.reshape(-1, 4)
    others = others[(others[:, :2] > start).any(axis=1) | (others[:, 2:] < start).any(axis=1)]
    way = np.clip(start, places[:, :2], places[:, 2:]) - start
    # where, as a share of the way, the line enters and leaves each box along each axis (slab method)
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = (others.reshape(-1, 2, 2) - start) / way[:, None, None]
    enter, leave = np.fmin(ends[:, :, 0], ends[:, :, 1]), np.fmax(ends[:, :, 0], ends[:, :, 1])
    first, last = enter.max(axis=-1, initial=0.0), leave.min(axis=-1, initial=1.0)
    return np.asarray((first < last).any(axis=1))
