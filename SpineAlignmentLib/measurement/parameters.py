"""The 18 spinopelvic parameters of a set of landmarks.

Source: Yeh et al., Scientific Reports 2021, Table 1. Frame: x anterior +, y up +, millimeters. Every angle is signed
and computed with `arctan2`, so that none folds; a parameter whose landmarks are missing (NaN) is NaN.

Definitions, with slope s(endplate) = tilt of the posterior-to-anterior line, positive when the anterior end is lower,
and lean(a, b) = angle of the line from a to b with the vertical, positive when b is anterior of a.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from SpineAlignmentLib.measurement.landmarks import INDEX, NAMES

FloatArray = NDArray[np.float64]

SFD_MINIMUM_MM: Final[float] = 1.0
"""Below this sacro-femoral distance the Barrey ratio is not measurable (Barrey 2011 divides by it)."""


@dataclass(frozen=True)
class Parameter:
    """What a parameter is called and how it reads."""

    key: str
    name: str
    unit: str
    """"deg", "mm" or "" (a ratio)."""
    mean: float
    """Mean of the paper's patients (Yeh 2021, Table 1); healthy adults: `clinical.norms`."""
    sd: float
    """Standard deviation of the paper's patients (Yeh 2021, Table 1)."""
    group: str
    """"pelvis", "lumbar", "thoracic", "cervical" or "global"."""
    landmarks: tuple[str, ...]
    """The landmarks it is built from."""


_S1 = ("S1_A", "S1_P")
_HA = ("FH_1", "FH_2")
_T1 = ("T1_AS", "T1_PS")
_T12 = ("T12_AI", "T12_PI")

PARAMETERS: Final[tuple[Parameter, ...]] = (
    Parameter("PI", "pelvic incidence", "deg", 51.6, 13.1, "pelvis", _S1 + _HA),
    Parameter("SS", "sacral slope", "deg", 35.9, 12.1, "pelvis", _S1),
    Parameter("PT", "pelvic tilt", "deg", 15.6, 11.0, "pelvis", _S1 + _HA),
    Parameter("LL", "lumbar lordosis", "deg", 47.0, 17.4, "lumbar", (*_S1, "L1_AS", "L1_PS")),
    Parameter("SVA", "sagittal vertical axis", "mm", 25.2, 47.3, "global", ("C7_C", "S1_P")),
    Parameter("CL", "cervical lordosis", "deg", 9.4, 17.3, "cervical", ("C2_AI", "C2_PI", "C7_AI", "C7_PI")),
    Parameter("T1S", "T1 slope", "deg", 24.4, 11.3, "cervical", _T1),
    Parameter("cSVA", "cervical sagittal vertical axis", "mm", 20.2, 13.4, "cervical", ("C2_C", "C7_PS")),
    Parameter("GTK", "global thoracic kyphosis", "deg", 37.7, 14.4, "thoracic", _T1 + _T12),
    Parameter("PTK", "proximal thoracic kyphosis", "deg", 13.7, 9.7, "thoracic", (*_T1, "T5_AI", "T5_PI")),
    Parameter("MTK", "main thoracic kyphosis", "deg", 26.7, 13.5, "thoracic", ("T5_AS", "T5_PS", *_T12)),
    Parameter("L4SL", "L4-S1 lordosis", "deg", 31.3, 11.5, "lumbar", (*_S1, "L4_AS", "L4_PS")),
    Parameter("LPA", "L1 pelvic angle", "deg", 8.3, 8.3, "global", (*_S1, *_HA, "L1_C")),
    Parameter("SSA", "spinosacral angle", "deg", 124.4, 14.8, "global", (*_S1, "C7_C")),
    Parameter("GT", "global tilt", "deg", 17.2, 15.0, "global", (*_S1, *_HA, "C7_C")),
    Parameter("TPA", "T1 pelvic angle", "deg", 13.1, 12.0, "global", (*_S1, *_HA, "T1_C")),
    Parameter("Barrey", "Barrey ratio", "", 0.4, 3.1, "global", ("C7_C", "S1_P", *_HA)),
    Parameter("OD-HA", "odontoid to hip axis angle", "deg", -0.4, 3.9, "global", ("C2_D", *_HA)),
)
"""The 18 parameters in the order of Table 1."""

