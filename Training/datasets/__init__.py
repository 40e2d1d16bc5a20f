"""Annotated films from the project's own files and from the formats of others, all as `film.AnnotatedFilm`.

Partial labels stay partial: a landmark that a data set does not carry is NaN, and every loss and figure leaves it out.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.results.result_file import read_json
from Training.datasets.film import AnnotatedFilm, each, named_apart, read_project_film
from Training.datasets.keypoints import read_coco, read_labelme
from Training.datasets.mapping import Mapping, Marked, load_mapping
from Training.datasets.slicer import read_slicer_film
from Training.datasets.tables import read_table

__all__ = ["AnnotatedFilm", "load_mapping", "read_films"]


def read_films(
    folder: str | Path, mapping: Mapping | None = None, spacing: tuple[float, float] | None = None
) -> tuple[list[AnnotatedFilm], list[str]]:
    """All annotated films of a folder.

    Args:
        folder: a folder with annotations in it or its subfolders; or a single annotation file.
        mapping: of a foreign data set; without it the project's files, `.mrk.json` and `.fcsv` are read.
        spacing: (x, y) mm of a pixel, for films whose annotation was saved by Slicer.

    Returns:
        The films in order of their names, and one line for each file that could not be read. Films of one name in
        different folders are called by their folders as well.

    Raises:
        ResultError: the folder does not exist, or two annotations are of one film or of films of one name.
    """
    root = Path(folder)
    films, problems = read_annotations(root, mapping, spacing)
    apart = named_apart(films)
    _check_names(root, films, apart)
    _check_pictures(root, apart)
    return sorted(apart, key=lambda film: film.name), problems


def read_annotations(
    root: Path, mapping: Mapping | None = None, spacing: tuple[float, float] | None = None
) -> tuple[list[AnnotatedFilm], list[str]]:
    """What `read_films` reads, before it is known that every film has its own name and landmarks.

    Raises:
        ResultError: the folder does not exist.
    """
    if not root.exists():
        raise ResultError(f"{root}: no such folder")
    return _read_own(root, spacing) if mapping is None else _read_mapped(root, mapping)


def _check_names(root: Path, films: list[AnnotatedFilm], apart: list[AnnotatedFilm]) -> None:
    """Refuse films of one name that nothing but their names tells apart.

    Raises:
        ResultError: there are such films.
    """
    shared = Counter(film.name for film in films)
    count = Counter(film.name for film in apart)
    for film, called in zip(films, apart, strict=True):
        known = film.picture is not None or bool(film.annotation.film_sha256)
        if count[called.name] > 1 or (shared[film.name] > 1 and not known):
            places = ", ".join(other.place for other in films if other.name == film.name and other.place)
            raise ResultError(
                f"{root}: two annotations are of a film called {film.name} ({places or 'of unknown place'}); "
                "give each film its own name, or put the films beside them"
            )


def _check_pictures(root: Path, films: list[AnnotatedFilm]) -> None:
    """Refuse two annotations that would give one film two sets of landmarks, or one of them another's film.

    Raises:
        ResultError: there are such annotations.
    """
    seen: dict[Path, str] = {}
    for film in films:
        if film.picture is None:
            continue
        other = seen.setdefault(film.picture.resolve(), film.name)
        if other != film.name:
            raise ResultError(f"{root}: {other} and {film.name} are both of the film {film.picture}; keep one of them")


def _files(root: Path, suffix: str) -> list[Path]:
    return [root] if root.is_file() and root.name.endswith(suffix) else sorted(root.rglob(f"*{suffix}"))


def _read_mapped(root: Path, mapping: Mapping) -> tuple[list[AnnotatedFilm], list[str]]:
    """Of a file of many films, one that cannot be used does not stop the others either."""
    readers: dict[str, Callable[[Path, Mapping], Marked | list[Marked]]]
    readers = {"coco": read_coco, "labelme": read_labelme}
    read = readers.get(mapping.format, read_table)
    files = _files(root, ".json" if mapping.format in readers else ".csv")
    marked, problems = each(files, lambda path: read(path, mapping))
    films, further = each(marked, mapping.film)
    return films, problems + further


def _read_own(root: Path, spacing: tuple[float, float] | None) -> tuple[list[AnnotatedFilm], list[str]]:
    """The project's file of a film wins over a markups file of the same film, which `detect` writes beside it."""
    own = [p for p in _files(root, ".json") if not p.name.endswith(".mrk.json") and _is_annotation(p)]
    films, problems = each(own, lambda path: read_project_film(path, root))
    known = {path.with_suffix("") for path in own}
    others = [p for p in _files(root, ".mrk.json") if p.with_name(p.name.removesuffix(".mrk.json")) not in known]
    known |= {p.with_name(p.name.removesuffix(".mrk.json")) for p in others}
    others += [p for p in _files(root, ".fcsv") if p.with_suffix("") not in known]
    more, further = each(others, lambda path: read_slicer_film(path, spacing, root))
    return films + more, problems + further


def _is_annotation(path: Path) -> bool:
    """Whether a JSON file claims to be an annotation; a folder may hold others, and broken ones are to be told."""
    try:
        content = read_json(path)
    except ResultError:
        return True
    return isinstance(content, dict) and "landmarks" in content and not isinstance(content["landmarks"], list)
