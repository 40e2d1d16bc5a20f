"""Fine-tuning from an exported model to a new one that detection runs, with a network small enough for a test."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from SpineAlignmentLib.detection.close_ups import REGIONS
from SpineAlignmentLib.detection.models import CLOSEST, ONNX_FILE, Model, read_closest_model
from SpineAlignmentLib.measurement.landmarks import NAMES
from Testing.evaluation.samples import SIZE, truth, write_films
from Testing.interrupts import hear
from Testing.training import tiny
from Training.config import config_from_dict, save_config
from Training.data.film_source import Fold, Mixture, build_source
from Training.export.weight_storage import stored
from Training.finetune import Settings, continued, extract_weights, finetune, main
from Training.run import checkpoint


def write_drawn_films(folder: Path, count: int) -> Path:
    """Sample films whose pictures show a blob at every landmark."""
    films = truth(count)
    write_films(films, folder)
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    for f in films:
        image = np.zeros((SIZE[1], SIZE[0]))
        for px, py in f.points:
            image += np.exp(-((x - px) ** 2 + (y - py) ** 2) / 12)
        Image.fromarray((image / image.max() * 200 + 20).astype(np.uint8)).save(folder / f"{f.name}.png")
    return folder


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A tiny trained and exported ensemble of one with an untrained close-up, and its run."""
    import keras

    from Training.export.model_folder import export_run, update_ensemble
    from Training.network.pyramid import build_network

    folder = tmp_path_factory.mktemp("shipped")
    run = folder / "run"
    done = tiny.train(tiny.write_config(folder / "tiny.yaml"), run)
    assert done.returncode == 0, done.stderr
    part = folder / "part"
    part.mkdir()
    changes = {"name": "part", "region": "pelvis", "input_size": list(REGIONS["pelvis"].input_size)}
    config = config_from_dict(tiny.tiny_config(**changes), "part")
    save_config(config, part / "config.yaml")
    keras.utils.set_random_seed(2)
    weights = checkpoint.network_arrays(build_network(config.network, config.input_size))
    checkpoint.save(part / "best.npz", weights, {"step": 0, "metrics": {}})
    for one in (run, part):
        export_run(one, folder / "models")
    update_ensemble(folder / "models", ["tiny", "part"])
    return folder / "models", run


def test_weights_come_back_out_of_the_shipped_model(shipped: tuple[Path, Path], tmp_path: Path) -> None:
    from SpineAlignmentLib.detection.models import read_ensemble

    models, run = shipped
    extract_weights(read_ensemble(models)[0], tmp_path / "w.npz")
    trained, _ = checkpoint.load(run / "best.npz")
    extracted, _ = checkpoint.load(tmp_path / "w.npz")
    assert extracted.keys() == trained.keys()
    assert all(np.array_equal(extracted[name], stored(trained[name])) for name in trained)


