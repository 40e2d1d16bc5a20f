"""Whether a picture shows a lateral spine at all.

On a spine the levels' scores are high and the networks agree on where each center is; on frontal films, other parts of
the body and pictures, they find some sequence of bright spots, but a poor one on which they disagree.
"""

from typing import Final

import numpy as np

from SpineAlignmentLib.detection.levels import Path
from SpineAlignmentLib.detection.look import Look
from SpineAlignmentLib.detection.spine import Spine
from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.measurement.landmarks import INDEX

GREATEST_DOUBT: Final[float] = 2.25
"""Doubt beyond which there is no spine: 1.7 and less on whole films, 2.1 on most parts; 2.4 and more on frontal films,
other parts of the body and pictures."""

_APART: Final[float] = 0.1
"""Weight of the networks' disagreement, grid pixels, against the mean score of a level."""
_FEW: Final[int] = 4
"""Fewer levels than this say too little: there the sacral endplate and both femoral heads must be seen."""
_SEEN_PX: Final[float] = 10.0


def doubt(look: Look, spine: Spine, path: Path) -> float:
    """How little the levels found resemble a spine: the lower their scores and the further apart the networks."""
    rows = [INDEX[f"{level}_C"] for level in path.levels if f"{level}_C" in INDEX]
    if not rows:
        return np.inf
    step = abs(spine.grid.step[1])
    if len(path.levels) < _FEW:
        pelvis = [INDEX[name] for name in ("S1_A", "S1_P", "FH_1", "FH_2")]
        return 0.0 if (look.deviation[pelvis] <= _SEEN_PX * step).all() else np.inf
    apart = float(np.median(look.apart[rows])) / step
    return _APART * apart - path.score / len(path.levels)


BY_COMMAND: Final[str] = "if there is one, give --spacing and --anterior, or measure it with --force"
BY_HAND: Final[str] = "if there is one, say which side the patient faces and detect again"
"""What to do on the command line, and where films are shown: who says so has seen a lateral spine."""


def no_spine(name: str) -> FilmError:
    """What is said of a picture without a lateral spine."""
    return FilmError(
        f"{name}: no lateral spine found (a frontal film, another part of the body, a film on its side or upside down,"
        f" or no radiograph); {BY_COMMAND}"
    )
