"""Film files of every kind with the same pixels, for the tests of the reader."""

from pathlib import Path

import numpy as np
import pydicom
import SimpleITK
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

SAMPLE_FILM = Path(__file__).parents[2] / "SpineAlignment" / "Resources" / "SampleData" / "sample_film.dcm"

SITK_COMPRESSORS = {"jpeg lossless": "JPEG"}
"""Compressions that pydicom cannot write, written by the GDCM in SimpleITK."""


def pattern(width: int = 96, height: int = 224, bits: int = 12) -> np.ndarray:
    """A smooth gray film with a bright curved stripe, brighter at its left: no two flips or turns look the same."""
    y, x = np.mgrid[:height, :width] / [[[height]], [[width]]]
    stripe = np.exp(-(((x - 0.45 - 0.1 * np.sin(5 * y)) / 0.12) ** 2))
    gray = 0.1 + 0.25 * (1 - x) + 0.15 * y + 0.5 * stripe
    return np.round(gray / gray.max() * (2**bits - 1)).astype(np.uint8 if bits <= 8 else np.uint16)


def spine(bits: int = 12) -> np.ndarray:
    """The sample film at half its size, facing left, 0.76 mm a pixel: small, and a spine to be found."""
    from SpineAlignmentLib.film.reading import read_film

    pixels = read_film(SAMPLE_FILM).pixels[::2, ::2].astype(float)
    pixels -= pixels.min()
    return np.round(pixels / pixels.max() * (2**bits - 1)).astype(np.uint8 if bits <= 8 else np.uint16)


def dicom(
    path: Path,
    pixels: np.ndarray,
    bits: int = 12,
    photometric: str = "MONOCHROME2",
    syntax: str = "uncompressed",
    spacing: tuple[float, float] | None = (0.2, 0.2),
    **tags: object,
) -> Path:
    """Write a DICOM film whose bright values are bone, whatever the photometric interpretation stores them as."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.StudyInstanceUID, data.SeriesInstanceUID = generate_uid(), generate_uid()
    data.PatientName, data.PatientID, data.PatientBirthDate = "Doe^Jane", "SECRET-77", "19500102"
    data.Modality = "CR"
    stored = (2**bits - 1 - pixels.astype(np.int64)).astype(pixels.dtype) if photometric == "MONOCHROME1" else pixels
    data.Rows, data.Columns = pixels.shape[:2]
    data.SamplesPerPixel = 1 if pixels.ndim == 2 else 3
    if pixels.ndim == 3:
        data.PlanarConfiguration = 0
    data.PhotometricInterpretation = photometric
    data.BitsAllocated = 8 if bits <= 8 else 16
    data.BitsStored, data.HighBit, data.PixelRepresentation = bits, bits - 1, 0
    if spacing is not None:
        data.PixelSpacing = [spacing[1], spacing[0]]
    for keyword, value in tags.items():
        setattr(data, keyword, value)
    data.PixelData = stored.tobytes()
    if syntax in SITK_COMPRESSORS:
        # SimpleITK would turn MONOCHROME1 around on its way; the name is put back afterwards
        data.PhotometricInterpretation = "MONOCHROME2"
        data.save_as(path, enforce_file_format=True)
        return _recompressed(path, SITK_COMPRESSORS[syntax], photometric)
    known = {"rle": RLELossless, "jpeg 2000": JPEG2000Lossless, "jpeg-ls": JPEGLSLossless}
    if syntax in known:
        data.compress(known[syntax], encoding_plugin={"rle": "pydicom", "jpeg-ls": "pyjpegls"}.get(syntax, ""))
    data.save_as(path, enforce_file_format=True)
    return path


def _recompressed(path: Path, compressor: str, photometric: str) -> Path:
    image = SimpleITK.ReadImage(str(path))
    if image.GetDimension() == 3:
        image = image[:, :, 0]
    before = pydicom.dcmread(path)
    writer = SimpleITK.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    writer.SetUseCompression(True)
    writer.SetCompressor(compressor)
    writer.SetFileName(str(path))
    image = SimpleITK.JoinSeries([image])
    for tag, value in (("0008|0060", "CR"), ("0008|0016", str(before.SOPClassUID))):
        image.SetMetaData(tag, value)
    writer.Execute(image)
    after = pydicom.dcmread(path)
    after.PhotometricInterpretation = photometric
    if "PixelSpacing" in before:
        after.PixelSpacing = before.PixelSpacing
    after.save_as(path)
    return path


def picture(path: Path, pixels: np.ndarray, **options: object) -> Path:
    """Write a PNG, JPEG or TIFF file, told by its ending."""
    Image.fromarray(pixels).save(path, **options)
    return path


def volume(path: Path, pixels: np.ndarray, spacing: tuple[float, float] = (0.2, 0.2), slab: bool = False) -> Path:
    """Write an NRRD, MetaImage or NIfTI file, of two dimensions or as a slab of one slice."""
    image = SimpleITK.GetImageFromArray(pixels[None] if slab else pixels)
    image.SetSpacing((*spacing, 1.0) if slab else spacing)
    SimpleITK.WriteImage(image, str(path))
    return path
