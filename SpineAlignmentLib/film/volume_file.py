"""Films from research image files: NRRD, MetaImage and NIfTI."""

import gzip
import math
import struct
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.checks import checked_pixels, checked_spacing, is_placeholder
from SpineAlignmentLib.film.film import Film
from SpineAlignmentLib.film.itk import itk_image

_NIFTI_FLOATS: Final[dict[int, int]] = {16: 4, 64: 8}
"""NIfTI-1 data types of floating point numbers, to their bytes."""


def looks_like_volume(head: bytes) -> bool:
    """Whether a file that begins with these bytes is NRRD, MetaImage or NIfTI, or packed by gzip as NIfTI may be."""
    nifti = head[344:348] in (b"n+1\x00", b"ni1\x00") or head[:4] in (b"\x5c\x01\x00\x00", b"\x00\x00\x01\x5c")
    nifti = nifti or head[:4] in (b"\x1c\x02\x00\x00", b"\x00\x00\x02\x1c")
    meta_image = any(key in head.lstrip()[:200] for key in (b"ObjectType", b"NDims"))
    return nifti or meta_image or head.startswith((b"NRRD", b"\x1f\x8b"))


def read(path: Path, spacing_given: bool) -> Film:
    """Read an NRRD, MetaImage or NIfTI file, as Slicer shows it on screen.

    Raises:
        FilmError: not one gray image, or an impossible spacing.
    """
    _check_nifti(path)
    pixels, placement = itk_image(path)
    pixels = checked_pixels(pixels, str(path))
    size = (pixels.shape[1], pixels.shape[0])
    spacing = (float(np.linalg.norm(placement.x_step)), float(np.linalg.norm(placement.y_step)))
    sagittal = bool(np.argmax(np.abs(np.cross(placement.x_step, placement.y_step))) == 0)
    seen = Film(
        path.name,
        pixels,
        pixel_aspect=spacing[1] / spacing[0] if min(spacing) > 0 else 1.0,
        anterior="left" if sagittal else None,
        anterior_source="orientation of the volume" if sagittal else "unknown",
        placement=placement,
    )
    if spacing_given or is_placeholder(spacing, size):
        return seen
    source = "the file's spacing"
    return replace(seen, spacing_mm=checked_spacing(spacing, size, str(path), source), spacing_source=source)


def _check_nifti(path: Path) -> None:
    """Refuse a NIfTI file whose pixels are cut off or are not numbers: ITK's reader puts zeros in their place.

    Raises:
        FilmError: pixels are missing or not numbers.
    """
    with path.open("rb") as stream:
        content = stream.read()
    if content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    order = "<" if content[:4] == b"\x5c\x01\x00\x00" else ">"
    if len(content) < 352 or content[344:348] != b"n+1\x00":
        return
    dimensions = struct.unpack_from(f"{order}8h", content, 40)
    kind, bits = struct.unpack_from(f"{order}2h", content, 70)
    (start,) = struct.unpack_from(f"{order}f", content, 108)
    count = math.prod(max(n, 1) for n in dimensions[1 : 1 + max(0, min(dimensions[0], 7))])
    if not 0 <= start <= len(content) or len(content) - start < count * bits // 8:
        raise FilmError(f"{path}: cut off: {count} pixels of {bits} bits are promised, fewer are there")
    if kind in _NIFTI_FLOATS and start % 1 == 0:
        values = np.frombuffer(content, f"{order}f{_NIFTI_FLOATS[kind]}", count, int(start))
        bad = int(np.count_nonzero(~np.isfinite(values)))
        if bad:
            raise FilmError(f"{path}: {bad} of {count} pixels are not numbers (NaN or infinite)")
