"""Films from points placed in 3D Slicer: `.mrk.json` and the older `.fcsv`.

Slicer stores millimeters where its default reader laid the film, so that the film itself tells which pixels they are.
Without the film or a spacing they are kept as pixels of 1 mm.
"""

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.markups import read_markups
from SpineAlignmentLib.results.turning import upright
from Training.datasets.film import AnnotatedFilm, anterior_from_points, place_of
from Training.datasets.film_files import find_picture
from Training.datasets.patients import patient_code

IN_SPACE: Final[str] = "positions in mm"
"""What `read_markups` says of the spacing of a list that Slicer saved."""


def read_slicer_film(path: Path, spacing: tuple[float, float] | None = None, root: Path | None = None) -> AnnotatedFilm:
    """A film from a markups file.

    Args:
        path: `.mrk.json`, one of the project's or saved by Slicer, or `.fcsv`.
        spacing: (x, y) mm of a pixel of the film, for positions without the film beside them.
        root: the folder of its set.

    Raises:
        ResultError: the file cannot be read, holds no landmark, or its positions are not on the film.
    """
    stem = path.name.removesuffix(".fcsv").removesuffix(".mrk.json")
    annotation = read_markups(path)
    named = annotation.film if annotation.film != path.name else ""
    picture = find_picture(path.parent, stem, named, (), annotation.film_sha256)
    owner = patient_code(picture) if picture else ""
    annotation = replace(annotation, film=picture.name if picture else annotation.film)
    found = AnnotatedFilm(stem, annotation, picture, place_of(path, root), owner)
    if picture is None and in_space(annotation) and spacing is not None:
        points = annotation.points_px / np.array(spacing)
        return replace(
            found, annotation=replace(annotation, points_px=points, spacing_mm=spacing, spacing_source="given")
        )
    return on_film(found, picture)


def in_space(annotation: Annotation) -> bool:
    """Whether the points are positions in mm as Slicer saves them, not pixels of a film."""
    return annotation.size_px == (0, 0) and annotation.spacing_source == IN_SPACE


def on_film(item: AnnotatedFilm, picture: Path | None) -> AnnotatedFilm:
    """The same with positions in space turned into pixels of its film; as it is where there is nothing to turn.

    Args:
        item: an annotation, perhaps saved by Slicer.
        picture: the film that the points were placed on; None where it is not known.

    Raises:
        FilmError: the film cannot be read.
        ResultError: most points lie off the film.
    """
    if picture is None or not in_space(item.annotation):
        return item
    from SpineAlignmentLib.film.reading import read_film

    film = read_film(picture)
    x, y = item.points.T
    nothing = np.zeros_like(x)
    # `read_markups` takes the axes of the plane that the points lie in; Slicer lays a film in one of these
    normal = int(np.argmax(np.abs(np.cross(film.placement.x_step, film.placement.y_step))))
    axes = {0: (nothing, x, -y), 1: (x, nothing, -y), 2: (x, y, nothing)}[normal]
    points = film.placement.to_film(np.stack(axes, axis=1))
    known = points[np.isfinite(points).all(axis=1)]
    if np.mean(((known > -1) & (known < np.array(film.size_px))).all(axis=1)) < 0.5:
        raise ResultError(f"{item.name}: its points lie off the film {picture}; was it moved or calibrated in Slicer?")
    annotation = replace(
        item.annotation,
        film=picture.name,
        size_px=film.size_px,
        points_px=points,
        spacing_mm=film.spacing_mm,
        spacing_source=film.spacing_source,
        pixel_aspect=film.pixel_aspect,
    )
    side = anterior_from_points(upright(annotation).points_px) or annotation.anterior
    return replace(item, annotation=replace(annotation, anterior=side))
