"""Every number of the clinical readings, each beside its source: norms, formulas and the borders of classes.

The borders of published bands are given to a decimal ("-15 to -7.1", "-7 to 5"); a value between two bands belongs to
the outer one, so that "-15 to -7.1" is -15 <= value < -7. Signs are those of `measurement.parameters`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Final

ADULT_AGE: Final[int] = 18
"""Norms and targets are those of adults."""
AGE_LIMITS: Final[tuple[float, float]] = (0.0, 120.0)
"""Ages in years outside of these are not believed."""
USUAL_SDS: Final[float] = 2.0
"""Values farther than this many standard deviations from a norm's mean are marked."""


@dataclass(frozen=True)
class NormRow:
    """Mean and spread of one parameter in one cohort."""

    key: str
    mean: float
    sd: float
    source: str
    """Key of `sources.SOURCES`."""
    ages: tuple[float, float] = (ADULT_AGE, inf)
    """First age and the age from which it no longer holds, in years."""
    note: str = ""


@dataclass(frozen=True)
class Band:
    """A class of values: those below `limit` (or equal to it where `closed`) that are in no band before."""

    limit: float
    label: str
    points: int = 0
    closed: bool = False

    def holds(self, value: float) -> bool:
        """Whether a value is not above the band."""
        return self.limit == inf or (value <= self.limit if self.closed else value < self.limit)


@dataclass(frozen=True)
class Formula:
    """A reading that is a sum: `terms` with their factors and a constant; or `measured` less that sum, its target."""

    key: str
    name: str
    unit: str
    source: str
    terms: Mapping[str, float]
    """Parameter, "age", "TK" (see `KYPHOSES`) or another quantity of `quantities` to its factor."""
    constant: float = 0.0
    measured: str = ""
    """The quantity that is compared with the target; "" where the sum itself is the reading."""
    bands: tuple[Band, ...] = ()
    ages: tuple[float, float] | None = None
    """First age and the age from which it no longer holds; None where the age does not matter."""


_YOUNG: Final = (ADULT_AGE, 65.0)
_OLD: Final = (65.0, inf)

HEALTHY: Final[tuple[NormRow, ...]] = (
    NormRow("PI", 52.0, 10.7, "MEANS"),
    NormRow("PT", 12.5, 7.3, "MEANS"),
    NormRow("LL", 57.4, 11.3, "MEANS"),
    NormRow("T1S", 23.0, 7.9, "MEANS"),
    NormRow("CL", -0.4, 12.7, "MEANS"),
    NormRow("cSVA", 19.0, 9.8, "MEANS"),
    NormRow("PI-LL", -5.4, 10.7, "MEANS"),
    NormRow("T4-T12", 37.4, 10.9, "MEANS"),
    NormRow("SS", 39.4, 8.0, "Yukawa"),
    NormRow("GTK", 36.0, 10.1, "Yukawa"),
    NormRow("SVA", 3.1, 12.6, "Yukawa", _YOUNG),
    NormRow("SVA", 17.0, 12.6, "MEANS", _OLD, "spread: Yukawa 2018"),
    NormRow("SSA", 130.4, 8.1, "Mac-Thiong"),
    NormRow("TPA", 7.3, 5.5, "TPA norms", _YOUNG, "spread from the mean's 95 % interval, 6.8 to 7.8"),
    NormRow("TPA", 13.7, 5.5, "MEANS", _OLD, "spread: normative values 2024"),
    NormRow("LPA", 6.3, 4.4, "TPA norms", note="spread from the mean's 95 % interval, 5.9 to 6.7"),
)
"""Healthy adults. Where a parameter has rows of several ages, the first holds when the age is unknown."""


def _schwab(low: float, high: float) -> tuple[Band, ...]:
    return Band(low, "0", 0), Band(high, "+", 1, closed=True), Band(inf, "++", 2)


SCHWAB: Final[tuple[Formula, ...]] = (
    Formula(
        "SRS-Schwab PI-LL", "SRS-Schwab modifier of PI-LL", "deg", "Schwab", {"PI-LL": 1.0}, bands=_schwab(10.0, 20.0)
    ),
    Formula("SRS-Schwab PT", "SRS-Schwab modifier of PT", "deg", "Schwab", {"PT": 1.0}, bands=_schwab(20.0, 30.0)),
    Formula("SRS-Schwab SVA", "SRS-Schwab modifier of SVA", "mm", "Schwab", {"SVA": 1.0}, bands=_schwab(40.0, 95.0)),
)
SCHWAB_SEVERITY: Final = (Band(0, "aligned", closed=True), Band(3, "moderate", closed=True), Band(inf, "severe"))
"""By the number of plus signs (source "severity")."""

