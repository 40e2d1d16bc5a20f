"""What readings need to know of the patient: age and sex, where the user gives them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from SpineAlignmentLib.clinical.constants import AGE_LIMITS
from SpineAlignmentLib.errors import ResultError

SEXES: Final[tuple[str, ...]] = ("F", "M", "O")
"""Female, male, other, as PatientSex (0010,0040) has them."""

DICOM_TAGS: Final[str] = "DICOM tags"
"""The source of what a film's tags say."""


@dataclass(frozen=True)
class Patient:
    """Age and sex at the time of the film."""

    age: float | None = None
    """In years."""
    sex: str | None = None
    """One of `SEXES`."""
    source: str = "given"

    @property
    def known(self) -> bool:
        """Whether anything is known."""
        return self.age is not None or self.sex is not None

    def to_json(self) -> dict[str, Any]:
        """The entry "patient" of a result file."""
        return {"age": self.age, "sex": self.sex, "source": self.source}


def checked_age(age: float) -> float:
    """An age in years that can be.

    Raises:
        ResultError: says what is wrong with it.
    """
    low, high = AGE_LIMITS
    if not (math.isfinite(age) and low <= age <= high):
        raise ResultError(f"age {age:g} is none of a person; give years from {low:g} to {high:g}")
    return age


def patient_of(extra: Mapping[str, Any], name: str) -> Patient:
    """The patient from the further keys of a result file called `name`.

    Raises:
        ResultError: an age or a sex that cannot be.
    """
    entry = extra.get("patient")
    if entry is None:
        return Patient()
    try:
        age, sex = entry.get("age"), entry.get("sex")
        checked = None if age is None else checked_age(float(age))
    except (AttributeError, TypeError, ValueError) as error:
        raise ResultError(f"{name}: patient: expected age and sex, got {entry!r}") from error
    except ResultError as error:
        raise ResultError(f"{name}: {error}") from error
    if sex is not None and sex not in SEXES:
        raise ResultError(f"{name}: patient: sex must be one of {', '.join(SEXES)}, not {sex!r}")
    return Patient(checked, sex, str(entry.get("source", "given")))
