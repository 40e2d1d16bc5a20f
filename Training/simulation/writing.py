"""Simulated films as files: DICOM Digital X-Ray images or 16-bit PNG, each with its annotation."""

import io
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import JPEG2000, UID, ExplicitVRLittleEndian, generate_uid

from SpineAlignmentLib.results.files import write_files
from SpineAlignmentLib.results.result_file import json_bytes
from Training.simulation.film import SimulatedFilm, named

_DIGITAL_X_RAY = UID("1.2.840.10008.5.1.4.1.1.1.1")
_STORED_BITS = 12


def dicom_bytes(made: SimulatedFilm, compression_ratio: float = 0.0) -> bytes:
    """A Digital X-Ray Image - For Presentation (DICOM PS3.3, A.26) of a film.

    Args:
        made: the film.
        compression_ratio: 0 stores the pixels as they are; above 1, JPEG 2000 of about this ratio.
    """
    simulation = made.annotation.extra["simulation"]
    identity = [str(simulation["seed"]), str(simulation["index"])]
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = _DIGITAL_X_RAY
    uids = {
        name: generate_uid(entropy_srcs=["SpineAlignment", name, *identity]) for name in ("study", "series", "film")
    }
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = uids["film"]
    data.StudyInstanceUID, data.SeriesInstanceUID = uids["study"], uids["series"]
    data.SpecificCharacterSet = "ISO_IR 192"
    data.PatientName, data.PatientID = "Simulated^Film", f"SIM-{identity[0]}-{identity[1]}"
    data.PatientBirthDate, data.PatientSex = "", str(simulation["sex"])
    data.StudyDate = data.StudyTime = data.ContentDate = data.ContentTime = data.AccessionNumber = ""
    data.StudyID, data.SeriesNumber, data.InstanceNumber = "1", 1, 1
    data.ReferringPhysicianName, data.Manufacturer = "", "SpineAlignment simulator"
    data.Modality, data.BodyPartExamined = "DX", "SPINE"
    data.PresentationIntentType, data.ViewPosition = "FOR PRESENTATION", "LL"
    data.ImageLaterality, data.PatientOrientation = "U", ["P", "F"]
    data.ImageType = ["DERIVED", "PRIMARY", "SIMULATED"]
    data.ImagerPixelSpacing = [f"{value:.5g}" for value in reversed(made.annotation.spacing_mm or (1.0, 1.0))]
    data.PixelIntensityRelationship, data.PixelIntensityRelationshipSign = "LOG", -1
    data.RescaleIntercept, data.RescaleSlope, data.RescaleType = "0", "1", "US"
    data.PresentationLUTShape, data.LossyImageCompression = "IDENTITY", "00"
    data.BurnedInAnnotation = "NO"
    data.WindowCenter, data.WindowWidth = str(2 ** (_STORED_BITS - 1)), str(2**_STORED_BITS)
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.Rows, data.Columns = made.pixels.shape
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, _STORED_BITS, _STORED_BITS - 1, 0
    data.PixelData = made.pixels.astype("<u2").tobytes()
    if compression_ratio > 1:
        data.compress(JPEG2000, encoding_plugin="pylibjpeg", j2k_cr=[compression_ratio], generate_instance_uid=False)
        data.LossyImageCompression, data.LossyImageCompressionMethod = "01", "ISO_15444_1"
        data.LossyImageCompressionRatio = f"{compression_ratio:g}"
    buffer = io.BytesIO()
    data.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def png_bytes(made: SimulatedFilm) -> bytes:
    """A 16-bit gray PNG, the film's 12 bits in the upper ones."""
    buffer = io.BytesIO()
    Image.fromarray((made.pixels.astype(np.uint16) << 4).astype(np.uint16)).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def write_film(made: SimulatedFilm, folder: Path, kind: str = "png", compression_ratio: float = 0.0) -> Path:
    """Write a film and its annotation, both or neither; returns the film's path.

    Args:
        made: the film.
        folder: an existing folder.
        kind: "png" or "dicom".
        compression_ratio: for DICOM, see `dicom_bytes`.

    Raises:
        SpineAlignmentError: the folder cannot be written to.
    """
    file_name = made.annotation.film + (".png" if kind == "png" else ".dcm")
    path = folder / file_name
    content = png_bytes(made) if kind == "png" else dicom_bytes(made, compression_ratio)
    write_files({path: content, path.with_suffix(".json"): json_bytes(named(made, file_name))})
    return path