GAP_PARTS: Final[tuple[Formula, ...]] = (
    Formula(
        "GAP RPV",
        "relative pelvic version",
        "deg",
        "GAP",
        {"PI": 0.59},
        9.0,
        "SS",
        (
            Band(-15.0, "severe retroversion", 3),
            Band(-7.0, "moderate retroversion", 2),
            Band(5.0, "aligned", 0, closed=True),
            Band(inf, "anteversion", 1),
        ),
    ),
    Formula(
        "GAP RLL",
        "relative lumbar lordosis",
        "deg",
        "GAP",
        {"PI": 0.62},
        29.0,
        "LL",
        (
            Band(-25.0, "severe hypolordosis", 3),
            Band(-14.0, "moderate hypolordosis", 2),
            Band(11.0, "aligned", 0, closed=True),
            Band(inf, "hyperlordosis", 3),
        ),
    ),
    Formula(
        "GAP RSA",
        "relative spinopelvic alignment",
        "deg",
        "GAP",
        {"PI": 0.48},
        -15.0,
        "GT",
        (
            Band(-7.0, "negative malalignment", 1),
            Band(10.0, "aligned", 0, closed=True),
            Band(18.0, "moderate positive malalignment", 1, closed=True),
            Band(inf, "severe positive malalignment", 3),
        ),
    ),
)
GAP_LDI: Final = (
    Band(40.0, "severe hypolordotic maldistribution", 2),
    Band(50.0, "moderate hypolordotic maldistribution", 1),
    Band(80.0, "aligned", 0, closed=True),
    Band(inf, "hyperlordotic maldistribution", 3),
)
"""Lordosis distribution index, 100 L4SL / LL (source "GAP")."""
GAP_AGE: Final[float] = 60.0
"""From this age on one point more (source "GAP")."""
GAP_CLASSES: Final = (
    Band(2, "proportioned", closed=True),
    Band(6, "moderately disproportioned", closed=True),
    Band(inf, "severely disproportioned"),
)
GAP_DISPUTED: Final = "its universality is disputed (doi:10.1097/BRS.0000000000004966)"

KYPHOSES: Final[tuple[str, str]] = ("T4-T12", "MTK")
"""What "TK" in a formula means, and what stands in for it where the corners of T4 are unknown."""
TK_STANDS_IN: Final = "kyphosis of T5 to T12 stands in for that of T4 to T12"
_ADULT: Final = (ADULT_AGE, inf)
_EXPECTED_LL: Final = "LL against that expected for age, PI and kyphosis (healthy adults)"


def _means_ll(ages: tuple[float, float], constant: float, pi: float, tk: float) -> Formula:
    return Formula("LL expected", _EXPECTED_LL, "deg", "MEANS", {"PI": pi, "TK": tk}, constant, "LL", ages=ages)


