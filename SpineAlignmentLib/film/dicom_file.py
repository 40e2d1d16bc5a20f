"""Films from DICOM files (CR, DX, RF, SC): pixels, polarity, spacing and facing direction from the tags.

Tags are read by pydicom; compressed pixels are decoded by the GDCM inside SimpleITK, which Slicer carries too. The
linear gray values are kept: window and VOI LUT are for eyes.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.checks import check_size, checked_pixels, checked_spacing, is_placeholder
from SpineAlignmentLib.film.film import SPACING_UNKNOWN, Film
from SpineAlignmentLib.film.itk import itk_image, itk_placement
from SpineAlignmentLib.film.polarity import inverted
from SpineAlignmentLib.results.placement import plain_placement

_SPACING_TAGS: Final[tuple[tuple[str, str], ...]] = (
    ("PixelSpacing", "PixelSpacing (0028,0030)"),
    ("ImagerPixelSpacing", "ImagerPixelSpacing (0018,1164)"),
    ("NominalScannedPixelSpacing", "NominalScannedPixelSpacing (0018,2010)"),
)
"""In the order of trust: calibrated to the patient, at the detector, at the scanned sheet. PS3.3 C.7.6.3.1.1, 10.7."""

_UNDEFINED_LENGTH: Final[int] = 0xFFFFFFFF

_FRAGMENT: Final[bytes] = b"\xfe\xff\x00\xe0"
_SEQUENCE_END: Final[bytes] = b"\xfe\xff\xdd\xe0"

_UNCOMPRESSED: Final[frozenset[str]] = frozenset(
    {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"}
)


def looks_like_dicom(head: bytes) -> bool:
    """Whether a file that begins with these bytes is DICOM: with its preamble, or a bare data set of group 0008."""
    return head[128:132] == b"DICM" or (head[:2] in (b"\x08\x00", b"\x02\x00") and head[3:4] == b"\x00")


def read(path: Path, spacing_given: bool) -> Film:
    """Read a DICOM file; with `spacing_given` what it says of its spacing is not judged.

    Raises:
        FilmError: not one gray image, or tags that cannot be.
    """
    import pydicom

    data = pydicom.dcmread(path, force=True)
    check_whole(data, path)
    if "PixelData" not in data:
        kind = getattr(data.get("SOPClassUID"), "name", "") or "a DICOM file"
        raise FilmError(f"{path}: no image in it ({kind})")
    frames = int(data.get("NumberOfFrames") or 1)
    if frames > 1:
        raise FilmError(f"{path}: {frames} frames; a film has one, export the frame to measure as a file of its own")
    check_size(int(data.get("Columns") or 0), int(data.get("Rows") or 0), str(path))
    pixels = checked_pixels(_bone_bright(data, path), str(path))
    size = (pixels.shape[1], pixels.shape[0])
    spacing, source, aspect, warnings = _spacing(data, size, path, spacing_given)
    anterior, anterior_source, side_warnings = _anterior(data)
    return Film(
        path.name,
        pixels,
        spacing,
        source,
        aspect,
        anterior,
        anterior_source,
        polarity_known=True,
        placement=itk_placement(path) or plain_placement(spacing),
        warnings=(*warnings, *side_warnings),
    )


def check_whole(data: Any, path: Path) -> None:
    """Refuse a file that ends within an element; a decoder would make room for all of what the element promises.

    Raises:
        FilmError: names the file and the element.
    """
    from pydicom.dataelem import RawDataElement

    for tag in data.keys():  # noqa: SIM118 (iterating over a data set converts every element)
        element = data.get_item(tag)
        if not isinstance(element, RawDataElement) or element.length == _UNDEFINED_LENGTH:
            continue
        if element.length > len(element.value or b""):
            raise FilmError(f"{path}: damaged: the file ends within its element {element.tag}")


def _check_fragments(encapsulated: bytes, path: Path) -> None:
    """Refuse compressed pixels whose fragments (PS3.5 A.4) do not fit into the file, for the same reason."""
    at = 0
    while at + 8 <= len(encapsulated):
        tag, length = encapsulated[at : at + 4], int.from_bytes(encapsulated[at + 4 : at + 8], "little")
        if tag == _SEQUENCE_END:
            return
        at += 8 + length
        if tag != _FRAGMENT or at > len(encapsulated):
            raise FilmError(f"{path}: damaged: the file ends within its compressed pixels")


def _bone_bright(data: Any, path: Path) -> NDArray[Any]:
    """The stored gray values, monotonously related to attenuation, inverted where the tags say so."""
    photometric = str(data.get("PhotometricInterpretation", "MONOCHROME2")).strip().upper()
    syntax = getattr(getattr(data, "file_meta", None), "TransferSyntaxUID", None)
    if syntax is not None and str(syntax) not in _UNCOMPRESSED:
        _check_fragments(data.PixelData, path)
        return _decompressed(path, syntax)
    if syntax is None:
        data.file_meta = data.file_meta if hasattr(data, "file_meta") else _dataset_meta()
        data.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"
    pixels = data.pixel_array
    if photometric == "PALETTE COLOR":
        return np.asarray(_processing().apply_color_lut(pixels, data))
    if photometric.startswith("YBR"):
        return np.asarray(_processing().convert_color_space(pixels, photometric, "RGB"))
    if "ModalityLUTSequence" in data:
        pixels = _processing().apply_modality_lut(pixels, data)
    dark_bone = photometric == "MONOCHROME1"
    if float(data.get("RescaleSlope") or 1.0) < 0:
        dark_bone = not dark_bone
    return inverted(pixels) if dark_bone else np.asarray(pixels)


def _processing() -> Any:
    """pydicom's functions for color and lookup tables; they moved in its version 3."""
    try:
        from pydicom.pixels import processing
    except ImportError:
        from pydicom.pixel_data_handlers import util

        return util
    return processing


