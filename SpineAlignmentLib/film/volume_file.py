"""Films from research image files: NRRD, MetaImage and NIfTI."""

import gzip
import math
import re
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.checks import MAX_UNPACKED, checked_pixels, checked_spacing, has_bytes_turned, screen_dots
from SpineAlignmentLib.film.film import SIDE_OF_PLANE, Film
from SpineAlignmentLib.film.itk import itk_image
from SpineAlignmentLib.film.reader import ReadOptions
from SpineAlignmentLib.film.volume_header import BOM, Header, data_path, read_header
from SpineAlignmentLib.film.volume_samples import check_count, checked_samples, unpacked_file
from SpineAlignmentLib.results.annotation import SPACING_WARNING

_GZIP: Final[bytes] = b"\x1f\x8b"
_SKEW: Final[str] = "orthonormal"
"""What ITK's message says then."""
_NIFTI_HEADER: Final[int] = 352
"""Bytes of the header of a NIfTI-1 file, its mark of extensions included."""
_NIFTI_BITS: Final[dict[int, int]] = {
    2: 8, 256: 8, 4: 16, 512: 16, 8: 32, 768: 32, 1024: 64, 1280: 64, 16: 32, 64: 64, 128: 24, 2304: 32,
}  # fmt: skip
"""NIfTI-1 data types, to the bits of a sample; what its bitpix says nobody reads."""
_NIFTI_FLOATS: Final[dict[int, int]] = {16: 4, 64: 8}
"""NIfTI-1 data types of floating point numbers, to their bytes."""
_SOURCE: Final[str] = "the file's spacing"
_MILLIMETER: Final[str] = (
    f"{SPACING_WARNING} in the file is exactly 1 mm, which libraries write where none is known; taken as unknown"
)
_TURNED: Final[str] = "the bytes of the pixels' words stand the other way round than the header says: read so"
_NO_LENGTH: Final[str] = f"{SPACING_WARNING} in the file is in a unit that is no length; taken as unknown"


def kind_of(head: bytes) -> str:
    """The kind of volume that begins with these bytes, packed by gzip as NIfTI may be; "" for none."""
    head = head.removeprefix(BOM)
    if head.startswith(b"NRRD"):
        return "NRRD"
    if any(key in head.lstrip()[:200] for key in (b"ObjectType", b"NDims")):
        return "MetaImage"
    nifti = head[344:348] in (b"n+1\x00", b"ni1\x00") or head[:4] in (b"\x5c\x01\x00\x00", b"\x00\x00\x01\x5c")
    nifti = nifti or head[:4] in (b"\x1c\x02\x00\x00", b"\x00\x00\x02\x1c")
    return "NIfTI" if nifti or head.startswith(_GZIP) else ""


def read(path: Path, options: ReadOptions) -> Film:
    """Read an NRRD, MetaImage or NIfTI file, as Slicer shows it on screen.

    Raises:
        FilmError: not one gray image, or an impossible spacing.
    """
    _check_nifti(path)
    header = read_header(path)
    if not header.whole:
        raise FilmError(f"{path}: damaged: its header is not one of a {kind_of(header.text[:200].encode())} file")
    if not options.spacing_given and header.steps is not None and not _is_stated(header.steps):
        # ITK would mend it with a number of its own
        shown = " x ".join(f"{step:g}" for step in header.steps[:2])
        raise FilmError(f"{path}: impossible pixel spacing {shown} mm ({_SOURCE}); give the right one with --spacing")
    with _for_itk(path, header) as file:
        try:
            pixels, placement = itk_image(file)
        except RuntimeError as error:
            if _SKEW not in str(error):
                raise
            what = "its header lays rows and columns at no right angle (in NIfTI: qform, sform)"
            raise FilmError(f"{path}: {what}; write it anew with right ones") from error
    turned = pixels.ndim == 2 and has_bytes_turned(pixels)
    pixels = checked_pixels(pixels.byteswap() if turned else pixels, str(path))
    size = (pixels.shape[1], pixels.shape[0])
    spacing = (float(np.linalg.norm(placement.x_step)), float(np.linalg.norm(placement.y_step)))
    sagittal = bool(np.argmax(np.abs(np.cross(placement.x_step, placement.y_step))) == 0)
    seen = Film(
        path.name,
        pixels,
        pixel_aspect=spacing[1] / spacing[0] if _is_stated(header.steps) else 1.0,
        anterior="left" if sagittal else None,
        anterior_source=SIDE_OF_PLANE if sagittal else "unknown",
        placement=placement,
        warnings=(_TURNED,) if turned else (),
    )
    if options.spacing_given or header.steps is None:
        return seen
    if header.unit_mm is None:
        return replace(seen, warnings=(*seen.warnings, _NO_LENGTH))
    if spacing == (1.0, 1.0) and header.unit_mm == 1.0:
        return replace(seen, warnings=(*seen.warnings, _MILLIMETER))
    if dots := screen_dots(spacing):
        left = f"{SPACING_WARNING} in the file is {dots} dots per inch, which a picture leaves that was converted"
        return replace(seen, warnings=(*seen.warnings, f"{left}; taken as unknown"))
    in_mm = (spacing[0] * header.unit_mm, spacing[1] * header.unit_mm)
    return replace(seen, spacing_mm=checked_spacing(in_mm, size, str(path), _SOURCE), spacing_source=_SOURCE)


