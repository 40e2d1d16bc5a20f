"""Weights averaged over runs."""

import json
from pathlib import Path

import numpy as np
import pytest

from SpineAlignmentLib.detection.close_ups import REGIONS
from Testing.training.tiny import train, write_config
from Training.config import ConfigError
from Training.run import checkpoint
from Training.run.weight_average import average_run
from Training.weight_average import main


def run_of(folder: Path, value: float, size: int = 3) -> Path:
    folder.mkdir()
    (folder / "config.yaml").write_text(write_config(folder / "tiny.yaml").read_text())
    checkpoint.save(folder / "best.npz", {"a": np.full(size, value, np.float32)}, {"step": int(value)})
    return folder


def test_the_mean_lies_between_the_runs_by_their_shares(tmp_path: Path) -> None:
    first, second = run_of(tmp_path / "first", 0), run_of(tmp_path / "second", 8)
    made = average_run([first, second / "best.npz"], [0.75, 0.25], second, tmp_path / "mean")
    arrays, state = checkpoint.load(made / "best.npz")
    assert np.array_equal(arrays["a"], np.full(3, 2.0)) and arrays["a"].dtype == np.float32
    assert state == {"step": 8, "averaged": 2}
    assert np.array_equal(checkpoint.load(second / "best.npz")[0]["a"], np.full(3, 8.0)), "the runs stay as they are"


def test_weights_of_another_network_are_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = run_of(tmp_path / "first", 0), run_of(tmp_path / "second", 8, size=4)
    with pytest.raises(ConfigError, match=r"second/best\.npz: another network than .*first/best\.npz"):
        average_run([first, second], [0.5, 0.5], first, tmp_path / "mean")
    assert not (tmp_path / "mean").exists()
    options = ["--weights", str(first), str(tmp_path / "none.npz"), "--run", str(first), "--output"]
    assert main([*options, str(tmp_path / "mean")]) == 2
    assert capsys.readouterr().err == f"error: {tmp_path / 'none.npz'}: there is no such checkpoint\n"
    with pytest.raises(SystemExit, match="2"):
        main([*options, str(first)])


def test_close_ups_of_different_regions_have_no_mean(tmp_path: Path) -> None:
    neck, pelvis = run_of(tmp_path / "neck", 0), run_of(tmp_path / "pelvis", 8)
    for run, region in ((neck, "neck"), (pelvis, "pelvis")):
        size = REGIONS[region].input_size
        write_config(run / "config.yaml", region=region, input_size=list(size))
    with pytest.raises(ConfigError, match=r"pelvis: learned the close-up pelvis, and .*neck the close-up neck"):
        average_run([neck, pelvis], [0.5, 0.5], neck, tmp_path / "mean")
    assert not (tmp_path / "mean").exists()


def test_the_mean_of_two_trainings_with_one_start_is_exported(tmp_path: Path) -> None:
    from Training.export.model_folder import export_run

    start = write_config(tmp_path / "start.yaml", optimizer__length=4)
    assert train(start, tmp_path / "start").returncode == 0
    runs = []
    for seed in (1, 2):
        then = write_config(
            tmp_path / f"{seed}.yaml", optimizer__length=4, run__seed=seed, run__init_from=str(tmp_path / "start")
        )
        assert train(then, tmp_path / f"run{seed}").returncode == 0
        runs.append(tmp_path / f"run{seed}")
    folders = [str(run) for run in runs]
    assert main(["--weights", *folders, "--run", folders[0], "--output", str(tmp_path / "mean")]) == 0
    model = export_run(tmp_path / "mean", tmp_path / "models")
    assert json.loads((model / "model.json").read_text())["training"]["averaged"] == 2
    mean, one, two = (checkpoint.load(path / "best.npz")[0] for path in (tmp_path / "mean", *runs))
    kernel = "stem_conv/kernel"
    assert not np.array_equal(one[kernel], two[kernel])
    np.testing.assert_allclose(mean[kernel], (one[kernel] + two[kernel]) / 2, rtol=1e-6, atol=1e-8)
