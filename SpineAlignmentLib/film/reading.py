"""Reading films: DICOM, PNG, JPEG, TIFF, NRRD, MetaImage and NIfTI files as one structure, with bone bright.

What a file says of itself decides, never its name's ending. Whatever is not one lateral radiograph is refused with a
`FilmError` of one line.
"""

import warnings as python_warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film import dicom_file, picture_file, volume_file
from SpineAlignmentLib.film.film import NO_SPACING, Film

Reader = Callable[[Path, bool], Film]
"""Reads a file; told whether the user gives the spacing, so that what the file says of it is not judged."""


def read_film(
    path: str | Path, spacing: float | tuple[float, float] | None = None, anterior: str | None = None
) -> Film:
    """Read a film from a file.

    Args:
        path: a DICOM (CR, DX, RF, SC; compressed as well), PNG, JPEG, TIFF, NRRD, MHA/MHD or NIfTI file.
        spacing: size of a pixel in mm where the user knows it, x alone or (x, y); wins over what the file says.
        anterior: "left" or "right" where the user knows which side the patient faces; wins over what the file says.

    Raises:
        FilmError: the file cannot be read, is not a single gray image, or says something impossible of itself.
    """
    path = Path(path)
    try:
        with python_warnings.catch_warnings():
            python_warnings.simplefilter("ignore")
            film = _reader(path)(path, spacing is not None)
    except FilmError:
        raise
    except OSError as error:
        # decoders raise it as well, without the system's number
        reason = f"cannot read: {error.strerror}" if error.errno else f"damaged or not a film: {_first_line(error)}"
        raise FilmError(f"{path}: {reason}") from error
    except MemoryError as error:
        raise FilmError(f"{path}: too large for this computer's memory") from error
    # decoders of damaged files raise whatever they happen on; the user needs to know which file, not where inside
    except Exception as error:
        raise FilmError(f"{path}: damaged or not a film: {_first_line(error)}") from error
    if spacing is not None:
        film = film.calibrated(spacing)
    elif film.spacing_mm is None:
        film = replace(film, warnings=(*film.warnings, NO_SPACING))
    return film if anterior is None else film.facing(anterior)


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:200]


def reader_of(head: bytes) -> Reader | None:
    """The reader of a file that begins with these bytes; None when it is none of an image."""
    if dicom_file.looks_like_dicom(head):
        return dicom_file.read
    if picture_file.looks_like_picture(head):
        return picture_file.read
    return volume_file.read if volume_file.looks_like_volume(head) else None


def _reader(path: Path) -> Reader:
    if path.is_dir():
        raise FilmError(f"{path}: a folder, not a film")
    with path.open("rb") as stream:
        head = stream.read(512)
    if not head:
        raise FilmError(f"{path}: an empty file")
    reader = reader_of(head)
    if reader is None:
        raise FilmError(f"{path}: not an image that can be read; use DICOM, PNG, JPEG, TIFF, NRRD, MHA, MHD or NIfTI")
    return reader
