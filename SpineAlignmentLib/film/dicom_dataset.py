"""DICOM files as data sets: whatever can be made out of them, whole or with a flaw that does not touch the image.

Tags come in every state. The functions here give what a tag says, or None where it says nothing that can be used.
"""

import io
import math
import os
from pathlib import Path
from typing import Any, Final, Literal

from SpineAlignmentLib.errors import FilmError

PIXELS: Final[tuple[str, ...]] = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
"""(7FE0,0010), (7FE0,0008), (7FE0,0009); PS3.3 C.7.6.3, C.7.6.24, C.7.6.25."""
_SEQUENCE_END: Final[bytes] = b"\xfe\xff\xdd\xe0\0\0\0\0"
_LONG_VRS: Final[frozenset[bytes]] = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)
_MAX_UNKNOWN: Final[int] = 16
"""Elements of unknown VR that are made readable."""
_MAX_ITEMS: Final[int] = 64
"""A tag that is no sequence holds fewer values than this; more are not looked at."""


def looks_like_dicom(head: bytes) -> bool:
    """Whether a file that begins with these bytes is DICOM: with its preamble, or a bare data set of group 0008."""
    return head[128:132] == b"DICM" or (head[:2] in (b"\x08\x00", b"\x02\x00") and head[3:4] == b"\x00")


class _Bounded(io.BufferedReader):
    """A file of which no more is asked than it has: Python would make room for all that a damaged length promises."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(os.fspath(path)))
        self._size = os.fstat(self.fileno()).st_size

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > io.DEFAULT_BUFFER_SIZE:
            size = min(size, max(0, self._size - self.tell()))
        return super().read(size)


def read_dataset(path: Path) -> Any:
    """The data set of a DICOM file that holds an image.

    Raises:
        FilmError: no image in it, or not to be made out.
    """
    import pydicom

    failed: Exception | None = None
    data: Any = pydicom.Dataset()
    with _Bounded(path) as stream:
        try:
            data = pydicom.dcmread(stream, force=True)
        # pydicom raises whatever it happens on
        except Exception as error:
            failed = error
    if _has_pixels(data):
        return data
    mended = _mended(data, path.read_bytes())
    if mended is not None:
        return mended
    if failed is not None:
        raise FilmError(f"{path}: damaged, or not a DICOM file of a kind that can be read") from failed
    kind = "".join(c for c in uid_name(text(data, "SOPClassUID"))[:60] if c.isprintable())
    raise FilmError(f"{path}: no image in it ({kind or 'a DICOM file'})")


def _mended(data: Any, content: bytes) -> Any:
    """The data set of a file in which a flaw hides the pixels; None where there are none."""
    # compressed pixels whose end is not marked (PS3.5 A.4) swallow the whole data set: mark it and look again
    marked = _read_again(content + _SEQUENCE_END)
    if _has_pixels(marked):
        return marked
    for _ in range(_MAX_UNKNOWN):
        known = _without_unknown(data, content)
        if known is None:
            return None
        content, data = known, _read_again(known)
        if _has_pixels(data):
            return data
    return None


def _has_pixels(data: Any) -> bool:
    return any(keyword in data for keyword in PIXELS)


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
        if element.value_tell + element.length <= len(content) or content[start + 4 : start + 6] in _LONG_VRS:
            continue
        order: Literal["little", "big"] = "little" if element.is_little_endian else "big"
        length = int.from_bytes(content[start + 6 : start + 8], order)
        return content[: start + 4] + b"UN\0\0" + length.to_bytes(4, order) + content[start + 8 :]
    return None


def values(data: Any, keyword: str) -> list[str]:
    """The values of a tag as text; empty where it is absent, empty or cannot be made out. Any VR is taken."""
    try:
        value = data.get(keyword)
    # pydicom converts when asked, and raises whatever it happens on
    except Exception:
        return _raw_values(data, keyword)
    return _texts(value)


def _raw_values(data: Any, keyword: str) -> list[str]:
    from pydicom.datadict import tag_for_keyword

    try:
        return _texts(data.get_item(tag_for_keyword(keyword)).value)
    except (AttributeError, KeyError, TypeError):
        return []


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, bytes):
        value = value[:1024].decode("ascii", "replace")
    parts = value.split("\\") if isinstance(value, str) else value
    parts = list(parts)[:_MAX_ITEMS] if isinstance(parts, list | tuple) or hasattr(parts, "__iter__") else [parts]
    texts = [str(part).strip(" \0") for part in parts]
    return texts if any(texts) else []


def text(data: Any, keyword: str) -> str:
    """The first value of a tag in upper case; "" where there is none."""
    found = values(data, keyword)
    return found[0].upper() if found else ""


def number(data: Any, keyword: str) -> float | None:
    """The first value of a tag as a number; None where it is none."""
    found = values(data, keyword)
    return as_number(found[0]) if found else None


def as_number(word: str) -> float | None:
    """A number in a tag's text; None for anything else, infinite and not-a-number included."""
    try:
        value = float(word)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def integer(data: Any, keyword: str, otherwise: int = 0) -> int:
    """The first value of a tag as a whole number."""
    value = number(data, keyword)
    return otherwise if value is None else int(value)


def items(data: Any, keyword: str) -> list[Any]:
    """The items of a sequence; empty where it is absent or none."""
    try:
        found = data.get(keyword)
        return list(found)[:_MAX_ITEMS] if found is not None else []
    # pydicom reads the items of a sequence when asked, and raises whatever it happens on
    except Exception:
        return []


def tag_name(keyword: str) -> str:
    """How messages call a tag: "RescaleSlope (0028,1053)"."""
    from pydicom.datadict import tag_for_keyword

    tag = tag_for_keyword(keyword) or 0
    return f"{keyword} ({tag >> 16:04X},{tag & 0xFFFF:04X})"


def transfer_syntax(data: Any) -> str:
    """The UID of the transfer syntax; implicit little endian where the file does not say (PS3.10 7.1)."""
    meta = getattr(data, "file_meta", None)
    return str(getattr(meta, "TransferSyntaxUID", None) or "1.2.840.10008.1.2").strip(" \0")


def uid_name(uid: str) -> str:
    """The name of a transfer syntax, or of a class, for a message."""
    from pydicom.uid import UID

    return str(UID(uid).name)
