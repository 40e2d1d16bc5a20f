"""Films from points placed in 3D Slicer: `.mrk.json` and the older `.fcsv`.

Slicer stores millimeters where its default reader laid the film. Without a spacing they are kept as pixels of 1 mm.
"""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.landmarks import COUNT, INDEX
from SpineAlignmentLib.markups import plain_placement, read_markups
from SpineAlignmentLib.results import Annotation
from Training.datasets.film import AnnotatedFilm, anterior_from_points, find_picture


def read_slicer_film(path: Path, spacing: tuple[float, float] | None = None) -> AnnotatedFilm:
    """A film from a markups file.

    Args:
        path: `.mrk.json`, one of the project's or saved by Slicer, or `.fcsv`; the film lies beside it.
        spacing: (x, y) mm of a pixel of the film, to turn Slicer's positions into film pixels.

    Raises:
        ResultError: the file cannot be read or holds no landmark.
    """
    stem = path.name.removesuffix(".fcsv").removesuffix(".mrk.json")
    annotation = read_fcsv(path) if path.name.endswith(".fcsv") else read_markups(path)
    if annotation.size_px == (0, 0) and spacing is not None:
        annotation = replace(annotation, points_px=annotation.points_px / np.array(spacing), spacing_mm=spacing)
    picture = find_picture(path.parent, stem, annotation.film if annotation.film != path.name else "")
    return AnnotatedFilm(stem, replace(annotation, film=picture.name if picture else annotation.film), picture)


def read_fcsv(path: Path) -> Annotation:
    """Landmarks from Slicer's `.fcsv` (Markups fiducial file, version 4 and 5), as pixels of 1 mm.

    Raises:
        ResultError: the file cannot be read or holds no landmark.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ResultError(f"{path}: cannot be read ({error})") from error
    header: dict[str, str] = {}
    for line in lines:
        if line.startswith("#") and "=" in line:
            key, value = line.lstrip("# ").split("=", 1)
            header[key.strip()] = value.strip()
    system = header.get("CoordinateSystem", "0")
    # versions before 4.11 wrote a number: 0 is RAS, 1 is LPS
    if system not in ("0", "RAS", "1", "LPS"):
        raise ResultError(f"{path}: unknown coordinate system {system!r}")
    sign = -1.0 if system in ("0", "RAS") else 1.0
    columns = header.get("columns", "id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID").split(",")
    positions = np.full((COUNT, 3), np.nan)
    for row in csv.DictReader((line for line in lines if line and line[0] != "#"), columns):
        if row.get("label") in INDEX:
            try:
                x, y, z = (float(row[axis]) for axis in ("x", "y", "z"))
            except (KeyError, TypeError, ValueError) as error:
                raise ResultError(f"{path}: the position of {row['label']} is not three numbers") from error
            positions[INDEX[str(row["label"])]] = sign * x, sign * y, z
    points = plain_placement(None).to_film(positions)
    anterior = anterior_from_points(points)
    if not np.isfinite(points).any() or anterior is None:
        raise ResultError(f"{path}: no endplate of the landmarks is labeled; name the points as S1_A, S1_P and so on")
    return Annotation(
        path.name, (0, 0), points, spacing_mm=(1.0, 1.0), spacing_source="positions in mm",
        anterior=anterior, anterior_source="endplates",
    )  # fmt: skip
