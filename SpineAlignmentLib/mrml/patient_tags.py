"""The patient as the tags of a film's file say, where the user asks for it."""

from pathlib import Path
from typing import Final

from SpineAlignmentLib.clinical.patient import Patient, checked_age
from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.patient_tags import age_and_sex

DICOM_TAGS: Final[str] = "DICOM tags"


def patient_in(path: Path | None) -> Patient:
    """Age and sex in the file of a film; None where it is not at hand.

    Raises:
        FilmError: it says neither.
        ResultError: it says an age that nobody has.
    """
    age, sex = (None, None) if path is None else age_and_sex(path)
    if age is None and sex is None:
        raise FilmError("the film's file does not say how old the patient was, or of what sex")
    return Patient(None if age is None else checked_age(age), sex, DICOM_TAGS)
