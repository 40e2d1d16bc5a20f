"""Where Slicer's own reader, which is ITK's, lays a DICOM film in space.

ITK lays most films at the origin, their pixels as large as one tag says, which is known without loading its 90 MB. It
is asked about the others.
"""

import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from SpineAlignmentLib.film.dicom_dataset import as_number, values
from SpineAlignmentLib.results.placement import Placement, plain_placement

_SECONDARY_CAPTURE: Final[str] = "1.2.840.10008.5.1.4.1.1.7"
_TAGS: Final[tuple[str, ...]] = (
    "SOPClassUID", "Modality", "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio",
    "EstimatedRadiographicMagnificationFactor", "ImagePositionPatient", "ImageOrientationPatient", "SliceThickness",
    "SpacingBetweenSlices", "PixelSpacingCalibrationType",
)  # fmt: skip
"""Tags that may tell ITK where a film lies."""
_SIZES: Final[dict[str, tuple[str, ...]]] = {
    "1.2.840.10008.5.1.4.1.1.1": ("ImagerPixelSpacing",),
    "1.2.840.10008.5.1.4.1.1.1.1": ("ImagerPixelSpacing",),
    "1.2.840.10008.5.1.4.1.1.1.1.1": ("ImagerPixelSpacing",),
    _SECONDARY_CAPTURE: ("PixelSpacing", "NominalScannedPixelSpacing"),
}
"""By SOP class (CR, DX for presentation and for processing, secondary capture): what ITK takes for the size of a pixel,
the first that a film has; GDCM 3.0, ImageHelper."""
_PLAUSIBLE_MM: Final[float] = 1e-3
"""Pixels smaller than this are none, and ITK says what it makes of them."""
_ELSEWHERE: Final[tuple[str, ...]] = ("ImagePositionPatient", "ImageOrientationPatient")


def placement_of(data: Any) -> Placement | None:
    """The place of a data set's film; None where its tags are of an impossible kind."""
    said = tuple((keyword, tuple(words)) for keyword in _TAGS if (words := values(data, keyword)))
    return plain_place(dict(said)) or asked_place(said)


def plain_place(said: dict[str, tuple[str, ...]]) -> Placement | None:
    """The place of a film that lies at the origin; None where ITK must be asked.

    Args:
        said: keywords and values of the tags that may tell it.
    """
    sizes = _SIZES.get("\\".join(said.get("SOPClassUID", ())))
    if sizes is None or any(keyword in said for keyword in _ELSEWHERE):
        return None
    size = next((said[keyword] for keyword in sizes if keyword in said), ("1", "1"))
    step = [as_number(word) for word in size]
    if len(step) != 2 or step[0] is None or step[1] is None or not min(step[0], step[1]) >= _PLAUSIBLE_MM:
        return None
    return plain_placement((step[1], step[0]))


@lru_cache(maxsize=64)
def asked_place(said: tuple[tuple[str, tuple[str, ...]], ...]) -> Placement | None:
    """ITK is asked with a file of the same place and few pixels; films of one device often lie in the same place.

    Args:
        said: as `plain_place`.
    """
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID

    from SpineAlignmentLib.film.itk import itk_placement

    meta = FileMetaDataset()
    meta.MediaStorageSOPInstanceUID, meta.TransferSyntaxUID = UID("1.2.3"), UID("1.2.840.10008.1.2.1")
    place = FileDataset("", {}, b"\0" * 128, meta, is_implicit_VR=False, is_little_endian=True)
    try:
        for keyword, words in said:
            setattr(place, keyword, list(words) if len(words) > 1 else words[0])
        meta.MediaStorageSOPClassUID = UID(str(place.get("SOPClassUID") or _SECONDARY_CAPTURE))
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
