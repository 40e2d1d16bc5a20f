#!/bin/sh
# SimpleITK 2.5.7 (GDCM within ITK) never takes PixelSpacing (0028,0030) for the size of a pixel of a CR or DX image.
#
# PS3.3 10.7.1.3 has two sizes for projection radiographs: ImagerPixelSpacing (0018,1164) at the detector, and
# PixelSpacing in the patient where that was calibrated, by a fiducial or the geometry, which
# PixelSpacingCalibrationType (0028,0A02) says. The reader looks at the first alone. A film that was calibrated has the
# detector's spacing, too large by the magnification, and one that carries PixelSpacing alone has pixels of 1 mm, as if
# nothing were known. A secondary capture with the same tags has PixelSpacing. No warning is given; MetaData keys show
# the tags as they are. Lengths in programs that trust GetSpacing are off accordingly.
#
# Seen: CR and DX: 0.2 x 0.2 for ImagerPixelSpacing 0.2 with a calibrated PixelSpacing of 0.16, and 1 x 1 for PixelSpacing
# alone; SC: 0.16 x 0.16 for both. Versions: SimpleITK 2.5.7, pydicom 3.0.2, Python 3.11.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check SimpleITK==2.5.7 pydicom==3.0.2 "numpy<2.4"
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import SimpleITK
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
    generate_uid,
)


def spacing(sop_class, modality, **tags):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film = FileDataset("film.dcm", {}, file_meta=meta, preamble=b"\0" * 128)
    film.SOPClassUID, film.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    film.StudyInstanceUID, film.SeriesInstanceUID = generate_uid(), generate_uid()
    film.Modality, film.Rows, film.Columns = modality, 40, 20
    film.SamplesPerPixel, film.PhotometricInterpretation = 1, "MONOCHROME2"
    film.BitsAllocated, film.BitsStored, film.HighBit, film.PixelRepresentation = 16, 12, 11, 0
    film.PixelData = bytes(2 * 40 * 20)
    for keyword, value in tags.items():
        setattr(film, keyword, value)
    film.save_as("film.dcm", enforce_file_format=True)
    return tuple(round(v, 6) for v in SimpleITK.ReadImage("film.dcm").GetSpacing()[:2])


kinds = {
    "CR": ComputedRadiographyImageStorage,
    "DX": DigitalXRayImageStorageForPresentation,
    "OT": SecondaryCaptureImageStorage,
}
calibrated = {"PixelSpacing": [0.16, 0.16], "PixelSpacingCalibrationType": "FIDUCIAL"}
seen = {}
for modality, sop_class in kinds.items():
    seen[modality] = (
        spacing(sop_class, modality, ImagerPixelSpacing=[0.2, 0.2], **calibrated),
        spacing(sop_class, modality, **calibrated),
    )
    print(modality, "with the detector's spacing:", seen[modality][0], " without:", seen[modality][1])
assert seen["CR"] == seen["DX"] == ((0.2, 0.2), (1.0, 1.0)), seen
assert seen["OT"] == ((0.16, 0.16), (0.16, 0.16)), seen
PYTHON
