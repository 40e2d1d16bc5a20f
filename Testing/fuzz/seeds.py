"""Small good files of every kind, for a fuzzer to change."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset

from SpineAlignmentLib.measurement.landmarks import COUNT
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.markups import markups_bytes
from SpineAlignmentLib.results.placement import plain_placement
from SpineAlignmentLib.results.result_file import json_bytes
from Testing.library import dicom_words
from Testing.library.dicom_words import SYNTAXES, write
from Testing.library.films import pattern, picture, volume

WIDTH, HEIGHT = 40, 60


def make_seeds(folder: Path) -> dict[str, bytes]:
    """Contents of the files by name; `folder` is for the time of writing."""
    gray8, gray16 = pattern(WIDTH, HEIGHT, 8), pattern(WIDTH, HEIGHT, 12)
    made: dict[str, bytes] = {}

    def keep(name: str, make: Callable[[Path], Path]) -> None:
        path = make(folder / name)
        made[name] = path.read_bytes()

    rising = dicom_words.table(np.linspace(0, 4095, 4096).astype(np.uint16), 0, 12, False)
    tags = {"PixelSpacing": [0.2, 0.2], "ImagerPixelSpacing": [0.21, 0.21], "PatientOrientation": ["P", "F"]}
    more = {"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 9, "RescaleSlope": "-1", "RescaleIntercept": "4095"}
    for syntax in SYNTAXES:
        keep(f"{syntax} 8.dcm", lambda path, s=syntax: write(path, gray8, s, **tags))
        keep(f"{syntax} 12.dcm", lambda path, s=syntax: write(path, gray16, s, BitsStored=12, HighBit=11, **more))
    keep("table.dcm", lambda path: write(path, gray16, ModalityLUTSequence=rising, VOILUTSequence=rising))
    keep("enhanced.dcm", lambda path: write(path, gray16, NumberOfFrames="1", **_groups()))
    for kind in ("png", "jpg", "tif"):
        keep(f"a.{kind}", lambda path: picture(path, gray8))
    keep("deep.png", lambda path: picture(path, gray16))
    keep("deep.tif", lambda path: picture(path, gray16, compression="tiff_deflate"))
    keep("pages.tif", lambda path: _pages(path, gray8))
    for kind in ("nrrd", "mha", "nii", "nii.gz"):
        keep(f"b.{kind}", lambda path: volume(path, gray16))
        keep(f"slab.{kind}", lambda path: volume(path, gray8, slab=True))
    points = np.random.default_rng(1).uniform(0, 900, (COUNT, 2))
    annotation = Annotation("film.dcm", (1000, 3200), points, spacing_mm=(0.2, 0.2))
    made["film.json"] = json_bytes(annotation)
    made["film.mrk.json"] = markups_bytes(annotation, plain_placement((0.2, 0.2)))
    saved = json.loads(made["film.mrk.json"])
    made["slicer.mrk.json"] = json.dumps({"markups": saved["markups"]}).encode()
    return made


def _groups() -> dict[str, object]:
    """What an enhanced object says of its frame, and a private sequence beside it."""
    measures, group, private = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = ["0.2", "0.2"]
    group.PixelMeasuresSequence = [measures]
    private.private_block(0x0019, "ACME", create=True).add_new(1, "SQ", [measures])
    return {"SharedFunctionalGroupsSequence": [group], "PerFrameFunctionalGroupsSequence": [private]}


def _pages(path: Path, gray: np.ndarray) -> Path:
    pages = [Image.fromarray(gray), Image.fromarray(gray[::2, ::2])]
    pages[0].save(path, save_all=True, append_images=pages[1:])
    return path
