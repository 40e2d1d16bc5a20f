"""Two ranks under the real horovodrun: equal variables everywhere, and the loss curve of one rank."""

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from Testing.training.tiny import BLOBS, ROOT, environment, write_config

pytestmark = pytest.mark.skipif(
    shutil.which("horovodrun", path=str(Path(sys.executable).parent)) is None, reason="Horovod is an extra"
)


def run_ranks(count: int, config: Path, folder: Path) -> None:
    program = [sys.executable, "-m", "Testing.training.rank_program", str(config), str(folder)]
    start = [str(Path(sys.executable).parent / "horovodrun"), "-np", str(count), "--gloo"] if count > 1 else []
    done = subprocess.run([*start, *program], env=environment(), cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]


def losses(folder: Path) -> NDArray[np.float64]:
    with (folder / "training.csv").open(newline="") as file:
        return np.array([float(row["loss"]) for row in csv.DictReader(file)])


def test_two_ranks_train_like_one(tmp_path: Path) -> None:
    # Every film carries all landmarks, so that the mean over ranks is the mean over the batch.
    films = {"kind": BLOBS, "options": {"count": 10, "missing": 0.0}}
    changes = {"data__training": films, "data__validation": films, "optimizer__learning_rate": 0.01}
    config = write_config(tmp_path / "tiny.yaml", **changes)
    for count in (1, 2):
        run_ranks(count, config, tmp_path / str(count))
    first, second = (np.load(tmp_path / "2" / f"rank_{rank}_of_2.npz") for rank in (0, 1))
    for name in first.files:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)
    one, two = losses(tmp_path / "1"), losses(tmp_path / "2")
    assert len(one) == len(two) == 12
    np.testing.assert_allclose(two[:3], one[:3], rtol=1e-4)
    np.testing.assert_allclose(two, one, rtol=0.03)
    assert one[-1] < one[0]
