"""The samples of an NRRD or MetaImage file: whether there are as many as its header says, and whole.

ITK's readers take what they find: of a damaged, cut off or wrongly described stream they make an image of garbage.
"""

import re
import zlib
from pathlib import Path
from typing import Final

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.checks import ANY_WRAPPING, MAX_UNPACKED
from SpineAlignmentLib.film.volume_header import BOM, Header, data_path

_PACKED: Final = re.compile(r"(encoding|data ?file|CompressedData(Size)?|ElementDataFile)\s*[:=]", re.IGNORECASE)
"""Lines of a header that say where samples are and how they are packed."""


def checked_samples(path: Path, header: Header) -> bytes | None:
    """The samples of a packed file, unpacked; None for those of any other.

    Args:
        path: of the header.
        header: what it states.

    Raises:
        FilmError: fewer or more than the header says, or damaged.
    """
    if header.sample_bytes is None or not (header.inline or header.data_file):
        return None
    place = data_path(path, header) or path
    start = 0
    if place == path:
        with path.open("rb") as stream:
            start = len(header.text.encode()) + len(BOM) * (stream.read(len(BOM)) == BOM)
    if not header.packed:
        check_count(place.stat().st_size - start, header.sample_bytes, header.row_bytes, path)
        return None
    if header.sample_bytes > MAX_UNPACKED:
        raise FilmError(f"{path}: too large for a film: more than {MAX_UNPACKED >> 20} MB when unpacked")
    samples = _unpacked(place.read_bytes()[start:], header.sample_bytes + header.row_bytes, path)
    check_count(len(samples), header.sample_bytes, header.row_bytes, path)
    return samples[: header.sample_bytes]


def check_count(count: int, expected: int, spare: int, path: Path) -> None:
    """Refuse samples that are fewer or more than a header says; less than a row more is what writers fill up with.

    Raises:
        FilmError: tells both numbers.
    """
    if count < expected:
        raise FilmError(f"{path}: cut off: {expected} bytes of pixels are promised, {count} are there")
    if count >= expected + spare:
        raise FilmError(
            f"{path}: its header describes {expected} bytes of pixels, {count} or more are there: "
            "check its sizes, its type and where pixels begin"
        )


def _unpacked(content: bytes, most: int, path: Path) -> bytes:
    """Packed samples, no more of them than tell that they are too many."""
    unpacker = zlib.decompressobj(ANY_WRAPPING)
    try:
        samples = unpacker.decompress(content, most)
    except zlib.error as error:
        raise FilmError(f"{path}: damaged: its packed pixels cannot be unpacked") from error
    if len(samples) < most and not unpacker.eof:
        raise FilmError(f"{path}: cut off: its packed pixels end too early")
    return samples


def unpacked_file(header: Header, samples: bytes) -> bytes:
    """A file of the same header and unpacked samples."""
    lines = [line for line in header.text.splitlines() if line.strip() and not _PACKED.match(line)]
    end = ["encoding: raw", "", ""] if header.text.startswith("NRRD") else ["ElementDataFile = LOCAL", ""]
    return "\n".join([*lines, *end]).encode() + samples
