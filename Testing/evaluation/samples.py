"""A hand-made spine and films of it, for the tests of this room."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from SpineAlignmentLib.measurement.landmarks import CENTERS, INDEX, NAMES
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.result_file import write_annotation
from Training.datasets.film import AnnotatedFilm

FloatArray = NDArray[np.float64]

SIZE = (120, 360)
"""(width, height) of the sample films."""


def spine(sway: float = 0.0) -> FloatArray:
    """(45, 2) pixels of a gently curved spine that faces left; `sway` moves the upper body forward."""
    points = np.full((len(NAMES), 2), np.nan)
    y = np.linspace(20, 290, len(CENTERS))
    x = 60 + 10 * np.sin(np.linspace(0, 2 * np.pi, len(CENTERS))) - sway * (290 - y) / 270
    for i, name in enumerate(CENTERS):
        points[INDEX[name]] = x[i], y[i]
    tilt = np.cos(np.linspace(0, 2 * np.pi, len(CENTERS))) * 2 + sway / 5
    for name in NAMES:
        level, _, corner = name.partition("_")
        if corner in ("AS", "PS", "AI", "PI"):
            i = CENTERS.index(f"{level}_C")
            front = -1 if corner[0] == "A" else 1
            points[INDEX[name]] = x[i] + 6 * front, y[i] + (-4 if corner[1] == "S" else 4) + front * tilt[i]
    points[INDEX["C2_D"]] = points[INDEX["C2_C"]] - (0, 8)
    points[INDEX["S1_A"]], points[INDEX["S1_P"]] = (58, 310), (70, 302)
    points[INDEX["FH_1"]], points[INDEX["FH_2"]] = (56, 340), (59, 341)
    return points


def film(
    name: str, points: FloatArray, spacing: tuple[float, float] | None = (2.0, 2.0), **extra: object
) -> AnnotatedFilm:
    """A film without a picture."""
    return AnnotatedFilm(name, Annotation(f"{name}.png", SIZE, points, spacing_mm=spacing, extra=extra))


def truth(count: int, spacing: tuple[float, float] | None = (2.0, 2.0)) -> list[AnnotatedFilm]:
    """Films of patients who sway more and more."""
    return [film(f"film_{i:02d}", spine(0.7 * i - 3), spacing, patient=f"P{i:02d}") for i in range(count)]


def marked(films: list[AnnotatedFilm], seed: int, noise: float = 1.0) -> list[AnnotatedFilm]:
    """What somebody with an unsteady hand marks on the films."""
    rng = np.random.default_rng(seed)
    moved = [f.points + rng.normal(0, noise, f.points.shape) for f in films]
    return [replace(f, annotation=f.annotation.with_points(p)) for f, p in zip(films, moved, strict=True)]


def write_films(films: list[AnnotatedFilm], folder: Path, pictures: bool = False) -> Path:
    """The films as the project's files; answers the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    ramp = np.tile(np.linspace(20, 230, SIZE[0]).astype(np.uint8), (SIZE[1], 1))
    for f in films:
        write_annotation(f.annotation, folder / f"{f.name}.json")
        if pictures:
            Image.fromarray(ramp).save(folder / f"{f.name}.png")
    return folder


def write_dicom(path: Path, patient: str, burned: str = "NO") -> None:
    """A film whose patient has a name, a number and a birth date; its pixels are 2 mm wide."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    data.PatientName, data.PatientID, data.PatientBirthDate = "Roe^Richard", patient, "19500102"
    data.Modality, data.BurnedInAnnotation, data.ImagerPixelSpacing = "DX", burned, [2.0, 2.0]
    data.Rows, data.Columns = SIZE[1], SIZE[0]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    ramp = np.add.outer(np.arange(SIZE[1]), np.arange(SIZE[0])).astype("<u2")
    data.PixelData = ramp.tobytes()
    data.save_as(path, enforce_file_format=True)


def slicer_list(positions: FloatArray) -> str:
    """A point list as Slicer saves it: positions (45, 2) or (45, 3), LPS in mm, nothing about the film."""
    flat = np.zeros((len(positions), 3))
    flat[:, : positions.shape[1]] = positions
    points = [{"label": name, "position": p.tolist()} for name, p in zip(NAMES, flat, strict=True)]
    return json.dumps({"markups": [{"type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": points}]})
