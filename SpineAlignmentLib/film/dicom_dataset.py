"""DICOM files as data sets: whatever can be made out of them, whole or with a flaw that does not touch the image.

Tags come in every state. The functions here give what a tag says, or None where it says nothing that can be used.
"""

import io
import math
import re
import warnings as python_warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.bounded_file import BoundedFile
from SpineAlignmentLib.film.dicom_elements import meta_of, with_syntax
from SpineAlignmentLib.film.dicom_mending import (
    BIG_ENDIAN,
    DEFLATED,
    has_pixels,
    inflated,
    is_deflated,
    mended,
    undeflated,
)

_HEAD: Final[int] = 4096
"""Bytes in which the transfer syntax stands."""
_PREFIX: Final[bytes] = b"DICM\x02\0"
"""At byte 128 of a DICOM file (PS3.10 7.1), and the first group of what follows."""
_BOM: Final[bytes] = b"\xef\xbb\xbf"
_TEXT: Final = re.compile(rb"[\t\r\n -~]*")
_OF_A_FRAME: Final[tuple[str, ...]] = (
    "PixelSpacing", "ImagerPixelSpacing", "EstimatedRadiographicMagnificationFactor", "RescaleSlope",
    "RescaleIntercept", "ModalityLUTSequence", "VOILUTSequence", "PixelIntensityRelationshipSign", "PatientOrientation",
    "ViewPosition", "ViewCodeSequence", "ImagePositionPatient", "ImageOrientationPatient", "SliceThickness",
)  # fmt: skip
"""Tags of a plain film that enhanced objects say of each frame, or of all frames together."""
_NEWER_NAMES: Final[dict[str, str]] = {
    "1.2.840.10008.1.2.4.110": "JPEG XL Lossless",
    "1.2.840.10008.1.2.4.111": "JPEG XL JPEG Recompression",
    "1.2.840.10008.1.2.4.112": "JPEG XL",
    "1.2.840.10008.1.2.4.201": "High-Throughput JPEG 2000 (Lossless Only)",
    "1.2.840.10008.1.2.4.202": "High-Throughput JPEG 2000 with RPCL Options (Lossless Only)",
    "1.2.840.10008.1.2.4.203": "High-Throughput JPEG 2000",
    "1.2.840.10008.1.2.8.1": "Deflated Image Frame Compression",
}
"""Transfer syntaxes that not every pydicom knows; PS3.6 table A-1."""
_MAX_ITEMS: Final[int] = 64
"""A tag that is no sequence holds fewer values than this; more are not looked at."""


def looks_like_dicom(head: bytes) -> bool:
    """Whether a file that begins with these bytes is DICOM: with its preamble, or a bare data set of group 0008.

    What something was put in front of, or taken away from, is as well.
    """
    bare = head[:2] in (b"\x08\x00", b"\x02\x00") and head[3:4] == b"\x00"
    return head[128:132] == b"DICM" or bare or _prefix_in(head) >= 0 or _is_big(head)


def _prefix_in(head: bytes) -> int:
    """Where the prefix of a DICOM file stands that begins later, or earlier, than it should; -1 for nowhere.

    Before its preamble are lines of text or zeros; a file within an archive is not meant.
    """
    at = head.find(_PREFIX)
    front = head[: max(0, at - 128)].removeprefix(_BOM)
    return at if not front.strip(b"\0") or _TEXT.fullmatch(front) else -1


def _is_big(head: bytes) -> bool:
    """Whether a file begins as a bare data set of group 0008 in big endian order does, whose VRs are explicit."""
    return head[:3] == b"\x00\x08\x00" and head[4:6] in (b"CS", b"UI", b"UL", b"DA", b"LO", b"SH")


