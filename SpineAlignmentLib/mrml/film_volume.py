"""A film that the library has read as a volume node, laid where Slicer's own reader would lay it."""

from typing import Any, Final

import numpy as np
import slicer

from SpineAlignmentLib.film.film import Film
from SpineAlignmentLib.mrml.film_facts import SIDE_UNKNOWN
from SpineAlignmentLib.mrml.volume_film import volume_geometry
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.placement import Placement, plain_placement

Node = Any

SHOWN_PERCENTILES: Final[tuple[float, float]] = (0.5, 99.7)
"""Gray values outside of these are shown black or white."""
SAMPLES: Final[int] = 600
"""Rows and columns that are looked at for the gray values to show."""


def add_film(scene: Node, film: Film) -> Node:
    """A scalar volume of one slice; landmarks exported with it open on top of the film's file in Slicer.

    A film that Slicer would show mirrored or turned is laid as its pixels are stored, so that what is seen, detected
    and measured is one and the same.
    """
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", film.name)
    _lay(volume, film.placement)
    slicer.util.updateVolumeFromArray(volume, np.ascontiguousarray(film.pixels)[None])
    geometry = volume_geometry(volume)
    if not geometry.as_stored:
        _lay(volume, plain_placement(film.pixel_size))
    volume.CreateDefaultDisplayNodes()
    show_all_gray(volume)
    return volume


def _lay(volume: Node, placement: Placement) -> None:
    """The placement is in LPS, a volume's matrix in RAS: its first two axes change sign."""
    steps = np.array([placement.x_step, placement.y_step]) * (-1.0, -1.0, 1.0)
    spacing = np.linalg.norm(steps, axis=1)
    x, y = steps / spacing[:, None]
    volume.SetIJKToRASDirections(*np.stack([x, y, np.cross(x, y)], axis=1).ravel())
    volume.SetSpacing(float(spacing[0]), float(spacing[1]), 1.0)
    volume.SetOrigin(*(np.array(placement.origin) * (-1.0, -1.0, 1.0)))


def show_all_gray(volume: Node) -> None:
    """Set brightness and contrast so that nearly all gray values of a film can be told apart."""
    pixels = slicer.util.arrayFromVolume(volume)[0]
    rough = pixels[:: max(1, pixels.shape[0] // SAMPLES), :: max(1, pixels.shape[1] // SAMPLES)]
    low, high = (float(v) for v in np.percentile(rough, SHOWN_PERCENTILES))
    display = volume.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(max(high - low, 1e-6), (high + low) / 2)


def facts_of(film: Film) -> Annotation:
    """What the film's file says, as an annotation without landmarks."""
    known = film.anterior is not None
    return Annotation(
        film=film.name,
        size_px=film.size_px,
        spacing_mm=film.spacing_mm,
        spacing_source=film.spacing_source,
        pixel_aspect=film.pixel_aspect,
        anterior=film.anterior or "left",
        anterior_source=film.anterior_source if known else SIDE_UNKNOWN,
        warnings=film.warnings,
        film_sha256=film.sha256,
    )
