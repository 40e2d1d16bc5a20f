"""From the stored values of a DICOM image to gray values with bone bright.

The values stay linear: rescale is a line, which no film changes by, so that only its direction counts; a Modality LUT
(PS3.3 C.11.1) bends them and is applied; window and VOI LUT are for eyes, and only the direction of a LUT counts.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.checks import checked_pixels
from SpineAlignmentLib.film.dicom_color import from_palette
from SpineAlignmentLib.film.dicom_dataset import (
    as_number,
    integer,
    items,
    number,
    photometric_of,
    tag_name,
    text,
    transfer_syntax,
    values,
)
from SpineAlignmentLib.film.dicom_mending import BIG_ENDIAN
from SpineAlignmentLib.film.dicom_padding import padding_tag, without_padding
from SpineAlignmentLib.film.dicom_pixels import stored_pixels
from SpineAlignmentLib.film.polarity import inverted

Pixels = NDArray[Any]

_UNUSUAL: Final[tuple[str, ...]] = ("CMYK", "HSV")
"""Photometric interpretations that are retired, and that no film is in."""
_MODALITY_LUT: Final[str] = "ModalityLUTSequence"
_VOI_LUT: Final[str] = "VOILUTSequence"
_SAMPLED: Final[int] = 101
"""Every so many pixels tell where a film's gray values end."""
_ENDS: Final[tuple[int, int]] = (2, 98)
"""Percentiles of gray values that are the film's own, not burned-in marks."""


@dataclass(frozen=True)
class Gray:
    """Gray values with bone bright, as far as the tags know."""

    pixels: Pixels
    polarity_doubt: str
    """Which tags contradict each other about the polarity; "" when none do."""
    warnings: tuple[str, ...]


def bone_bright(data: Any, path: Path) -> Gray:
    """The gray values of a DICOM image, monotonously related to attenuation.

    Raises:
        FilmError: not a gray image, or one that cannot be read.
    """
    stored = stored_pixels(data, path)
    photometric = photometric_of(data)
    if photometric in _UNUSUAL:
        what = f"{tag_name('PhotometricInterpretation')} {photometric}"
        raise FilmError(f"{path}: {what} is not supported; export it as MONOCHROME2")
    if photometric == "PALETTE COLOR" and stored.values.ndim == 2:
        return Gray(checked_pixels(_of_palette(data, stored.values, path), str(path)), "", stored.warnings)
    if stored.values.ndim == 3 and not photometric.startswith("MONOCHROME"):
        return Gray(checked_pixels(stored.values, str(path)), "", stored.warnings)
    # blank before anything is masked is blank afterwards
    gray = checked_pixels(stored.values, str(path))
    warnings = list(stored.warnings)
    table = _modality_lut(data, warnings)
    slope = 1.0
    if table is not None:
        gray = table.of(gray)
    else:
        slope = _slope(data, warnings)
    down = slope < 0
    if items(data, _VOI_LUT):
        film = gray if stored.padded is None else gray[~stored.padded]
        ends = np.percentile(film.ravel()[::_SAMPLED], _ENDS) * slope
        rescaled = ends if table is not None else ends + (number(data, "RescaleIntercept") or 0.0)
        down ^= _falls(data, np.sort(rescaled))
    doubt, dark_bone = _polarity(data, down)
    gray = inverted(gray) if dark_bone else gray
    if stored.padded is not None:
        gray = without_padding(gray, stored.padded)
        warnings.append(f"{padding_tag(data)}: {100 * stored.padded.mean():.0f} % of the image is padding")
    return Gray(gray if table is None and stored.padded is None else checked_pixels(gray, str(path)), doubt,
                tuple(warnings))  # fmt: skip


def _of_palette(data: Any, image: Pixels, path: Path) -> Pixels:
    try:
        return from_palette(data, image)
    # whatever pydicom happens on
    except Exception as error:
        what = f"{tag_name('PhotometricInterpretation')} is PALETTE COLOR, without a palette that can be used"
        raise FilmError(f"{path}: {what}; export it as MONOCHROME2") from error


@dataclass(frozen=True)
class LookupTable:
    """Entries of a LUT, for the values from `first` on; those below and above take the first and the last entry."""

    first: int
    entries: Pixels

    def of(self, gray: Pixels) -> Pixels:
        """The image through the table."""
        index = np.clip(gray.astype(np.int64) - self.first, 0, len(self.entries) - 1)
        return self.entries[index]

    @property
    def falling(self) -> bool:
        """Whether the table turns bright to dark."""
        return int(self.entries[-1]) < int(self.entries[0])