def _is_stated(steps: tuple[float, ...] | None) -> bool:
    """Whether a header's distances are numbers that a film can have."""
    return steps is not None and all(step > 0 for step in steps[:2])


@contextmanager
def _for_itk(path: Path, header: Header) -> Iterator[Path]:
    """The file as ITK can read it: without a byte-order mark, with pixels where they are, under a name it can open.

    What is packed is unpacked before.

    Raises:
        FilmError: there are fewer or more pixels than the header says, or they are damaged.
    """
    samples = data_path(path, header)
    unpacked = checked_samples(path, header)
    with path.open("rb") as stream:
        head = stream.read(len(BOM))
    zipped = head.startswith(_GZIP) and not path.name.lower().endswith(".gz")
    moved = samples is not None and samples != path.parent / header.data_file
    awkward = str(path).encode("utf-8", "replace").decode() != str(path)
    if unpacked is None and not (head == BOM or moved or awkward or zipped):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="SpineAlignment") as folder:
        ending = ".nii.gz" if zipped else "".join(path.suffixes[-2 if path.name.endswith(".gz") else -1 :])
        plain = Path(folder) / f"film{ending}"
        content = path.read_bytes().removeprefix(BOM) if unpacked is None else unpacked_file(header, unpacked)
        if samples is not None and unpacked is None:
            place = samples.resolve().as_posix()
            text = re.sub(
                r"^(ElementDataFile\s*=|data ?file:)[^\n]*", lambda m: f"{m[1]} {place}", header.text,
                flags=re.MULTILINE | re.IGNORECASE,
            )  # fmt: skip
            content = text.encode()
        plain.write_bytes(content)
        yield plain


def _check_nifti(path: Path) -> None:
    """Refuse a NIfTI file whose pixels are cut off or are not numbers: ITK's reader puts zeros in their place.

    Raises:
        FilmError: pixels are missing or not numbers.
    """
    with path.open("rb") as stream:
        content = stream.read()
    if content.startswith(_GZIP):
        with gzip.open(path) as packed:
            content = packed.read(MAX_UNPACKED + 1)
        if len(content) > MAX_UNPACKED:
            raise FilmError(f"{path}: too large for a film: more than {MAX_UNPACKED >> 20} MB when unpacked")
        if kind_of(content[:512]) != "NIfTI":
            raise FilmError(f"{path}: packed by gzip, and not a NIfTI file in it; unpack it first")
    if content[4:8] in (b"n+2\x00", b"ni2\x00"):
        raise FilmError(f"{path}: a NIfTI-2 file, which cannot be read; save it as NIfTI-1")
    order = "<" if content[:4] == b"\x5c\x01\x00\x00" else ">"
    if len(content) < _NIFTI_HEADER or content[344:348] != b"n+1\x00":
        return
    dimensions = struct.unpack_from(f"{order}8h", content, 40)
    kind, bits = struct.unpack_from(f"{order}2h", content, 70)
    (start,) = struct.unpack_from(f"{order}f", content, 108)
    bits = _NIFTI_BITS.get(kind, bits)
    sizes = [max(n, 1) for n in dimensions[1 : 1 + max(0, min(dimensions[0], 7))]]
    count = math.prod(sizes)
    if not 0 <= start <= len(content):
        raise FilmError(f"{path}: cut off: {count} pixels of {bits} bits are promised, none are there")
    if start < _NIFTI_HEADER:
        raise FilmError(f"{path}: its pixels begin at byte {start:g} (vox_offset), within its header; save it anew")
    check_count(len(content) - int(start), count * bits // 8, count * bits // 8 // max(sizes, default=1), path)
    if kind in _NIFTI_FLOATS and start % 1 == 0:
        values = np.frombuffer(content, f"{order}f{_NIFTI_FLOATS[kind]}", count, int(start))
        bad = int(np.count_nonzero(~np.isfinite(values)))
        if bad:
            raise FilmError(f"{path}: {bad} of {count} pixels are not numbers (NaN or infinite)")
