#!/bin/sh
# highdicom 0.28.2 cannot put every valid radiograph into the image library of a TID 1500 report.
#
# Its descriptors for projection radiography (TID 1603) read PatientOrientation and ImagerPixelSpacing without asking
# whether they are there. In a CR image PatientOrientation is of type 2C (absent when not required) and
# ImagerPixelSpacing of type 3; many scanned or exported films carry PixelSpacing alone. Passing such a film as
# `referenced_images` raises AttributeError, although the same film as `evidence` is fine, and although the attributes
# that the report needs are there. With Modality "OT" in a copy of the film's header the library entry is made, and still
# names the modality CR, since that is taken from the SOP Class UID.
#
# Seen: "AttributeError 'Dataset' object has no attribute 'PatientOrientation'" and then, with an orientation,
# "... 'ImagerPixelSpacing'". Versions: highdicom 0.28.2, pydicom 3.0.2, Python 3.11.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check highdicom==0.28.2 pydicom==3.0.2 "numpy<2.3"
"$folder/venv/bin/python" - <<'PYTHON'
import copy

import highdicom as hd
from pydicom.dataset import Dataset
from pydicom.uid import ComputedRadiographyImageStorage

film = Dataset()
film.SOPClassUID, film.SOPInstanceUID = ComputedRadiographyImageStorage, hd.UID()
film.StudyInstanceUID, film.SeriesInstanceUID, film.Modality = hd.UID(), hd.UID(), "CR"
film.Rows, film.Columns, film.PixelSpacing = 400, 200, [0.2, 0.2]


def missing(header):
    try:
        hd.sr.ImageLibrary([header])
    except AttributeError as error:
        return str(error)
    return ""


first = missing(film)
film.PatientOrientation = ["P", "F"]
second = missing(film)
other = copy.copy(film)
other.Modality = "OT"
entry = hd.sr.ImageLibrary([other])
print("without orientation:", first)
print("without imager spacing:", second)
assert "PatientOrientation" in first, first
assert "ImagerPixelSpacing" in second, second
assert "(CR" in str(entry) or "CR" in str(entry[0].to_json()), "the entry does not name its modality"
PYTHON