def test_finetuned_models_are_measured_before_and_after(
    shipped: tuple[Path, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    films = write_drawn_films(tmp_path / "films", 10)
    output = tmp_path / "new"
    options = ["--films", films, "--models", shipped[0], "--output", output, "--held-out", films, "--rehearsal", films]
    assert main([*(str(o) for o in options), "--steps", "40", "--learning-rate", "0.005", "--threads", "1"]) == 0
    said = capfd.readouterr().out
    found = json.loads((output / "finetuning.json").read_text())["sets"]["held-out films"]
    assert "held-out films: 10 films, median error" in said and f"--models {output}" in said
    assert found["after"]["median_error_mm"] < found["before"]["median_error_mm"]
    for name, region in (("tiny", ""), ("part", "pelvis")):
        about = json.loads((output / name / "model.json").read_text())
        assert "Fine-tuned on 10 corrected films" in about["training"]["data"] and about["region"] == region
    assert json.loads((output / "ensemble.json").read_text()) == {"models": ["tiny"], "close_ups": ["part"]}
    assert main([*(str(o) for o in options), "--steps", "41", "--learning-rate", "0.005", "--threads", "1"]) == 2
    assert "with other settings; give another --work" in capfd.readouterr().err


def test_ctrl_c_ends_in_one_line(shipped: tuple[Path, Path], tmp_path: Path) -> None:
    films, work = write_drawn_films(tmp_path / "films", 10), tmp_path / "runs"
    options = ["--films", films, "--models", shipped[0], "--output", tmp_path / "new", "--work", work, "--threads", 1]
    process = subprocess.Popen(
        [sys.executable, "-m", "Training.finetune", *(str(o) for o in options), "--steps", "4000"],
        env=tiny.environment(), cwd=tiny.ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        start_new_session=True, preexec_fn=hear,
    )  # fmt: skip
    # its workers have begun then, and no longer hear Ctrl+C
    while not (work / "tiny" / "last.npz").exists() and process.poll() is None:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert said.splitlines()[-1] == "finetune: interrupted; the same command goes on" and "Traceback" not in said
    assert not (tmp_path / "new" / "tiny").exists()


def test_networks_that_are_not_continued_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for step in ("_command", "extract_weights"):
        monkeypatch.setattr(f"Training.finetune.{step}", lambda *arguments: None)
    monkeypatch.setattr("Training.finetune.average_run", lambda *arguments: tmp_path)
    films, output = write_drawn_films(tmp_path / "films", 5), tmp_path / "new"
    finetune(None, Settings(films), output, tmp_path / "work")
    for task in CLOSEST:
        kept, before = read_closest_model(task, output), read_closest_model(task)
        assert kept is not None and before is not None
        assert kept.about == before.about and kept.verified(ONNX_FILE).is_file()


@pytest.mark.parametrize(("corrected", "known"), [(20, 40), (5, 60), (30, 6)])
def test_new_and_known_films_weigh_the_same(tmp_path: Path, corrected: int, known: int) -> None:
    """Both kinds train and choose the best step in about equal numbers, and no film does both."""
    new, old = write_drawn_films(tmp_path / "new", corrected), write_drawn_films(tmp_path / "old", known)
    model = Model("m", tmp_path, (64, 32), NAMES, None, {}, {"training": {"config": tiny.tiny_config()}})
    data = continued(model, Settings(new, old), tmp_path / "w.npz").data
    parts = []
    for source in (data.training, data.validation):
        mixture = build_source(source, training=False)
        assert isinstance(mixture, Mixture)
        which = [place[0] for place in mixture.places]
        assert 0.6 < which.count(0) / which.count(1) < 1.7
        parts.append([set(part.indices) for part in mixture.sources if isinstance(part, Fold)])
    assert all(not training & chosen and training and chosen for training, chosen in zip(*parts, strict=True))


def test_too_few_films(shipped: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    films = write_drawn_films(tmp_path / "films", 3)
    assert main(["--films", str(films), "--models", str(shipped[0]), "--output", str(tmp_path / "new")]) == 2
    assert "fewer than 5 patients" in capsys.readouterr().err and not (tmp_path / "new").exists()
    with pytest.raises(Exception, match="no such folder"):
        finetune(shipped[0], Settings(tmp_path / "nothing"), tmp_path / "new", tmp_path / "work")
    with pytest.raises(Exception, match="holds the models that are continued"):
        finetune(shipped[0], Settings(films), shipped[0], tmp_path / "work")


@pytest.mark.parametrize("option", ["--held-out", "--standard"])
def test_films_to_measure_on_are_asked_for_before_the_training(
    tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("Training.finetune.finetune", lambda *_: pytest.fail("trained"))
    (tmp_path / "empty").mkdir()
    for folder, said in (("nowhere", "no such folder"), ("empty", "no annotated film found")):
        options = ["--films", str(tmp_path), "--output", str(tmp_path / "new"), option, str(tmp_path / folder)]
        assert main(options) == 2 and said in capsys.readouterr().err
