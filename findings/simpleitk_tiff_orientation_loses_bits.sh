#!/bin/sh
# SimpleITK 2.5.7 (ITK's TIFF reader) turns a gray TIFF of 16 bits into four channels of 8 bits where its Orientation asks.
#
# Orientation (tag 274, TIFF 6.0, section 8) says which corner of the picture the first pixel is. With 1 and 4 the reader
# keeps 16 bits, and flips the rows for 4. With 2, 3 and 5 to 8, as scanners of film sheets write it for sheets that
# lay otherwise, the same file comes as RGBA of 8 bits, the lower half of every gray value gone, without a warning; and 5
# to 8, which ask for rows and columns to be exchanged, come mirrored as 1 to 4 do but never exchanged: neither the picture as
# stored nor as meant. Floating point is read for 1 and 4 and refused otherwise ("Sorry, can not handle images with 32-bit
# samples"). What is measured on such a film in a program that reads with ITK lies elsewhere than in one that honors the tag.
#
# Seen: as above. Versions: SimpleITK 2.5.7, Pillow 12.3.0, Python 3.11.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check SimpleITK==2.5.7 pillow==12.3.0 "numpy<2.4"
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import numpy
import SimpleITK
from PIL import Image

SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
gray = (numpy.arange(24 * 16).reshape(24, 16) * 170).astype(numpy.uint16)
flips = {
    "as stored": lambda image: image,
    "columns turned around": lambda image: image[:, ::-1],
    "rows turned around": lambda image: image[::-1],
    "both": lambda image: image[::-1, ::-1],
}
seen = {}
for orientation in range(1, 9):
    Image.fromarray(gray).save("film.tif", tiffinfo={274: orientation})
    read = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage("film.tif"))
    first, truth = (read, gray) if read.ndim == 2 else (read[..., 0].astype(int), (gray >> 8).astype(int))
    how = [name for name, flip in flips.items() if numpy.abs(first.astype(int) - flip(truth)).max() <= 1]
    seen[orientation] = read.dtype.name, read.shape[2:], *how
    print(orientation, *seen[orientation])
whole, lost = ("uint16", ()), ("uint8", (4,))
assert seen == {
    1: (*whole, "as stored"), 2: (*lost, "columns turned around"), 3: (*lost, "both"), 4: (*whole, "rows turned around"),
    5: (*lost, "as stored"), 6: (*lost, "columns turned around"), 7: (*lost, "both"), 8: (*lost, "rows turned around"),
}, seen
refused = []
for orientation in range(1, 9):
    Image.fromarray((gray / 65535).astype(numpy.float32)).save("film.tif", tiffinfo={274: orientation})
    try:
        SimpleITK.ReadImage("film.tif")
    except RuntimeError:
        refused.append(orientation)
print("floating point is refused with", refused)
assert refused == [2, 3, 5, 6, 7, 8], refused
PYTHON
