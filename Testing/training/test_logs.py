"""What a run has logged outlives whatever ends the training."""

import csv
from pathlib import Path

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
