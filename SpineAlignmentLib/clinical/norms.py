"""What is usual: healthy adults first, and the patients of the paper where healthy adults' values were not found."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from SpineAlignmentLib.clinical.constants import ADULT_AGE, HEALTHY, USUAL_SDS, NormRow
from SpineAlignmentLib.clinical.sources import SOURCES
from SpineAlignmentLib.measurement.parameters import BY_KEY, PARAMETERS

HEALTHY_ADULTS: Final = "healthy adults"
PATIENTS: Final = "patients"

_PATIENTS: Final[dict[str, NormRow]] = {p.key: NormRow(p.key, p.mean, p.sd, "Yeh") for p in PARAMETERS}


@dataclass(frozen=True)
class Norm:
    """Mean and spread of a parameter in a cohort, and what follows for a value."""

    key: str
    mean: float
    sd: float
    cohort: str
    """`HEALTHY_ADULTS` or `PATIENTS`."""
    source: str
    """The citation, with a note where mean and spread are not from one place."""

    @property
    def usual(self) -> tuple[float, float]:
        """The lowest and the highest value that is not marked."""
        return self.mean - USUAL_SDS * self.sd, self.mean + USUAL_SDS * self.sd

    def deviation(self, value: float) -> float:
        """How many standard deviations a value lies above the mean; NaN when not measurable."""
        return (value - self.mean) / self.sd

    def unusual(self, value: float) -> bool:
        """Whether a value is worth a second look: far from the cohort's mean."""
        return abs(self.deviation(value)) > USUAL_SDS


@lru_cache(maxsize=1024)
def norm(key: str, age: float | None = None) -> Norm | None:
    """The norm to hold a value against.

    Args:
        key: one of the 18 parameters, or "PI-LL".
        age: in years; None when unknown.

    Returns:
        None for a child, whose norms are others, and for a key without a norm.
    """
    if age is not None and age < ADULT_AGE:
        return None
    rows = [row for row in HEALTHY if row.key == key]
    for row in rows:
        if age is None or row.ages[0] <= age < row.ages[1]:
            return _norm(row, HEALTHY_ADULTS)
    return _norm(_PATIENTS[key], PATIENTS) if key in _PATIENTS else None


def held_for(age: float | None) -> str:
    """For whom the norms of an age hold, as it is read below them.

    Women and men are together in all of them. Only where ages differ does a parameter have norms of several.
    """
    if age is None:
        return "adults of either sex, under 65 where norms differ by age: the patient's age is not known"
    if age < ADULT_AGE:
        return "none: the norms of children are others"
    split = sorted({row.ages[1] for row in HEALTHY if math.isfinite(row.ages[1])})
    band = next((f"under {limit:g}" for limit in split if age < limit), f"from {split[-1]:g} on")
    return f"adults of either sex, {band} where norms differ by age"


def unusual(key: str, value: float, age: float | None = None) -> bool:
    """Whether a value is far from its norm; never where there is none, or no value."""
    found = norm(key, age)
    return found is not None and math.isfinite(value) and found.unusual(value)


def norm_text(key: str, age: float | None = None) -> str:
    """Mean and spread as they are read, such as "12.5 ± 7.3°"; "" where there is no norm."""
    found = norm(key, age)
    if found is None:
        return ""
    unit = {"deg": "\N{DEGREE SIGN}", "mm": " mm", "": ""}[BY_KEY[key].unit]
    return (
        f"{found.mean:.1f} \N{PLUS-MINUS SIGN} {found.sd:.1f}{unit}{', patients' if found.cohort == PATIENTS else ''}"
    )


def _norm(row: NormRow, cohort: str) -> Norm:
    note = f"; {row.note}" if row.note else ""
    return Norm(row.key, row.mean, row.sd, cohort, f"{SOURCES[row.source]}{note}")
