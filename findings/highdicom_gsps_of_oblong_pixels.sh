#!/bin/sh
# highdicom 0.28.2 writes presentation states that show films of oblong pixels distorted.
#
# The displayed area (PS3.3 C.10.4) of every grayscale presentation state that it makes has PresentationPixelAspectRatio
# 1\1, whatever PixelSpacing, ImagerPixelSpacing or PixelAspectRatio of the film say. That element tells a viewer the shape
# of a pixel; 1\1 on a film of 0.5 mm x 0.3 mm pixels stretches the picture, and angles drawn over it look wrong. The
# standard has PresentationPixelSpacing (wanted when the spacing is known), or the aspect ratio of the film. Both can be
# set on the state afterwards; dciodvfy finds no fault in either.
#
# Seen: "PresentationPixelAspectRatio ['1', '1'] film [0.5, 0.3] mm". Versions: highdicom 0.28.2, pydicom 3.0.2, Python 3.11.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check highdicom==0.28.2 pydicom==3.0.2 "numpy<2.3"
"$folder/venv/bin/python" - <<'PYTHON'
import highdicom as hd
from pydicom.dataset import Dataset
from pydicom.uid import ComputedRadiographyImageStorage

film = Dataset()
film.SOPClassUID, film.SOPInstanceUID = ComputedRadiographyImageStorage, hd.UID()
film.StudyInstanceUID, film.SeriesInstanceUID, film.Modality = hd.UID(), hd.UID(), "CR"
for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
                "AccessionNumber", "ReferringPhysicianName"):
    setattr(film, keyword, "")
film.Rows, film.Columns, film.SamplesPerPixel, film.PhotometricInterpretation = 400, 200, 1, "MONOCHROME2"
film.PixelSpacing, film.PixelAspectRatio = [0.5, 0.3], [5, 3]
state = hd.pr.GrayscaleSoftcopyPresentationState(
    [film], hd.UID(), 1, hd.UID(), 1, "maker", "model", "1", "1", "DRAWING"
)
area = state.DisplayedAreaSelectionSequence[0]
print("PresentationPixelAspectRatio", list(area.PresentationPixelAspectRatio), "film", film.PixelSpacing, "mm")
assert list(area.PresentationPixelAspectRatio) == [1, 1]
assert "PresentationPixelSpacing" not in area
PYTHON
