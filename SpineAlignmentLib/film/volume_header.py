"""What the header of an NRRD, MetaImage or NIfTI file states itself; where it is silent, ITK makes numbers up."""

import gzip
import math
import ntpath
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.dicom_dataset import as_number

BOM: Final[bytes] = b"\xef\xbb\xbf"
_UNITS_MM: Final[dict[str, float]] = {
    name: length
    for names, length in (
        ("mm millimeter millimeters millimetre millimetres", 1.0),
        ("cm centimeter centimeters centimetre centimetres", 10.0),
        ("m meter meters metre metres", 1000.0),
        ("in inch inches", 25.4),
        ("um \u00b5m \u03bcm micron microns micrometer micrometers micrometre micrometres", 1e-3),
    )
    for name in names.split()
}
"""Units of length, to millimeters."""
_DISTANT: Final[frozenset[str]] = frozenset({"domain", "space", "time", "none", "???"})
"""Kinds of an NRRD's axis along which samples have a distance; teem.sourceforge.net/nrrd/format.html#kinds."""
_NRRD_BYTES: Final[dict[str, int]] = {
    "char": 1, "int8": 1, "short": 2, "int16": 2, "int": 4, "int32": 4, "longlong": 8, "int64": 8, "float": 4,
    "double": 8,
}  # fmt: skip
"""Types of samples without their sign, to their bytes; teem.sourceforge.net/nrrd/format.html#type."""
_META_BYTES: Final[dict[str, int]] = {
    "MET_CHAR": 1, "MET_UCHAR": 1, "MET_SHORT": 2, "MET_USHORT": 2, "MET_INT": 4, "MET_UINT": 4, "MET_LONG_LONG": 8,
    "MET_ULONG_LONG": 8, "MET_FLOAT": 4, "MET_DOUBLE": 8,
}  # fmt: skip
"""The same of MetaImage, those alone that are as long on every system."""
_LINE: Final[int] = 1000
"""Characters of a header's line; none is nearly as long."""
_HEADER_BYTES: Final[int] = 1 << 16


@dataclass(frozen=True)
class Header:
    """What a header states of its axes, those of one sample left out."""

    steps: tuple[float, ...] | None
    """Distance of samples along each axis, NaN for what is no number; None where no distance is stated."""
    unit_mm: float | None = 1.0
    """Millimeters of its unit where ITK does not convert it; None for a unit that is no length."""
    data_file: str = ""
    """The file that the samples are in, where it is another one."""
    text: str = ""
    """A header of text, its end included; "" for a binary one."""
    inline: bool = True
    whole: bool = True
    """Whether a header of text has an end, as many sizes as dimensions, and lines that can be its own."""
    sample_bytes: int | None = None
    """Bytes of all samples; None where they are not as they lie in memory, or behind something else."""
    row_bytes: int = 1
    packed: bool = False
    """Whether samples are packed, as by gzip."""


