"""Stored values of a DICOM image, by one way for every transfer syntax.

Decoding gives words; which of their bits are the film and what their sign is comes afterwards, the same for all.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.dicom_bits import Bits, bits_in, contradicts, difference, roughness, told_bits
from SpineAlignmentLib.film.dicom_codec import Stream, decoded, is_encapsulated, joined_fragments, read_stream
from SpineAlignmentLib.film.dicom_color import as_rgb
from SpineAlignmentLib.film.dicom_dataset import tag_name, transfer_syntax, uid_name
from SpineAlignmentLib.film.dicom_layout import Layout, layout_of
from SpineAlignmentLib.film.dicom_mending import BIG_ENDIAN, DEFLATED
from SpineAlignmentLib.film.dicom_order import true_order, with_rows_in_line
from SpineAlignmentLib.film.dicom_padding import float_padding_of, padding_of, without_padding
from SpineAlignmentLib.film.dicom_surplus import without_surplus

Pixels = NDArray[Any]

_ENCAPSULATED: Final[str] = "1.2.840.10008.1.2.1.98"
"""Native pixels in fragments."""
_NATIVE: Final[frozenset[str]] = frozenset(
    {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", _ENCAPSULATED, DEFLATED, BIG_ENDIAN}
)
_COMPRESSED: Final[tuple[str, str]] = ("1.2.840.10008.1.2.4.", "1.2.840.10008.1.2.5")
_FLOATS: Final[dict[str, np.dtype[Any]]] = {
    "FloatPixelData": np.dtype(np.float32),
    "DoubleFloatPixelData": np.dtype(np.float64),
}
_WORDS: Final[tuple[int, ...]] = (8, 16, 32)
_GRAY: Final[float] = 0.05
"""Mean difference of two samples of a pixel below which an image in color is gray."""


@dataclass(frozen=True)
class Stored:
    """The stored values of an image."""

    values: Pixels
    """Shape (height, width) or (height, width, samples)."""
    padded: NDArray[np.bool_] | None = None
    """Where the image is none but padding; None for nowhere."""
    warnings: tuple[str, ...] = ()


def stored_pixels(data: Any, path: Path) -> Stored:
    """Decode an image to its stored values.

    Raises:
        FilmError: names the tag that describes what cannot be read.
    """
    layout = layout_of(data, path)
    for keyword, kind in _FLOATS.items():
        if keyword in data and "PixelData" not in data:
            return _float_pixels(data, keyword, kind, layout, path)
    syntax = transfer_syntax(data)
    value = _unwrapped(data.PixelData or b"", syntax, layout, path)
    stream: Stream | None
    compressed = is_encapsulated(value) or syntax.startswith(_COMPRESSED)
    if compressed and (len(value) < layout.size_bytes or (is_encapsulated(value) and syntax not in _NATIVE)):
        words, stream, warnings = _from_stream(value, syntax, layout, path)
    else:
        big = true_order(value, layout, syntax == BIG_ENDIAN)
        layout, surplus = without_surplus(value, layout, "PixelData", big, path)
        layout, planes = _with_true_planes(value, layout)
        warnings = surplus + planes
        layout, turned = with_rows_in_line(value, layout, big)
        warnings += turned
        words, stream = _native_words(data, value, big, layout, path), None
        words = as_rgb(words, layout.photometric) if words.ndim == 3 else words
        if syntax.startswith(_COMPRESSED) or syntax == DEFLATED:  # what is deflated comes here inflated
            warnings.append(f"{tag_name('TransferSyntaxUID')} says {uid_name(syntax)}; the pixels are not compressed")
        elif syntax in _NATIVE and big != (syntax == BIG_ENDIAN):  # a private one does not say it
            said = f"{tag_name('TransferSyntaxUID')} says {uid_name(syntax)}"
            warnings.append(f"{said}; the bytes of the pixels' words stand the other way round")
    return _gray_values(data, words, stream, layout, warnings)


def _unwrapped(value: bytes, syntax: str, layout: Layout, path: Path) -> bytes:
    """Native pixels out of the fragments that one transfer syntax puts them in, and some writers with any."""
    if not is_encapsulated(value) or syntax not in _NATIVE or len(value) <= layout.size_bytes:
        return value
    content = joined_fragments(value, path)
    return value if read_stream(content, syntax, layout.size, layout.samples, layout.allocated) else content


def _float_pixels(data: Any, keyword: str, kind: np.dtype[Any], layout: Layout, path: Path) -> Stored:
    """PS3.3 C.7.6.24, C.7.6.25."""
    value = bytes(data[keyword].value)
    layout = replace(layout, allocated=8 * kind.itemsize)
    _, warnings = without_surplus(value, layout, keyword, False, path)
    gray = _native(value, kind, layout, keyword, path)
    padded = float_padding_of(data, gray, warnings)
    # not numbers, or larger than any gray value, it would have the film refused
    return Stored(without_padding(gray, padded), padded, tuple(warnings))


def _from_stream(value: bytes, syntax: str, layout: Layout, path: Path) -> tuple[Pixels, Stream, list[str]]:
    content = joined_fragments(value, path) if is_encapsulated(value) else value
    stream = read_stream(content, syntax, layout.size, layout.samples, layout.allocated)
    if stream is None:
        raise FilmError(
            f"{path}: its pixels are compressed by {_method(syntax)} ({tag_name('TransferSyntaxUID')}), which is not "
            "supported, or not as they should be; export it uncompressed, or as JPEG 2000 or JPEG lossless"
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


def _method(syntax: str) -> str:
    """How a message calls the compression of pixels that are none of a known one."""
    name = "".join(c for c in uid_name(syntax) if c.isprintable())[:80]
    if syntax in _NATIVE:
        return f"an unknown method, although the tag says {name}"
    return f"an unknown method, {name}," if name == syntax else name


def _native_words(data: Any, value: bytes, big: bool, layout: Layout, path: Path) -> Pixels:
    if layout.allocated not in _WORDS:
        raise FilmError(f"{path}: {tag_name('BitsAllocated')} is {layout.allocated}; 8, 16 and 32 can be read")
    if layout.subsampled:
        return _upsampled(value, layout, path)
    words = _native(value, layout.word(big), layout, "PixelData", path)
    if layout.allocated == 8 and big and getattr(data["PixelData"], "VR", "") == "OW":
        # bytes of a word stand the other way around; PS3.5 annex D
        swapped = np.frombuffer(value, np.uint8)[: len(value) // 2 * 2].reshape(-1, 2)[:, ::-1].tobytes()
        words = _native(swapped, np.dtype(np.uint8), layout, "PixelData", path)
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
        raise FilmError(f"{path}: damaged: {tag_name('PixelData')} does not fit {layout.photometric} pixels")
    pairs = np.frombuffer(value, np.uint8, layout.width * layout.height * 2).reshape(layout.height, -1, 4)
    color = np.repeat(pairs[..., 2:], 2, axis=1)
    return np.concatenate([pairs[..., :2].reshape(layout.height, layout.width, 1), color], axis=2)


def _gray_values(data: Any, words: Pixels, stream: Stream | None, layout: Layout, warnings: list[str]) -> Stored:
    room = stream.bits if stream is not None else layout.allocated
    top = int(words.max()) if layout.stored < room else 0
    bits = told_bits(top, room, layout)
    chosen = bits
    if contradicts(words, top, bits, room, stream):
        outside = padding_of(data, words, bits, bits.of(words), room, [])
        choices = {bits: None, Bits(bits.count, not bits.signed, bits.shift): None}
        choices |= {Bits(room, False): None, Bits(room, True): None, Bits(bits_in(words, bits), True, bits.shift): None}
        # the first of equals is what the tags say
        chosen = min(choices, key=lambda choice: roughness(choice.of(words), outside))
    clean = not chosen.signed and not chosen.shift and top < 1 << chosen.count
    gray = words if clean else chosen.of(words)
    padded = padding_of(data, words, chosen, gray, room, warnings)
    if chosen != bits:
        warnings.append(difference(bits, chosen, layout))
    return Stored(gray, padded, tuple(warnings))
