"""Calibration on annotated films: the factor's promise, the command on real detections, and the file it writes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from SpineAlignmentLib.detection.calibration import CALIBRATION_FILE, Calibration, read_calibration
from SpineAlignmentLib.detection.detector import Detector
from SpineAlignmentLib.errors import ModelError
from SpineAlignmentLib.film.film import film_from_pixels
from SpineAlignmentLib.measurement.landmarks import COUNT, NAMES
from SpineAlignmentLib.measurement.parameters import KEYS
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.result_file import write_annotation
from Testing import small_models
from Testing.evaluation.samples import film, spine, truth
from Testing.host import subject
from Testing.interrupts import hear
from Training.calibrate import main
from Training.datasets import AnnotatedFilm
from Training.evaluation.calibration import FEWEST, calibrated, factor
from Training.evaluation.prediction import predict


@given(st.lists(st.floats(0, 100), min_size=1, max_size=300, unique=True))
def test_nine_of_ten_further_films_stay_below_the_factor(scores: list[float]) -> None:
    found = factor(np.array([*scores, np.nan]))
    assert np.isnan(found) == (len(scores) < FEWEST)
    if len(scores) >= FEWEST:
        # of n + 1 scores that come in any order, the last is among the first `rank` with a chance of rank / (n + 1)
        assert (np.sum(np.array(scores) <= found)) / (len(scores) + 1) >= 0.9 - 1e-9
        assert (np.sum(np.array(scores) < found)) / (len(scores) + 1) < 0.9


def test_intervals_of_known_errors_hold_on_other_films() -> None:
    rng = np.random.default_rng(4)

    def detected(name: str, points: np.ndarray, **known: object) -> tuple[object, object]:
        # errors three times as large as the detection believes, some landmarks surer than others
        deviation = rng.uniform(0.1, 0.4, COUNT)
        seen = points + 3 * deviation[:, None] * rng.normal(size=points.shape)
        here = film(name, points, patient=name)
        there = replace(
            here.annotation, points_px=seen, confidence=np.full(COUNT, 0.9), deviation_px=deviation, extra={}
        )
        return here, replace(here, annotation=there)

    pairs = [detected(f"f{i}", spine(0.01 * i)) for i in range(600)]
    here, there = zip(*pairs, strict=True)
    fitted, counts = calibrated(here[:300], there[:300], Calibration())
    assert counts == dict.fromkeys(KEYS, 300)
    few, _ = calibrated(here[:59], there[:59], Calibration(1.5, 0.1))
    assert (few.slope, few.offset) == (1.5, 0.1) and set(few.factors) == set(KEYS)
    covered = []
    for want, got in zip(here[300:], there[300:], strict=True):
        given_ = replace(got.annotation, interval_factors=fitted.factors).measurements()
        values = want.annotation.parameters()
        covered += [
            given_[key].low <= values[key] <= given_[key].high for key in KEYS if np.isfinite(given_[key].half_width)
        ]
    assert 0.88 <= np.mean(covered) <= 0.97


def test_one_film_of_a_patient_counts_and_too_few_keep_what_was() -> None:
    films = truth(8) + [replace(f, name=f"again_{f.name}") for f in truth(8)]
    found = [
        replace(f, annotation=replace(f.annotation, points_px=f.points + 1, deviation_px=np.ones(COUNT))) for f in films
    ]
    before = Calibration(1.5, 0.1, {"PI": 7.0})
    fitted, counts = calibrated(films, found, before)
    assert set(counts.values()) == {8} and fitted == before


def test_a_patient_s_neck_and_hips_count_on_films_of_their_own() -> None:
    kinds = {"neck": ("C", "T1"), "hips": ("L", "S1", "FH")}
    films = []
    for one in truth(FEWEST):
        for kind, levels in kinds.items():
            shown = np.array([name.startswith(levels) for name in NAMES])
            part = one.annotation.with_points(np.where(shown[:, None], one.points, np.nan))
            films.append(replace(one, name=f"{one.name}_{kind}", annotation=part))
    found = [
        replace(f, annotation=replace(f.annotation, points_px=f.points + 1, deviation_px=np.ones(COUNT))) for f in films
    ]
    moved = [replace(f, annotation=f.annotation.with_points(f.points + [[1, i % 2]])) for i, f in enumerate(films)]
    _, counts = calibrated(moved, found, Calibration())
    assert counts["CL"] == counts["LL"] == counts["PI"] == FEWEST and counts["SVA"] == 0


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    rng = np.random.default_rng(1)
    pixels = subject.film_pixels()
    for i in range(FEWEST):
        shift = rng.integers(-12, 13, 2)
        Image.fromarray(np.roll(pixels, shift[::-1], axis=(0, 1))).save(folder / f"film_{i}.png")
        points = subject.upright_px() + shift + rng.normal(0, 2, (COUNT, 2))
        write_annotation(
            Annotation(f"film_{i}.png", subject.SIZE_PX, points, spacing_mm=subject.SPACING_MM, anterior="left"),
            folder / f"film_{i}.json",
        )
    return folder


def test_the_command_writes_models_whose_results_have_intervals(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models, new = small_models.write(tmp_path / "models"), tmp_path / "new"
    call = [
        "--films",
        str(films),
        "--models",
        str(models),
        "-o",
        str(new),
        "--workers",
        "1",
        "--subject",
        "drawn films",
    ]
    assert main(call) == 0
    assert "a chance of at least 90 %" in capsys.readouterr().out
    fitted = read_calibration(new)
    assert set(fitted.factors) == set(KEYS) and fitted.about["patients"]["PI"] == FEWEST
    assert fitted.about["subject"] == "drawn films"
    ours = film_from_pixels(subject.film_pixels()).calibrated(subject.SPACING_MM).facing("left")
    found = Detector(new, threads=1).detect(ours, force=True).measurements()
    assert any(np.isfinite(one.half_width) for one in found.values())
    assert all(np.isfinite(one.half_width) or one.reason for one in found.values())
    before = Detector(models, threads=1).detect(ours, force=True).measurements()
    assert all(np.isnan(one.half_width) for one in before.values())
    assert main(call) == 2 and "is there already" in capsys.readouterr().err
    with (new / CALIBRATION_FILE).open("a") as stream:
        stream.write(" ")
    with pytest.raises(ModelError, match="altered"):
        Detector(new, threads=1)
    (new / CALIBRATION_FILE).unlink()
    with pytest.raises(ModelError, match="missing"):
        read_calibration(new)


def test_too_few_films_are_one_line_and_nothing_is_written(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = small_models.write(tmp_path / "models")
    few = tmp_path / "few"
    few.mkdir()
    for i in range(3):
        for end in (".png", ".json"):
            (few / f"film_{i}{end}").write_bytes((films / f"film_{i}{end}").read_bytes())
    assert main(["--films", str(few), "--models", str(models), "-o", str(tmp_path / "new")]) == 2
    said = capsys.readouterr().err
    assert f"films of 3 patients; a 90 % interval needs at least {FEWEST}" in said and said.count("\n") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["few", "models"]


def test_what_no_film_can_mend_is_one_line_and_told_before_any_is_looked_at(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    models = small_models.write(tmp_path / "models")
    monkeypatch.setattr("Training.calibrate.predict", lambda *_: pytest.fail("looked at films"))
    (tmp_path / "file").write_text("")
    call = ["--films", str(films), "--models", str(models)]
    assert main([*call, "-o", str(tmp_path / "file" / "new")]) == 2
    assert "file: cannot write there" in capsys.readouterr().err
    listing = json.loads((models / "ensemble.json").read_text())
    (models / "ensemble.json").write_text(json.dumps(listing | {"calibration": {"sha256": "0"}}))
    (models / CALIBRATION_FILE).write_text("{}")
    assert main([*call, "-o", str(tmp_path / "new")]) == 2
    said = capsys.readouterr().err
    assert "altered" in said and said.count("\n") == 1


def test_models_that_cannot_be_used_are_told_once(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = small_models.write(tmp_path / "models")
    for network in models.rglob("*.onnx"):
        network.write_bytes(b"")
    call = ["--films", str(films), "--models", str(models), "-o", str(tmp_path / "new")]
    for workers in ("1", "2"):
        assert main([*call, "--workers", workers]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert main([*call, "--workers", "-1"]) == 2 and "--workers -1" in capsys.readouterr().err


def test_annotations_of_another_size_or_spacing_are_told_and_left_out(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models, own = small_models.write(tmp_path / "models"), shutil.copytree(films, tmp_path / "films")
    for name, change in (("film_1", {"size_px": [100, 200]}), ("film_2", {"spacing_mm": [0.0009, 0.0009]})):
        content = json.loads((own / f"{name}.json").read_text())
        (own / f"{name}.json").write_text(json.dumps(content | change))
    call = ["--films", str(own), "--models", str(models), "-o", str(tmp_path / "new"), "--workers", "1"]
    assert main(call) == 2
    sized, spaced, few = capsys.readouterr().err.splitlines()
    assert "film_1.png: " in sized and "its annotation is of a film of 100 x 200" in sized
    assert "film_2.png: impossible pixel spacing" in spaced and "mend spacing_mm there" in spaced
    assert f"landmarks were found on films of {FEWEST - 2} patients" in few


class Slow:
    """A detection that leaves word that it has begun."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __call__(self, film: AnnotatedFilm) -> Annotation:
        assert film.picture is not None
        film.picture.with_suffix(".seen").touch()
        time.sleep(0.5)
        return film.annotation


