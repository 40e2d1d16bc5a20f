"""The data set of a film that results refer to, as the library that writes them needs it."""

import warnings as python_warnings
from pathlib import Path
from typing import Any, Final

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.dicom_dataset import as_number, looks_like_dicom, read_header, text, values

TYPE_2: Final[tuple[str, ...]] = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"),
)
"""Elements that every film shall have, if empty (PS3.3 C.7.1.1, C.7.2.1); many lack some, and results copy them."""
UTF_8: Final[str] = "ISO_IR 192"
_UIDS: Final[tuple[str, ...]] = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")


def film_header(path: Path) -> Any:
    """A film's data set without its pixels, elements of type 2 that are absent or cannot be filled with empty values.

    Where the library that writes results does not take its character set its texts are in UTF-8.

    Raises:
        FilmError: not a DICOM film, or one without the UIDs that results refer to.
    """
    try:
        with path.open("rb") as stream:
            if not looks_like_dicom(stream.read(512)):
                raise FilmError(f"{path}: not a DICOM film, so that no DICOM results can refer to it")
        data = read_header(path)
    except OSError as error:
        raise FilmError(f"{path}: cannot read: {error.strerror or error}") from error
    missing = [keyword for keyword in _UIDS if not data.get(keyword)]
    if missing:
        raise FilmError(f"{path}: no {', '.join(missing)} in it, so that no DICOM results can refer to it")
    for keyword in TYPE_2:
        if keyword not in data or not _can_be(data, keyword):
            setattr(data, keyword, "")
    if "Laterality" in data and text(data, "Laterality") not in ("R", "L"):
        data.Laterality = ""
    # a window of no width shows nothing (PS3.3 C.11.2.1.2), and is not taken over
    if "WindowWidth" in data and not all((as_number(word) or 0) > 0 for word in values(data, "WindowWidth")):
        del data.WindowWidth
        data.pop("WindowCenter", None)
    if not _takes_character_set(data):
        with python_warnings.catch_warnings():
            python_warnings.simplefilter("ignore")
            data.decode()
        data.SpecificCharacterSet = UTF_8
    return data


def _can_be(data: Any, keyword: str) -> bool:
    """Whether the value of an element can be one; films have birth dates such as 00000000 and sexes such as f."""
    from pydicom.valuerep import DA, TM

    word = "".join(values(data, keyword)[:1])
    try:
        if keyword.endswith("Date"):
            return not word or (word.isdigit() and DA(word) is not None)
        if keyword.endswith("Time"):
            return not word or TM(word) is not None
    except ValueError:
        return False
    return keyword != "PatientSex" or word in ("", "F", "M", "O")


def _takes_character_set(data: Any) -> bool:
    """Whether highdicom takes the film's Specific Character Set (0008,0005).

    It takes no empty value, as Japanese and Korean films have in front ("\\ISO 2022 IR 87", PS3.3 C.12.1.1.2), and none
    of the misspelled ones that real films have.
    """
    from highdicom.enum import SpecificCharacterSetValues

    told = data.get("SpecificCharacterSet")
    if told is None:
        return True
    names = [told] if isinstance(told, str) else list(told)
    known = {value.value for value in SpecificCharacterSetValues}
    extended = len(names) < 2 or all(name.startswith("ISO 2022") for name in names)
    return bool(names) and extended and set(names) <= known