def read_dataset(path: Path) -> Any:
    """The data set of a DICOM file that holds an image.

    Raises:
        FilmError: no image in it, or not to be made out.
    """
    import pydicom

    failed: Exception | None = None
    data: Any = pydicom.Dataset()
    with BoundedFile(path) as file:
        stream = _from_its_begin(file, path)
        head = _head_of(stream)
        deflated, said = is_deflated(head), meta_of(head).syntax
        try:
            data = pydicom.dcmread(_plain(stream, path), force=True)
        except FilmError:
            raise
        # pydicom raises whatever it happens on
        except Exception as error:
            failed = error
        if not has_pixels(data) and not deflated:
            stream.seek(0)
            data = mended(data, undeflated(stream.read())) or data
    if has_pixels(data):
        if said == DEFLATED and not deflated:
            data.file_meta.TransferSyntaxUID = said  # what is said of pixels that are not is a warning
        return _of_its_frame(data)
    if failed is not None:
        raise FilmError(f"{path}: damaged, or not a DICOM file of a kind that can be read") from failed
    kind = "".join(c for c in uid_name(text(data, "SOPClassUID"))[:60] if c.isprintable())
    raise FilmError(f"{path}: no image in it ({kind or 'a DICOM file'})")


def read_header(path: Path, keywords: Sequence[str] | None = None) -> Any:
    """The data set of a DICOM film without its pixels.

    Args:
        path: of a film that can be read.
        keywords: the tags that are of use; None for all.
    """
    import pydicom

    tags = None if keywords is None else list(keywords)
    with python_warnings.catch_warnings(), BoundedFile(path) as file:
        python_warnings.simplefilter("ignore")
        stream = _plain(_from_its_begin(file, path), path)
        return pydicom.dcmread(stream, force=True, stop_before_pixels=True, specific_tags=tags)


def _from_its_begin(file: BoundedFile, path: Path) -> BinaryIO:
    """A file without what was put in front of it, as by one who keeps the answer of a web archive with its boundaries.

    Raises:
        FilmError: there is more than one in it.
    """
    head = _head_of(file)
    at = _prefix_in(head)
    if head[128:132] == b"DICM" or (at < 0 and not _is_big(head)):
        return file
    content = file.read()
    if at < 0:
        return io.BytesIO(with_syntax(content, BIG_ENDIAN))
    if content.find(_PREFIX, at + 1) >= 0:
        raise FilmError(f"{path}: several DICOM files in one; save each to a file of its own")
    return io.BytesIO(bytes(128) + content[at:])


def _head_of(stream: BinaryIO) -> bytes:
    head = stream.read(_HEAD)
    stream.seek(0)
    return head


def _plain(stream: BinaryIO, path: Path) -> BinaryIO:
    """A file as pydicom is to read it: not deflated, whatever it says.

    Raises:
        FilmError: it cannot be inflated.
    """
    head = _head_of(stream)
    if meta_of(head).syntax != DEFLATED:
        return stream
    content = stream.read()
    return io.BytesIO(inflated(content, str(path)) if is_deflated(head) else undeflated(content))


def _of_its_frame(data: Any) -> Any:
    """The data set with what it says in functional groups (PS3.3 C.7.6.16) where those of a plain film say it.

    A tag of the data set itself wins, then the frame's own group, then the shared one.
    """
    groups = [*items(data, "PerFrameFunctionalGroupsSequence")[:1], *items(data, "SharedFunctionalGroupsSequence")[:1]]
    for group in groups:
        for macro in (item for keyword in group.dir() for item in items(group, keyword)[:1]):
            for keyword in _OF_A_FRAME:
                if keyword in macro and keyword not in data:
                    data[keyword] = macro.get_item(keyword)
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


def photometric_of(data: Any) -> str:
    """PhotometricInterpretation (0028,0004) in upper case, "MONOCHROME2" where it is not said."""
    said = text(data, "PhotometricInterpretation")
    return said.replace(" ", "").replace("_", "") if said.startswith("MONOCHROME") else said or "MONOCHROME2"


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
    # Python allows what no file means: 1_000
    if "_" in word:
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
    """The name of a transfer syntax, or of a class, for a message; the UID itself where it has none."""
    from pydicom.uid import UID

    return _NEWER_NAMES.get(uid) or str(UID(uid).name)
