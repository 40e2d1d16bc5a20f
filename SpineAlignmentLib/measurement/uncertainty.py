"""How far off the 18 parameters may be, from how far off their landmarks may be.

First-order propagation of the landmarks' joint covariance S through the parameters' derivatives J, J S J' (JCGM
100:2008, "Guide to the expression of uncertainty in measurement", equation 13), with J taken from the one definition
of the parameters by central differences. Frame as in `parameters`: x anterior +, y up +.

Errors of landmarks are of two kinds. Those of a detection are what it says of itself, times a factor for each parameter
that was measured on annotated films (`Training.calibrate`). Those of a person are how two readers differ.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from SpineAlignmentLib.measurement.landmarks import COUNT, INDEX, NAMES
from SpineAlignmentLib.measurement.parameters import KEYS, PARAMETERS, spinopelvic_parameters

FloatArray = NDArray[np.float64]

LEVEL: Final[float] = 0.9
"""Share of measurements whose interval holds what is to be covered."""

NORMAL: Final[float] = 1.645
"""Half-width of the interval of a normal distribution that holds `LEVEL`, in standard deviations."""

MEAN_ABSOLUTE: Final[float] = 0.798
"""Mean absolute value of a normal distribution, in standard deviations: sqrt(2 / pi)."""

_STRUCTURES: Final[tuple[str, ...]] = tuple(name.split("_")[0] for name in NAMES)
_READERS_MM: Final[dict[str, float]] = {"S1": 1.8, "FH": 1.7}
_READERS_ELSEWHERE_MM: Final[float] = 0.7

READERS_MM: Final[FloatArray] = np.array([_READERS_MM.get(s, _READERS_ELSEWHERE_MM) for s in _STRUCTURES])
"""(45,) standard deviation along an axis of the difference of two readers: a median distance of 0.8 mm along the spine
and 2.0 mm of femoral heads, sixteen films read twice; of the sacral endplate what their sacral slopes, 3.5 degrees
apart in the mean, say. With it PI differs by 4.0 (measured: 4.0), SSA by 3.7 (3.6), PT by 0.8 (0.9), GT by 1.0 (1.0),
MTK by 1.9 (1.6), cSVA by 0.8 mm (1.0) on average."""

_WITHIN_A_VERTEBRA: Final[float] = 0.5
_WITHIN_THE_PELVIS: Final[float] = 0.0


def _correlation() -> FloatArray:
    same = np.array([[a == b for b in _STRUCTURES] for a in _STRUCTURES])
    pelvic = np.array([s in _READERS_MM for s in _STRUCTURES])
    out = same * np.where(pelvic, _WITHIN_THE_PELVIS, _WITHIN_A_VERTEBRA)
    np.fill_diagonal(out, 1.0)
    return np.asarray(out, float)


CORRELATION: Final[FloatArray] = _correlation()
"""(45, 45) of the landmarks' errors along either axis: those of one vertebra move together, so that its endplates turn
less than they shift; measured 0.3 to 0.8 on simulated and real films, of the sacral endplate and the heads 0 to 0.3."""

_ROOT: Final[FloatArray] = np.linalg.cholesky(CORRELATION).T
"""(45, 45) whose square, transposed times itself, is `CORRELATION`."""

_STEP: Final[float] = 1e-3
"""Of the differences, in units of length; parameters are smooth over millimeters."""

_NEEDED: Final[list[int]] = sorted({INDEX[name] for parameter in PARAMETERS for name in parameter.landmarks})


def _steps() -> FloatArray:
    out = np.zeros((len(_NEEDED), 2, COUNT, 2))
    for k, row in enumerate(_NEEDED):
        out[k, :, row] = _STEP * np.eye(2)
    return out.reshape(-1, COUNT, 2)


_STEPS: Final[FloatArray] = _steps()
"""Each needed landmark moved along x, and along y."""


def sensitivity(points: ArrayLike) -> FloatArray:
    """How much each parameter changes with each landmark.

    Args:
        points: shape (45, 2), any unit of length; NaN where missing.

    Returns:
        (18, 45, 2) in the parameter's unit per unit of length, in the order of `parameters.KEYS`; NaN of a parameter
        that is not measurable.
    """
    places = np.asarray(points, float)
    values = spinopelvic_parameters(np.concatenate([places + _STEPS, places - _STEPS]))
    ahead, behind = np.split(np.array([values[key] for key in KEYS]), 2, axis=1)
    out = np.zeros((len(KEYS), COUNT, 2))
    out[:, _NEEDED] = (ahead - behind).reshape(len(KEYS), len(_NEEDED), 2) / (2 * _STEP)
    return out


def half_widths(
    points: ArrayLike, deviation: ArrayLike, by_hand: ArrayLike, factors: Mapping[str, float], mm: float = 1.0
) -> dict[str, float]:
    """Half of the 90 % interval of each parameter.

    The detection's share is its standard error times the parameter's factor; a person's that of two readers. None is
    narrower than two readers differ on average, since what is to be covered is a reader's value.

    Args:
        points: shape (45, 2), x anterior +, y up +, any unit of length; NaN where missing.
        deviation: (45,) standard deviation of detected landmarks along either axis, same unit; NaN where unknown.
        by_hand: (45,) which landmarks a person placed; their deviation is not looked at.
        factors: parameter key to half-width over standard error of a detection; those without one have no interval.
        mm: length of a millimeter in the unit of the points.

    Returns:
        Parameter key to half-width in the parameter's unit; NaN where it is not measurable or not known.
    """
    slopes = sensitivity(points)
    hand = np.asarray(by_hand, bool)
    readers = READERS_MM * mm
    detected = _standard_errors(slopes, np.where(hand, 0.0, np.asarray(deviation, float)))
    factor = np.array([factors.get(key, np.nan) for key in KEYS])
    # a parameter of which nothing was detected needs no factor
    detected = np.where(detected == 0, 0.0, factor * detected)
    placed = NORMAL * _standard_errors(slopes, np.where(hand, readers, 0.0))
    found = np.maximum(np.hypot(detected, placed), MEAN_ABSOLUTE * _standard_errors(slopes, readers))
    return dict(zip(KEYS, found.tolist(), strict=True))


def standard_errors(points: ArrayLike, deviation: ArrayLike) -> FloatArray:
    """(18,) standard errors of the parameters, see `half_widths`; a landmark of NaN deviation makes its own NaN."""
    return _standard_errors(sensitivity(points), np.asarray(deviation, float))


def _standard_errors(slopes: FloatArray, deviation: FloatArray) -> FloatArray:
    moves = slopes * deviation[:, None]
    # zero times NaN: a landmark that a parameter does not need says nothing about it
    moves = np.where(slopes == 0, 0.0, moves)
    return np.asarray(np.sqrt(np.sum((_ROOT @ moves) ** 2, axis=(1, 2))))
