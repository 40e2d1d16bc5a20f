"""How large and where the networks see a film, whatever part of a spine it shows.

The networks know adult spines at `SCALE_MM` a pixel. A film is shown at that scale, in the middle of an otherwise empty
view when it is only a part; where the pixel spacing is unknown, the vertebrae themselves give the scale.
"""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from SpineAlignmentLib.detection.look import Look
from SpineAlignmentLib.detection.shape_prior import shape_model
from SpineAlignmentLib.detection.side import WHOLE_SPINE, landmarks_seen
from SpineAlignmentLib.film.film import Film
from SpineAlignmentLib.film.preprocessing import SCALE_MM, InputFrame, fit_region
from SpineAlignmentLib.measurement.landmarks import CENTERS, INDEX

FloatArray = NDArray[np.float64]
ImageArray = NDArray[np.float32]

_SLACK: Final[float] = 1.03
"""A film this many times larger than the view still counts as seen whole."""
_SAMPLES: Final[int] = 600
"""Lines of a film that are looked at for borders, along its longer side."""
_PLAIN: Final[float] = 0.04
"""Gray values that differ by no more than this share of the film's range are one."""
_LETTERS: Final[float] = 0.04
"""Share of a border's line that letters and markers may take."""
_LEAST_EXPOSED: Final[float] = 0.15
"""Share of a film's side below which borders are none: a spine needs more than a line."""
_BORDERED: Final[float] = 0.85
"""Share of a side above which what is plain may as well be air beside a patient, as the networks know it."""
_OTHER_SCALE: Final[float] = 1.12
"""Spines this many times larger or smaller than those the networks know are looked at again at their own scale."""
_COUNTED: Final[float] = 4 / 3
"""Spines that are no more than this many times larger or smaller than expected are counted as they are."""
_SCALES: Final[tuple[float, float]] = (0.4, 2.0)
SMALLER: Final[tuple[float, ...]] = (0.7, 0.5, 0.36)
"""Sizes of a film in the view that are tried when its scale is unknown and it shows no whole spine: half of one, down
to a few vertebrae."""


def first_frame(film: Film, input_size: tuple[int, int]) -> InputFrame:
    """The frame that shows a film, at the networks' scale when it fits; its facing side must be set.

    A film that does not fit, or whose scale is unknown, is shown without its borders.
    """
    width, height = film.size_px
    frame, fits = _shown(film, (-0.5, -0.5, width - 0.5, height - 0.5), input_size)
    return frame if fits else _shown(film, exposed(film.pixels), input_size)[0]


def _shown(
    film: Film, region: tuple[float, float, float, float], input_size: tuple[int, int]
) -> tuple[InputFrame, bool]:
    """The frame that shows a region of a film, and whether it does so at the networks' scale."""
    whole = fit_region(region, film.pixel_size, film.anterior or "", input_size)
    at_scale = known_scale(film, whole)
    if at_scale and abs(whole.step[1]) <= _SLACK * abs(at_scale.step[1]):
        return at_scale, True
    return whole, False