def test_the_place_that_another_run_took_meanwhile_is_told(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    models, new = small_models.write(tmp_path / "models"), tmp_path / "new"

    def meanwhile(*given: Any) -> tuple[list[AnnotatedFilm], list[str]]:
        (new / "earlier").mkdir(parents=True)
        return predict(*given)

    monkeypatch.setattr("Training.calibrate.predict", meanwhile)
    assert main(["--films", str(films), "--models", str(models), "-o", str(new), "--workers", "1"]) == 2
    assert "another run has written it meanwhile; name a new folder" in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["models", "new"]


def test_ctrl_c_is_one_line_and_writes_nothing(films: Path, tmp_path: Path) -> None:
    models, own = small_models.write(tmp_path / "models"), shutil.copytree(films, tmp_path / "films")
    options = ["--films", str(own), "--models", str(models), "-o", str(tmp_path / "new"), "--workers", "2"]
    code = (
        "import sys; from Training import calibrate; from Testing.evaluation.test_calibrate import Slow; "
        "calibrate.LibraryDetector = Slow; sys.exit(calibrate.main(sys.argv[1:]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, *options],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True, preexec_fn=hear,
    )  # fmt: skip
    while len(list(own.glob("*.seen"))) < 2 and process.poll() is None:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said.decode()) == (130, "calibrate: interrupted; nothing was written\n")
    assert not (tmp_path / "new").exists() and len(list(own.glob("*.seen"))) < FEWEST


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        json.dumps({"confidence": {"slope": 1, "offset": 0}, "factors": {"PI": -1}, "about": {}}),
        json.dumps({"confidence": {"slope": 0, "offset": 0}, "factors": {}, "about": {}}),
        json.dumps({"confidence": {"slope": 1}, "factors": {}, "about": {}}),
    ],
)
def test_a_calibration_that_is_none_is_told(tmp_path: Path, content: str) -> None:
    import hashlib

    (tmp_path / CALIBRATION_FILE).write_text(content)
    digest = hashlib.sha256(content.encode()).hexdigest()
    (tmp_path / "ensemble.json").write_text(json.dumps({"models": [], "calibration": {"sha256": digest}}))
    with pytest.raises(ModelError, match="not a calibration"):
        read_calibration(tmp_path)
