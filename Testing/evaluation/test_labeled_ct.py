"""Films from a labeled CT, on a small volume made here: tilted boxes for vertebrae, balls for femoral heads."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray

from SpineAlignmentLib.measurement.landmarks import INDEX, NAMES
from Training.datasets import read_films
from Training.datasets.labeled_ct import NAMING, landmarks_of, main, read_volume

SPACING = 1.5
SHAPE = (150, 100, 90)
"""(z, y, x) voxels of 1.5 mm."""
_DEPTH, _HEIGHT = 17.0, 13.0
"""Half depth and half height of a body, mm."""

Volume = NDArray[np.int16]


def _grid() -> NDArray[np.float64]:
    """(z, y, x) in mm of every voxel."""
    return np.stack(np.meshgrid(*(np.arange(n) * SPACING for n in SHAPE), indexing="ij"), axis=-1)


def made_ct(naming: str) -> tuple[Volume, Volume, dict[str, NDArray[np.float64]]]:
    """CT, labels, and where the landmarks are, (z, y) in mm: L3, L4, L5, S1 and both hips."""
    p = _grid()
    hu = np.full(SHAPE, -1000, np.int16)
    labels = np.zeros(SHAPE, np.int16)
    middle_y, middle_x = 70.0, SHAPE[2] * SPACING / 2
    hu[((p[..., 1] - 75) / 70) ** 2 + ((p[..., 2] - middle_x) / 62) ** 2 < 1] = 40
    numbers = {name: number for number, name in NAMING[naming].items()}
    truth: dict[str, NDArray[np.float64]] = {}
    for level, z, tilt in (("L3", 190.0, -8.0), ("L4", 155.0, 0.0), ("L5", 120.0, 10.0), ("S1", 86.0, 24.0)):
        t = np.radians(tilt)
        up, front = np.array([np.cos(t), -np.sin(t)]), np.array([-np.sin(t), -np.cos(t)])
        center = np.array([z, middle_y - 12 * np.sin(np.radians((z - 86) * 1.6))])
        zy = p[..., :2] - center
        u, v, side = zy @ front, zy @ up, np.abs(p[..., 2] - middle_x)
        body = (np.abs(u) <= _DEPTH) & (np.abs(v) <= _HEIGHT) & (side <= 22)
        arch = (u < -_DEPTH) & (u >= -_DEPTH - 18) & (np.abs(v) <= 7) & (side >= 11) & (side <= 20)
        process = (u < -_DEPTH - 14) & (u >= -_DEPTH - 32) & (np.abs(v) <= 6) & (side <= 20)
        hu[body | arch | process] = 500
        labels[body | arch | process] = numbers[level]
        for name, (a, b) in {"AS": (1, 1), "PS": (-1, 1), "AI": (1, -1), "PI": (-1, -1)}.items():
            truth[f"{level}_{name}"] = center + a * _DEPTH * front + b * _HEIGHT * up
        truth[f"{level}_C"] = center
    truth["S1_A"], truth["S1_P"] = truth["S1_AS"], truth["S1_PS"]
    if "femur_left" in numbers:
        for name, sign, y in (("femur_left", 1, 50.0), ("femur_right", -1, 58.0)):
            head = np.array([45.0, y, middle_x + 38 * sign])
            ball = np.linalg.norm(p - head, axis=-1) <= 24
            shaft = (np.linalg.norm(p[..., 1:] - head[1:] - (0, 30 * sign), axis=-1) <= 14) & (p[..., 0] <= 50)
            hu[ball | shaft] = 600
            labels[(ball | shaft) & (labels == 0)] = numbers[name]
        truth["FH_1"], truth["FH_2"] = np.array([45.0, 50.0]), np.array([45.0, 58.0])
    return hu, labels, truth


def write(folder: Path, naming: str) -> tuple[Path, Path, dict[str, NDArray[np.float64]]]:
    hu, labels, truth = made_ct(naming)
    paths = folder / "scan.nii.gz", folder / "labels.nii.gz"
    for array, path in zip((hu, labels), paths, strict=True):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing([SPACING] * 3)
        sitk.WriteImage(image, str(path))
    return *paths, truth


@pytest.mark.parametrize("naming", ["verse", "totalsegmentator"])
def test_landmarks_lie_where_the_volume_was_made(tmp_path: Path, naming: str) -> None:
    scan, marks, truth = write(tmp_path, naming)
    volume = read_volume(scan, marks, SPACING)
    points = landmarks_of(volume, NAMING[naming])
    labeled = {NAMES[i] for i in np.flatnonzero(np.isfinite(points).all(axis=1))}
    hips = {"FH_1", "FH_2"} if naming == "totalsegmentator" else set()
    assert labeled == {"L3_C", "L4_C", "L5_C", "L4_AS", "L4_PS", "S1_A", "S1_P"} | hips
    for name in labeled:
        z, y = truth[name] / SPACING
        expected = np.array([y, SHAPE[0] - 1 - z])
        assert np.linalg.norm(points[INDEX[name]] - expected) * SPACING < 3.0, name


def test_a_folder_of_masks_is_the_same_as_their_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scan, marks, _ = write(tmp_path, "totalsegmentator")
    folder, labels = tmp_path / "segmentations", sitk.ReadImage(str(marks))
    folder.mkdir()
    options = ["--ct", str(scan), "--labels", str(folder), "--output", str(tmp_path / "films"), "--naming"]
    assert main([*options, "totalsegmentator"]) == 2
    assert "no mask called vertebrae_L1.nii.gz" in capsys.readouterr().err
    numbers = {structure: number for number, structure in NAMING["totalsegmentator"].items()}
    for name in ("vertebrae_L3", "vertebrae_L4", "vertebrae_L5", "vertebrae_S1", "femur_left", "femur_right"):
        sitk.WriteImage(labels == numbers[name.removeprefix("vertebrae_")], str(folder / f"{name}.nii.gz"))
    np.testing.assert_array_equal(read_volume(scan, folder).labels, read_volume(scan, marks).labels)
    assert main([*options, "verse"]) == 2
    assert "has TotalSegmentator's naming" in capsys.readouterr().err


def test_another_orientation_of_the_same_scan_gives_the_same_film(tmp_path: Path) -> None:
    scan, marks, _ = write(tmp_path, "verse")
    before = landmarks_of(read_volume(scan, marks, SPACING), NAMING["verse"])
    for path in (scan, marks):
        sitk.WriteImage(sitk.DICOMOrient(sitk.ReadImage(str(path)), "RAS"), str(path))
    after = landmarks_of(read_volume(scan, marks, SPACING), NAMING["verse"])
    assert after == pytest.approx(before, abs=1.0, nan_ok=True)


def test_command_writes_films_that_read_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scan, marks, _ = write(tmp_path, "totalsegmentator")
    options = ["--ct", str(scan), "--labels", str(marks), "--output", str(tmp_path / "films")]
    assert main([*options, "--naming", "totalsegmentator", "--count", "2", "--spacing", "1"]) == 0, capsys.readouterr()
    films, problems = read_films(tmp_path / "films")
    assert not problems and [f.name for f in films] == ["scan_00", "scan_01"] and {f.patient for f in films} == {"scan"}
    assert films[0].labeled.sum() == 9 and films[0].picture is not None
    assert main([*options, "--naming", "verse"]) == 2
    assert "is the naming totalsegmentator?" in capsys.readouterr().err


def test_labels_of_another_scan_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scan, marks, _ = write(tmp_path, "verse")
    image = sitk.ReadImage(str(marks))
    image.SetOrigin((50, 0, 0))
    sitk.WriteImage(image, str(marks))
    assert main(["--ct", str(scan), "--labels", str(marks), "--naming", "verse", "--output", str(tmp_path)]) == 2
    assert "does not cover the same space" in capsys.readouterr().err