def exposed(pixels: NDArray[np.generic]) -> tuple[float, float, float, float]:
    """The region of a film within borders of one gray value, as collimators, detectors and exports leave them.

    Args:
        pixels: shape (height, width).

    Returns:
        (left, top, right, bottom) in film pixels, pixel edges included; a side of which little or nearly all
        is left is whole.
    """
    step = max(1, max(pixels.shape) // _SAMPLES)
    gray = np.asarray(pixels[::step, ::step], np.float32)
    slack = _PLAIN * float(np.ptp(np.percentile(gray, (0.5, 99.5))))
    left, right = _within_borders(gray.T, slack)
    top, bottom = _within_borders(gray[:, left:right], slack)
    width, height = right * step, bottom * step
    return left * step - 0.5, top * step - 0.5, min(width, pixels.shape[1]) - 0.5, min(height, pixels.shape[0]) - 0.5


def _within_borders(lines: ImageArray, slack: float) -> tuple[int, int]:
    """First and last line but one of what lies between a border before and behind."""
    first, behind = _plain_lines(lines, slack), _plain_lines(lines[::-1], slack)
    last = len(lines) - behind
    return (first, last) if _LEAST_EXPOSED < (last - first) / len(lines) < _BORDERED else (0, len(lines))


def _plain_lines(lines: ImageArray, slack: float) -> int:
    """How many of the first lines hold one gray value, that of the first, but for a few letters."""
    other = np.abs(lines - np.median(lines[0])) > slack
    return int(np.argmax(np.append(other.mean(axis=1) > _LETTERS, True)))


def known_scale(film: Film, frame: InputFrame) -> InputFrame | None:
    """A frame at the networks' scale, None when the film's spacing is unknown."""
    if film.spacing_mm is None:
        return None
    step = (np.copysign(SCALE_MM / film.spacing_mm[0], frame.step[0]), SCALE_MM / film.spacing_mm[1])
    return replace(frame, step=(float(step[0]), float(step[1])))


def counting_grid(film: Film, look: Look) -> InputFrame:
    """The grid on which the levels in a look are counted: at the networks' scale, and as large as the film.

    Where the spacing is unknown, a whole spine that is much smaller or larger than expected tells the scale; what is
    less than one is counted at the look's.
    """
    grid = known_scale(film, look.frame)
    if grid is None:
        grid = look.frame
        size = SCALE_MM / apparent_spacing(look.mean, film.pixel_aspect)[1] / grid.step[1]
        if landmarks_seen(look) >= WHOLE_SPINE and not 1 / _COUNTED < size < _COUNTED:
            grid = own_scale(grid, size)
    width, height = (int(np.ceil(size / abs(step) / 8)) * 8 for size, step in zip(film.size_px, grid.step, strict=True))
    center = ((film.size_px[0] - 1) / 2, (film.size_px[1] - 1) / 2)
    return replace(grid, input_size=(max(height, 64), max(width, 64)), center=center)


def apparent_spacing(points: ArrayLike, pixel_aspect: float = 1.0) -> tuple[float, float]:
    """(x, y) size of a film pixel in mm, were the spine of mean size: right to a tenth, as the network of bodies needs.

    1 mm where no two neighboring centers are known.

    Args:
        points: (45, 2) film pixels, NaN where missing.
        pixel_aspect: height of a pixel over its width.
    """
    rows = [INDEX[name] for name in CENTERS]
    found = np.asarray(points, float)[rows] * (1.0, pixel_aspect)
    steps = np.linalg.norm(np.diff(found, axis=0), axis=1)
    known = np.isfinite(steps)
    expected = np.linalg.norm(np.diff(shape_model().mean[rows], axis=0), axis=1)
    size = float(expected[known].sum() / steps[known].sum()) if known.any() else 1.0
    return size, size * pixel_aspect


def own_scale(grid: InputFrame, size: float) -> InputFrame:
    """A grid at the scale of a spine whose steps are `size` times those expected on the grid given."""
    if 1 / _OTHER_SCALE < size < _OTHER_SCALE:
        return grid
    factor = float(np.clip(size, *_SCALES))
    height, width = (int(np.ceil(side / factor / 8)) * 8 for side in grid.input_size)
    return replace(grid, input_size=(height, width), step=(grid.step[0] * factor, grid.step[1] * factor))


def alike(frame: InputFrame, other: InputFrame) -> bool:
    """Whether two views show a film at scales that are the same to the networks."""
    return 1 / _OTHER_SCALE < frame.step[1] / other.step[1] < _OTHER_SCALE


def view_of(points: FloatArray, grid: InputFrame, input_size: tuple[int, int]) -> InputFrame:
    """The view at a grid's scale that has a whole spine, known or expected at film pixels (45, 2), in its middle."""
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    return replace(grid, input_size=input_size, center=(float(middle[0]), float(middle[1])))


def shows(frame: InputFrame, points: FloatArray, margin: float) -> bool:
    """Whether a view holds film pixels (n, 2) with a margin in network pixels."""
    seen = frame.to_network(points)
    limit = np.array([frame.input_size[1], frame.input_size[0]]) - 1 - margin
    return bool((seen >= margin).all() and (seen <= limit).all())
