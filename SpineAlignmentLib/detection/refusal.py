"""Whether a picture shows a lateral spine at all.

On a spine the levels' scores are high, since networks, that of bodies among them, see a vertebra at each, and the
networks agree on where each center is; on frontal films, other parts of the body and pictures, they find some sequence
of bright spots, but a poor one on which they disagree.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.look import Look
from SpineAlignmentLib.detection.sequences import Path
from SpineAlignmentLib.detection.spine import Spine
from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.film import GIVEN, Film
from SpineAlignmentLib.measurement.landmarks import INDEX

GREATEST_DOUBT: Final[float] = 0.95
"""Doubt beyond which there is no spine: -0.2 and less on whole films, 0.8 on all but two of their parts, 1.8 and more
on frontal films, other parts of the body and photographs."""
_WITHOUT_BODIES: Final[float] = 2.25
"""The same where an ensemble has no network of bodies: 1.7 and less, 2.1 on most parts; 2.3 and more."""

_A_VERTEBRA_APART: Final[float] = 20.0
"""Grid pixels. Networks that put a center so far from each other, a vertebra's height, see no spine there: 15 and less
on all but two parts of films, 24 on a drawn ladder whose rungs are as bright and alike as vertebrae."""
_APART: Final[float] = 0.1
"""Weight of the networks' disagreement, grid pixels, against the mean score of a level."""
_FEW: Final[int] = 4
"""Fewer levels than this say too little: there the sacral endplate, both femoral heads and the bodies must be seen."""
_FEW_SAY: Final[float] = 1.0
"""Nor do they leave less doubt than this below what is tolerated: at one of several scales more may be found."""
_LEAST_SEEN: Final[float] = 0.3
"""Mean strength of few bodies: 0.46 and more on pelves, 0 on a photograph that showed one."""
_SEEN_PX: Final[float] = 10.0


def doubt(look: Look, spine: Spine, path: Path, strengths: NDArray[np.float64] | None) -> float:
    """How little the levels found resemble a spine: more than 0, and there is none.

    Args:
        look, spine, path: what was seen and counted.
        strengths: (24,) of the bodies at the levels, NaN where there is none (`corners.corners_at`); None without a
            network of bodies.
    """
    rows = [INDEX[f"{level}_C"] for level in path.levels if f"{level}_C" in INDEX]
    if not rows:
        return np.inf
    step = abs(spine.grid.step[1])
    seen = np.inf if strengths is None else float(np.nansum(strengths)) / len(path.levels)
    apart = float(np.median(look.apart[rows])) / step
    tolerated = _WITHOUT_BODIES if strengths is None else GREATEST_DOUBT
    unlike = _APART * apart - path.score / len(path.levels) - tolerated
    if len(path.levels) < _FEW:
        pelvis = [INDEX[name] for name in ("S1_A", "S1_P", "FH_1", "FH_2")]
        clear = seen >= _LEAST_SEEN and (look.deviation[pelvis] <= _SEEN_PX * step).all()
        return float(np.clip(unlike, -_FEW_SAY, 0.0)) if clear else np.inf
    return np.inf if apart > _A_VERTEBRA_APART else unlike


def no_spine(film: Film, lies: tuple[str, str] | None = None) -> FilmError:
    """What is said of a picture without a lateral spine.

    Args:
        film: the picture; only what is not known of it is asked for.
        lies: how it lies, where that is why, and the turn that sets it upright, one of `lying.LIES`.
    """
    told = f"{film.name}: no lateral spine found"
    if lies:
        return FilmError(f"{told}, the film lies {lies[0]}: turn it {lies[1]} and detect again")
    unknown = [option for option, fact in (("--spacing", film.spacing_mm), ("--anterior", film.anterior)) if not fact]
    give = f"give {' and '.join(unknown)}, or " if unknown else ""
    side = "a patient who faces the other side than given, " if film.anterior and film.anterior_source == GIVEN else ""
    return FilmError(
        f"{told} ({side}a frontal film, another part of the body, a film on its side or upside down, or no radiograph)"
        f"; if there is one, {give}measure it with --force"
    )


def other_side(name: str, lies: str, seen: str) -> FilmError:
    """What is said of a film that lies, whose patient faces another side than was given once it is upright.

    Args:
        name: of the film.
        lies: how it lies, from `lying.LIES`.
        seen: the side that the patient faces on the film set upright.
    """
    return FilmError(
        f"{name}: the film lies {lies}; set upright, it shows a patient who faces {seen}, not the side given;"
        f" say {seen}, or no side"
    )
