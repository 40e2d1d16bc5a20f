"""Where a DICOM image is padding and no film."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.film.dicom_bits import Bits
from SpineAlignmentLib.film.dicom_dataset import as_number, number, tag_name, values

Pixels = NDArray[Any]
Mask = NDArray[np.bool_]

_VALUE: Final[str] = "PixelPaddingValue"
_LIMIT: Final[str] = "PixelPaddingRangeLimit"
_FLOATS: Final[tuple[str, str]] = ("Float", "DoubleFloat")
"""What these tags are called by of pixels of floating point: (0028,0122) to (0028,0125), PS3.3 C.7.6.24, C.7.6.25."""
_MOST: Final[float] = 0.25
"""Share of an image from which what a limit adds to padding has to be of few gray values."""
_NARROW: Final[float] = 0.1
"""Share of the gray values' range within which nine tenths of padding lie: it is of one value, or nearly."""
_SAMPLED: Final[int] = 7
"""Every so many pixels and rows tell what a range holds."""


def padding_of(data: Any, words: Pixels, bits: Bits, gray: Pixels, room: int, warnings: list[str]) -> Mask | None:
    """Where the image is padding: PixelPaddingValue (0028,0120) up to PixelPaddingRangeLimit (0028,0121).

    Args:
        data: the data set.
        words: the image's words, unsigned, shape (height, width).
        bits: which of their bits are the gray values.
        gray: those.
        room: bits of a word.
        warnings: takes what is to be said.
    """
    first = number(data, _VALUE)
    if words.ndim != 2 or first is None:
        return None
    last = number(data, _LIMIT)
    least = -(1 << bits.count - 1) if bits.signed else 0
    for limit in [first] if last is None else [last, first]:
        low, high = sorted(_as_stored(v, room, bits.signed) for v in (first, limit))
        if least <= low and high < least + (1 << bits.count):
            padded = (gray >= low) & (gray <= high)
        else:
            # beyond the bits of a gray value: a word of its own
            padded = words & words.dtype.type((1 << room) - 1) == int(first) & ((1 << room) - 1)
        if limit == first or not _is_film(gray, padded, _as_stored(first, room, bits.signed)):
            return padded if padded.any() else None
        warnings.append(_not_padding(_LIMIT, padded))
    return None


def float_padding_of(data: Any, gray: Pixels, warnings: list[str]) -> Mask | None:
    """Where an image of floating point is padding: FloatPixelPaddingValue (0028,0122) up to FloatPixelPaddingRangeLimit
    (0028,0124), or DoubleFloatPixelPaddingValue (0028,0123) and its limit (0028,0125).

    Args:
        data: the data set.
        gray: the image, shape (height, width).
        warnings: takes what is to be said.
    """
    kind = _kind_of(data)
    said = values(data, kind + _VALUE)[:1]
    if not said or gray.ndim != 2:
        return None
    if said[0].lower() == "nan":
        padded: Mask = np.isnan(gray)
        return padded if padded.any() else None
    first, last = as_number(said[0]), number(data, kind + _LIMIT)
    if first is None:
        return None
    with np.errstate(over="ignore"):  # tags may hold fewer digits than the pixels
        rounded = gray.astype(np.float32)
        for limit in [first] if last is None else [last, first]:
            low, high = np.sort(np.array([first, limit], np.float32))
            padded = (rounded >= low) & (rounded <= high)
            if limit == first or not _is_film(rounded, padded, float(np.float32(first))):
                return padded if padded.any() else None
            warnings.append(_not_padding(kind + _LIMIT, padded))
    return None


def padding_tag(data: Any) -> str:
    """How messages call the tag that says what padding is."""
    return tag_name(_kind_of(data) + _VALUE)


def _kind_of(data: Any) -> str:
    """What the tags of padding are called by that a data set has; "" for those of whole numbers."""
    return next((kind for kind in _FLOATS if values(data, kind + _VALUE)), "")


def without_padding(gray: Pixels, padded: Mask | None) -> Pixels:
    """The image with padding as dark as the darkest of the film."""
    if padded is None or padded.all():
        return gray
    film = gray.copy()
    film[padded] = gray[~padded].min()
    return film


def _is_film(gray: Pixels, padded: Mask, first: float) -> bool:
    """Whether what the limit adds to padding of one value is much of the image, and of many values."""
    some, mask = gray[::_SAMPLED, ::_SAMPLED], padded[::_SAMPLED, ::_SAMPLED]
    others = some != first
    added = some[mask & others]
    if added.size <= _MOST * some.size:
        return False
    low, high = np.percentile(added, (5, 95))
    return bool(high - low > _NARROW * np.ptp(some[others].astype(np.float64)))


def _not_padding(keyword: str, padded: Mask) -> str:
    share = 100 * padded.mean()
    return f"{tag_name(keyword)} makes {share:.0f} % of the image padding, which shows a film: the limit is not used"


def _as_stored(value: float, room: int, signed: bool) -> int:
    """A tag's value with the sign of the pixels; files hold either."""
    whole = int(value)
    if not signed and whole < 0:
        return whole + (1 << room)
    return whole - (1 << room) if signed and whole >= 1 << (room - 1) else whole
