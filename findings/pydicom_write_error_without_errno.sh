#!/bin/sh
# pydicom 3.0.2 loses the number of an error of the system when a value cannot be written.
#
# A disk that is full, a quota or a limit of a file's size shows as OSError with errno set, so that programs can tell "no
# space left" from damage, and a receiving node can answer A700 (out of resources, PS3.7 C.5) instead of C000 (cannot
# understand). While pydicom writes a data set it catches what a value raises and raises the same class again with one
# text: the tag, the first error's text and its whole traceback. That OSError has no errno and no strerror; the number is
# only in the text and in __cause__. Found when a film whose temporary copy had no room was taken for a damaged one.
# A way around: take every OSError of a write for one of the place, or look at __cause__.
#
# Seen: OSError, errno None, text "With tag (7FE0,0010) got exception: [Errno 27] File too large", then the traceback;
# __cause__ is OSError with errno 27 (EFBIG). A plain write of as many bytes to the same place raises errno 27 itself.
# Versions: pydicom 3.0.2, Python 3.11, Linux.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pydicom==3.0.2
FOLDER="$folder" "$folder/venv/bin/python" - <<'PYTHON'
import errno
import os
import resource

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

PATH = os.path.join(os.environ["FOLDER"], "film.dcm")
data = Dataset()
data.file_meta = FileMetaDataset()
data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
data.SOPClassUID, data.SOPInstanceUID = ComputedRadiographyImageStorage, generate_uid()
data.Rows, data.Columns, data.SamplesPerPixel, data.PhotometricInterpretation = 400, 200, 1, "MONOCHROME2"
data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
data.PixelData = bytes(2 * 400 * 200)
data.save_as(PATH, enforce_file_format=True)
print("with room:", os.path.getsize(PATH), "bytes")

# a place that takes 10,000 bytes, as a disk does that is nearly full
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    with open(PATH, "wb") as stream:
        stream.write(data.PixelData)
    raise SystemExit("the limit does not hold here")
except OSError as error:
    print("plain write: errno", error.errno)
    assert error.errno == errno.EFBIG
try:
    data.save_as(PATH, enforce_file_format=True)
    raise SystemExit("it was written")
except OSError as error:
    print("pydicom: errno", error.errno, "|", str(error).splitlines()[0], "| cause's errno", error.__cause__.errno)
    assert error.errno is None and error.strerror is None
    assert str(error).startswith("With tag (7FE0,0010) got exception: [Errno 27]") and "Traceback" in str(error)
    assert error.__cause__.errno == errno.EFBIG
PYTHON
