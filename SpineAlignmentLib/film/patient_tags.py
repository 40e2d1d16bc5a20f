"""Age and sex from a DICOM film's tags, read only where the user allows it."""

import warnings as python_warnings
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from SpineAlignmentLib.film.dicom_dataset import looks_like_dicom, read_header, tag_name, text

_YEARS: Final[dict[str, float]] = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
"""Unit of an age string (PS3.5, VR AS) in years."""
_AGE: Final[str] = "PatientAge"
_BIRTH: Final[str] = "PatientBirthDate"
_DAYS: Final[tuple[str, ...]] = ("AcquisitionDate", "StudyDate")
"""Tags that say the day of the film, the better first; others may say when it was scanned or exported."""
_NO_DAYS: Final[frozenset[date]] = frozenset({date(1900, 1, 1), date(1970, 1, 1), date(1980, 1, 1)})
"""Where clocks and fields begin that nobody set; of births the first alone, since 1 January stands where only the year
is known."""
_NO_BIRTH: Final[date] = date(1900, 1, 1)
_ROUNDED_YEARS: Final[float] = 1.1
"""Ages that differ by no more are the same: years are counted to the last birthday, the nearest or the next."""
_DAYS_OF_YEAR: Final[float] = 365.25
AGE_WARNING: Final[str] = "age of the patient"
"""How warnings of it begin."""
_SEXES: Final[tuple[str, ...]] = ("F", "M", "O")


@dataclass(frozen=True)
class PatientTags:
    """What a film's tags say of its patient."""

    age: float | None = None
    """In years; None where they do not say."""
    sex: str | None = None
    """"F", "M" or "O"; None where they do not say."""
    warnings: tuple[str, ...] = ()
    """Which tags contradict each other or cannot be, and which are used; never what a birth date is."""


def patient_tags(path: Path, ages: tuple[float, float]) -> PatientTags:
    """Age and sex of the patient of a film that can be read.

    PatientAge (0010,1010), or else the years from PatientBirthDate (0010,0030) to the day of the film, AcquisitionDate
    (0008,0022) or StudyDate (0008,0020); PatientSex (0010,0040). Where age and birth date contradict each other the
    birth date is used: it is registered once, an age may be a device's default or that of the patient before.

    Args:
        path: the film's file.
        ages: the least and the most years that a person has.
    """
    with path.open("rb") as stream:
        if not looks_like_dicom(stream.read(512)):
            return PatientTags()
    tags = ("PatientAge", "PatientSex", "PatientBirthDate", *_DAYS)
    data = read_header(path, tags)
    with python_warnings.catch_warnings():
        python_warnings.simplefilter("ignore")
        sex = text(data, "PatientSex")
        warnings: list[str] = []
        age = _age(data, ages, warnings)
    return PatientTags(age, sex if sex in _SEXES else None, tuple(f"{AGE_WARNING}: {told}" for told in warnings))


def name_and_date(path: Path) -> tuple[str, ...]:
    """Who is on a film and when it was taken, as it is read aloud; nothing of a film that does not say.

    PatientName (0010,0010), PatientID (0010,0020), PatientBirthDate (0010,0030), and the day of the film, see
    `patient_tags`.
    """
    with path.open("rb") as stream:
        if not looks_like_dicom(stream.read(512)):
            return ()
    tags = ("SpecificCharacterSet", "PatientName", "PatientID", "PatientBirthDate", "AcquisitionDate", "StudyDate")
    data = read_header(path, tags)
    with python_warnings.catch_warnings():
        python_warnings.simplefilter("ignore")
        name = str(data.get("PatientName") or "").replace("^", " ").strip()
        identity = str(data.get("PatientID") or "").strip()
        born, taken = (
            _day(data.get("PatientBirthDate")),
            _day(data.get("AcquisitionDate")) or _day(data.get("StudyDate")),
        )
    told = (name, identity and f"ID {identity}", born and f"born {born}", taken and f"film of {taken}")
    return tuple(text for text in told if text)


def _age(data: Any, ages: tuple[float, float], warnings: list[str]) -> float | None:
    """The age by what can be believed of the tags."""
    stated = _stated(data)
    days = _film_days(data, ages, stated, warnings)
    if not days:
        return _possible(data, stated, ages, warnings, "not used")
    keyword, age, exact = days[0]
    by = f"{tag_name(_BIRTH)} and {tag_name(keyword)}"
    stated = _possible(data, stated, ages, warnings, f"{by} are used") if stated or exact >= 1 else None
    if stated is None or abs(stated - exact) <= _ROUNDED_YEARS:
        return age if stated is None else stated
    why = "an age may be left over from an earlier patient; give the right one (--age)"
    warnings.append(f"{tag_name(_AGE)} contradicts {by}, which are used: {why}")
    return age


def _possible(
    data: Any, stated: float | None, ages: tuple[float, float], warnings: list[str], otherwise: str
) -> float | None:
    """The age that PatientAge says; None, and why, where it is none of a person."""
    if stated is None and text(data, _AGE):
        warnings.append(f"{tag_name(_AGE)} holds no age; {otherwise}")
    elif stated == 0:
        warnings.append(f"{tag_name(_AGE)} says 0, which often means unknown; {otherwise}")
    elif stated is not None and not ages[0] <= stated <= ages[1]:
        warnings.append(f"{tag_name(_AGE)} says an age that nobody has; {otherwise}")
    else:
        return stated
    return None


def _stated(data: Any) -> float | None:
    said = text(data, _AGE)
    return float(said[:-1]) * _YEARS[said[-1]] if said[:-1].isdecimal() and said[-1] in _YEARS else None


def _film_days(
    data: Any, ages: tuple[float, float], stated: float | None, warnings: list[str]
) -> list[tuple[str, float, float]]:
    """Tags of days on which the film can have been taken, the best first, with the whole and the exact age by each."""
    born = _day(text(data, _BIRTH))
    if born == _NO_BIRTH:
        warnings.append(f"{tag_name(_BIRTH)} holds a placeholder for an unknown date; not used")
    if born is None or born == _NO_BIRTH:
        return []
    found: list[tuple[str, float, float]] = []
    wrong: list[tuple[str, float, float]] = []
    for keyword in _DAYS:
        day = _day(text(data, keyword))
        if day is None:
            continue
        years = float(day.year - born.year - ((day.month, day.day) < (born.month, born.day)))
        possible = ages[0] <= years <= ages[1] and may_be_day(day)
        (found if possible else wrong).append((keyword, years, (day - born).days / _DAYS_OF_YEAR))
    for keyword, *_ in wrong:
        other = f"{tag_name(found[0][0])} is used" if found else "not used"
        warnings.append(f"{tag_name(keyword)} cannot be the day of this film; {other}")
    differ = [keyword for keyword, _, exact in found if abs(exact - found[0][2]) > _ROUNDED_YEARS]
    if differ:
        both = " and ".join(tag_name(keyword) for keyword in (found[0][0], *differ))
        if stated:
            found.sort(key=lambda day: abs(day[2] - stated) > _ROUNDED_YEARS)
        warnings.append(f"{both} are more than a year apart; {tag_name(found[0][0])} is used")
    return found


def may_be_day(day: date) -> bool:
    """Whether a film can have been taken on a day: not where unset clocks begin, nor in the future."""
    return day not in _NO_DAYS and day <= date.today() + timedelta(1)


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(str(value or "").strip().replace(".", "-"))
    except ValueError:
        return None
