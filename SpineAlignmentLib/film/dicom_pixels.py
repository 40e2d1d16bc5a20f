"""Stored values of a DICOM image, by one way for every transfer syntax.

Decoding gives words; which of their bits are the film and what their sign is comes afterwards, the same for all. The
tags say it (PS3.5 8.1.1), and where words contradict them, the film does: neighboring gray values lie close together,
and bits read wrongly tear them apart.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.checks import check_size
from SpineAlignmentLib.film.dicom_codec import Stream, decoded, is_encapsulated, joined_fragments, read_stream
from SpineAlignmentLib.film.dicom_dataset import (
    integer,
    number,
    photometric_of,
    tag_name,
    transfer_syntax,
    uid_name,
    values,
)

Pixels = NDArray[Any]

_BIG_ENDIAN: Final[str] = "1.2.840.10008.1.2.2"
_NATIVE: Final[frozenset[str]] = frozenset(
    {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", _BIG_ENDIAN}
)
_COMPRESSED: Final[tuple[str, str]] = ("1.2.840.10008.1.2.4.", "1.2.840.10008.1.2.5")
_FLOATS: Final[dict[str, type[np.floating[Any]]]] = {"FloatPixelData": np.float32, "DoubleFloatPixelData": np.float64}
_WORDS: Final[tuple[int, ...]] = (8, 16, 32)
_GRAY: Final[float] = 0.05
"""Mean difference of two samples of a pixel below which an image in color is gray."""
_CROSSINGS: Final[float] = 1e-3
"""Share of neighbors across the middle of the range from which they tell of the sign."""
_SAMPLED_ROWS: Final[int] = 200
"""Rows of a film that tell how rough it is."""


@dataclass(frozen=True)
class Layout:
    """How the tags describe the pixels (PS3.3 C.7.6.3)."""

    width: int
    height: int
    samples: int
    allocated: int
    stored: int
    high: int
    signed: bool
    photometric: str
    planar: bool

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.width, self.height


@dataclass(frozen=True)
class Stored:
    """The stored values of an image."""

    values: Pixels
    """Shape (height, width) or (height, width, samples)."""
    padded: NDArray[np.bool_] | None = None
    """Where the image is none but padding; None for nowhere."""
    warnings: tuple[str, ...] = ()


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


def layout_of(data: Any, path: Path) -> Layout:
    """The layout that the tags describe.

    Raises:
        FilmError: not a single image of a possible size.
    """
    frames = integer(data, "NumberOfFrames", 1)
    if frames > 1:
        raise FilmError(f"{path}: {frames} frames; a film has one, export the frame to measure as a file of its own")
    width, height = integer(data, "Columns"), integer(data, "Rows")
    check_size(width, height, str(path))
    photometric, samples = photometric_of(data), integer(data, "SamplesPerPixel", 1)
    held = len(data.get("PixelData") or b"")
    allocated = integer(data, "BitsAllocated") or (8 if 0 < held < 2 * width * height * samples else 16)
    if photometric.startswith("MONOCHROME") and held < width * height * samples * allocated // 8:
        samples = 1
    stored = integer(data, "BitsStored", allocated)
    stored = stored if 0 < stored <= allocated else allocated
    return Layout(
        width,
        height,
        samples,
        allocated,
        stored,
        integer(data, "HighBit", stored - 1),
        integer(data, "PixelRepresentation") == 1,
        photometric,
        integer(data, "PlanarConfiguration") == 1,
    )


def stored_pixels(data: Any, path: Path) -> Stored:
    """Decode an image to its stored values.

    Raises:
        FilmError: names the tag that describes what cannot be read.
    """
    layout = layout_of(data, path)
    for keyword, kind in _FLOATS.items():
        if keyword in data and "PixelData" not in data:
            return Stored(_native(bytes(data[keyword].value), np.dtype(kind), layout, keyword, path))
    value = data.PixelData
    syntax = transfer_syntax(data)
    expected = layout.width * layout.height * layout.samples * layout.allocated // 8
    stream: Stream | None
    compressed = is_encapsulated(value) or syntax.startswith(_COMPRESSED)
    if compressed and (len(value) < expected or (is_encapsulated(value) and syntax not in _NATIVE)):
        words, stream, warnings = _from_stream(value, syntax, layout, path)
    else:
        layout, warnings = _with_true_planes(value, layout)
        words, stream = _native_words(data, value, syntax, layout, path), None
        if syntax.startswith(_COMPRESSED):
            warnings.append(f"{tag_name('TransferSyntaxUID')} says {uid_name(syntax)}; the pixels are not compressed")
    if words.dtype.kind == "f":
        return Stored(words, None, tuple(warnings))
    return _gray_values(data, words, stream, layout, warnings)


def _from_stream(value: bytes, syntax: str, layout: Layout, path: Path) -> tuple[Pixels, Stream, list[str]]:
    content = joined_fragments(value, path) if is_encapsulated(value) else value
    stream = read_stream(content, syntax, layout.size, layout.samples, layout.allocated)
    name = uid_name(syntax)
    if stream is None:
        known = syntax not in _NATIVE and name != syntax
        raise FilmError(
            f"{path}: its pixels are compressed by {name if known else 'an unknown method'} "
            f"({tag_name('TransferSyntaxUID')}), which is not supported, or not as they should be"
        )
    image = decoded(stream, layout.photometric, path)
    warnings = []
    if (stream.width, stream.height) != layout.size:
        warnings.append(
            f"{tag_name('Rows')} and Columns say {layout.width} x {layout.height} pixels, "
            f"the compressed image has {stream.width} x {stream.height}; those are taken"
        )
    # the two's complement of its own width, whatever the sign
    return image.view(image.dtype.str.replace("i", "u")) if image.dtype.kind == "i" else image, stream, warnings


def _native_words(data: Any, value: bytes, syntax: str, layout: Layout, path: Path) -> Pixels:
    if layout.allocated not in _WORDS:
        raise FilmError(f"{path}: {tag_name('BitsAllocated')} is {layout.allocated}; 8, 16 and 32 can be read")
    big = syntax == _BIG_ENDIAN
    size = layout.allocated // 8
    if layout.photometric == "YBR_FULL_422" and layout.samples == 3:
        return _upsampled(value, layout, path)
    words = _native(value, np.dtype(f"{'>' if big else '<'}u{size}"), layout, "PixelData", path)
    if size == 1 and big and getattr(data["PixelData"], "VR", "") == "OW":
        # bytes of a word stand the other way around; PS3.5 annex D
        swapped = np.frombuffer(value, np.uint8)[: len(value) // 2 * 2].reshape(-1, 2)[:, ::-1].tobytes()
        words = _native(swapped, np.dtype(np.uint8), layout, "PixelData", path)
    if syntax not in _NATIVE and size > 1:
        # a private syntax does not say its byte order, the film does
        turned = words.byteswap()
        words = turned if roughness(turned) < roughness(words) else words
    return words if words.dtype.isnative else words.astype(words.dtype.newbyteorder("="))


def _native(value: bytes, kind: np.dtype[Any], layout: Layout, keyword: str, path: Path) -> Pixels:
    count = layout.width * layout.height * layout.samples
    if len(value) < count * kind.itemsize:
        raise FilmError(
            f"{path}: damaged: {tag_name(keyword)} holds {len(value)} bytes, "
            f"{layout.width} x {layout.height} pixels take {count * kind.itemsize}"
        )
    flat = np.frombuffer(value, kind, count)
    if layout.samples == 1:
        return flat.reshape(layout.height, layout.width)
    if layout.planar:
        return flat.reshape(layout.samples, layout.height, layout.width).transpose(1, 2, 0)
    return flat.reshape(layout.height, layout.width, layout.samples)


def _with_true_planes(value: bytes, layout: Layout) -> tuple[Layout, list[str]]:
    """The layout with its samples as they lie: those of a gray film in color are equal, read wrongly they are not."""
    count = layout.width * layout.height
    if layout.samples != 3 or layout.allocated != 8 or len(value) < 3 * count:
        return layout, []
    flat = np.frombuffer(value, np.uint8, 3 * count).astype(np.int16)
    ways = flat.reshape(count, 3).T, flat.reshape(3, count)
    by_pixel, by_plane = (float(np.abs(planes[1] - planes[2]).mean()) for planes in ways)
    told, other = (by_plane, by_pixel) if layout.planar else (by_pixel, by_plane)
    if told <= 3 * other + _GRAY:
        return layout, []
    told_tag = f"{tag_name('PlanarConfiguration')} = {int(layout.planar)}"
    return replace(layout, planar=not layout.planar), [f"{told_tag} makes a gray film colored: read the other way"]


def _upsampled(value: bytes, layout: Layout, path: Path) -> Pixels:
    """Two pixels share their color, Y Y Cb Cr; PS3.3 C.7.6.3.1.2."""
    if layout.width % 2 or layout.allocated != 8 or len(value) < layout.width * layout.height * 2:
        raise FilmError(f"{path}: damaged: {tag_name('PixelData')} does not fit YBR_FULL_422 pixels")
    pairs = np.frombuffer(value, np.uint8, layout.width * layout.height * 2).reshape(layout.height, -1, 4)
    color = np.repeat(pairs[..., 2:], 2, axis=1)
    return np.concatenate([pairs[..., :2].reshape(layout.height, layout.width, 1), color], axis=2)


def _gray_values(data: Any, words: Pixels, stream: Stream | None, layout: Layout, warnings: list[str]) -> Stored:
    room = stream.bits if stream is not None else layout.allocated
    top = int(words.max()) if layout.stored < room else 0
    bits = _told_bits(top, room, layout)
    chosen = bits
    if _contradicts(words, top, bits, room, stream):
        outside = _padding(data, words, bits, bits.of(words), room)
        choices = {bits: None, Bits(bits.count, not bits.signed, bits.shift): None}
        choices |= {Bits(room, False): None, Bits(room, True): None}
        # the first of equals is what the tags say
        chosen = min(choices, key=lambda choice: roughness(choice.of(words), outside))
    clean = not chosen.signed and not chosen.shift and top < 1 << chosen.count
    gray = words if clean else chosen.of(words)
    padded = _padding(data, words, chosen, gray, room)
    if chosen != bits:
        warnings = [*warnings, _said(bits, chosen, layout)]
    return Stored(gray, padded, tuple(warnings))


def _told_bits(top: int, room: int, layout: Layout) -> Bits:
    """The bits that the tags name, in words of at most `top` and of `room` bits."""
    count = min(layout.stored, room)
    shift = layout.high + 1 - count
    if not 0 < shift <= room - count or top < 1 << count:
        shift = 0  # right-justified after all
    return Bits(count, layout.signed, shift)


def _contradicts(words: Pixels, top: int, bits: Bits, room: int, stream: Stream | None) -> bool:
    """Whether words hold more than the bits that are said to be the gray value, or a stream has another sign."""
    if stream is not None and stream.signed is not None and stream.signed != bits.signed:
        return True
    if bits.count + bits.shift >= room:
        return bits.count == room and _is_torn(words, bits)
    if top < 1 << (bits.count + bits.shift) and not bits.signed:
        return False
    return not np.array_equal(bits.of(words), Bits(room - bits.shift, bits.signed, bits.shift).of(words))


def _is_torn(words: Pixels, bits: Bits) -> bool:
    """Whether gray values that take all bits of a word leap from one end of its range to the other between neighbors.

    Values of the other sign do so. The ends themselves do not count: they are burned-in marks and what is saturated.
    """
    if words.ndim != 2:
        return False
    rows = words[:: max(1, words.shape[0] // _SAMPLED_ROWS)]
    middle = 1 << bits.count - 1
    low = rows < middle
    crosses = low[:, 1:] != low[:, :-1]
    if not crosses.any():
        return False
    inner = (rows != 0) & (rows != 2 * middle - 1)
    crosses &= inner[:, 1:] & inner[:, :-1]
    if np.count_nonzero(crosses) < _CROSSINGS * crosses.size:
        return False
    gray = bits.of(rows).astype(np.int64)
    return bool(np.median(np.abs(gray[:, 1:] - gray[:, :-1])[crosses]) > 1.5 * middle)


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


def _said(told: Bits, found: Bits, layout: Layout) -> str:
    if found.count > told.count:
        tag = f"{tag_name('BitsStored')} = {layout.stored} and HighBit = {layout.high}"
        return f"gray values do not fit {tag}: all {found.count} bits are read"
    sign = "signed" if found.signed else "unsigned"
    return f"{tag_name('PixelRepresentation')} = {int(layout.signed)} tears the gray values apart: read as {sign}"


def _padding(data: Any, words: Pixels, bits: Bits, gray: Pixels, room: int) -> NDArray[np.bool_] | None:
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
