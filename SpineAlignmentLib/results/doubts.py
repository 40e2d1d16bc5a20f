"""What cannot be on a film of a person, or hardly: the wrong side, hips behind the sacrum, numbers that nobody has.

It follows from landmarks, side and size of a pixel as they are now, whoever set them, and is said anew at each change.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.measurement.constructions import level_distance, value_text
from SpineAlignmentLib.measurement.landmarks import CENTERS, INDEX, NAMES
from SpineAlignmentLib.measurement.parameters import PARAMETERS
from SpineAlignmentLib.results.annotation import Annotation

FloatArray = NDArray[np.float64]

BEYOND_SDS: Final[float] = 5.0
"""Standard deviations of the paper's patients from their mean beyond which a value is doubted: no value of fourteen
real films lies farther than 3.3 away."""
LEAST_PI: Final[float] = 10.0
"""Degrees. Pelvic incidence belongs to the bone, not to the posture: healthy adults have 33 to 82 (Vialle 2005,
doi:10.2106/JBJS.D.02043), and below this the heads lie behind the sacrum."""
LEVEL_LIMITS_MM: Final[tuple[float, float]] = (8.0, 60.0)
"""Distances of neighboring vertebrae, in the middle of all that are known, that a spine can have: from an infant's to
the lumbar ones of a tall adult, magnified."""
LEAST_FILM_MM: Final[float] = 60.0
"""No film of a spine, or of a part of one, is shorter."""

WITHHELD: Final[str] = "withheld: wrong side?"
"""Why what is made of the values is not given, see `side_doubt`."""

_ENDS: Final[tuple[tuple[str, str], ...]] = tuple(
    (name, name.replace("_A", "_P")) for name in NAMES if "_A" in name and name.replace("_A", "_P") in INDEX
)
"""The endplates whose both ends are landmarks, the anterior one first."""
_FRONT, _BACK = ([INDEX[pair[i]] for pair in _ENDS] for i in (0, 1))
_CENTERS: Final[list[int]] = [INDEX[name] for name in CENTERS]


def doubts(film: Annotation) -> tuple[str, ...]:
    """One line for each thing that cannot be, or hardly; most harmful first, nothing for most films."""
    turned, known = _turned(film)
    if side := _side_line(film, turned, known):
        return (side,)
    lines = [f"{_ENDS[i][0]} lies behind {_ENDS[i][1]}" for i in np.flatnonzero(turned)]
    return (*lines, *_numbers(film), *size_doubt(film))


def side_doubt(film: Annotation) -> str:
    """The line of the wrong side, with which no value is to be given; "" where the side is right."""
    return _side_line(film, *_turned(film))


def _side_line(film: Annotation, turned: NDArray[np.bool_], known: NDArray[np.bool_]) -> str:
    if 2 * np.count_nonzero(turned) <= np.count_nonzero(known):
        return ""
    other = "right" if film.anterior == "left" else "left"
    return (
        f"wrong side? The landmarks are those of a patient who faces {other}, not {film.anterior}: "
        "no value is right until the side is"
    )


def _turned(film: Annotation) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which of `_ENDS` have their front behind their back, and which are known."""
    points = np.where(film.trusted()[:, None], film.points_mm(), np.nan)
    front, back = points[_FRONT, 0], points[_BACK, 0]
    return front < back, np.isfinite(front) & np.isfinite(back)


def all_warnings(film: Annotation) -> tuple[str, ...]:
    """What is to be said beside every value: doubts, then what was said when the film was read and detected."""
    return (*doubts(film), *film.warnings)


def _numbers(film: Annotation) -> list[str]:
    """Parameters that hardly anybody has."""
    values = film.parameters()
    if values["PI"] < LEAST_PI:
        return [f"PI {value_text('PI', values['PI'])}: the femoral heads lie behind the sacrum; check side and heads"]
    far = [p.key for p in PARAMETERS if abs(values[p.key] - p.mean) > BEYOND_SDS * p.sd]
    told = ", ".join(f"{key} {value_text(key, values[key])}" for key in far)
    advice = "check side, levels, landmarks, pixel size, and that the film is upright"
    return [f"hardly possible: {told}; {advice}"] if far else []


def size_doubt(film: Annotation) -> list[str]:
    """What of a film cannot be of the size that it has, one line or none."""
    if film.spacing_mm is None:
        return []
    long = max(size * step for size, step in zip(film.size_px, film.spacing_mm, strict=True))
    if 0 < long < LEAST_FILM_MM:
        return [f"the film is {long:.3g} mm long: check the pixel size"]
    points = np.where(film.trusted()[:, None], film.points_mm(), np.nan)
    if np.count_nonzero(np.isfinite(points[_CENTERS, 0])) < 2:
        return []
    low, high = LEVEL_LIMITS_MM
    apart = level_distance(points)
    return [] if low <= apart <= high else [f"vertebrae are {apart:.3g} mm apart: check the pixel size"]
