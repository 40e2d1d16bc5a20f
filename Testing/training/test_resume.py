"""A training that is killed and started again ends where an uninterrupted one ends."""

import csv
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.measurement.landmarks import REGIONS
from Testing.interrupts import hear
from Testing.training.tiny import ROOT, environment, train, train_command, write_config
from Training.evaluation.learning_speed import read_training_log


def final_arrays(run: Path) -> dict[str, NDArray[Any]]:
    with np.load(run / "last.npz") as archive:
        return {name: archive[name] for name in archive.files}


def rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_kill_and_resume_ends_with_the_same_weights(tmp_path: Path) -> None:
    config = write_config(tmp_path / "tiny.yaml", data__workers=1, optimizer__length=40)
    done = train(config, tmp_path / "whole")
    assert done.returncode == 0, done.stderr[-3000:]

    process = subprocess.Popen(
        train_command(config, tmp_path / "killed"), env=environment(), cwd=ROOT,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    log = tmp_path / "killed" / "training.csv"
    give_up = time.monotonic() + 600
    while len(rows(log)) < 7 and process.poll() is None and time.monotonic() < give_up:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the training ended before it could be killed"
    assert 7 <= len(rows(log)) < 40

    done = train(config, tmp_path / "killed")
    assert done.returncode == 0, done.stderr[-3000:]
    whole, resumed = final_arrays(tmp_path / "whole"), final_arrays(tmp_path / "killed")
    assert whole.keys() == resumed.keys()
    for name in whole:
        np.testing.assert_array_equal(resumed[name], whole[name], err_msg=name)
    columns = ["step", "loss", "wing", "learning_rate"]
    curves = [
        [[row[c] for c in columns] for row in rows(tmp_path / run / "training.csv")] for run in ("whole", "killed")
    ]
    assert curves[0] == curves[1]
    spread = read_training_log(tmp_path / "killed" / "validation.csv")
    assert spread is not None and set(spread["region"]) == set(REGIONS) and (spread["spread"] > 0).all()


def test_errors_are_one_line_and_exit_status_2(tmp_path: Path) -> None:
    config = write_config(tmp_path / "tiny.yaml", optimizer__length=2)
    assert train(config, tmp_path / "run").returncode == 0
    other = write_config(
        tmp_path / "other.yaml", optimizer__length=2, run__init_from=str(tmp_path / "run" / "none.npz")
    )
    wrong_size = write_config(tmp_path / "size.yaml", optimizer__length=2, input_size=[32, 32])
    unseen = write_config(
        tmp_path / "unseen.yaml",
        data__validation={"kind": "annotated", "options": {"folder": str(tmp_path / "nothing")}},
    )
    for path, run, message in (
        (other, "new", "there is no such checkpoint"),
        (wrong_size, "run", "holds a training with another input_size"),
        (unseen, "new", "nothing: no such folder"),
        (config, "tiny.yaml", "tiny.yaml: cannot write there"),
    ):
        done = train(path, tmp_path / run)
        assert done.returncode == 2
        errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
        assert len(errors) == 1 and message in errors[0] and "Traceback" not in done.stderr
    assert not (tmp_path / "new").exists()


def test_ctrl_c_ends_in_one_line(tmp_path: Path) -> None:
    config = write_config(tmp_path / "tiny.yaml", data__workers=1, optimizer__length=100000)
    process = subprocess.Popen(
        train_command(config, tmp_path / "run"), env=environment(), cwd=ROOT,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=hear,
    )  # fmt: skip
    while len(rows(tmp_path / "run" / "training.csv")) < 3 and process.poll() is None:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "interrupted; the same command goes on" in said and "Traceback" not in said
