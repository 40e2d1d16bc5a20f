"""The networks of single views: what they learn from, that they learn, and that both engines answer as they do."""

from pathlib import Path

import numpy as np
import pytest

from SpineAlignmentLib.detection.engines import load_answers
from SpineAlignmentLib.detection.models import read_closest_model
from SpineAlignmentLib.errors import ModelError
from Testing.training.random_run import random_run
from Testing.training.tiny import tiny_config
from Training.config import config_from_dict
from Training.export.__main__ import main
from Training.network.pyramid import build_network
from Training.run.single_view_task import SingleViewTask
from Training.run.tasks import SINGLE_VIEWS, task_of


def test_figures_leave_out_points_that_are_not_known() -> None:
    config = config_from_dict(tiny_config(task="vertebra", input_size=[96, 96]), "tiny")
    truth = np.tile(np.array([[30.0, 30], [60, 30], [30, 60], [60, 60]]), (3, 1, 1))
    predicted = {"coordinates": truth + (3.0, 4.0), "spread": np.full((3, 4), 2.0)}
    truth[0, 1] = np.nan
    figures = SingleViewTask(4).figures(predicted, truth, config)
    assert figures == pytest.approx({"mean_px": 5, "median_px": 5, "point_90_px": 5, "spread_px": 2})


@pytest.mark.parametrize("task", ["vertebra", "heads"])
def test_engines_give_the_networks_points(tmp_path: Path, task: str) -> None:
    config = config_from_dict(tiny_config(name="single", task=task, input_size=[96, 96]), "tiny")
    points = SINGLE_VIEWS[task]
    network = task_of(config).network(config, config.input_size)
    assert network.count_params() == build_network(config.network, config.input_size, points=points).count_params()
    rng = np.random.default_rng(8)
    run = tmp_path / "run"
    random_run(run, config, network, rng, 0.3)
    assert read_closest_model(task, tmp_path) is None
    assert main(["--run", str(run), "--output", str(tmp_path), "--ensemble"]) == 0
    model = read_closest_model(task, tmp_path)
    assert model is not None and model.landmarks == () and model.input_size == (96, 96)
    views = rng.normal(0, 0.3, (5, 96, 96)).astype(np.float32)
    expected = np.asarray(network(views[..., None], training=False)["coordinates"])
    assert expected.shape == (5, points, 2)
    for engine in ("tensorflow", "onnx"):
        found = load_answers(model, engine)(views)
        assert set(found) == {"coordinates", "spread"}
        np.testing.assert_allclose(found["coordinates"], expected, atol=2e-3)
    (tmp_path / "ensemble.json").write_text(f'{{"models": [], "{task}": ["single", "single"]}}')
    with pytest.raises(ModelError, match="one network of "):
        read_closest_model(task, tmp_path)
