"""Reports of result files: finds the films that they were measured on, and writes the report."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from SpineAlignmentLib.clinical.patient import Patient, patient_of
from SpineAlignmentLib.errors import FilmError, ResultPictureError, UsageError
from SpineAlignmentLib.film.paths import all_files
from SpineAlignmentLib.results.files import make_folder, write_files
from SpineAlignmentLib.results.markups import read_landmarks

if TYPE_CHECKING:
    from SpineAlignmentLib.film.film import Film
    from SpineAlignmentLib.results.annotation import Annotation

ENDINGS: Final[tuple[str, ...]] = (".pdf", ".html")


def write_report(
    results: Sequence[Path],
    output: Path,
    films: Path | None = None,
    paper: str = "a4",
    compare: bool = False,
    patient: Patient | None = None,
) -> None:
    """Write the report of one or more result files, one after the other, or of two side by side.

    Args:
        results: `<stem>.json` or `<stem>.mrk.json`; of a comparison the earlier first.
        output: a file ending in .pdf or .html.
        films: where the films are, a file or a folder; None for beside their results.
        paper: "a4" or "letter".
        compare: whether the two results are visits to be shown side by side.
        patient: age and sex where the user gives them; what he does not is as a result names it itself.

    Raises:
        UsageError: another kind of file, or a comparison of any other number than two.
        ResultError: a result or the place of the report is not right.
        FilmError: a film that was given cannot be read.
    """
    if output.suffix.lower() not in ENDINGS:
        raise UsageError(f"{output}: a report ends in {' or '.join(ENDINGS)}")
    if compare and len(results) != 2:
        raise UsageError(f"a comparison is of two results, not of {len(results)}")
    annotations = [_of(read_landmarks(path), patient) for path in results]
    seen = [(found, film_of(found, path, films)) for found, path in zip(annotations, results, strict=True)]
    make_folder(output.absolute().parent)
    write_files({output: report_bytes(seen, output.suffix.lower(), paper, compare)})


def _of(annotation: "Annotation", patient: Patient | None) -> "Annotation":
    if patient is None:
        return annotation
    known = patient_of(annotation.extra, annotation.film, patient)
    return replace(annotation, extra={**annotation.extra, "patient": known.to_json()})


def report_bytes(
    seen: "Sequence[tuple[Annotation, Film | None]]", ending: str, paper: str = "a4", compare: bool = False
) -> bytes:
    """A report as the bytes of a file.

    Args:
        seen: landmarks and, where it is at hand, their film.
        ending: one of `ENDINGS`.
        paper: "a4" or "letter"; of a PDF.
        compare: whether the two are shown side by side.

    Raises:
        ResultError: ReportLab is not installed, or a result names an age or a sex that cannot be.
    """
    from SpineAlignmentLib.clinical.report import ENGLISH, html_report, pdf_report, visit

    visits = [visit(annotation, film, ENGLISH, compare) for annotation, film in seen]
    pages = [visits] if compare else [[one] for one in visits]
    return pdf_report(pages, paper) if ending == ".pdf" else html_report(pages)


def film_report(_: Path, film: "Film", annotation: "Annotation") -> dict[str, bytes]:
    """The report of a film that was just measured, as `film_task.FurtherFiles`."""
    return {".pdf": report_bytes([(annotation, film)], ".pdf")}


def film_of(annotation: "Annotation", result: Path, films: Path | None) -> "Film | None":
    """The film of a result: the one that was given, or one of its name beside the result; None where there is none.

    In a folder that was given it may lie below, too, as `detect` finds it; of several of its name the content decides.

    Raises:
        FilmError: the film cannot be read, is of another size than the one that was measured, or is another one.
    """
    from SpineAlignmentLib.film.reading import read_film

    path = films if films is not None and not films.is_dir() else _film_file(annotation, result, films)
    if path is None or not path.is_file():
        if films is not None:
            path = path or films / annotation.film
            raise FilmError(f"{path}: no such film, though {result} was measured on it")
        return None
    try:
        # what its tags say of the view kept nobody from measuring it
        film = read_film(path, annotation.spacing_mm, annotation.anterior, force=True)
    except ResultPictureError:
        if films is not None:
            raise
        return None  # `detect` wrote it there, under the name of a film that was a PNG itself
    if film.size_px != annotation.size_px:
        raise FilmError(
            f"{path}: {film.size_px[0]} x {film.size_px[1]} pixels, but {result} was measured on "
            f"{annotation.size_px[0]} x {annotation.size_px[1]}"
        )
    if annotation.film_sha256 and film.sha256 and annotation.film_sha256 != film.sha256:
        raise FilmError(
            f"{path}: another film than {result} was measured on (content {film.sha256[:8]}, not "
            f"{annotation.film_sha256[:8]}); name the right one with --films"
        )
    return film


def _film_file(annotation: "Annotation", result: Path, films: Path | None) -> Path | None:
    """The file with the name of a result's film, beside the result or anywhere in a folder; None for none.

    Raises:
        FilmError: several files have this name, and none can be told to be the film.
    """
    name = annotation.film
    if not name:
        return None
    first = (films or result.absolute().parent) / name
    found = [first] if first.is_file() else []
    if films is not None:
        below = (path for path in all_files(films) if path.name == name and path != first)
        found += sorted(path for path in below if path.is_file())
    if len(found) > 1 and annotation.film_sha256:
        found = [path for path in found if _content(path) == annotation.film_sha256][:1] or found
    if len(found) > 1 and found[0] != first:
        raise FilmError(f"{films}: {len(found)} films there are called {name}; name that of {result} with --films")
    return found[0] if found else None


def _content(path: Path) -> str:
    from SpineAlignmentLib.film.reading import film_fingerprint

    try:
        return film_fingerprint(path)
    except (FilmError, OSError):
        return ""
