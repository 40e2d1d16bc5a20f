"""The patient as the tags of a film's file say, where the user asks for it."""

from pathlib import Path

from SpineAlignmentLib.clinical.constants import AGE_LIMITS
from SpineAlignmentLib.clinical.patient import DICOM_TAGS, Patient
from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.patient_tags import PatientTags, patient_tags


def patient_in(path: Path | None) -> tuple[Patient, tuple[str, ...]]:
    """Age and sex in the file of a film, and what is to be said of them.

    Raises:
        FilmError: it says neither, or is not at hand.
    """
    told = PatientTags() if path is None else patient_tags(path, AGE_LIMITS)
    if told.age is None and told.sex is None:
        raise FilmError(
            "; ".join(["the film's file does not say how old the patient was, or of what sex", *told.warnings])
        )
    return Patient(told.age, told.sex, DICOM_TAGS), told.warnings
