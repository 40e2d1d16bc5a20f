"""Which bits of a DICOM image's words are its gray values, and what their sign is.

The tags say it (PS3.5 8.1.1), and where words contradict them, the film does: neighboring gray values lie close
together, and bits read wrongly tear them apart.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.film.dicom_codec import Stream
from SpineAlignmentLib.film.dicom_dataset import tag_name
from SpineAlignmentLib.film.dicom_layout import Layout

Pixels = NDArray[Any]

_CROSSINGS: Final[float] = 1e-3
"""Share of neighbors across the middle of the range from which they tell of the sign."""
_PAINTED: Final[float] = 0.75
"""Share of leaps to one and the same value from which they are those to a painted border."""
_LEAPING_ROWS: Final[int] = 64
"""Rows of a film in which leaps are looked for: this is done with every film."""
_SAMPLED_ROWS: Final[int] = 200
"""Rows of a film that tell how rough it is."""


@dataclass(frozen=True)
class Bits:
    """Which bits of a word are a gray value."""

    count: int
    signed: bool
    shift: int = 0

    def of(self, words: Pixels) -> Pixels:
        """The gray values in unsigned words."""
        room = words.dtype.itemsize * 8
        if self.count >= room and not self.shift:
            return words.view(words.dtype.str.replace("u", "i")) if self.signed else words
        if not self.signed:
            return np.asarray((words >> self.shift) & words.dtype.type((1 << self.count) - 1))
        # moved to the top of the word and back: the sign comes along
        up = words << words.dtype.type(room - self.count - self.shift)
        return np.asarray(up.view(up.dtype.str.replace("u", "i")) >> (room - self.count))


def told_bits(top: int, room: int, layout: Layout) -> Bits:
    """The bits that the tags name, in words of at most `top` and of `room` bits."""
    count = min(layout.stored, room)
    shift = layout.high + 1 - count
    if not 0 < shift <= room - count or top < 1 << count:
        shift = 0  # right-justified after all
    return Bits(count, layout.signed, shift)


def contradicts(words: Pixels, top: int, bits: Bits, room: int, stream: Stream | None) -> bool:
    """Whether words hold more than the bits that are said to be the gray value, or a stream has another sign."""
    if stream is not None and stream.signed is not None and stream.signed != bits.signed:
        return True
    if _is_torn(words, bits):
        return True
    if bits.count + bits.shift >= room:
        return False
    if top < 1 << (bits.count + bits.shift) and not bits.signed:
        return False
    return not np.array_equal(bits.of(words), Bits(room - bits.shift, bits.signed, bits.shift).of(words))


def bits_in(words: Pixels, bits: Bits) -> int:
    """How many of the bits that are said to be the gray value are in use."""
    return max(1, int(_unsigned(words, bits).max()).bit_length())


def _unsigned(words: Pixels, bits: Bits) -> Pixels:
    return Bits(bits.count, False, bits.shift).of(words)


def _is_torn(words: Pixels, bits: Bits) -> bool:
    """Whether gray values leap from one end of the range that they take to the other between neighbors.

    Values of the other sign do so, also those of fewer bits than the tags say. The ends themselves do not count: they
    are burned-in marks and what is saturated; nor do leaps to one value, which borders are painted with.
    """
    if words.ndim != 2:
        return False
    rows = words[:: max(1, words.shape[0] // _LEAPING_ROWS)]
    used = _unsigned(rows, bits)
    top = (1 << int(used.max()).bit_length()) - 1
    low = used <= top >> 1
    y, x = np.nonzero(low[:, 1:] != low[:, :-1])
    if len(y) <= _CROSSINGS * used.size:
        return False
    inner = (used[y, x] % top != 0) & (used[y, x + 1] % top != 0)
    y, x = y[inner], x[inner]
    if len(y) <= _CROSSINGS * used.size:
        return False
    gray = bits.of(rows[y[:, None], x[:, None] + [0, 1]]).astype(np.int64)
    if np.median(np.abs(gray[:, 1] - gray[:, 0])) <= 0.75 * top:
        return False
    pairs = used[y, x], used[y, x + 1]
    ends = (np.unique(side(*pairs), return_counts=True)[1] for side in (np.minimum, np.maximum))
    return all(counts.max() <= _PAINTED * len(y) for counts in ends)


def roughness(gray: Pixels, outside: NDArray[np.bool_] | None = None) -> float:
    """Mean difference between neighbors of a row; of an image in color, of its first channel.

    Args:
        gray: shape (height, width) or (height, width, samples).
        outside: pixels that do not count.
    """
    rows = slice(None, None, max(1, gray.shape[0] // _SAMPLED_ROWS))
    some = gray[rows].reshape(len(gray[rows]), gray.shape[1], -1)[..., 0]
    steps = np.abs(np.diff(some.astype(np.float64), axis=1))
    if outside is not None:
        counts = ~(outside[rows][:, 1:] | outside[rows][:, :-1])
        steps = steps[counts] if counts.any() else steps
    return float(steps.mean()) if steps.size else 0.0


def row_steps(flat: Pixels, lengths: tuple[int, int], most: int) -> tuple[float, float]:
    """Mean difference of pixels one below the other, if rows have the one length and if they have the other.

    Args:
        flat: pixels, row after row.
        lengths: in pixels.
        most: pixels that are looked at, in the middle.
    """
    middle = flat[max(0, (flat.size - most) // 2) :][:most].astype(np.float64)
    first, second = (float(np.abs(middle[length:] - middle[:-length]).mean()) for length in lengths)
    return first, second


def difference(told: Bits, found: Bits, layout: Layout) -> str:
    """What is to be said where other bits are read than the tags name."""
    if found.count > told.count:
        tag = f"{tag_name('BitsStored')} = {layout.stored} and HighBit = {layout.high}"
        return f"gray values do not fit {tag}: all {found.count} bits are read"
    sign = "signed" if found.signed else "unsigned"
    if found.signed == layout.signed:
        tag = f"{tag_name('BitsStored')} = {layout.stored} and HighBit = {layout.high}"
        return f"gray values do not fit {tag}: {found.count} bits are read, {sign}"
    return f"{tag_name('PixelRepresentation')} = {int(layout.signed)} makes neighbors' gray values leap: read as {sign}"
