"""How the tags of a DICOM image describe its pixels."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.checks import check_size
from SpineAlignmentLib.film.dicom_color import SUBSAMPLED
from SpineAlignmentLib.film.dicom_dataset import integer, photometric_of


@dataclass(frozen=True)
class Layout:
    """How the tags describe the pixels (PS3.3 C.7.6.3)."""

    width: int
    height: int
    samples: int
    allocated: int
    stored: int
    high: int
    signed: bool
    photometric: str
    planar: bool

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.width, self.height

    @property
    def pixel_bits(self) -> int:
        """Bits of a pixel; two may share their color."""
        return (2 if self.subsampled else self.samples) * self.allocated

    @property
    def subsampled(self) -> bool:
        """Whether two pixels share their color."""
        return self.photometric in SUBSAMPLED and self.samples == 3

    @property
    def size_bytes(self) -> int:
        """Bytes of all pixels as they lie in a file, uncompressed."""
        return self.width * self.height * self.pixel_bits // 8

    def word(self, big: bool) -> np.dtype[Any]:
        """The type of a native word."""
        return np.dtype(f"{'>' if big else '<'}u{self.allocated // 8}")


def layout_of(data: Any, path: Path) -> Layout:
    """The layout that the tags describe.

    Raises:
        FilmError: not a single image of a possible size.
    """
    frames = integer(data, "NumberOfFrames", 1)
    if frames > 1:
        raise FilmError(f"{path}: {frames} frames; a film has one, export the frame to measure as a file of its own")
    width, height = integer(data, "Columns"), integer(data, "Rows")
    check_size(width, height, str(path))
    photometric, samples = photometric_of(data), integer(data, "SamplesPerPixel", 1)
    held = len(data.get("PixelData") or b"")
    allocated = integer(data, "BitsAllocated") or (8 if 0 < held < 2 * width * height * samples else 16)
    if photometric.startswith("MONOCHROME") and held < width * height * samples * allocated // 8:
        samples = 1
    if photometric in SUBSAMPLED and held >= width * height * samples * allocated // 8:
        photometric = "YBR_FULL"  # what decompressed it gave each pixel its own color
    stored = integer(data, "BitsStored", allocated)
    stored = stored if 0 < stored <= allocated else allocated
    return Layout(
        width,
        height,
        samples,
        allocated,
        stored,
        integer(data, "HighBit", stored - 1),
        integer(data, "PixelRepresentation") == 1,
        photometric,
        integer(data, "PlanarConfiguration") == 1,
    )
