"""The elements of a DICOM file one by one, read strictly: where one ends, and where the first flaw is.

pydicom reads what it can of a file and gives up at the first element that makes no sense. What follows such an element
is a film all the same; to find it again, elements are taken for such only where all of them up to the pixels are right.
"""

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

LONG_VRS: Final[frozenset[bytes]] = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)
"""VRs whose length has 32 bits, PS3.5 7.1.2."""
_SHORT_VRS: Final[frozenset[bytes]] = frozenset(
    {b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS"}
    | {b"ST", b"TM", b"UI", b"UL", b"US"}
)
_ANY_VR: Final = re.compile(b"|".join(sorted(LONG_VRS | _SHORT_VRS)))
_MAX_IMPLICIT: Final[int] = 1 << 16
"""Bytes behind a flaw in which an element without a VR is looked for."""
_UNDEFINED: Final[int] = 0xFFFFFFFF
_ITEM: Final[int] = 0xFFFEE000
_ITEM_END: Final[int] = 0xFFFEE00D
_SEQUENCE_END: Final[int] = 0xFFFEE0DD
_FIRST_GROUP: Final[int] = 0x0008
"""Of every film's data set, PS3.3 C.12.1."""
_PIXELS: Final[int] = 0x7FE00010
_DEEPEST: Final[int] = 16
"""Sequences within sequences; no film has as many."""


@dataclass(frozen=True)
class Meta:
    """The file meta information (PS3.10 7.1) of a file's content, as places in it."""

    syntax: str
    """UID of the transfer syntax; "" where the file does not say."""
    element: slice
    """Of the transfer syntax."""
    end: int


def meta_of(content: bytes) -> Meta:
    """Where the file meta information of a DICOM file stands; it is explicit little endian whatever follows."""
    at = 132 if content[128:132] == b"DICM" else 0
    syntax, element = "", slice(at, at)
    while content[at : at + 2] == b"\x02\0" and at + 12 <= len(content):
        long = content[at + 4 : at + 6] in LONG_VRS
        value = at + (12 if long else 8)
        end = value + int.from_bytes(content[at + 8 : at + 12] if long else content[at + 6 : at + 8], "little")
        if content[at + 2 : at + 4] == b"\x10\0":
            syntax, element = content[value:end].decode("ascii", "replace").strip(" \0"), slice(at, end)
        at = end
    return Meta(syntax, element, min(at, len(content)))


def with_syntax(content: bytes, uid: str) -> bytes:
    """The file, saying another transfer syntax."""
    place = meta_of(content).element
    value = uid.encode() + b"\0" * (len(uid) % 2)
    return content[: place.start] + b"\x02\0\x10\0UI" + struct.pack("<H", len(value)) + value + content[place.stop :]


def begins_plainly(content: bytes) -> bool:
    """Whether the data set of a file's content, or of its head, begins with a little endian element as it stands."""
    at = meta_of(content).end
    vr = content[at + 4 : at + 6]
    explicit = vr in LONG_VRS | _SHORT_VRS
    try:
        end, tag = _end_of(content, at, explicit, 0)
    except ValueError:
        return False
    return tag >> 16 == _FIRST_GROUP and end - at < _MAX_IMPLICIT and _is_known(tag, vr if explicit else b"")


def without_flaw(content: bytes) -> bytes | None:
    """The file without the first element that makes no sense; None where there is none, or nothing good behind it.

    Only little endian files are looked at.
    """
    start = meta_of(content).end
    explicit = content[start + 4 : start + 6] in LONG_VRS | _SHORT_VRS
    flaw, tag = _walked(content, start, 0, explicit)
    if tag == _PIXELS or flaw >= len(content):
        return None
    for at in _places(content, flaw + 1, explicit):
        group, element = struct.unpack_from("<2H", content, at)
        found = group << 16 | element
        if group % 2 or found <= tag or not _is_known(found, content[at + 4 : at + 6] if explicit else b""):
            continue
        if _walked(content, at, tag, explicit)[1] == _PIXELS:
            return content[:flaw] + content[at:]
    return None


def _places(content: bytes, start: int, explicit: bool) -> Iterable[int]:
    """Where elements before the pixels may begin, from a place on."""
    pixels = content.rfind(struct.pack("<2H", _PIXELS >> 16, _PIXELS & 0xFFFF), start)
    if pixels < 0:
        return ()
    if explicit:
        return (match.start() - 4 for match in _ANY_VR.finditer(content, start + 4, pixels + 6))
    # nothing but a plausible number marks these; each is looked at
    return range(start, min(start + _MAX_IMPLICIT, pixels + 1))


def _walked(content: bytes, at: int, tag: int, explicit: bool) -> tuple[int, int]:
    """Where good elements of ascending tags end, from a place on and behind a tag, and the last of them."""
    while at < len(content):
        try:
            end, next_tag = _end_of(content, at, explicit, 0)
        except ValueError:
            break
        if next_tag <= tag:
            break
        at, tag = end, next_tag
        if tag == _PIXELS:
            break
    return at, tag


def _end_of(content: bytes, at: int, explicit: bool, depth: int) -> tuple[int, int]:
    """Where an element ends, and its tag.

    Raises:
        ValueError: it is none.
    """
    if at + 8 > len(content) or depth > _DEEPEST:
        raise ValueError("no room for an element")
    group, element = struct.unpack_from("<2H", content, at)
    tag, vr, value = group << 16 | element, content[at + 4 : at + 6], at + 8
    if not explicit:
        (length,) = struct.unpack_from("<I", content, at + 4)
    elif vr in LONG_VRS:
        value = at + 12
        length = int.from_bytes(content[at + 8 : at + 12], "little")
    elif vr in _SHORT_VRS:
        (length,) = struct.unpack_from("<H", content, at + 6)
    else:
        raise ValueError("no value representation")
    if tag == _PIXELS:
        return value, tag
    if length == _UNDEFINED:
        return _sequence_end(content, value, explicit and vr != b"UN", depth), tag
    if value + length > len(content):
        raise ValueError("longer than the file")
    return value + length, tag


def _sequence_end(content: bytes, at: int, explicit: bool, depth: int) -> int:
    """Where a sequence of undefined length ends; PS3.5 7.5. One of VR UN is implicit inside, PS3.5 6.2.2."""
    while at + 8 <= len(content):
        group, element, length = struct.unpack_from("<2HI", content, at)
        tag, at = group << 16 | element, at + 8
        if tag == _SEQUENCE_END:
            return at
        if tag != _ITEM:
            break
        if length != _UNDEFINED:
            at += length
            continue
        while content[at : at + 4] != struct.pack("<2H", _ITEM_END >> 16, _ITEM_END & 0xFFFF):
            at, _ = _end_of(content, at, explicit, depth + 1)
        at += 8
    raise ValueError("a sequence without end")


def _is_known(tag: int, vr: bytes) -> bool:
    """Whether a tag is one of the standard's, with its own VR where one is given."""
    from pydicom.datadict import dictionary_has_tag, dictionary_VR

    return dictionary_has_tag(tag) and (not vr or vr.decode("latin-1") in dictionary_VR(tag))
