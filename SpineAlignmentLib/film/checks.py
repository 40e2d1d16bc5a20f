"""Whether pixels and spacings can be those of a radiograph; what cannot is refused in one line."""

import zlib
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.errors import FilmError

Pixels = NDArray[Any]

_BY_COMMAND: Final[str] = "give the right one with --spacing"

SPACING_LIMITS_MM: Final[tuple[float, float]] = (0.02, 10.0)
"""Sizes of a film pixel outside of these are not believed."""
MAX_EXTENT_MM: Final[float] = 3000.0
"""No radiograph is longer than this."""
MAX_ASPECT: Final[float] = 8.0
MIN_SIDE_PX: Final[int] = 32
MAX_PIXELS: Final[int] = 100_000_000
"""Larger images are refused before they fill the memory; the largest whole-body films have 16 million pixels."""
MAX_UNPACKED: Final[int] = 4 * MAX_PIXELS
"""Bytes; a packed file that holds more is refused before it fills the memory."""
ANY_WRAPPING: Final[int] = 32 + zlib.MAX_WBITS
"""For `zlib.decompressobj`: of zlib or of gzip, whichever is there."""
COLOR_DIFFERENCE: Final[float] = 0.12
"""Difference between the channels of a pixel, as a share of the range, from which it counts as colored."""
COLORED_SHARE: Final[float] = 0.05
"""A radiograph saved in color is gray all over, but for small marks."""
TINTED_SHARE: Final[float] = 0.3
"""Unless so much of it has one hue: a photograph of a film on its light box or on a screen; marks take less."""
LEAST_GREEN: Final[float] = 0.5
"""Share of the contrast of the other channels below which green is not taken of a tinted film."""
ONE_HUE: Final[float] = 0.97
"""How much colored pixels agree in hue, 1 for all of one: 0.99 and more on photographs of films; 0.9 where dark red
turns to yellow, 0.2 on a portrait."""

_SCREENS: Final[tuple[int, ...]] = (72, 96)
"""Dots per inch that programs write into pictures for want of anything better; no detector's and no film scanner's."""
_SAME: Final[float] = 2e-4
"""Relative difference up to which spacings are the same but for their digits."""
_ASKED_ROWS: Final[int] = 16
_TURNED: Final[float] = 0.5
"""Roughness as a share of that of words as they are read, below which their bytes are turned around."""


