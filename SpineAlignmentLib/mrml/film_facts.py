"""What is known about a film node before it is measured: its file, the size of its pixels, the facing side, sources."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.film import NO_SPACING, SIDE_OF_PLANE, SPACING_UNKNOWN, Film
from SpineAlignmentLib.jobs.reading_process import read_apart
from SpineAlignmentLib.mrml.volume_film import VolumeGeometry, volume_geometry
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.frame import ANTERIOR_SIDES

Node = Any
FileForInstance = Callable[[str], str]

SIDE_UNKNOWN: Final[str] = "not known yet"
FROM_VOLUME: Final[str] = "spacing of the volume"
UNKNOWN_TO_READERS: Final[tuple[float, float]] = (1.0, 1.0)
"""What Slicer's readers give to a film without a size."""
FROM_ORIENTATION: Final[str] = SIDE_OF_PLANE


def film_file(volume: Node, file_for_instance: FileForInstance | None = None) -> Path | None:
    """The file a film was loaded from, when it is there and the volume was not changed since; else None."""
    if volume.GetModifiedSinceRead() and volume.GetStorageNode() is not None:
        return None
    instances = (volume.GetAttribute("DICOM.instanceUIDs") or "").split()
    name = file_for_instance(instances[0]) if instances and file_for_instance is not None else ""
    storage = volume.GetStorageNode()
    name = name or (storage.GetFullNameFromFileName() or "" if storage is not None else "")
    path = Path(name)
    return path if name and path.is_file() else None


def film_facts(
    volume: Node, file_for_instance: FileForInstance | None = None, known: Mapping[str, Any] | None = None
) -> Annotation:
    """An annotation without landmarks: the film's tags where its file is at hand, else what the volume says.

    Slicer's readers ignore some of the tags (PixelSpacing of CR and DX films, PatientOrientation), so they are read
    from the file.

    Args:
        volume: the film.
        file_for_instance: look-up of a DICOM database from SOP Instance UID to file name.
        known: facts that were saved with the scene; they win.

    Raises:
        FilmError: the volume is not a film.
    """
    geometry = volume_geometry(volume)
    facts = Annotation(film=volume.GetName(), size_px=geometry.size_px, anterior_source=SIDE_UNKNOWN)
    if known:
        return replace(facts, **known)
    path = film_file(volume, file_for_instance)
    film = _read(path) if path is not None else None
    if film is None or _size_as_seen(film, geometry) != geometry.size_px:
        return _side_of_plane(_spacing_of_volume(facts, geometry), geometry)
    facts = replace(
        facts, film=film.name, spacing_mm=film.spacing_mm, spacing_source=film.spacing_source, warnings=film.warnings
    )
    if not _is_turned(geometry) and not any(geometry.flipped):
        # landmarks are counted in pixels as seen; only then are they pixels of the file
        facts = replace(facts, film_sha256=film.sha256)
    return _side_of_file(_aspect_as_seen(facts, film, geometry), film, geometry)


def _read(path: Path) -> Film | None:
    try:
        return read_apart(path, pixels=False)
    except FilmError:
        return None


# A film that says where it lies in space is shown so, which can be turned or mirrored against its file


def _is_turned(geometry: VolumeGeometry) -> bool:
    """Whether the file's rows are seen as columns."""
    return geometry.axes != (0, 1)


def _size_as_seen(film: Film, geometry: VolumeGeometry) -> tuple[int, int]:
    width, height = film.size_px
    return (height, width) if _is_turned(geometry) else (width, height)


def _aspect_as_seen(facts: Annotation, film: Film, geometry: VolumeGeometry) -> Annotation:
    if not _is_turned(geometry):
        return replace(facts, pixel_aspect=film.pixel_aspect)
    spacing = None if film.spacing_mm is None else (film.spacing_mm[1], film.spacing_mm[0])
    return replace(facts, spacing_mm=spacing, pixel_aspect=1 / film.pixel_aspect)


def _side_of_file(facts: Annotation, film: Film, geometry: VolumeGeometry) -> Annotation:
    if film.anterior is None or _is_turned(geometry):
        return _side_of_plane(facts, geometry)
    side = ANTERIOR_SIDES[ANTERIOR_SIDES.index(film.anterior) ^ geometry.flipped[0]]
    return replace(facts, anterior=side, anterior_source=film.anterior_source)


def _spacing_of_volume(facts: Annotation, geometry: VolumeGeometry) -> Annotation:
    facts = replace(facts, pixel_aspect=geometry.spacing[1] / geometry.spacing[0])
    if geometry.spacing == UNKNOWN_TO_READERS:
        return replace(facts, spacing_source=SPACING_UNKNOWN, warnings=(NO_SPACING,))
    return replace(facts, spacing_mm=geometry.spacing, spacing_source=FROM_VOLUME)


def _side_of_plane(facts: Annotation, geometry: VolumeGeometry) -> Annotation:
    """In a sagittal plane anterior is a direction of the volume's matrix."""
    right = geometry.pixel_to_ras[:3, 0]
    if int(np.argmax(np.abs(right))) == 1:
        return replace(facts, anterior="left" if right[1] < 0 else "right", anterior_source=FROM_ORIENTATION)
    return facts
