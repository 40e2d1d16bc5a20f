"""The size of a film pixel as the user knows it: typed, or from a line over an object of known length."""

from typing import Any, Final

import numpy as np

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.checks import checked_spacing
from SpineAlignmentLib.film.film import GIVEN
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.volume_film import volume_geometry
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.doubts import size_doubt

Node = Any

TYPED: Final[str] = "typed"
_CALIBRATED: Final[str] = "calibrated on an object of"
"""Where a size is known from that the user typed, or that a line gave."""


def set_pixel_size(alignment: FilmAlignment, x_mm: float) -> None:
    """Take the width of a film's pixels as the user types it; their shape stays.

    Raises:
        FilmError: not a size that a film of a person has.
    """
    film = alignment.annotation
    aspect = film.pixel_aspect if film.spacing_mm is None else film.spacing_mm[1] / film.spacing_mm[0]
    _take(alignment, (x_mm, x_mm * aspect), TYPED)


def calibrate(alignment: FilmAlignment, line: Node, length_mm: float) -> tuple[float, float]:
    """Take the size of a film's pixels from a line; returns it as (x, y) in mm.

    Raises:
        ValueError, FilmError: as `calibrated_spacing`, and a size that no film of a person has.
    """
    spacing = calibrated_spacing(alignment.volume, line, length_mm)
    _take(alignment, spacing, f"{_CALIBRATED} {length_mm:g} mm")
    return spacing


def set_by_hand(film: Annotation) -> bool:
    """Whether the size of a pixel is other than the film's file says: what it says can be taken again."""
    return film.spacing_source in (TYPED, GIVEN) or film.spacing_source.startswith(_CALIBRATED)


def _take(alignment: FilmAlignment, spacing: tuple[float, float], source: str) -> None:
    film = alignment.annotation
    checked_spacing(spacing, film.size_px, film.film, source, "the size stays as it was")
    said = size_doubt(film.calibrated(spacing, source))
    if said:
        raise FilmError(f"{film.film}: with pixels of {spacing[0]:.4g} mm {said[0]}; the size stays as it was")
    alignment.set_spacing(spacing, source)


def calibrated_spacing(volume: Node, line: Node, length_mm: float) -> tuple[float, float]:
    """The (x, y) size of a film pixel in mm.

    The shape of the pixel is that of the volume; its size follows from the line.

    Raises:
        ValueError: the line is missing or has not got two points, or the length is not positive.
        FilmError: the volume is not a film.
    """
    if not length_mm > 0:
        raise ValueError(f"the known length must be positive, got {length_mm:g} mm")
    if line is None or line.GetNumberOfDefinedControlPoints() < 2:
        raise ValueError("draw a line over an object of known length on the film first")
    geometry = volume_geometry(volume)
    ends = np.zeros((2, 3))
    for i in range(2):
        line.GetNthControlPointPositionWorld(i, ends[i])
    ends_px = geometry.to_pixels([_to_film_space(volume, end) for end in ends])
    drawn_mm = float(np.linalg.norm((ends_px[1] - ends_px[0]) * geometry.spacing))
    if drawn_mm <= 0:
        raise ValueError("the line over the object has no length; draw it from end to end")
    scale = length_mm / drawn_mm
    return geometry.spacing[0] * scale, geometry.spacing[1] * scale


def _to_film_space(volume: Node, world: Any) -> Any:
    position = [0.0, 0.0, 0.0]
    volume.TransformPointFromWorld(world, position)
    return position
