"""Annotated films from the project's own files and from the formats of others, all as `film.AnnotatedFilm`.

Partial labels stay partial: a landmark that a data set does not carry is NaN, and every loss and figure leaves it out.
"""

from pathlib import Path

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.results.result_file import read_json
from Training.datasets.film import AnnotatedFilm, each, read_project_film
from Training.datasets.keypoints import read_coco, read_labelme
from Training.datasets.mapping import Mapping, load_mapping
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
        The films in order of their names, and one line for each file that could not be read.

    Raises:
        ResultError: the folder does not exist, or two films have one name.
    """
    root = Path(folder)
    if not root.exists():
        raise ResultError(f"{root}: no such folder")
    if mapping is not None:
        films, problems = _read_mapped(root, mapping)
    else:
        films, problems = _read_own(root, spacing)
    names = [film.name for film in films]
    twice = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
    if twice is not None:
        raise ResultError(f"{root}: two annotations are of a film called {twice}; give each film its own name")
    return sorted(films, key=lambda film: film.name), problems


def _files(root: Path, suffix: str) -> list[Path]:
    return [root] if root.is_file() and root.name.endswith(suffix) else sorted(root.rglob(f"*{suffix}"))


def _read_mapped(root: Path, mapping: Mapping) -> tuple[list[AnnotatedFilm], list[str]]:
    if mapping.format == "coco":
        return each(_files(root, ".json"), lambda path: read_coco(path, mapping))
    if mapping.format == "labelme":
        return each(_files(root, ".json"), lambda path: read_labelme(path, mapping))
    return each(_files(root, ".csv"), lambda path: read_table(path, mapping))


def _read_own(root: Path, spacing: tuple[float, float] | None) -> tuple[list[AnnotatedFilm], list[str]]:
    """The project's file of a film wins over a markups file of the same film, which `detect` writes beside it."""
    own = [p for p in _files(root, ".json") if not p.name.endswith(".mrk.json") and _is_annotation(p)]
    films, problems = each(own, read_project_film)
    known = {path.with_suffix("") for path in own}
    others = [p for p in _files(root, ".mrk.json") if p.with_name(p.name.removesuffix(".mrk.json")) not in known]
    known |= {p.with_name(p.name.removesuffix(".mrk.json")) for p in others}
    others += [p for p in _files(root, ".fcsv") if p.with_suffix("") not in known]
    more, further = each(others, lambda path: read_slicer_film(path, spacing))
    return films + more, problems + further


def _is_annotation(path: Path) -> bool:
    """Whether a JSON file claims to be an annotation; a folder may hold others, and broken ones are to be told."""
    try:
        content = read_json(path)
    except ResultError:
        return True
    return isinstance(content, dict) and "landmarks" in content and not isinstance(content["landmarks"], list)
