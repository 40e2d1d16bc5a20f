"""What is known about a film node before anything is measured: size of its pixels and facing side, with their source."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from SpineAlignmentLib.mrml.volume_film import volume_geometry
from SpineAlignmentLib.results import Annotation

Node = Any
FileForInstance = Callable[[str], str]

READER_DEFAULT_MM: Final[float] = 1.0
"""What file readers give an image that does not say how large its pixels are."""


def film_facts(
    volume: Node, file_for_instance: FileForInstance | None = None, known: Mapping[str, Any] | None = None
) -> Annotation:
    """An annotation without landmarks.

    Args:
        volume: the film.
        file_for_instance: look-up of a DICOM database from SOP Instance UID to file name.
        known: facts that were saved with the scene; they win.

    Raises:
        FilmError: the volume is not a film.
    """
    geometry = volume_geometry(volume)
    film = Annotation(film=volume.GetName(), size_px=geometry.size_px)
    if known:
        return replace(film, **known)
    return film
