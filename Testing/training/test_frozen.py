"""Layers that a training leaves as they are."""

from pathlib import Path

import numpy as np

from Testing.training.tiny import train, write_config


def test_frozen_layers_keep_weights_and_statistics_and_the_rest_learns(tmp_path: Path) -> None:
    first = write_config(tmp_path / "first.yaml", optimizer__length=4)
    assert train(first, tmp_path / "first").returncode == 0
    then = write_config(
        tmp_path / "then.yaml", optimizer__length=4, run__frozen=["global_"], run__init_from=str(tmp_path / "first")
    )
    done = train(then, tmp_path / "then")
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(tmp_path / "first" / "best.npz") as before:
        for name in ("best.npz", "last.npz"):
            with np.load(tmp_path / "then" / name) as after:
                layers = [key for key in before.files if "/" in key]
                changed = {key for key in layers if not np.array_equal(before[key], after[key])}
            frozen = {key for key in layers if key.startswith("global_")}
            assert any("moving_variance" in key for key in frozen) and not changed & frozen
            assert {key.split("/")[0] for key in layers} - {key.split("/")[0] for key in changed | frozen} == set()


def test_names_that_fit_no_layer_are_one_clear_line(tmp_path: Path) -> None:
    config = write_config(tmp_path / "tiny.yaml", run__frozen=["globl_"])
    done = train(config, tmp_path / "run")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "error: run.frozen: no layer's name begins with 'globl_'"