def read_header(path: Path) -> Header:
    """The header of a volume file.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEADER_BYTES)
    if head.startswith(b"\x1f\x8b"):
        with gzip.open(path) as packed:
            head = packed.read(1024)
    plain = head.removeprefix(BOM)
    if plain.startswith(b"NRRD"):
        return _nrrd(plain)
    if any(key in plain.lstrip()[:200] for key in (b"ObjectType", b"NDims")):
        return _meta_image(plain)
    return _nifti(head)


def _nrrd(content: bytes) -> Header:
    """Fields of an NRRD header; teem.sourceforge.net/nrrd/format.html."""
    end = re.search(rb"\r?\n\r?\n", content)
    text = content[: end.end() if end else len(content)].decode("utf-8", "replace")
    fields = {k.strip().lower(): v.strip() for k, v in re.findall(r"^([^#:\n]+):[ \t]+(.*)$", text, re.MULTILINE)}
    sizes = [_size(v) for v in fields.get("sizes", "").split()]
    steps: list[float] | None = None
    if "spacings" in fields:
        steps = [_step(v) for v in fields["spacings"].split()]
    elif "space directions" in fields:
        steps = [_length(vector) for vector in re.findall(r"\([^)]*\)|none", fields["space directions"])]
    long_axes = None if steps is None else _of_long_axes(*_without_samples(fields.get("kinds", ""), steps, sizes))
    unit = _unit(re.findall(r'"([^"]*)"', fields.get("space units", fields.get("units", ""))))
    data_file = fields.get("data file", fields.get("datafile", ""))
    whole = (end is not None or bool(data_file)) and _is_whole(text, fields.get("dimension", ""), sizes)
    encoding = fields.get("encoding", "").lower()
    word = re.sub(r"^un|signed |_t$| int$", "", fields.get("type", "").lower()).replace("long long", "longlong")
    skipped = {"byte skip", "byteskip", "line skip", "lineskip"} & fields.keys()
    known = encoding in ("raw", "gzip", "gz") and not skipped
    counted = _counted(_NRRD_BYTES.get(word.removeprefix("u")) if known else None, sizes)
    return Header(long_axes, unit, _one_file(data_file), text, not data_file, whole, *counted, encoding != "raw")


def _without_samples(kinds: str, steps: list[float], sizes: list[int]) -> tuple[list[float], list[int]]:
    """Steps and sizes of the axes but those of samples, as of colors, which have no distance and say so."""
    distant = [kind in _DISTANT for kind in kinds.lower().split()]
    if not len(distant) == len(steps) == len(sizes):
        return steps, sizes
    kept = [axis for axis, counts in enumerate(distant) if counts]
    return [steps[axis] for axis in kept], [sizes[axis] for axis in kept]


def _meta_image(content: bytes) -> Header:
    """Keys of a MetaImage header; the last is ElementDataFile."""
    end = re.search(rb"ElementDataFile\s*=[^\n]*\n?", content)
    text = content[: end.end() if end else len(content)].decode("utf-8", "replace")
    keys: Mapping[str, str] = {
        k.strip().lower(): v.strip() for k, v in re.findall(r"^([^=\n]+)=([^\n]*)$", text, re.MULTILINE)
    }
    stated = keys.get("elementspacing", keys.get("elementsize", ""))
    steps = [_step(v) for v in stated.split()] or None
    data_file = keys.get("elementdatafile", "")
    inline = data_file.upper() == "LOCAL"
    sizes = [_size(v) for v in keys.get("dimsize", "").split()]
    whole = end is not None and _is_whole(text, keys.get("ndims", ""), sizes)
    # "?" of MetaIO's own vocabulary is an unknown one, which it takes for mm; ITK converts none
    unit = _unit([keys.get("distanceunits", "").replace("?", "")])
    said_not = {key: keys.get(key, "").lower() in ("false", "0", "") for key in ("binarydata", "compresseddata")}
    element = _META_BYTES.get(keys.get("elementtype", "").upper().removesuffix("_ARRAY"))
    known = not said_not["binarydata"] and keys.get("headersize", "0") == "0"
    counted = _counted(element if known else None, [*sizes, _size(keys.get("elementnumberofchannels", "1"))])
    where = "" if inline else _one_file(data_file)
    packed = not said_not["compresseddata"]
    return Header(_of_long_axes(steps, sizes), unit, where, text, inline, whole, *counted, packed)


def _nifti(content: bytes) -> Header:
    """pixdim of a NIfTI header; nifti.nimh.nih.gov. ITK converts its units."""
    for order in "<>":
        if len(content) >= 348 and struct.unpack_from(f"{order}i", content)[0] == 348:
            sizes, steps = struct.unpack_from(f"{order}8h", content, 40), struct.unpack_from(f"{order}8f", content, 76)
            break
        if len(content) >= 540 and struct.unpack_from(f"{order}i", content)[0] == 540:
            sizes, steps = struct.unpack_from(f"{order}8q", content, 16), struct.unpack_from(f"{order}8d", content, 104)
            break
    else:
        return Header(None)
    count = max(0, min(int(sizes[0]), 7))
    found = [abs(float(v)) if math.isfinite(v) else math.nan for v in steps[1 : 1 + count]]
    return Header(_of_long_axes(found if any(v != 0 for v in found[:2]) else None, list(sizes[1 : 1 + count])))


def _counted(sample: int | None, sizes: list[int]) -> tuple[int | None, int]:
    """Bytes of all samples, None where those of one are not known, and of a row."""
    if sample is None:
        return None, 1
    count = math.prod(sizes)
    return sample * count, max(1, sample * count // max(sizes, default=1))


def _is_whole(text: str, dimension: str, sizes: list[int]) -> bool:
    """ITK's readers believe headers, damaged ones too, and end the whole process for it."""
    lines = text.splitlines()
    plain = all(len(line) <= _LINE and line.replace("\t", " ").isprintable() for line in lines)
    return plain and "\ufffd" not in text and dimension == str(len(sizes)) and min(sizes, default=0) > 0


def _of_long_axes(steps: list[float] | None, sizes: list[int]) -> tuple[float, ...] | None:
    if not steps:
        return None
    if len(sizes) != len(steps):
        return tuple(steps)
    return tuple(step for step, size in zip(steps, sizes, strict=True) if size > 1)


def _size(word: str) -> int:
    return int(word) if word.isdigit() else 0


def _step(word: str) -> float:
    value = as_number(word)
    return math.nan if value is None else abs(value)


def _length(vector: str) -> float:
    parts = [as_number(v) for v in vector.strip("()").split(",")] if vector != "none" else []
    return math.hypot(*(math.nan if v is None else v for v in parts)) if parts else math.nan


def _unit(units: list[str]) -> float | None:
    known = {_UNITS_MM.get(unit.strip().lower()) for unit in units if unit.strip()}
    return known.pop() if len(known) == 1 else None if known else 1.0


def _one_file(name: str) -> str:
    """The name of a file that holds all samples; "" for a list or a pattern of files."""
    return "" if name.upper().startswith("LIST") or "%" in name else name


def data_path(path: Path, header: Header) -> Path | None:
    """Where the samples are that a header looks for in another file; None where they are in the header's own.

    Raises:
        FilmError: that file is not there.
    """
    if header.inline or not header.data_file:
        return None
    for name in (header.data_file, ntpath.basename(header.data_file)):
        if (path.parent / name).is_file():
            return path.parent / name
    raise FilmError(f"{path}: its pixels are in another file, {header.data_file!r}, which is not there")
