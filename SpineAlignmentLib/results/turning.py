"""Films that lie on their side or upside down: where a pixel of the film as it is stored lies once it is upright."""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.drawn import Drawn
from SpineAlignmentLib.results.numbering import Numbering
from SpineAlignmentLib.results.placement import Placement

FloatArray = NDArray[np.float64]


def turned_size(size_px: tuple[int, int], quarter_turns: int) -> tuple[int, int]:
    """(width, height) of a film after quarter turns."""
    width, height = size_px
    return (height, width) if quarter_turns % 2 else (width, height)


def turned_points(points_px: ArrayLike, size_px: tuple[int, int], quarter_turns: int) -> FloatArray:
    """Where pixels lie after quarter turns counterclockwise, as `numpy.rot90` turns; less than 0 turns them back.

    Args:
        points_px: (..., 2), pixels (x, y) before.
        size_px: (width, height) before.
        quarter_turns: of the film.
    """
    x, y = np.moveaxis(np.asarray(points_px, float), -1, 0)
    right, bottom = size_px[0] - 1, size_px[1] - 1
    return np.stack([(x, y), (y, right - x), (right - x, bottom - y), (bottom - y, x)][quarter_turns % 4], axis=-1)


def turned_placement(placement: Placement, size_px: tuple[int, int], quarter_turns: int) -> Placement:
    """Where the turned pixels of a film of (width, height) pixels lie in space: where they lay before."""
    first = placement.to_lps(turned_points((0, 0), turned_size(size_px, quarter_turns), -quarter_turns))
    right, below = placement.steps_to_lps(turned_points(np.eye(2), (1, 1), -quarter_turns))
    origin, x_step, y_step = ((float(x), float(y), float(z)) for x, y, z in (first, right, below))
    return Placement(origin, x_step, y_step)


def upright(annotation: Annotation) -> Annotation:
    """The same landmarks in pixels of the film set upright."""
    if not annotation.quarter_turns:
        return annotation
    return replace(_turned(annotation, annotation.quarter_turns), quarter_turns=0)


def as_stored(annotation: Annotation, quarter_turns: int) -> Annotation:
    """Landmarks on a film set upright in pixels of the film as it is stored; `upright` is the inverse.

    Args:
        annotation: of the film set upright.
        quarter_turns: counterclockwise ones that set it upright.
    """
    return replace(_turned(annotation, -quarter_turns), quarter_turns=quarter_turns % 4)


def _turned(film: Annotation, turns: int) -> Annotation:
    """Everything that is in pixels, after quarter turns."""
    x, y = film.pixel_size
    # deviations are in pixels along y, radii in pixels along x
    taller, wider = (y / x, x / y) if turns % 2 else (1.0, 1.0)
    size, drawn = film.size_px, tuple(_drawn(one, film.size_px, turns) for one in film.drawn)
    return replace(
        film,
        size_px=turned_size(size, turns),
        points_px=turned_points(film.points_px, size, turns),
        spacing_mm=(y, x) if film.spacing_mm is not None and turns % 2 else film.spacing_mm,
        pixel_aspect=1 / film.pixel_aspect if turns % 2 else film.pixel_aspect,
        numbering=None if film.numbering is None else _numbering(film.numbering, size, turns, taller),
        vertebrae_px=turned_points(film.vertebrae_px, size, turns),
        head_radius_px=film.head_radius_px * wider,
        drawn=drawn,
        deviation_px=film.deviation_px * taller,
    )


def _numbering(numbering: Numbering, size: tuple[int, int], turns: int, taller: float) -> Numbering:
    other = numbering.other
    if other is None:
        return numbering
    return replace(
        numbering,
        other=replace(
            other,
            points_px=turned_points(other.points_px, size, turns),
            vertebrae_px=turned_points(other.vertebrae_px, size, turns),
            deviation_px=other.deviation_px * taller,
        ),
    )


def _drawn(one: Drawn, size: tuple[int, int], turns: int) -> Drawn:
    if not one.points_px:
        return one
    return replace(one, points_px=tuple((float(x), float(y)) for x, y in turned_points(one.points_px, size, turns)))
