#!/bin/sh
# highdicom 0.28.2 can make nothing of a film in the usual character sets of Japan and Korea.
#
# Films there say SpecificCharacterSet "\ISO 2022 IR 87" and "\ISO 2022 IR 149": an empty first value, which stands for the
# default repertoire, and code extensions after it. The standard allows it (PS3.3 C.12.1.1.2) and shows it in its examples
# of Japanese and Korean names (PS3.5 annexes H and I). pydicom reads and writes such names, and dciodvfy finds no fault
# with the element. highdicom takes the film's character set over, in presentation states as in reports and secondary
# captures, checks each value against a list that has no empty one, and raises ValueError. With "ISO 2022 IR 13" in front
# it works. A way around: let pydicom decode the film's header, and call it ISO_IR 192 before it is handed over.
#
# Seen: "'' is not a valid SpecificCharacterSetValues" for both, and the name unchanged by the way around.
# Versions: highdicom 0.28.2, pydicom 3.0.2, Python 3.11.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check highdicom==0.28.2 pydicom==3.0.2 "numpy<2.3"
FOLDER="$folder" "$folder/venv/bin/python" - <<'PYTHON'
import os

import highdicom as hd
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian

PATH = os.path.join(os.environ["FOLDER"], "film.dcm")
FILMS = {
    "Japan": (["", "ISO 2022 IR 87"], "Yamada^Tarou=\u5c71\u7530^\u592a\u90ce=\u3084\u307e\u3060^\u305f\u308d\u3046"),
    "Korea": (["", "ISO 2022 IR 149"], "Hong^Gildong=\u6d2a^\u5409\u6d1e=\ud64d^\uae38\ub3d9"),
}


def film(character_set, name):
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID, data.SOPInstanceUID = ComputedRadiographyImageStorage, hd.UID()
    data.StudyInstanceUID, data.SeriesInstanceUID, data.Modality = hd.UID(), hd.UID(), "CR"
    for keyword in ("PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
                    "AccessionNumber", "ReferringPhysicianName"):
        setattr(data, keyword, "")
    data.SpecificCharacterSet, data.PatientName = character_set, name
    data.Rows, data.Columns, data.SamplesPerPixel, data.PhotometricInterpretation = 400, 200, 1, "MONOCHROME2"
    data.save_as(PATH, enforce_file_format=True)
    return pydicom.dcmread(PATH)


def state(data):
    return hd.pr.GrayscaleSoftcopyPresentationState(
        [data], hd.UID(), 1, hd.UID(), 1, "maker", "model", "1", "1", "DRAWING"
    )


for country, (character_set, name) in FILMS.items():
    data = film(character_set, name)
    assert str(data.PatientName) == name
    try:
        state(data)
        raise SystemExit(f"{country}: it works now")
    except ValueError as error:
        print(country, error)
        assert "'' is not a valid SpecificCharacterSetValues" in str(error)
    data.decode()
    data.SpecificCharacterSet = "ISO_IR 192"
    state(data).save_as(PATH, enforce_file_format=True)
    assert str(pydicom.dcmread(PATH).PatientName) == name

state(film(["ISO 2022 IR 13", "ISO 2022 IR 87"], "\uff94\uff8f\uff80\uff9e^\uff80\uff9b\uff73=\u5c71\u7530^\u592a\u90ce"))
print("with ISO 2022 IR 13 in front it works")
PYTHON