def _dataset_meta() -> Any:
    from pydicom.dataset import FileMetaDataset

    return FileMetaDataset()


def _decompressed(path: Path, syntax: Any) -> NDArray[Any]:
    """Decoded by GDCM, which applies rescale and turns MONOCHROME1 into MONOCHROME2 by itself."""
    try:
        image, _ = itk_image(path)
    except RuntimeError as error:
        name = getattr(syntax, "name", str(syntax))
        raise FilmError(
            f"{path}: cannot decode its pixels ({name}): damaged, or a compression not supported"
        ) from error
    return image


def _spacing(
    data: Any, size: tuple[int, int], path: Path, given: bool
) -> tuple[tuple[float, float] | None, str, float, list[str]]:
    """Spacing (x, y), its source, the pixel's aspect (height over width) and warnings."""
    warnings: list[str] = []
    for keyword, source in _SPACING_TAGS:
        value = data.get(keyword)
        if value is None or value == "":
            continue
        try:
            row, column = (float(v) for v in value)
        except (TypeError, ValueError) as error:
            raise FilmError(f"{path}: {source} holds {value!r}, not two numbers; remove it or mend it") from error
        spacing = (column, row)
        if given:
            return (None, SPACING_UNKNOWN, row / column if row > 0 and column > 0 else 1.0, warnings)
        if is_placeholder(spacing, size):
            warnings.append(f"{source} says 1 mm, which no film of this size has; taken as unknown")
            continue
        spacing = checked_spacing(spacing, size, str(path), source)
        if keyword == "ImagerPixelSpacing":
            factor = _magnification(data)
            warnings.append(
                "spacing is that of the detector, not calibrated to the patient"
                + (f"; lengths in the patient are about {factor:g} times shorter" if factor else "")
            )
        return spacing, source, row / column, warnings
    ratio = data.get("PixelAspectRatio")
    aspect = 1.0
    if ratio is not None and len(ratio) == 2 and min(float(v) for v in ratio) > 0:
        aspect = float(ratio[0]) / float(ratio[1])
        checked_spacing((1.0, aspect), (1, 1), str(path), "PixelAspectRatio (0028,0034)")
    return None, SPACING_UNKNOWN, aspect, warnings


def _magnification(data: Any) -> float | None:
    """EstimatedRadiographicMagnificationFactor (0018,1114), when it says anything."""
    try:
        factor = float(data.get("EstimatedRadiographicMagnificationFactor") or 1.0)
    except (TypeError, ValueError):
        return None
    return factor if 1.0 < factor < 3.0 else None


def _anterior(data: Any) -> tuple[str | None, str, list[str]]:
    """The side the patient faces from PatientOrientation (0020,0020): where its rows and its columns point."""
    value = data.get("PatientOrientation")
    directions = [str(v).strip().upper() for v in value] if value and not isinstance(value, str) else []
    if len(directions) != 2 or not all(directions):
        return None, "unknown", []
    row, column = directions[0][0], directions[1][0]
    if row in "HF":
        return (
            None,
            "unknown",
            [f"PatientOrientation {row}\\{column}: the film lies on its side; turn it upright first"],
        )
    warnings = []
    if column == "H":
        warnings.append(f"PatientOrientation {row}\\{column}: the film is upside down; turn it upright first")
    if row not in "AP":
        warnings.append(f"PatientOrientation {row}\\{column}: not a lateral film; its measurements mean nothing")
        return None, "unknown", warnings
    return ("left" if row == "P" else "right"), "PatientOrientation (0020,0020)", warnings
