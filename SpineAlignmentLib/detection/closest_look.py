"""The closest look at a film: its vertebral bodies, each of them by itself, and the rims of the femoral heads.

All of it is seen on one image, the film at one scale (`bodies_network.MM_PER_PIXEL`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from SpineAlignmentLib.detection.bodies_network import (
    Bodies,
    bodies_input,
    frame_around,
    on_film,
    seen_bodies,
    whole_frame,
)
from SpineAlignmentLib.detection.engines import Answers
from SpineAlignmentLib.detection.extent import apparent_spacing
from SpineAlignmentLib.detection.heads_network import Circle, find_heads
from SpineAlignmentLib.detection.vertebra_network import seen_singly
from SpineAlignmentLib.film.film import Film

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ClosestLook:
    """What was seen of a film, film pixels."""

    bodies: Bodies
    heads: tuple[Circle, ...] = ()
    """The higher and further anterior one first, lengths in pixels along y; none where the hips are not on the film."""


@dataclass(frozen=True)
class ClosestNetworks:
    """The networks that look closest, loaded by `engines.load_answers`."""

    bodies: Answers
    vertebra: Answers | None = None
    """Of single vertebrae."""
    heads: Answers | None = None

    def look(self, film: Film, points: ArrayLike, hips: ArrayLike) -> ClosestLook:
        """The closest look.

        Args:
            film: with its facing side.
            points: (45, 2) film pixels, where the landmarks are about; they tell the scale where the film does not.
            hips: (2,) film pixels, where the middle of the heads is about; NaN where that is not known.
        """
        spacing = film.spacing_mm or apparent_spacing(points, film.pixel_aspect)
        frame = frame_around(whole_frame(film.size_px, spacing, film.anterior or "left"), points)
        image = bodies_input(film.pixels, frame)
        bodies = seen_bodies(image, self.bodies)
        if self.vertebra is not None:
            bodies = seen_singly(bodies, image, self.vertebra)
        heads: tuple[Circle, ...] = ()
        middle, last = np.asarray(hips, float), np.array(film.size_px) - 1
        if self.heads is not None and (middle >= 0).all() and (middle <= last).all():  # which NaN is not
            step = abs(frame.step[1])
            heads = tuple(
                Circle(frame.to_film(head.center), step * head.radius, step * head.residual)
                for head in find_heads(image, frame.to_network(middle), self.heads)
            )
        return ClosestLook(on_film(bodies, frame), heads)
