"""The DICOM results of a film, as files."""

import io
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
    with _tags_of(path):
        header = film_header(path)
        files = {REPORT_ENDING: _bytes(structured_report(annotation, header))}
        if int(header.get("SamplesPerPixel") or 1) == 1:
            files[DRAWING_ENDING] = _bytes(presentation_state(annotation, header))
    return files


def dicom_result(ending: str, path: Path | None, film: Film, annotation: Annotation) -> bytes:
    """One of `dicom_results`, by one of `ENDINGS`.

    Raises:
        FilmError, ResultError: as there; the film has no file, or is in color and gets no presentation state.
    """
    if path is None:
        raise ResultError(f"{film.name}: DICOM results need the film's file; load the film from it")
    files = dicom_results(path, film, annotation)
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
        # highdicom's words for tags that cannot be, such as a character set that is none
        raise ResultError(f"{path}: its tags do not allow DICOM results: {error}") from error


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