KEYS: Final[tuple[str, ...]] = tuple(p.key for p in PARAMETERS)
BY_KEY: Final[dict[str, Parameter]] = {p.key: p for p in PARAMETERS}


def slope(posterior: ArrayLike, anterior: ArrayLike) -> FloatArray:
    """Tilt in degrees of endplates given by their ends, shape (..., 2); positive when the anterior end is lower."""
    p, a = np.asarray(posterior, float), np.asarray(anterior, float)
    return np.asarray(np.degrees(np.arctan2(p[..., 1] - a[..., 1], a[..., 0] - p[..., 0])))


def lean(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """Angle in degrees of the lines from a to b, shape (..., 2), with the vertical; + when b is anterior of a."""
    v = np.asarray(b, float) - np.asarray(a, float)
    return np.asarray(np.degrees(np.arctan2(v[..., 0], v[..., 1])))


def spinopelvic_parameters(points: ArrayLike) -> dict[str, FloatArray]:
    """The 18 parameters of one or many sets of landmarks.

    Args:
        points: shape (..., 45, 2), in the order of `landmarks.NAMES`, x anterior +, y up +, in millimeters; NaN where a
            landmark is missing.

    Returns:
        Parameter key to values of shape (...), in degrees, mm or a plain ratio; NaN where not measurable.

    Raises:
        ValueError: the last two axes are not (45, 2).
    """
    p = np.asarray(points, float)
    if p.shape[-2:] != (len(NAMES), 2):
        raise ValueError(f"expected landmarks of shape (..., {len(NAMES)}, 2), got {p.shape}")

    def at(name: str) -> FloatArray:
        return np.asarray(p[..., INDEX[name], :])

    hip_axis = (at("FH_1") + at("FH_2")) / 2
    sacral_midpoint = (at("S1_A") + at("S1_P")) / 2
    s1 = slope(at("S1_P"), at("S1_A"))
    l1, l4 = slope(at("L1_PS"), at("L1_AS")), slope(at("L4_PS"), at("L4_AS"))
    t1, t12 = slope(at("T1_PS"), at("T1_AS")), slope(at("T12_PI"), at("T12_AI"))
    t5_superior, t5_inferior = slope(at("T5_PS"), at("T5_AS")), slope(at("T5_PI"), at("T5_AI"))
    c2, c7 = slope(at("C2_PI"), at("C2_AI")), slope(at("C7_PI"), at("C7_AI"))
    pt = -lean(hip_axis, sacral_midpoint)
    c7_lean = lean(sacral_midpoint, at("C7_C"))
    sva = at("C7_C")[..., 0] - at("S1_P")[..., 0]
    sfd = hip_axis[..., 0] - at("S1_P")[..., 0]
    measurable = np.abs(sfd) > SFD_MINIMUM_MM
    return {
        "PI": pt + s1,
        "SS": s1,
        "PT": pt,
        "LL": s1 - l1,
        "SVA": sva,
        "CL": c7 - c2,
        "T1S": t1,
        "cSVA": at("C2_C")[..., 0] - at("C7_PS")[..., 0],
        "GTK": t1 - t12,
        "PTK": t1 - t5_inferior,
        "MTK": t5_superior - t12,
        "L4SL": s1 - l4,
        "LPA": pt + lean(hip_axis, at("L1_C")),
        "SSA": 90 + s1 - c7_lean,
        "GT": pt + c7_lean,
        "TPA": pt + lean(hip_axis, at("T1_C")),
        "Barrey": np.where(measurable, sva / np.where(measurable, sfd, 1.0), np.nan),
        "OD-HA": lean(hip_axis, at("C2_D")),
    }


def points_array(points: Mapping[str, ArrayLike]) -> FloatArray:
    """Named points as an array of shape (45, 2) in the order of `landmarks.NAMES`; NaN where a name is absent."""
    out = np.full((len(NAMES), 2), np.nan)
    for name, xy in points.items():
        out[INDEX[name]] = np.asarray(xy, float)
    return out
