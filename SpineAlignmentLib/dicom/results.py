"""The DICOM results of a film, as files."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from SpineAlignmentLib.dicom.capture_writing import secondary_capture
from SpineAlignmentLib.dicom.film_header import film_header
from SpineAlignmentLib.dicom.gsps_writing import presentation_state
from SpineAlignmentLib.dicom.sr_writing import structured_report
from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.film.film import Film
from SpineAlignmentLib.results.annotation import Annotation

REPORT_ENDING, DRAWING_ENDING, CAPTURE_ENDING = ".sr.dcm", ".gsps.dcm", ".sc.dcm"
ENDINGS = (REPORT_ENDING, DRAWING_ENDING)
"""Of what `dicom_results` makes."""

_KEYWORDS = re.compile(r"[\"'](\w+)[\"']|\b([A-Z][a-z]+[A-Z]\w*)")
"""What may be keywords of elements in a text: what is quoted, and words with a capital within."""


def dicom_results(path: Path, film: Film, annotation: Annotation) -> dict[str, bytes]:
    """Structured report and presentation state of a film: ending of the file's name to its content.

    Args:
        path: the film's file.
        film: the film; its tags alone are used, and read anew.
        annotation: its landmarks.

    A film in color gets the report only, since a grayscale presentation state cannot refer to it.

    Raises:
        FilmError: the film is not DICOM, or lacks the UIDs that results refer to.
        ResultError: its tags do not allow it.
    """
    return dicom_report(path, film, annotation) | dicom_drawing(path, film, annotation)


def dicom_report(path: Path, _: Film, annotation: Annotation) -> dict[str, bytes]:
    """The structured report among `dicom_results`."""
    with _tags_of(path):
        return {REPORT_ENDING: _bytes(structured_report(annotation, film_header(path)))}


def dicom_drawing(path: Path, _: Film, annotation: Annotation) -> dict[str, bytes]:
    """The presentation state among `dicom_results`; none of a film in color."""
    with _tags_of(path):
        header = film_header(path)
        gray = int(header.get("SamplesPerPixel") or 1) == 1
        return {DRAWING_ENDING: _bytes(presentation_state(annotation, header))} if gray else {}


def dicom_result(ending: str, path: Path | None, film: Film, annotation: Annotation) -> bytes:
    """One of `dicom_results`, by one of `ENDINGS`.

    Raises:
        FilmError, ResultError: as there; the film has no file, or is in color and gets no presentation state.
    """
    if path is None:
        raise ResultError(f"{film.name}: DICOM results need the film's file; load the film from it")
    files = (dicom_report if ending == REPORT_ENDING else dicom_drawing)(path, film, annotation)
    if ending not in files:
        raise ResultError(f"{film.name}: a film in color has no presentation state")
    return files[ending]


def dicom_capture(path: Path, film: Film, annotation: Annotation) -> dict[str, bytes]:
    """The picture of a result as a secondary capture: ending of the file's name to its content; see `dicom_results`.

    Raises:
        FilmError: the film is not DICOM, or lacks the UIDs that results refer to.
        ResultError: its tags do not allow it.
    """
    with _tags_of(path):
        return {CAPTURE_ENDING: _bytes(secondary_capture(film, annotation, film_header(path)))}


@contextmanager
def _tags_of(path: Path) -> Iterator[None]:
    """Say which film it is whose tags cannot be carried over."""
    require_highdicom()
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError, LookupError) as error:
        # for tags that cannot be, such as a character set that is none
        raise ResultError(f"{path}: its tags do not allow DICOM results: {_blamed(path, error)}") from error


def _blamed(path: Path, error: Exception) -> str:
    """The tags that are in the way, without highdicom's own words: they may quote values, of the patient too."""
    from pydicom.datadict import keyword_dict

    words = (quoted or word for quoted, word in _KEYWORDS.findall(str(error)))
    named = [word for word in words if word in keyword_dict]
    return ", ".join(dict.fromkeys(named or _impossible(film_header(path)))) or type(error).__name__


def _impossible(header: Any) -> Iterator[str]:
    """Elements whose values cannot be of their type, or are more than they may be (PS3.5 6.2, PS3.6)."""
    from pydicom.config import RAISE
    from pydicom.datadict import dictionary_VM, keyword_for_tag
    from pydicom.multival import MultiValue
    from pydicom.valuerep import validate_value

    for tag in header.keys():  # noqa: SIM118 (iterating converts every element)
        try:
            element = header[tag]
            several = isinstance(element.value, MultiValue)
            if several and not tag.is_private and dictionary_VM(tag) == "1":
                raise ValueError("more than one value")
            for value in element.value if several else (element.value,):
                validate_value(element.VR, str(value) if element.VR in ("DS", "IS") else value, RAISE)
        # a converter of a broken value raises whatever it happens on
        except Exception:
            yield keyword_for_tag(tag) or str(tag)


def require_highdicom() -> None:
    """Check that the library that writes DICOM results is there.

    Raises:
        ResultError: says how to install it.
    """
    try:
        import highdicom  # noqa: F401
    except ImportError as error:
        raise ResultError("DICOM results need highdicom: pip install 'spine-alignment[dicom]'") from error


def _bytes(data: Any) -> bytes:
    stream = io.BytesIO()
    data.save_as(stream, enforce_file_format=True)
    return stream.getvalue()
