"""How a film lies that shows a spine to nobody who looks at it upright: on its side, or upside down.

The network of bodies sees vertebrae on lateral films that stand upright and few on others, so the way round in which it
sees most is the right one.
"""

from typing import Final

import numpy as np

from SpineAlignmentLib.detection.bodies_network import MM_PER_PIXEL, find_bodies, whole_frame
from SpineAlignmentLib.detection.engines import Answers
from SpineAlignmentLib.detection.reporting import SURE_OF_NUMBERING
from SpineAlignmentLib.film.film import Film
from SpineAlignmentLib.film.preprocessing import INPUT_SIZE
from SpineAlignmentLib.results.annotation import Annotation

LIES: Final[dict[int, str]] = {
    1: "on its side, the head to the right: turn it a quarter counterclockwise",
    2: "upside down: turn it by half",
    3: "on its side, the head to the left: turn it a quarter clockwise",
}
"""Quarter turns counterclockwise that set a film upright, and what to say of it."""

_BODY: Final[float] = 0.4
"""Least strength of a body that counts."""
_SPINE: Final[float] = 9.0
"""Least sum of strengths: 10 and more on whole spines the right way round, 6.6 and less on frontal films."""
_RATHER: Final[float] = 1.1
"""How much more than as it lies: 1.05 to 2.4 times on lateral films upside down, whose bodies look much alike; at most
0.79 times on fourteen real ones that stand upright."""


def in_doubt(result: Annotation) -> bool:
    """Whether a spine that was found may be one upside down: some of it is missing, and its numbering is not sure."""
    numbering = result.numbering
    return numbering is not None and numbering.sure < SURE_OF_NUMBERING and bool(np.isnan(result.points_px).any())


def how_it_lies(film: Film, network: Answers) -> str:
    """What to say of a film that lies on its side or upside down, one of `LIES`; "" where nothing is sure of that.

    Args:
        film: as it lies.
        network: of bodies, loaded by `engines.load_answers`.
    """
    sums = [_strength(film, turns, network) for turns in range(4)]
    best = int(np.argmax(sums))
    sure = best != 0 and sums[best] >= _SPINE and sums[best] >= _RATHER * sums[0]
    return LIES[best] if sure else ""


def _strength(film: Film, turns: int, network: Answers) -> float:
    """Sum of the strengths of the bodies on a film after quarter turns, of the side that shows more."""
    pixels = np.ascontiguousarray(np.rot90(film.pixels, turns))
    size = (pixels.shape[1], pixels.shape[0])
    spacing = film.spacing_mm or (INPUT_SIZE[0] * MM_PER_PIXEL / max(size),) * 2
    spacing = spacing[::-1] if turns % 2 else spacing
    found = (find_bodies(pixels, whole_frame(size, spacing, side), network, _BODY) for side in ("left", "right"))
    return max(sum(body.strength for body in bodies.vertebrae) for bodies in found)
