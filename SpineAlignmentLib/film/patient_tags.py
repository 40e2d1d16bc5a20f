"""Age and sex from a DICOM film's tags, read only where the user allows it."""

import warnings as python_warnings
from datetime import date
from pathlib import Path
from typing import Any, Final

from SpineAlignmentLib.film.dicom_dataset import looks_like_dicom

_YEARS: Final[dict[str, float]] = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
"""Unit of an age string (PS3.5, VR AS) in years."""
_SEXES: Final[tuple[str, ...]] = ("F", "M", "O")


def age_and_sex(path: Path) -> tuple[float | None, str | None]:
    """Age in years and sex ("F", "M", "O") of the patient; None where a film that can be read does not say.

    PatientAge (0010,1010), or else the years from PatientBirthDate (0010,0030) to the day of the film, AcquisitionDate
    (0008,0022) or StudyDate (0008,0020); PatientSex (0010,0040).
    """
    import pydicom

    with path.open("rb") as stream:
        if not looks_like_dicom(stream.read(512)):
            return None, None
    tags = ("PatientAge", "PatientSex", "PatientBirthDate", "AcquisitionDate", "StudyDate")
    with python_warnings.catch_warnings():
        python_warnings.simplefilter("ignore")
        data = pydicom.dcmread(path, force=True, stop_before_pixels=True, specific_tags=list(tags))
        sex = str(data.get("PatientSex") or "").strip().upper()
        age = _stated(data)
    return (_reckoned(data) if age is None else age), (sex if sex in _SEXES else None)


def name_and_date(path: Path) -> tuple[str, ...]:
    """Who is on a film and when it was taken, as it is read aloud; nothing of a film that does not say.

    PatientName (0010,0010), PatientID (0010,0020), PatientBirthDate (0010,0030), and the day of the film, see
    `age_and_sex`.
    """
    import pydicom

    with path.open("rb") as stream:
        if not looks_like_dicom(stream.read(512)):
            return ()
    tags = ("SpecificCharacterSet", "PatientName", "PatientID", "PatientBirthDate", "AcquisitionDate", "StudyDate")
    with python_warnings.catch_warnings():
        python_warnings.simplefilter("ignore")
        data = pydicom.dcmread(path, force=True, stop_before_pixels=True, specific_tags=list(tags))
        name = str(data.get("PatientName") or "").replace("^", " ").strip()
        identity = str(data.get("PatientID") or "").strip()
        born, taken = (
            _day(data.get("PatientBirthDate")),
            _day(data.get("AcquisitionDate")) or _day(data.get("StudyDate")),
        )
    told = (name, identity and f"ID {identity}", born and f"born {born}", taken and f"film of {taken}")
    return tuple(text for text in told if text)


def _stated(data: Any) -> float | None:
    text = str(data.get("PatientAge") or "").strip().upper()
    return float(text[:-1]) * _YEARS[text[-1]] if text[:-1].isdigit() and text[-1] in _YEARS else None


def _reckoned(data: Any) -> float | None:
    born, taken = _day(data.get("PatientBirthDate")), _day(data.get("AcquisitionDate")) or _day(data.get("StudyDate"))
    if born is None or taken is None:
        return None
    return float(taken.year - born.year - ((taken.month, taken.day) < (born.month, born.day)))


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(str(value or "").strip().replace(".", "-"))
    except ValueError:
        return None
