"""Films from DICOM files (CR, DX, RF, SC): pixels, polarity, spacing and facing direction.

Tags are read by pydicom; each concern of theirs has a module of its own.
"""

import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.burned_in import DECLARED
from SpineAlignmentLib.film.dicom_dataset import photometric_of, read_dataset, tag_name, text, values
from SpineAlignmentLib.film.dicom_gray import bone_bright
from SpineAlignmentLib.film.dicom_orientation import read_orientation
from SpineAlignmentLib.film.dicom_spacing import read_spacing
from SpineAlignmentLib.film.film import Film
from SpineAlignmentLib.film.itk import itk_placement
from SpineAlignmentLib.film.reader import ReadOptions
from SpineAlignmentLib.results.files import RESULT_MARK
from SpineAlignmentLib.results.placement import Placement, plain_placement

_PLACE_TAGS: Final[tuple[str, ...]] = (
    "SOPClassUID", "Modality", "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio",
    "EstimatedRadiographicMagnificationFactor", "ImagePositionPatient", "ImageOrientationPatient", "SliceThickness",
    "SpacingBetweenSlices", "PixelSpacingCalibrationType",
)  # fmt: skip
"""Tags that may tell ITK where a film lies."""


def read(path: Path, options: ReadOptions) -> Film:
    """Read a DICOM file.

    Raises:
        FilmError: not one gray image, not a lateral film, or the picture of a result.
    """
    data = read_dataset(path)
    if text(data, "DerivationDescription").startswith(RESULT_MARK.upper()):
        raise FilmError(f"{path}: the picture of a result, not a film; choose the film it was made from")
    side = read_orientation(data, path, options.force)
    gray = bone_bright(data, path)
    size = (gray.pixels.shape[1], gray.pixels.shape[0])
    spacing = read_spacing(data, size, path, options.spacing_given)
    photometric = photometric_of(data) if text(data, "PhotometricInterpretation") else ""
    return Film(
        path.name,
        gray.pixels,
        spacing.spacing_mm,
        spacing.source,
        spacing.aspect,
        side.anterior,
        side.source,
        polarity_source=f"{tag_name('PhotometricInterpretation')} {photometric}" if photometric else "",
        polarity_doubt=gray.polarity_doubt,
        placement=_placement(data) or plain_placement(spacing.spacing_mm),
        warnings=(*gray.warnings, *spacing.warnings, *side.warnings, *_text_warnings(data)),
    )


def _text_warnings(data: Any) -> tuple[str, ...]:
    """Burned In Annotation (0028,0301), PS3.3 C.7.6.1; a tag that is absent or says no is no proof of none."""
    return (DECLARED,) if text(data, "BurnedInAnnotation") == "YES" else ()


def _placement(data: Any) -> Placement | None:
    """Where Slicer's own reader, which is ITK's, lays the film; None where its tags are of an impossible kind."""
    said = tuple((keyword, tuple(words)) for keyword in _PLACE_TAGS if (words := values(data, keyword)))
    return _place_of(said)


@lru_cache(maxsize=64)
def _place_of(said: tuple[tuple[str, tuple[str, ...]], ...]) -> Placement | None:
    """ITK is asked with a file of the same place and few pixels; films of one device often lie in the same place.

    Args:
        said: keywords and values of the tags that may tell where a film lies.
    """
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID

    meta = FileMetaDataset()
    meta.MediaStorageSOPInstanceUID, meta.TransferSyntaxUID = UID("1.2.3"), UID("1.2.840.10008.1.2.1")
    place = FileDataset("", {}, b"\0" * 128, meta, is_implicit_VR=False, is_little_endian=True)
    try:
        for keyword, words in said:
            setattr(place, keyword, list(words) if len(words) > 1 else words[0])
        meta.MediaStorageSOPClassUID = UID(str(place.get("SOPClassUID") or "1.2.840.10008.5.1.4.1.1.7"))
        place.SOPClassUID, place.SOPInstanceUID = meta.MediaStorageSOPClassUID, UID("1.2.3")
        place.Rows, place.Columns, place.SamplesPerPixel = 2, 2, 1
        place.PhotometricInterpretation = "MONOCHROME2"
        place.BitsAllocated, place.BitsStored, place.HighBit, place.PixelRepresentation = 8, 8, 7, 0
        place.PixelData = bytes(4)
        place["PixelData"].VR = "OB"
        with tempfile.TemporaryDirectory(prefix="SpineAlignment") as folder:
            file = Path(folder) / "place.dcm"
            place.save_as(file)
            return itk_placement(file)
    # pydicom raises on what the values of a tag cannot be what it will: the film lies as one without them
    except Exception:
        return None
