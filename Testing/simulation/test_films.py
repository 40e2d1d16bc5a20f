"""Complete films: the same bytes for the same seed, valid files, honest errors."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pydicom
import pytest

from SpineAlignmentLib.detection.bodies_network import MM_PER_PIXEL
from SpineAlignmentLib.detection.close_ups import REGIONS
from SpineAlignmentLib.detection.heads_network import fitted_circle
from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.measurement.landmarks import CORNERS, INDEX, VERTEBRAE
from SpineAlignmentLib.results.result_file import read_annotation
from Testing.interrupts import hear
from Training.simulation import cache, contact_sheet
from Training.simulation.body_windows import BodyWindows
from Training.simulation.command import main
from Training.simulation.film import simulate_film
from Training.simulation.head_windows import HeadWindows
from Training.simulation.stream import SimulatedFilms
from Training.simulation.vertebra_windows import VertebraWindows
from Training.simulation.writing import dicom_bytes, write_film


def test_seed_and_index_alone_rebuild_a_film() -> None:
    first = simulate_film(4, 2, spacing=1.5)
    simulate_film(4, 0, spacing=1.5)
    again = simulate_film(4, 2, spacing=1.5)
    assert dicom_bytes(first) == dicom_bytes(again)
    assert not np.array_equal(first.pixels, simulate_film(4, 3, spacing=1.5).pixels[:1, :1])


def test_films_of_one_system_share_exposure_and_processing() -> None:
    def looks(system: int | None) -> list[dict[str, object]]:
        made = [simulate_film(4, i, spacing=3.0, system=system) for i in (0, 1)]
        return [film.annotation.extra["simulation"]["look"] for film in made]

    first, second = looks(6)
    assert first["exposure"] == second["exposure"] and first["lookup"] == second["lookup"]
    assert first["objects"] != second["objects"]
    assert looks(7)[0]["exposure"] != first["exposure"]
    other_first, other_second = looks(None)
    assert other_first["exposure"] != other_second["exposure"]


@pytest.mark.parametrize("kind", ["png", "dicom"])
def test_films_read_back_as_written(tmp_path: Path, kind: str) -> None:
    made = simulate_film(4, 1, spacing=1.2)
    path = write_film(made, tmp_path, kind)
    film = read_film(path)
    annotation = read_annotation(path.with_suffix(".json"))
    assert film.size_px == annotation.size_px == (made.pixels.shape[1], made.pixels.shape[0])
    scale = 16 if kind == "png" else 1
    assert np.array_equal(np.asarray(film.pixels) // scale, made.pixels)
    assert annotation.film == path.name
    np.testing.assert_allclose(annotation.points_px, made.annotation.points_px, atol=1e-5)
    np.testing.assert_allclose(annotation.vertebrae_px, made.annotation.vertebrae_px, atol=1e-5)
    for name in ("C7_PS", "T5_AI", "L4_AS"):
        level, corner = VERTEBRAE.index(name[:2]), CORNERS.index(name[3:])
        np.testing.assert_array_equal(
            made.annotation.vertebrae_px[level, corner], made.annotation.points_px[INDEX[name]]
        )
    assert annotation.extra["simulation"]["index"] == 1
    if kind == "dicom":
        assert film.spacing_mm == pytest.approx((1.2, 1.2))
        assert film.anterior == "left"


def test_dicom_has_what_a_digital_x_ray_must_have(tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(dicom_bytes(simulate_film(4, 1, spacing=1.2), compression_ratio=6))
    with pydicom.dcmread(path) as data:
        assert data.SOPClassUID == "1.2.840.10008.5.1.4.1.1.1.1"
        for keyword in ("Modality", "PresentationIntentType", "ImagerPixelSpacing", "PatientOrientation", "ImageType"):
            assert data[keyword].value
        assert data.pixel_array.shape == (data.Rows, data.Columns)
        assert data.LossyImageCompression == "01"


def test_cached_projections_are_resumed_and_stream(tmp_path: Path) -> None:
    cache.render(tmp_path, 2, seed=8, workers=1)
    before = {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    cache.render(tmp_path, 2, seed=8, workers=1)
    assert before == {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    films = SimulatedFilms(str(tmp_path), randomization=1.0)
    image, points = films.get(1, 0, (432, 240), np.random.default_rng(1))
    again, _ = films.get(1, 7, (432, 240), np.random.default_rng(1))
    assert np.array_equal(image, again)
    assert image.shape == (432, 240)
    assert np.abs(image).max() <= 1
    assert np.isfinite(points).all(axis=1).sum() > 30
    for name, region in REGIONS.items():
        close = SimulatedFilms(str(tmp_path), region=name)
        for seed in range(3):
            image, points = close.get(0, 0, region.input_size, np.random.default_rng(seed))
            known = np.flatnonzero(np.isfinite(points).all(axis=1))
            assert image.shape == region.input_size and np.abs(image).max() <= 1
            assert set(known) <= set(region.rows) and len(known) > len(region.rows) / 2
    fixed = SimulatedFilms(str(tmp_path), training=False)
    assert np.array_equal(
        fixed.get(0, 0, (432, 240), np.random.default_rng(1))[0],
        fixed.get(0, 1, (432, 240), np.random.default_rng(2))[0],
    )


def test_a_disk_that_fills_while_projections_are_written_leaves_no_half_of_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(path: Path, *arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(ResultError, match=r"000000.*No space left"):
        cache._render((str(tmp_path), 8, 0, 1.0))
    assert not list(tmp_path.iterdir())


def test_projections_of_two_seeds_are_not_mixed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "000000.json").write_text('{"seed": 8}')
    assert cache.main(["--count", "1", "--output", str(tmp_path), "--seed", "9"]) == 1
    assert "holds projections of seed 8; give --seed 8 or another --output" in capsys.readouterr().err
    assert cache.main(["--count", "1", "--output", str(tmp_path), "--seed", "8"]) == 0
    with pytest.raises(FileNotFoundError, match="no projections from number 4 on"):
        cache.cached(tmp_path, first=4)


@pytest.mark.parametrize("options", [["--count", "0"], ["--seed", "-1"], ["--workers", "0"], ["--spread", "nan"]])
def test_wrong_usage_of_the_cache(options: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stop:
        cache.main(["--count", "1", "--output", str(tmp_path / "new"), *options])
    assert stop.value.code == 2 and "at least 1" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("module", ["Training.simulation", "Training.simulation.cache"])
def test_ctrl_c_ends_in_one_line(module: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", module, "--count", "99", "--output", str(tmp_path), "--workers", "2"]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True, preexec_fn=hear
    )
    while len(list(tmp_path.glob("*.json"))) < 2 and process.poll() is None:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.decode().strip() == "interrupted; the same command goes on"


def test_windows_show_bodies_where_the_projection_has_them(tmp_path: Path) -> None:
    cache.render(tmp_path, 1, seed=8, workers=1)
    fixed = BodyWindows(str(tmp_path), windows=4, training=False)
    assert len(fixed) == 4
    corners = cache.read_points(cache.path_of(tmp_path, 0), "vertebrae")
    places = []
    for which in range(4):
        image, truth = fixed.get(which, 0, (416, 224), np.random.default_rng(9))
        assert image.shape == (416, 224) and np.abs(image).max() <= 1
        seen = np.isfinite(truth[:24, 1:]).all(axis=-1)
        assert 2 < np.isfinite(truth[:, 0, 0]).sum() < 25 and not seen[0, :2].any()
        # a window neither turned nor bent is the projection moved, at another size of its pixels
        moved = corners[seen] - truth[:24, 1:][seen] * MM_PER_PIXEL / cache.SPACING_MM
        assert np.ptp(moved, axis=0).max() < 0.01
        places.append(moved[0])
    assert np.ptp(places, axis=0).min() > 5
    turned = BodyWindows(str(tmp_path))
    shown = [turned.get(0, 0, (416, 224), np.random.default_rng(seed)) for seed in range(40)]
    counts = [int(np.isfinite(truth[:, 0, 0]).sum()) for _, truth in shown]
    assert min(counts) == 0 and max(counts) > 10, "some windows show no spine at all"
    for _, truth in shown:
        known = np.isfinite(truth[1:24]).all(axis=(1, 2))
        np.testing.assert_allclose(truth[1:24][known, 0], truth[1:24][known, 1:].mean(axis=1), atol=6.0)  # bent


def test_views_show_one_vertebra_about_upright_in_their_middle(tmp_path: Path) -> None:
    cache.render(tmp_path, 1, seed=8, workers=1)
    views = VertebraWindows(str(tmp_path), windows=3)
    shown = [views.get(0, 0, (96, 96), np.random.default_rng(seed)) for seed in range(60)]
    assert np.array_equal(shown[4][0], views.get(0, 5, (96, 96), np.random.default_rng(4))[0])
    plates = [np.isfinite(corners[[0, 2]]).all(axis=1).tolist() for _, corners in shown]
    assert plates.count([True, False]) > 4 and plates.count([False, True]) > 1, "sacra and second vertebrae"
    known = [(image, corners) for image, corners in shown if np.isfinite(corners).all()]
    assert len(known) > 35
    for image, corners in known:
        assert image.shape == (96, 96) and image.std() > 0
        assert np.linalg.norm(corners.mean(axis=0) - 47.5) < 26  # off by more than detection is, and bent
        back, down = (corners[[1, 3]] - corners[[0, 2]]).mean(axis=0), (corners[2:] - corners[:2]).mean(axis=0)
        assert back[0] > 1.5 * abs(back[1]) and down[1] > 1.5 * abs(down[0])
        assert 22 < np.sqrt(np.linalg.norm(back) * np.linalg.norm(down)) < 60
    places = [corners.mean(axis=0) for _, corners in known]
    assert np.std(places, axis=0).min() > 1
    fixed = VertebraWindows(str(tmp_path), windows=3, training=False)
    np.testing.assert_array_equal(
        fixed.get(1, 0, (96, 96), np.random.default_rng(1))[1], fixed.get(1, 3, (96, 96), np.random.default_rng(2))[1]
    )


def test_views_of_hips_show_rims_about_the_heads(tmp_path: Path) -> None:
    cache.render(tmp_path, 1, seed=8, workers=1)
    path = cache.path_of(tmp_path, 0)
    centers = cache.read_points(path, "landmarks")[[INDEX["FH_1"], INDEX["FH_2"]]]
    rims = cache.read_points(path, "rims")
    np.testing.assert_allclose(rims.mean(axis=1), centers, atol=2.0)
    radius = np.linalg.norm(rims - centers[:, None], axis=2)
    assert (radius > 17).all() and (radius < 32).all() and np.ptp(radius, axis=1).max() < 4
    views = HeadWindows(str(tmp_path), windows=3)
    shown = [views.get(0, 0, (128, 128), np.random.default_rng(seed)) for seed in range(20)]
    known = [(image, points.reshape(2, -1, 2)) for image, points in shown if np.isfinite(points).all()]
    assert len(known) > 12
    for image, both in known:
        assert image.shape == (128, 128) and image.std() > 0
        circles = [fitted_circle(rim, np.ones(len(rim))) for rim in both]
        assert circles[0].center.sum() <= circles[1].center.sum(), "the higher and further anterior one is first"
        for circle, rim in zip(circles, both, strict=True):
            assert 14 < circle.radius < 40 and circle.residual < 3.5  # nearly round, also on a bent view
            away = circle.center - rim  # from the front over the top
            assert away[0, 0] > 0.8 * circle.radius and away[2, 1] > 0.8 * circle.radius
    fixed = HeadWindows(str(tmp_path), windows=3, training=False)
    np.testing.assert_array_equal(
        fixed.get(1, 0, (128, 128), np.random.default_rng(1))[1],
        fixed.get(1, 3, (128, 128), np.random.default_rng(2))[1],
    )


def test_projections_without_corners_are_named(tmp_path: Path) -> None:
    (tmp_path / "000000.json").write_text('{"landmarks": []}')
    with pytest.raises(FileNotFoundError, match=r"000000\.npy.*vertebrae"):
        cache.read_points(cache.path_of(tmp_path, 0), "vertebrae")


def test_command_writes_films_and_keeps_those_that_are_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--count", "2", "--output", str(tmp_path), "--seed", "6", "--resolution", "network", "--workers", "1"]
    assert main([*options, "--index", "1"]) == 0
    first = (tmp_path / "simulated_6_00001.png").read_bytes()
    assert main(options) == 0
    assert (tmp_path / "simulated_6_00001.png").read_bytes() == first
    record = json.loads((tmp_path / "simulated_6_00000.json").read_text())
    assert record["simulation"]["seed"] == 6
    assert set(record["landmarks"]) >= {"S1_A", "FH_2"}
    assert contact_sheet.main(["--films", str(tmp_path), "--output", str(tmp_path / "sheets")]) == 0
    assert contact_sheet.main(["--films", str(tmp_path), "--output", str(tmp_path / "simulated_6_00000.json")]) == 1
    assert "simulated_6_00000.json: cannot write there" in capsys.readouterr().err


def test_wrong_usage(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for options in (
        *(["--count", "0"], ["--count", "1", "--randomization", "9"], ["--count", "1", "--format", "bmp"]),
        *(["--count", "1", option, "-1"] for option in ("--seed", "--index", "--system")),
    ):
        with pytest.raises(SystemExit) as stop:
            main([*options, "--output", str(tmp_path)])
        assert stop.value.code == 2
        assert capsys.readouterr().err.strip()


def test_full_disk_is_said_before_anything_is_made(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1000})())
    assert main(["--count", "1", "--output", str(tmp_path)]) == 1
    assert "not enough space" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
