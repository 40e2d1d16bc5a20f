"""The comparison of simulated and real films, on films made here."""

import csv
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from Training.simulation import body_averages, realism


def write_film(folder: Path, name: str, seed: int, blur: float, native: bool) -> None:
    """Smoothed noise with landmarks in the middle, in one of the two annotation formats."""
    rng = np.random.default_rng(seed)
    image = cv2.GaussianBlur(rng.random((1000, 500), dtype=np.float32), (0, 0), blur)
    image = (image - image.min()) / (image.max() - image.min())
    cv2.imwrite(str(folder / f"{name}.png"), (image * 255).astype(np.uint8))
    places = {"C5_C": (250, 150), "T2_C": (250, 250), "T7_C": (250, 400), "L3_C": (280, 650), "FH_1": (250, 850)}
    content: dict[str, Any]
    if native:
        content = {"landmarks": {k: {"x_px": x, "y_px": y, "confidence": 1} for k, (x, y) in places.items()}}
        content["landmarks"]["S1_A"] = None
    else:
        content = {"points": {k: [x, y, 3] for k, (x, y) in places.items()}}
    (folder / f"{name}.json").write_text(json.dumps({**content, "spacing_mm": [1.0, 1.0]}))


def test_rougher_films_show_in_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    real, simulated, out = (tmp_path / name for name in ("real", "simulated", "out"))
    for folder, blur in ((real, 4.0), (simulated, 1.0)):
        folder.mkdir()
        for k in range(3):
            write_film(folder, f"film_{k}", k, blur, native=k % 2 == 0)
    (tmp_path / "file").touch()
    assert realism.main(["--films", str(real), "--simulated", str(real), "--output", str(tmp_path / "file")]) == 2
    assert "file: cannot write there" in capsys.readouterr().err
    assert realism.main(["--films", str(real), "--simulated", str(simulated), "--output", str(out)]) == 0
    rows = list(csv.DictReader((out / "realism.csv").open()))
    assert {row["region"] for row in rows} == {"neck", "shoulders", "chest", "abdomen", "hips"}
    slopes = [row for row in rows if row["statistic"] == "spectral_slope"]
    assert all(float(row["simulated_median"]) > float(row["real_median"]) + 0.5 for row in slopes)
    for name in ("histograms", "spectra", "local_contrast"):
        assert (out / f"{name}.png").stat().st_size > 5000


@pytest.mark.parametrize("anterior", ["left", "right"])
def test_bodies_are_averaged_in_their_own_frame(tmp_path: Path, anterior: str) -> None:
    """Spines that lean in many ways, a bright dot 10 mm in front of each center: it lands there in the average."""
    rng = np.random.default_rng(1)
    films = []
    for _ in range(6):
        image = np.zeros((600, 300), np.float32)
        turn = rng.uniform(-0.5, 0.5)
        down = np.array([np.sin(turn), np.cos(turn)])
        front = np.array([-down[1], down[0]]) * (1 if anterior == "left" else -1)
        marks = {f"L{k}_C": tuple(np.array([150, 100]) + 35 / 0.8 * k * down) for k in range(1, 6)}
        for x, y in marks.values():
            dot = np.array([x, y]) + 10 / 0.8 * front
            cv2.circle(image, tuple(int(v) for v in dot.round()), 3, 1.0, -1)
        films.append((image, marks, 0.8, anterior))
    found = body_averages.averages(films)
    assert set(found) == {"L1 to L4"}
    view, count = found["L1 to L4"]
    assert count == 18, "L1 has no annotated neighbor above"
    middle = view.shape[0] // 2
    inner = view[middle - 20 : middle + 20]
    y, x = np.argwhere(inner > 0.7 * inner.max()).mean(axis=0)
    unit = body_averages.STEPS / 35  # levels are 35 mm apart
    assert abs(y - 20) < 1.5 * unit and abs(x - middle + 10 * unit) < 1.5 * unit
    across = body_averages.profile(view)
    assert abs(np.argmax(across) - middle + 10 * unit) < 2 * unit
    body_averages.draw(found, found, tmp_path / "bodies.png")
    assert (tmp_path / "bodies.png").stat().st_size > 5000


def test_hips_are_averaged_upright_and_in_their_own_size() -> None:
    films = []
    for size in (60.0, 90.0):
        image = np.zeros((500, 400), np.float32)
        cv2.circle(image, (round(200 + size / 3), 300), 4, 1.0, -1)  # one unit behind the heads
        marks = {"FH_1": (195.0, 300.0), "FH_2": (205.0, 300.0)}
        marks |= {"S1_A": (190.0, 300 - size), "S1_P": (210.0, 300 - size)}
        films.append((image, marks, 1.0, "left"))
    view, count = body_averages.averages(films)["hips"]
    assert count == 2
    place = body_averages.positions()[np.argmax(body_averages.profile(view))]
    assert place == pytest.approx(1.0, abs=0.1)
    apart = dict(films[0][1]) | {"FH_2": (240.0, 300.0)}
    assert body_averages.hip_view((films[0][0], apart, 1.0, "left")) is None


def test_spectrum_finds_a_wave() -> None:
    x = np.arange(realism.PATCH)
    wave = np.sin(2 * np.pi * 12 * x / realism.PATCH)[None, :] * np.ones((realism.PATCH, 1))
    assert int(np.argmax(realism.spectrum(wave.astype(np.float32)))) + 1 == 12


def test_bad_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = ["--films", str(tmp_path / "none"), "--simulated", str(tmp_path), "--output", str(tmp_path / "o")]
    assert realism.main(missing) == 2
    assert "not a folder" in capsys.readouterr().err
    assert realism.main(["--films", str(tmp_path), "--simulated", str(tmp_path), "--output", str(tmp_path / "o")]) == 2
    assert "no annotated film" in capsys.readouterr().err
    write_film(tmp_path, "a", 0, 2.0, native=False)
    (tmp_path / "a.json").write_text('{"points": {}}')
    assert realism.main(["--films", str(tmp_path), "--simulated", str(tmp_path), "--output", str(tmp_path / "o")]) == 2
    assert "a.json" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