def checked_pixels(pixels: Pixels, name: str) -> Pixels:
    """Pixels as a gray image of shape (height, width); gray images saved in color become gray.

    Raises:
        FilmError: empty, too small, too large, in color, with values that are not numbers, or blank.
    """
    if pixels.ndim == 3 and pixels.shape[2] in (1, 2, 3, 4):
        pixels = _gray(pixels, name)
    if pixels.ndim != 2:
        raise FilmError(f"{name}: an image of {pixels.ndim} dimensions, not a single radiograph")
    check_size(pixels.shape[1], pixels.shape[0], name)
    if pixels.dtype.kind == "f":
        bad = int(np.count_nonzero(~np.isfinite(pixels)))
        if bad:
            raise FilmError(f"{name}: {bad} of {pixels.size} pixels are not numbers (NaN or infinite)")
        pixels = pixels.astype(np.float32, copy=False)
        if not np.isfinite(pixels).all():
            raise FilmError(f"{name}: gray values too large to be an image")
    elif pixels.dtype.kind == "b":
        pixels = pixels.astype(np.uint8)
    elif pixels.dtype.kind not in "iu":
        raise FilmError(f"{name}: pixels of type {pixels.dtype} are not gray values")
    # a few rows say at once that most films are not blank
    if np.ptp(pixels[:: max(1, pixels.shape[0] // 16)]) == 0 and pixels.min() == pixels.max():
        raise FilmError(f"{name}: blank: every pixel has the same value")
    return pixels


def check_size(width: int, height: int, name: str) -> None:
    """Refuse images that no film has.

    Raises:
        FilmError: empty, too small or too large.
    """
    if width < 1 or height < 1:
        raise FilmError(f"{name}: an empty image ({width} x {height} pixels)")
    if min(width, height) < MIN_SIDE_PX:
        raise FilmError(f"{name}: too small for a whole-spine film ({width} x {height} pixels)")
    if width * height > MAX_PIXELS:
        raise FilmError(f"{name}: too large for a film ({width} x {height} pixels)")


def checked_spacing(
    spacing: tuple[float, float], size_px: tuple[int, int], name: str, source: str, advice: str = _BY_COMMAND
) -> tuple[float, float]:
    """A pixel spacing that can be.

    Args:
        spacing: (x, y) in mm.
        size_px: (width, height) of the film.
        name: of the film.
        source: where the spacing comes from.
        advice: what to do about one that cannot be.

    Raises:
        FilmError: names the file, the spacing and where it comes from.
    """
    x, y = float(spacing[0]), float(spacing[1])
    low, high = SPACING_LIMITS_MM
    shown = f"{x:g} x {y:g} mm ({source})"
    if not (np.isfinite([x, y]).all() and low <= min(x, y) and max(x, y) <= high):
        raise FilmError(f"{name}: impossible pixel spacing {shown}; {advice}")
    if not 1 / MAX_ASPECT <= y / x <= MAX_ASPECT:
        raise FilmError(f"{name}: impossible shape of a pixel, {shown}; {advice}")
    extent = max(size_px[0] * x, size_px[1] * y)
    if extent > MAX_EXTENT_MM:
        raise FilmError(f"{name}: with a pixel spacing of {shown} the film is {extent / 1000:.1f} m long; {advice}")
    return x, y


def has_bytes_turned(words: Pixels, gray_of: Callable[[Pixels], Pixels] = np.asarray) -> bool:
    """Whether the bytes of words stand the other way round: read so, neighbors are much closer.

    This is asked of every film: a few of its rows answer.

    Args:
        words: shape (height, width).
        gray_of: gives the gray values of words, where these are not all of them.
    """
    if words.dtype.kind not in "iu" or words.dtype.itemsize not in (2, 4):
        return False
    some = words[:: max(1, len(words) // _ASKED_ROWS)]
    return relative_roughness(gray_of(some.byteswap())) < _TURNED * relative_roughness(gray_of(some))


def relative_roughness(words: Pixels) -> float:
    """Difference of neighbors in a row as a share of the contrast, which is the same of left-justified words."""
    gray = words.astype(np.float32)
    return float(np.abs(np.diff(gray, axis=1)).mean()) / (float(gray.std()) or 1.0)


def is_placeholder(spacing: tuple[float, float], size_px: tuple[int, int]) -> bool:
    """Whether a spacing of exactly 1 mm only means that nobody knew it: the film would be longer than any is."""
    return spacing == (1.0, 1.0) and max(size_px) > 1500


def screen_dots(spacing: tuple[float, float]) -> int:
    """The dots per inch of a screen that a spacing is, which converting a picture leaves in its file; 0 for none."""
    return next((dots for dots in _SCREENS if all(abs(mm * dots / 25.4 - 1) < _SAME for mm in spacing)), 0)


def _gray(pixels: Pixels, name: str) -> Pixels:
    channels = pixels[..., : 3 if pixels.shape[2] > 2 else 1]
    if channels.shape[2] == 1:
        return np.asarray(channels[..., 0])
    top = float(np.iinfo(pixels.dtype).max) if pixels.dtype.kind in "iu" else float(np.nanmax(np.abs(channels))) or 1.0
    rough = channels[:: max(1, pixels.shape[0] // 1000), :: max(1, pixels.shape[1] // 1000)].astype(np.float32)
    range_top = max(float(rough.max()), 1e-6) if pixels.dtype.itemsize > 1 else top
    is_colored = np.ptp(rough, axis=2) > COLOR_DIFFERENCE * range_top
    colored = float(np.mean(is_colored))
    if colored > TINTED_SHARE and _agreement(rough[is_colored]) > ONE_HUE:
        contrast = rough.std(axis=(0, 1))
        if contrast[1] < LEAST_GREEN * contrast.max():
            return np.ascontiguousarray(channels[..., int(np.argmax(contrast))])
    elif colored > COLORED_SHARE:
        raise FilmError(f"{name}: a color image ({100 * colored:.0f} % of it colored), not a radiograph")
    # green is sampled fully by every color format, the others may not be
    return np.ascontiguousarray(channels[..., 1])


def _agreement(colors: NDArray[np.float32]) -> float:
    """How much colors (n, 3) agree in hue: the length of their sum on the color circle, as a share of all lengths."""
    circle = colors @ np.exp(2j * np.pi * np.arange(3) / 3)
    return float(abs(circle.sum()) / np.abs(circle).sum())
