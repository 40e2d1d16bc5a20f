"""How a film lies that shows a spine to nobody who looks at it upright: on its side, or upside down.

The network of bodies sees vertebrae on lateral films that stand upright and few on others, so the way round in which it
sees most is the right one. Lumbar bodies look much alike either way round: where a spine in doubt was found, both ways
are looked at, and that which leaves less doubt (`refusal.doubt`) is right.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from SpineAlignmentLib.detection.bodies_network import MM_PER_PIXEL, find_bodies, whole_frame
from SpineAlignmentLib.detection.engines import Answers
from SpineAlignmentLib.detection.reporting import SURE_OF_NUMBERING
from SpineAlignmentLib.film.film import CLAIMED_SIDES, Film
from SpineAlignmentLib.film.preprocessing import INPUT_SIZE
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.turning import as_stored

LIES: Final[dict[int, tuple[str, str]]] = {
    1: ("on its side, the head to the right", "a quarter counterclockwise"),
    2: ("upside down", "by half"),
    3: ("on its side, the head to the left", "a quarter clockwise"),
}
"""Quarter turns counterclockwise that set a film upright: how it lies, and the turn in words."""

_BODY: Final[float] = 0.4
"""Least strength of a body that counts."""
_SPINE: Final[float] = 9.0
"""Least sum of strengths: 10 and more on whole spines the right way round, 6.6 and less on frontal films."""
_FEW: Final[float] = 3.0
"""The same where a spine in doubt was found as the film lies: parts of films show few bodies."""
_RATHER: Final[float] = 1.1
"""How much more than as it lies: 1.05 to 2.4 times on lateral films upside down; at most 0.79 times on fourteen real
ones that stand upright."""
_ALIKE: Final[float] = 0.8
"""The same where a spine was found, worth a look: of 244 parts of films those that were seen upside down as well had
0.84 times and more the right way round."""


def in_doubt(result: Annotation) -> bool:
    """Whether a spine that was found may be one upside down: some of it is missing, and its numbering is not sure."""
    numbering = result.numbering
    return numbering is not None and numbering.sure < SURE_OF_NUMBERING and bool(np.isnan(result.points_px).any())


def turns_to_upright(film: Film, network: Answers, found: Annotation | None = None) -> int:
    """Quarter turns that set a film upright, one of `LIES`; 0 where it is not sure that it lies.

    Args:
        film: as it lies.
        network: of bodies, loaded by `engines.load_answers`.
        found: the spine, in doubt, that was found as it lies, so that the turns are worth a look; None where none was.
    """
    least, rather = (_SPINE, _RATHER) if found is None else (_FEW, _ALIKE)
    sums = {turns: _strength(film, turns, network) for turns in (0, *LIES)}
    best = max(LIES, key=lambda turns: sums[turns])
    return best if sums[best] >= max(least, rather * sums[0]) else 0


def set_upright(film: Film, turns: int, force: bool) -> Film:
    """The film after quarter turns, with a warning that says so; facing the side that was given if told to insist."""
    lay, turn = LIES[turns]
    upright, side = film.upright(turns), _given(film)
    upright = replace(upright, warnings=(*upright.warnings, f"the film lay {lay}: turned {turn}"))
    return upright.facing(side, film.anterior_source) if side and force else upright


def _given(film: Film) -> str | None:
    """The side that the user gave: that of the film set upright."""
    return None if film.anterior_source in CLAIMED_SIDES else film.anterior


def as_it_lies(film: Film, result: Annotation, turns: int) -> Annotation | None:
    """What was found on a film set upright, on the film as it is stored; None where the user gave another side.

    Who looks at a film upside down may mean either.

    Args:
        film: as it is stored.
        result: of the film set upright.
        turns: quarter turns that set it upright.
    """
    given = _given(film)
    if given not in (None, result.anterior):
        return None
    result = replace(result, anterior_source=film.anterior_source) if given else result
    return as_stored(result, turns)


def _strength(film: Film, turns: int, network: Answers) -> float:
    """Sum of the strengths of the bodies on a film after quarter turns, of the side that shows more."""
    film = film.upright(turns)
    spacing = film.spacing_mm or (INPUT_SIZE[0] * MM_PER_PIXEL / max(film.size_px),) * 2
    frames = (whole_frame(film.size_px, spacing, side) for side in ("left", "right"))
    found = (find_bodies(film.pixels, frame, network, _BODY) for frame in frames)
    return max(sum(body.strength for body in bodies.vertebrae) for bodies in found)