SUMS: Final[tuple[Formula, ...]] = (
    Formula("T4PA", "T4 pelvic angle", "deg", "T4-L1-hip", {"T4PA": 1.0}),
    Formula("C2PA", "C2 pelvic angle", "deg", "T4-L1-hip", {"C2PA": 1.0}),
    Formula("L1PA target", "L1 pelvic angle against 0.5 PI - 21", "deg", "T4-L1-hip", {"PI": 0.5}, -21.0, "LPA"),
    Formula(
        "T4-L1PA",
        "T4 pelvic angle against L1 pelvic angle",
        "deg",
        "T4-L1-hip",
        {"LPA": 1.0},
        measured="T4PA",
        bands=(Band(-4.0, "T4 behind"), Band(4.0, "aligned", closed=True), Band(inf, "T4 in front")),
    ),
    Formula(
        "Lenke",
        "Lenke sagittal thoracic modifier, T5 to T12",
        "deg",
        "Lenke",
        {"MTK": 1.0},
        bands=(Band(10.0, "-"), Band(40.0, "N", closed=True), Band(inf, "+")),
    ),
    Formula(
        "T2-T5",
        "kyphosis T2 to T5 (Lenke: proximal thoracic curve structural from 20 on)",
        "deg",
        "Lenke",
        {"T2-T5": 1.0},
        bands=(Band(20.0, "below 20"), Band(inf, "from 20 on")),
    ),
    Formula("T4-T12", "kyphosis T4 to T12", "deg", "MEANS", {"T4-T12": 1.0}),
    Formula(
        "cSVA limit",
        "cervical sagittal vertical axis",
        "mm",
        "Tang",
        {"cSVA": 1.0},
        bands=(Band(40.0, "up to 40 mm", closed=True), Band(inf, "above 40 mm")),
    ),
    Formula(
        "T1S-CL",
        "T1 slope less cervical lordosis",
        "deg",
        "T1S-CL",
        {"T1S": 1.0, "CL": -1.0},
        bands=(Band(17.0, "matched", closed=True), Band(inf, "mismatched")),
    ),
    Formula("CL expected", "CL against -24.5 + 1.1 T1S (healthy adults)", "deg", "MEANS", {"T1S": 1.1}, -24.5, "CL"),
    Formula(
        "PT target", "PT against the target for age", "deg", "Lafage", {"age": 1 / 3}, 20 - 55 / 3, "PT", (), _ADULT
    ),
    Formula(
        "PI-LL target", "PI-LL against the target for age", "deg", "Lafage", {"age": 0.5}, 3 - 27.5, "PI-LL", (), _ADULT
    ),
    Formula("SVA target", "SVA against the target for age", "mm", "Lafage", {"age": 2.0}, 25 - 110, "SVA", (), _ADULT),
    Formula(
        "LL target",
        "LL against PI - 0.3 TK - 0.5 age + 10",
        "deg",
        "Lafage LL",
        {"PI": 1.0, "TK": -0.3, "age": -0.5},
        10.0,
        "LL",
        ages=_ADULT,
    ),
    Formula(
        "LL expected (Japan)",
        "LL against 32.9 + 0.60 PI - 0.23 age",
        "deg",
        "Japan",
        {"PI": 0.6, "age": -0.23},
        32.9,
        "LL",
        ages=_ADULT,
    ),
    _means_ll((18, 29), 8.6, 0.55, 0.61),
    _means_ll((29, 38), 5.8, 0.62, 0.57),
    _means_ll((38, 51), 5.9, 0.57, 0.58),
    _means_ll((51, 65), 8.6, 0.56, 0.46),
    _means_ll((65, inf), 4.0, 0.51, 0.53),
)
"""Readings that are one sum each; of several with one key the one of the patient's age holds."""

BARREY: Final = (Band(1.0, "up to 1", closed=True), Band(inf, "above 1"))

ROUSSOULY_SS: Final[tuple[float, float]] = (35.0, 45.0)
"""Below: types 1 and 2; up to the second: type 3; above: type 4."""
ANTEVERTED_PI: Final[float] = 54.0
ANTEVERTED_PT: Final[float] = 7.0
"""Type 3 anteverted: sacral slope from 35 on with PI 48 +- 6 or less and PT 4 +- 3 or less."""

SLIP_ERROR: Final[float] = 15.0
"""Percent. Of 56 slips of detected corners on fourteen real films 55 lay within 14 %, forward or backward."""
MEYERDING: Final = (
    Band(SLIP_ERROR, "within the error of the corners", closed=True),
    Band(25.0, "grade I", closed=True),
    Band(50.0, "grade II", closed=True),
    Band(75.0, "grade III", closed=True),
    Band(100.0, "grade IV", closed=True),
    Band(inf, "grade V"),
)
"""By the slip forward, as a share of the lower plate (source "Meyerding")."""
GENANT: Final = (
    Band(20.0, "none"),
    Band(25.0, "grade 1, mild, or the error of the corners", closed=True),
    Band(40.0, "grade 2, moderate", closed=True),
    Band(inf, "grade 3, severe"),
)
"""By the loss of anterior against posterior height (source "Genant"). Of 23 vertebrae on 500 simulated films whose
detected corners lose 20 to 25 %, 5 lose 20 % or more; of 12 that lose more, 8."""
GENANT_LEVELS: Final[tuple[str, str]] = ("T4", "L4")
"""First and last level that is looked at: L5 is taller in front by nature."""
