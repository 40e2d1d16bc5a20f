"""The femoral heads as circles: a network sees the hips alone and says where the rims of both heads are.

Each rim is eight points, at fixed directions from its head's center. A circle through them has the center that the
landmarks FH_1 and FH_2 mean, a radius, and a residual that says how round what was found is.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from SpineAlignmentLib.detection.engines import Answers
from SpineAlignmentLib.detection.single_view import SingleView, cut
from SpineAlignmentLib.results.annotation import HEADS

FloatArray = NDArray[np.float64]
ImageArray = NDArray[np.float32]

VIEW_PX: Final[int] = 128
"""Height and width of what the network sees, about 12 cm."""
RIM: Final[FloatArray] = np.radians(np.arange(0.0, 360.0, 45.0))
"""Directions of a rim's points from its center, from the front over the top."""
_ENOUGH_PX: Final[float] = 1.0
"""View pixels by which a look may find the heads beside its middle for no further one to be worth its time."""
_LOOKS: Final[int] = 3
_ROUNDS: Final[int] = 4
"""Of a circle's fit, which settles in two or three."""


@dataclass(frozen=True)
class Circle:
    """A head; lengths in pixels of the image."""

    center: FloatArray
    """(2,) x, y."""
    radius: float
    residual: float
    """Root mean square distance of the points that the circle was fitted to from it."""


def hips_view(middle: ArrayLike) -> SingleView:
    """The view of hips whose middle lies about there, (2,) image pixels, the patient facing left."""
    return SingleView(np.asarray(middle, float), np.eye(2), VIEW_PX)


def fitted_circle(points: ArrayLike, weights: ArrayLike) -> Circle:
    """The circle nearest to points (n, 2), by squared distances that weights (n,) weigh: Gauss-Newton's steps."""
    places, weight = np.asarray(points, float), np.asarray(weights, float)
    center = np.average(places, axis=0, weights=weight)
    radius = 0.0
    for _ in range(_ROUNDS):
        away = places - center
        distance = np.linalg.norm(away, axis=1)
        towards = np.column_stack([away / distance[:, None], np.ones(len(places))])
        root = np.sqrt(weight)
        step = np.linalg.lstsq(towards * root[:, None], (distance - radius) * root, rcond=None)[0]
        center, radius = center + step[:2], radius + float(step[2])
    off = np.linalg.norm(places - center, axis=1) - radius
    return Circle(center, radius, float(np.sqrt(np.average(off**2, weights=weight))))


def find_heads(image: ImageArray, middle: ArrayLike, network: Answers) -> tuple[Circle, ...]:
    """Both heads, the higher and further anterior one first, on what the network of bodies sees.

    A look is drawn a little to its middle, so that heads further off are looked at again where they were found.

    Args:
        image: see `bodies_network.bodies_input`; the patient faces left.
        middle: (2,) image pixels, where the middle of the heads is about.
        network: of the heads, loaded by `engines.load_answers`.
    """
    place = np.asarray(middle, float)
    heads: tuple[Circle, ...] = ()
    for _ in range(_LOOKS):
        view = hips_view(place)
        answer = network(cut(image, [view]))
        rims = view.to_image(np.asarray(answer["coordinates"][0], float)).reshape(len(HEADS), len(RIM), 2)
        spread = np.asarray(answer["spread"][0], float).reshape(len(HEADS), len(RIM))
        heads = tuple(fitted_circle(rim, 1 / wide**2) for rim, wide in zip(rims, spread, strict=True))
        before, place = place, np.mean([head.center for head in heads], axis=0)
        if np.linalg.norm(place - before) < _ENOUGH_PX:
            break
    return heads
