"""Where a DICOM image is padding and no film."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.film.dicom_bits import Bits
from SpineAlignmentLib.film.dicom_dataset import number, values

Pixels = NDArray[Any]


def padding_of(data: Any, words: Pixels, bits: Bits, gray: Pixels, room: int) -> NDArray[np.bool_] | None:
    """Where the image is padding: PixelPaddingValue (0028,0120) up to PixelPaddingRangeLimit (0028,0121)."""
    if words.ndim != 2 or not values(data, "PixelPaddingValue"):
        return None
    first = number(data, "PixelPaddingValue")
    if first is None:
        return None
    last = number(data, "PixelPaddingRangeLimit")
    low, high = sorted(_as_stored(v, room, bits.signed) for v in (first, first if last is None else last))
    least = -(1 << bits.count - 1) if bits.signed else 0
    if least <= low and high < least + (1 << bits.count):
        padded = (gray >= low) & (gray <= high)
    else:
        # beyond the bits of a gray value: a word of its own
        padded = words & words.dtype.type((1 << room) - 1) == int(first) & ((1 << room) - 1)
    return padded if padded.any() else None


def _as_stored(value: float, room: int, signed: bool) -> int:
    """A tag's value with the sign of the pixels; files hold either."""
    whole = int(value)
    if not signed and whole < 0:
        return whole + (1 << room)
    return whole - (1 << room) if signed and whole >= 1 << (room - 1) else whole
