"""What a run has logged outlives whatever ends the training."""

import csv
import shlex
import subprocess
from pathlib import Path

from Testing.training.tiny import ROOT, environment, train_command, write_config
from Training.config import load_config
from Training.run.logs import CsvLog


def rows(path: Path) -> list[tuple[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [(row["step"], row["loss"]) for row in csv.DictReader(file)]


def test_a_training_killed_before_its_first_new_row_keeps_the_rows_before(tmp_path: Path) -> None:
    path = tmp_path / "training.csv"
    log = CsvLog(path, 0)
    for step in (1, 2, 3):
        log.write(step, {"loss": step / 2})
    log.close()
    resumed = CsvLog(path, 2)
    assert rows(path) == [("1", "0.5"), ("2", "1")]  # as a kill at this moment would leave it
    resumed.write(3, {"loss": 4.0, "new": 1.0})
    resumed.close()
    assert rows(path) == [("1", "0.5"), ("2", "1"), ("3", "4")]
    assert [file.name for file in tmp_path.iterdir()] == ["training.csv"]


def test_a_row_that_a_full_disk_cut_short_does_not_end_the_next_training(tmp_path: Path) -> None:
    path = tmp_path / "training.csv"
    path.write_text("step,loss\n1,0.5\n\0\0\0\0,\n", encoding="utf-8")
    CsvLog(path, 2).close()
    assert rows(path) == [("1", "0.5")]


def test_a_full_disk_is_one_line_and_leaves_what_was_there(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: weights no longer fit, then not even a few words."""
    config, run = write_config(tmp_path / "tiny.yaml"), tmp_path / "run"
    for blocks, until in ((120, "2"), (1, "4")):
        command = f"ulimit -f {blocks}; exec {shlex.join(train_command(config, run, '--until', until))}"
        done = subprocess.run(
            ["bash", "-c", command], env=environment(), cwd=ROOT, capture_output=True, text=True, timeout=900
        )
        said = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        assert done.returncode == 2 and len(said) == 1, done.stderr
        assert str(run) in said[0] and "cannot write" in said[0]
        assert "Traceback" not in done.stderr
        left = {path.name for path in run.iterdir()}
        assert not any("part" in name for name in left) and load_config(run / "config.yaml")
