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

    def completed(self, other: "Patient") -> "Patient":
        """This one, with what is not known of it as another source has it."""
        age = other.age if self.age is None else self.age
        sex = other.sex if self.sex is None else self.sex
        if (age, sex) == (self.age, self.sex):
            return self
        sources = dict.fromkeys((self.source, other.source) if self.known else (other.source,))
        return Patient(age, sex, ", ".join(sources))

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


def patient_of(extra: Mapping[str, Any], name: str, given: Patient | None = None) -> Patient:
    """The patient from the further keys of a result file called `name`; what the user gives goes before them.

    Raises:
        ResultError: an age or a sex that cannot be, and that nothing given replaces.
    """
    given = given or Patient()
    entry = extra.get("patient")
    if entry is None:
        return given
    try:
        age = entry.get("age") if given.age is None else None
        sex = entry.get("sex") if given.sex is None else None
        checked = None if age is None else checked_age(float(age))
    except (AttributeError, TypeError, ValueError) as error:
        raise ResultError(f"{name}: patient: expected age and sex, got {entry!r}") from error
    except ResultError as error:
        raise ResultError(f"{name}: {error}") from error
    if sex is not None and sex not in SEXES:
        raise ResultError(f"{name}: patient: sex must be one of {', '.join(SEXES)}, not {sex!r}")
    return given.completed(Patient(checked, sex, str(entry.get("source", "given"))))
