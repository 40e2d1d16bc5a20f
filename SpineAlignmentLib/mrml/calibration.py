"""The size of a film pixel from a line over an object of known length."""

from typing import Any

import numpy as np

from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.volume_film import volume_geometry

Node = Any


def calibrate(alignment: FilmAlignment, line: Node, length_mm: float) -> tuple[float, float]:
    """Take the size of a film's pixels from a line; returns it as (x, y) in mm.

    Raises:
        ValueError, FilmError: as `calibrated_spacing`.
    """
    spacing = calibrated_spacing(alignment.volume, line, length_mm)
    alignment.set_spacing(spacing, calibration_source(length_mm))
    return spacing


def calibration_source(length_mm: float) -> str:
    """Where a spacing is known from after a calibration."""
    return f"calibrated on an object of {length_mm:g} mm"


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
