"""The same training on the JAX backend: same losses, and its weights export like any other."""

import csv
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from SpineAlignmentLib.detection.engines import load_network
from SpineAlignmentLib.detection.models import read_model
from Testing.training.tiny import train, write_config
from Training.export.model_folder import export_run

pytestmark = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is an extra")


def losses(run: Path) -> NDArray[np.float64]:
    with (run / "training.csv").open(newline="") as file:
        return np.array([float(row["loss"]) for row in csv.DictReader(file)])


def test_jax_trains_the_same_network_and_exports(tmp_path: Path) -> None:
    start = tmp_path / "start"
    assert train(write_config(tmp_path / "start.yaml", optimizer__length=1), start).returncode == 0
    config = write_config(
        tmp_path / "tiny.yaml", optimizer__length=4, run__init_from=str(start), run__deterministic=False
    )
    for backend in ("tensorflow", "jax"):
        done = train(config, tmp_path / backend, KERAS_BACKEND=backend)
        assert done.returncode == 0, done.stderr[-3000:]
    np.testing.assert_allclose(losses(tmp_path / "jax"), losses(tmp_path / "tensorflow"), rtol=5e-3)
    model = read_model(export_run(tmp_path / "jax", tmp_path / "models"))
    answer = load_network(model, "onnx")(np.zeros((1, 64, 32), np.float32))
    assert np.isfinite(answer.points).all() and np.isfinite(answer.spread).all()
