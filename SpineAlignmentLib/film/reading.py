"""Reading films: DICOM, PNG, JPEG, TIFF, NRRD, MetaImage and NIfTI files as one structure, with bone bright.

What a file says of itself decides, never its name's ending. Whatever is not one lateral radiograph is refused with a
`FilmError` of one line.
"""

import warnings as python_warnings
from dataclasses import replace
from pathlib import Path

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film import dicom_dataset, dicom_file, picture_file, volume_file
from SpineAlignmentLib.film.film import NO_SPACING, Film
from SpineAlignmentLib.film.reader import Reader, ReadOptions
from SpineAlignmentLib.film.volume_header import data_path, read_header
from SpineAlignmentLib.results.files import fingerprint_of, readable


def read_film(
    path: str | Path,
    spacing: float | tuple[float, float] | None = None,
    anterior: str | None = None,
    force: bool = False,
) -> Film:
    """Read a film from a file.

    Args:
        path: a DICOM (CR, DX, RF, SC; compressed as well), PNG, JPEG, TIFF, NRRD, MHA/MHD or NIfTI file.
        spacing: size of a pixel in mm where the user knows it, x alone or (x, y); wins over what the file says.
        anterior: "left" or "right" where the user knows which side the patient faces; wins over what the file says.
        force: read a film whose tags say that it is no lateral one.

    Raises:
        FilmError: the file cannot be read, is not a single gray image, or says something impossible of itself.
    """
    path = Path(path)
    kind, reader = _reader(path)
    fingerprint = _Fingerprint(path)
    try:
        with python_warnings.catch_warnings():
            python_warnings.simplefilter("ignore")
            film = reader(path, ReadOptions(spacing is not None, force))
    except FilmError:
        raise
    except MemoryError as error:
        raise FilmError(f"{path}: too large for this computer's memory") from error
    except OSError as error:
        # decoders raise it as well, without the system's number
        raise (_unreadable(path, error) if error.errno else _damaged(path, kind)) from error
    # decoders of damaged files raise whatever they happen on; the user needs to know which file, not where inside
    except Exception as error:
        raise _damaged(path, kind) from error
    if spacing is not None:
        film = film.calibrated(spacing)
    elif film.spacing_mm is None:
        film = replace(film, warnings=(*film.warnings, NO_SPACING))
    film = replace(film, name=readable(path.name), fingerprint=fingerprint)
    return film if anterior is None else film.facing(anterior)


class _Fingerprint:
    """The fingerprint of a film's file, reckoned when it is first asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = _state(path)
        self._known = ""

    def __call__(self) -> str:
        if not self._known:
            if self._read is None or _state(self._path) != self._read:
                raise FilmError(f"{self._path}: changed while it was read; read it again")
            try:
                self._known = film_fingerprint(self._path)
            except OSError as error:
                raise _unreadable(self._path, error) from error
        return self._known


def _state(path: Path) -> tuple[int, int] | None:
    """What changes with a file's content; None where there is none."""
    try:
        known = path.stat()
    except OSError:
        return None
    return known.st_size, known.st_mtime_ns


def film_fingerprint(path: Path) -> str:
    """SHA-256 of a film's content, in hexadecimal digits: of its file, or of the file that a header's pixels are in.

    Empty where the pixels are in several files, or where NIfTI's header and image stand apart.

    Raises:
        OSError: it cannot be read.
        FilmError: the file that its pixels are in is not there.
    """
    with path.open("rb") as stream:
        head = stream.read(512)
    known = reader_of(head)
    if known is None or known[1] is not volume_file.read:
        return fingerprint_of(path)
    header = read_header(path)
    samples = data_path(path, header)
    if head[344:348] == b"ni1\x00" or (samples is None and not header.inline):
        return ""
    return fingerprint_of(samples or path)


def _damaged(path: Path, kind: str) -> FilmError:
    return FilmError(f"{path}: damaged, or not a {kind} file of a kind that can be read")


def _unreadable(path: Path, error: OSError) -> FilmError:
    return FilmError(f"{path}: cannot read: {error.strerror}")


def reader_of(head: bytes) -> tuple[str, Reader] | None:
    """The kind and the reader of a file that begins with these bytes; None when it is none of an image."""
    if dicom_dataset.looks_like_dicom(head):
        return "DICOM", dicom_file.read
    kind = picture_file.kind_of(head)
    if kind:
        return kind, picture_file.read
    kind = volume_file.kind_of(head)
    return (kind, volume_file.read) if kind else None


def _reader(path: Path) -> tuple[str, Reader]:
    try:
        if path.is_dir():
            raise FilmError(f"{path}: a folder, not a film")
        if path.exists() and not path.is_file():
            raise FilmError(f"{path}: a device or a pipe, not a file")
        with path.open("rb") as stream:
            head = stream.read(512)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a name that a file can have"
        raise FilmError(f"{path}: cannot read: {reason}") from error
    if not head:
        raise FilmError(f"{path}: an empty file")
    known = reader_of(head)
    if known is None and head.startswith(b"PK\x03\x04"):
        raise FilmError(f"{path}: a zip file; unpack it and choose the films in it")
    if known is None:
        raise FilmError(f"{path}: not an image that can be read; use DICOM, PNG, JPEG, TIFF, NRRD, MHA, MHD or NIfTI")
    return known