def _table(data: Any, sequence: str) -> LookupTable | None:
    """The first LUT of a sequence (PS3.3 C.11.1.1, C.11.2.1.1); None where there is none that can be used."""
    for item in items(data, sequence)[:1]:
        descriptor = [as_number(v) for v in values(item, "LUTDescriptor")]
        if len(descriptor) != 3 or None in descriptor:
            return None
        count, first, bits = (int(v or 0) for v in descriptor)
        count = count or 1 << 16
        signed = integer(data, "PixelRepresentation") == 1
        if signed and first >= 1 << 15:
            first -= 1 << 16
        elif not signed and first < 0:
            first += 1 << 16
        entries = _entries(item, count, bits, ">" if transfer_syntax(data) == BIG_ENDIAN else "<")
        return LookupTable(first, entries) if len(entries) > 1 else None
    return None


def _entries(item: Any, count: int, bits: int, order: str) -> Pixels:
    """LUTData (0028,3006): words or bytes, whatever its VR; as many as are there."""
    value = item.get("LUTData")
    if not isinstance(value, bytes):
        numbers = value if isinstance(value, list | tuple) or hasattr(value, "__len__") else [value]
        return np.array([int(v) & 0xFFFF for v in numbers][:count], np.uint16)
    if len(value) < 2 * count and bits <= 8:
        return np.frombuffer(value, np.uint8)[:count]
    return np.frombuffer(value[: len(value) // 2 * 2], f"{order}u2")[:count].astype(np.uint16)


def _modality_lut(data: Any, warnings: list[str]) -> LookupTable | None:
    if _MODALITY_LUT not in data:
        return None
    try:
        table = _table(data, _MODALITY_LUT)
    except (TypeError, ValueError, AttributeError, OverflowError):
        table = None
    if table is None and items(data, _MODALITY_LUT):
        warnings.append(f"{tag_name(_MODALITY_LUT)} cannot be used; the stored gray values are read")
    return table


def _falls(data: Any, ends: Pixels) -> bool:
    """Whether the LUT for eyes turns bright to dark, between the ends of the film's gray values.

    Beyond these, entries are often zeros that fill it up.
    """
    try:
        table = _table(data, _VOI_LUT)
    except (TypeError, ValueError, AttributeError, OverflowError):
        return False
    if table is None:
        return False
    # a first value has the sign of rescaled ones, which unsigned pixels do not tell: it is where the film is
    middle = float(ends.mean()) - len(table.entries) / 2
    wrapped = replace(table, first=table.first - (1 << 16))
    table = min(table, wrapped, key=lambda option: abs(option.first - middle))
    low, high = (int(v) for v in table.of(ends))
    return high < low if high != low else table.falling


def _slope(data: Any, warnings: list[str]) -> float:
    """The direction of RescaleSlope (0028,1053); a line has no other effect on a film."""
    said = values(data, "RescaleSlope")
    if not said:
        return 1.0
    slope = as_number(said[0].replace(",", "."))
    if as_number(said[0]) is None or not slope:
        meaning = "taken as its sign" if slope else "not used"
        warnings.append(f"{tag_name('RescaleSlope')} holds {said[0]!r}, which is no slope; {meaning}")
    return slope or 1.0


def _polarity(data: Any, down: bool) -> tuple[str, bool]:
    """Which tags contradict each other about the polarity, "" for none, and whether bone is dark in the gray values.

    Args:
        data: the data set.
        down: whether the tables of the file turn bright to dark.
    """
    photometric = photometric_of(data)
    dark_bone = (photometric == "MONOCHROME1") ^ down
    doubts = ["a falling LUT or slope"] if photometric == "MONOCHROME1" and down else []
    shape = text(data, "PresentationLUTShape")
    agrees = (shape == "INVERSE") == (photometric == "MONOCHROME1")
    if shape in ("IDENTITY", "INVERSE") and not agrees:
        doubts.append(f"{tag_name('PresentationLUTShape')} {shape}")
    sign = integer(data, "PixelIntensityRelationshipSign")
    # PS3.3 C.8.11.3.1.2: 1 means that less radiation, and so bone, has lower stored values. Devices often write it
    # wrongly; two tags that agree about display are not doubted for it
    if sign in (1, -1) and (sign == 1) != dark_bone and not (shape and agrees) and not items(data, _MODALITY_LUT):
        doubts.append(f"{tag_name('PixelIntensityRelationshipSign')} {sign}")
    said = f"{tag_name('PhotometricInterpretation')} {photometric}"
    return (" against ".join([said, *doubts]) if doubts else ""), dark_bone
