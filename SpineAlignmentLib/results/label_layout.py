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
_LINE_STEP_PX: Final[float] = 3.0
"""A line is looked at in steps of that length."""
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
    found = None
    for ring in range(_RINGS):
        places = np.array(box) + step * ring * (_AROUND if ring else _AROUND[:1])
        if size is not None:
            room = np.maximum(np.array(size) - (box[2] - box[0], box[3] - box[1]) - 2, 2)
            corner = np.minimum(np.maximum(places[:, :2], 2), room)
            places = np.hstack([corner, corner + (box[2] - box[0], box[3] - box[1])])
        # the nearest free place first, in sixteen directions
        for place in places[~_covered(places, others)]:
            found = place if found is None else found
            if tie is None or not _crossed(np.asarray(tie[0], float), place, np.asarray(tie[1], float)):
                return _box(place)
    return _box(places[-1] if found is None else found)


def _box(place: FloatArray) -> Box:
    left, top, right, bottom = place.tolist()
    return (left, top, right, bottom)


def _covered(places: FloatArray, others: FloatArray) -> NDArray[np.bool_]:
    """Which of the boxes, shape (k, 4), lie on one of the others, shape (n, 4)."""
    each = places[:, None]
    low, high = each[..., :2] < others[:, 2:], others[:, :2] < each[..., 2:]
    return np.asarray((low.all(axis=-1) & high.all(axis=-1)).any(axis=1))


def _crossed(start: FloatArray, place: FloatArray, others: FloatArray) -> bool:
    """Whether the line from a point to a box crosses one of the others, shape (n, 4)."""
    way = np.clip(start, place[:2], place[2:]) - start
    pieces = max(2, int(np.hypot(*way) / _LINE_STEP_PX) + 1)
    points = start + np.linspace(0, 1, pieces)[:, None] * way
    return bool(_covered(np.hstack([points, points]), others.reshape(-1, 4)).any())
