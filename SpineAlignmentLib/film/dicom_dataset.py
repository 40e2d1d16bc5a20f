"""DICOM files as data sets: whatever can be made out of them, whole or with a flaw that does not touch the image.

Tags come in every state. The functions here give what a tag says, or None where it says nothing that can be used.
"""

import io
import math
from pathlib import Path
from typing import Any, Final

from SpineAlignmentLib.errors import FilmError

PIXELS: Final[tuple[str, ...]] = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
"""(7FE0,0010), (7FE0,0008), (7FE0,0009); PS3.3 C.7.6.3, C.7.6.24, C.7.6.25."""
_SEQUENCE_END: Final[bytes] = b"\xfe\xff\xdd\xe0\0\0\0\0"
_MAX_ITEMS: Final[int] = 64
"""A tag that is no sequence holds fewer values than this; more are not looked at."""


def looks_like_dicom(head: bytes) -> bool:
    """Whether a file that begins with these bytes is DICOM: with its preamble, or a bare data set of group 0008."""
    return head[128:132] == b"DICM" or (head[:2] in (b"\x08\x00", b"\x02\x00") and head[3:4] == b"\x00")


def read_dataset(path: Path) -> Any:
    """The data set of a DICOM file that holds an image.

    Raises:
        FilmError: no image in it, or not to be made out.
    """
    import pydicom

    data = pydicom.dcmread(path, force=True)
    if not any(keyword in data for keyword in PIXELS):
        # compressed pixels whose end is not marked (PS3.5 A.4) swallow the whole data set: mark it and look again
        marked = pydicom.dcmread(io.BytesIO(path.read_bytes() + _SEQUENCE_END), force=True)
        data = marked if len(marked) > len(data) else data
    if not any(keyword in data for keyword in PIXELS):
        kind = getattr(data.get("SOPClassUID"), "name", "") or "a DICOM file"
        raise FilmError(f"{path}: no image in it ({kind})")
    return data


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


def syntax_name(uid: str) -> str:
    """The name of a transfer syntax for a message."""
    from pydicom.uid import UID

    return str(UID(uid).name)
