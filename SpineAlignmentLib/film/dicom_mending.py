"""DICOM files with a flaw that hides the pixels and does not touch them: read again without it."""

import io
import zlib
from collections.abc import Iterator
from typing import Any, Final, Literal

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.checks import ANY_WRAPPING, MAX_UNPACKED
from SpineAlignmentLib.film.dicom_elements import LONG_VRS, begins_plainly, meta_of, with_syntax, without_flaw

PIXELS: Final[tuple[str, ...]] = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
"""(7FE0,0010), (7FE0,0008), (7FE0,0009); PS3.3 C.7.6.3, C.7.6.24, C.7.6.25."""
DEFLATED: Final[str] = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN: Final[str] = "1.2.840.10008.1.2.2"
_EXPLICIT: Final[str] = "1.2.840.10008.1.2.1"
_OTHER_ORDER: Final[dict[str, str]] = {BIG_ENDIAN: _EXPLICIT, _EXPLICIT: BIG_ENDIAN}
_SEQUENCE_END: Final[bytes] = b"\xfe\xff\xdd\xe0\0\0\0\0"
_MAX_FLAWS: Final[int] = 16
"""Elements that are made readable or left out."""
_BLOCK: Final[int] = 1 << 24


def has_pixels(data: Any) -> bool:
    """Whether a data set holds an image."""
    return any(keyword in data for keyword in PIXELS)


def is_deflated(head: bytes) -> bool:
    """Whether the data set of a file that begins with these bytes is deflated (PS3.5 A.5), not only said to be."""
    return meta_of(head).syntax == DEFLATED and not begins_plainly(head)


def undeflated(content: bytes) -> bytes:
    """The file, not saying of itself that it is deflated."""
    return with_syntax(content, _EXPLICIT) if meta_of(content).syntax == DEFLATED else content


def inflated(content: bytes, name: str) -> bytes:
    """A deflated file (PS3.5 A.5) as one that is not.

    Raises:
        FilmError: it grows beyond what a film can be, or is cut off.
    """
    start = meta_of(content).end
    parts, size, rest = [], 0, content[start:]
    unpacker = zlib.decompressobj(ANY_WRAPPING if _is_wrapped(rest[:2]) else -zlib.MAX_WBITS)
    try:
        while rest and not unpacker.eof:
            parts.append(unpacker.decompress(rest, _BLOCK))
            rest = unpacker.unconsumed_tail
            size += len(parts[-1])
            if size > MAX_UNPACKED:
                raise FilmError(f"{name}: too large for a film: more than {MAX_UNPACKED >> 20} MB when inflated")
    except zlib.error as error:
        if not size:
            raise FilmError(f"{name}: damaged: its deflated data set cannot be inflated") from error
    return with_syntax(content[:start], _EXPLICIT) + b"".join(parts)


def _is_wrapped(head: bytes) -> bool:
    """Whether a stream begins as those of zlib (RFC 1950 2.2) or gzip do, which some writers take for deflated ones."""
    first = head[:1] or b"\0"
    zipped = first[0] & 15 == zlib.DEFLATED and first[0] >> 4 <= 7 and int.from_bytes(head, "big") % 31 == 0
    return zipped or head == b"\x1f\x8b"


def mended(data: Any, content: bytes) -> Any:
    """The data set of a file in which a flaw hides the pixels; None where there are none.

    Args:
        data: as far as it was read.
        content: of its file.
    """
    # the first way whose pixels come to light is right
    return next((found for found in _attempts(data, content) if has_pixels(found) and "Rows" in found), None)


def _attempts(data: Any, content: bytes) -> Iterator[Any]:
    # compressed pixels whose end is not marked (PS3.5 A.4) swallow the whole data set
    yield _read_again(content + _SEQUENCE_END)
    yield from _of_known_elements(data, content)
    other = _OTHER_ORDER.get(meta_of(content).syntax)
    if other:
        yield _read_again(with_syntax(content, other))
    for _ in range(_MAX_FLAWS):
        better = without_flaw(content)
        if better is None:
            return
        content = better
        yield _read_again(content)


def _of_known_elements(data: Any, content: bytes) -> Iterator[Any]:
    for _ in range(_MAX_FLAWS):
        known = _without_unknown(data, content)
        if known is None:
            return
        content, data = known, _read_again(known)
        yield data


def _read_again(content: bytes) -> Any:
    import pydicom

    try:
        return pydicom.dcmread(io.BytesIO(content), force=True)
    # what was changed may not fit this file; pydicom raises whatever it happens on
    except Exception:
        return pydicom.Dataset()


def _without_unknown(data: Any, content: bytes) -> bytes | None:
    """The file with an element of unknown VR made readable, which was taken to reach beyond the file's end.

    A VR that is none of the standard's is read with a length of 32 bits (PS3.5 6.2); some writers mean 16.
    """
    from pydicom.dataelem import RawDataElement

    for tag in sorted(data.keys(), reverse=True):
        element = data.get_item(tag)
        if not isinstance(element, RawDataElement) or element.is_implicit_VR or not element.value_tell:
            continue
        # pydicom takes what does not even look like a VR for a part of the length
        start = element.value_tell - (8 if element.VR is None else 12)
        if element.value_tell + element.length <= len(content) or content[start + 4 : start + 6] in LONG_VRS:
            continue
        order: Literal["little", "big"] = "little" if element.is_little_endian else "big"
        length = int.from_bytes(content[start + 6 : start + 8], order)
        return content[: start + 4] + b"UN\0\0" + length.to_bytes(4, order) + content[start + 8 :]
    return None
