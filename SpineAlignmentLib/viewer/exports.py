"""What the page offers for download, made by the functions that every other front end uses."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from SpineAlignmentLib.clinical.result import with_readings
from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.export import export_results, seen_film

KINDS: Final[dict[str, str]] = {
    "json": "application/json",
    "csv": "text/csv",
    "mrk.json": "application/json",
    "png": "image/png",
    "pdf": "application/pdf",
    "html": "text/html",
    "mrb": "application/zip",
    "sr.dcm": "application/dicom",
    "gsps.dcm": "application/dicom",
}
"""Ending of each file that is offered, to its media type."""

WHOLE_KINDS: Final[frozenset[str]] = frozenset({"json", "mrb"})
"""Those that hold all that was done: who has one has saved the work. Markups hold landmarks alone."""

APART: Final[frozenset[str]] = frozenset({"png", "sr.dcm", "gsps.dcm"})
"""Those that are made from copies and may be made outside of the scene's thread."""

Made = Callable[[], bytes]


def prepared(kind: str, alignment: FilmAlignment, app: Any, film_file: Path | None) -> Made:
    """A function that returns the file's bytes; only those `APART` may be made outside of the scene's thread.

    A picture shows the measurements that are shown on the page.

    Args:
        kind: one of `KINDS`.
        alignment: the film on screen.
        app: Slicer's core.
        film_file: the file of the film.

    Raises:
        ResultError: another kind.
    """
    if kind not in KINDS:
        raise ResultError(f"unknown kind of file {kind!r}; use {', '.join(KINDS)}")
    if kind == "png":
        return _picture(alignment)
    if kind.endswith(".dcm"):
        return _dicom(kind, alignment, film_file)
    return lambda: _written(kind, lambda path: _write(alignment, app, path))


def _write(alignment: FilmAlignment, app: Any, path: Path) -> None:
    if path.suffix != ".mrb":
        export_results(alignment, path)
    elif not app.io_manager.write_scene(path):
        raise ResultError("the scene cannot be written")


def _written(kind: str, write: Callable[[Path], None]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="SpineAlignment") as folder:
        path = Path(folder) / f"film.{kind}"
        write(path)
        return path.read_bytes()


def _picture(alignment: FilmAlignment) -> Made:
    """The picture as the command line makes it, with the measurements that are shown."""
    annotation, film, keys = alignment.annotation, seen_film(alignment), alignment.shown

    def make() -> bytes:
        from SpineAlignmentLib.results.picture import png_bytes

        return png_bytes(film, annotation, keys)

    return make


def _dicom(kind: str, alignment: FilmAlignment, film_file: Path | None) -> Made:
    """Structured report or presentation state, as the command line writes them."""
    annotation, film = with_readings(alignment.annotation), seen_film(alignment)

    def make() -> bytes:
        from SpineAlignmentLib.dicom.results import dicom_result

        return dicom_result(f".{kind}", film_file, film, annotation)

    return make
