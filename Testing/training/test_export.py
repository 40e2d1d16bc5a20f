"""What ships is what was trained: SavedModel and ONNX twin give the network's own outputs."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from SpineAlignmentLib.detection.close_ups import REGIONS
from SpineAlignmentLib.detection.engines import load_answers, load_network
from SpineAlignmentLib.detection.models import WEIGHTS_FILE, read_close_ups, read_closest_model, read_ensemble
from SpineAlignmentLib.errors import ModelError
from Testing.training.random_run import random_run
from Testing.training.tiny import tiny_config
from Training.config import ConfigError, config_from_dict, save_config
from Training.export.__main__ import main
from Training.export.model_folder import export_again, export_run, update_ensemble
from Training.export.weight_storage import stored
from Training.network.bodies import build_bodies_network, probabilities
from Training.network.pyramid import build_network
from Training.run import checkpoint


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with random weights, moving statistics included, and a fine level."""
    run = tmp_path_factory.mktemp("run")
    values = tiny_config(input_size=[128, 64], network__fine_blocks=1, network__residual_blocks=7)
    config = config_from_dict(values, "tiny")
    network = build_network(config.network, config.input_size)
    rng = np.random.default_rng(4)
    for variable in network.weights:
        random = (
            rng.uniform(0.5, 2, variable.shape) if "variance" in variable.path else rng.normal(0, 0.4, variable.shape)
        )
        variable.assign(random)
    save_config(config, run / "config.yaml")
    checkpoint.save(run / "best.npz", checkpoint.network_arrays(network), {"step": 12, "metrics": {"mean_px": 3.0}})
    return run


def test_engines_give_the_networks_outputs(trained: Path, tmp_path: Path) -> None:
    assert main(["--run", str(trained), "--output", str(tmp_path), "--ensemble"]) == 0
    (model,) = read_ensemble(tmp_path)
    assert model.input_size == (128, 64) and model.name == "tiny"
    films = np.random.default_rng(5).normal(0, 0.3, (3, 128, 64)).astype(np.float32)
    config = config_from_dict(
        tiny_config(input_size=[128, 64], network__fine_blocks=1, network__residual_blocks=7), "tiny"
    )
    network = build_network(config.network, config.input_size)
    arrays, _ = checkpoint.load(trained / "best.npz")
    checkpoint.restore_network(network, {name: stored(value) for name, value in arrays.items()}, trained)
    expected = network(films[..., None], training=False)
    assert np.ptp(np.asarray(expected["coordinates"]), axis=(0, 1)).min() > 5, (
        "random weights must tell landmarks apart"
    )
    for engine in ("tensorflow", "onnx"):
        answer = load_network(model, engine)(films)
        np.testing.assert_allclose(answer.points, np.asarray(expected["coordinates"]), atol=2e-3)
        np.testing.assert_allclose(answer.spread, np.asarray(expected["spread"]), atol=2e-3)
        np.testing.assert_allclose(answer.heatmaps, np.asarray(expected["heatmaps"]), atol=1e-5)


def test_two_runs_of_one_name_are_refused(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of one configuration trained twice the second model would replace the first, and count twice."""
    again = shutil.copytree(trained, tmp_path / "again")
    output = tmp_path / "models"
    assert main(["--run", str(trained), "--run", str(again), "--output", str(output), "--ensemble"]) == 2
    assert f"{trained} and {again} are both called tiny" in capsys.readouterr().err and not output.exists()


@pytest.mark.parametrize("size", [(128, 32), (192, 64), (64, 96), (160, 128)])
def test_a_network_of_the_whole_film_takes_films_of_any_size(
    trained: Path, tmp_path: Path, size: tuple[int, int]
) -> None:
    (model,) = read_ensemble(export_run(trained, tmp_path))
    films = np.random.default_rng(8).normal(0, 0.3, (2, *size)).astype(np.float32)
    config = config_from_dict(model.about["training"]["config"], "tiny")
    network = build_network(config.network, size)
    arrays, _ = checkpoint.load(trained / "best.npz")
    checkpoint.restore_network(network, {name: stored(value) for name, value in arrays.items()}, trained)
    expected = network(films[..., None], training=False)
    for engine in ("tensorflow", "onnx"):
        loaded = load_network(model, engine)
        assert loaded.any_size
        answer = loaded(films)
        np.testing.assert_allclose(answer.points, np.asarray(expected["coordinates"]), atol=2e-3)
        np.testing.assert_allclose(answer.spread, np.asarray(expected["spread"]), atol=2e-3)
        np.testing.assert_allclose(answer.heatmaps, np.asarray(expected["heatmaps"]), atol=1e-5)


def test_nodes_of_a_graph_note_no_shapes(trained: Path, tmp_path: Path) -> None:
    from tensorflow.core.protobuf import saved_model_pb2

    folder = export_run(trained, tmp_path)
    graph = saved_model_pb2.SavedModel.FromString((folder / "saved_model" / "saved_model.pb").read_bytes())
    functions = graph.meta_graphs[0].graph_def.library.function
    nodes = [node for function in functions for node in function.node_def]
    assert len(nodes) > 100 and not any("_output_shapes" in node.attr for node in nodes)


def test_a_close_up_answers_with_its_own_landmarks(tmp_path: Path) -> None:
    region = REGIONS["pelvis"]
    config = config_from_dict(tiny_config(name="part", region="pelvis", input_size=list(region.input_size)), "tiny")
    network = build_network(config.network, config.input_size)
    rng = np.random.default_rng(6)
    for variable in network.trainable_variables:
        variable.assign(rng.normal(0, 0.4, variable.shape))
    run = tmp_path / "run"
    run.mkdir()
    save_config(config, run / "config.yaml")
    arrays = {name: stored(value) for name, value in checkpoint.network_arrays(network).items()}
    checkpoint.save(run / "best.npz", arrays, {"step": 1, "metrics": {}})
    checkpoint.restore_network(network, arrays, run)
    (tmp_path / "ensemble.json").write_text('{"models": ["whole"]}')
    assert main(["--run", str(run), "--output", str(tmp_path), "--ensemble"]) == 0
    assert json.loads((tmp_path / "ensemble.json").read_text()) == {"models": ["whole"], "close_ups": ["part"]}
    (model,) = read_close_ups(tmp_path)
    assert model.region == region and model.landmarks == region.landmarks
    films = rng.normal(0, 0.3, (2, *region.input_size)).astype(np.float32)
    expected = network(films[..., None], training=False)
    for engine in ("tensorflow", "onnx"):
        loaded = load_network(model, engine)
        assert not loaded.any_size
        answer = loaded(films)
        np.testing.assert_allclose(answer.points, np.asarray(expected["coordinates"])[:, region.rows], atol=5e-3)
        np.testing.assert_allclose(answer.spread, np.asarray(expected["spread"])[:, region.rows], atol=5e-3)
        np.testing.assert_allclose(answer.heatmaps, np.asarray(expected["heatmaps"])[..., region.rows], atol=1e-5)


def test_exported_again_it_keeps_weights_and_answers(trained: Path, tmp_path: Path) -> None:
    (model,) = read_ensemble(export_run(trained, tmp_path))
    films = np.random.default_rng(7).normal(0, 0.3, (1, 128, 64)).astype(np.float32)
    before, weights = load_network(model, "onnx")(films), (model.folder / WEIGHTS_FILE).read_bytes()
    (again,) = read_ensemble(export_again(model))
    assert (again.folder / WEIGHTS_FILE).read_bytes() == weights
    assert {**again.about, "checksums": {}} == {**model.about, "checksums": {}}
    np.testing.assert_allclose(load_network(again, "onnx")(films).points, before.points, atol=1e-4)


def test_kernels_take_a_byte_for_each_value_once(trained: Path, tmp_path: Path) -> None:
    folder = export_run(trained, tmp_path)
    arrays, _ = checkpoint.load(trained / "best.npz")
    kernels = sum(value.size for value in arrays.values() if value.ndim > 1)
    graph = onnx.load(folder / "model.onnx", load_external_data=False).graph
    inside = [c for c in graph.initializer if c.data_location != onnx.TensorProto.EXTERNAL]
    assert sum(len(c.raw_data) for c in inside) < 0.5 * kernels, "the twin reads its kernels from the SavedModel"
    assert (folder / WEIGHTS_FILE).stat().st_size < 1.5 * kernels


def test_description_and_checksums(trained: Path, tmp_path: Path) -> None:
    folder = export_run(trained, tmp_path)
    about = json.loads((folder / "model.json").read_text())
    assert about["training"]["steps"] == 12 and about["metrics"] == {"mean_px": 3.0} and len(about["landmarks"]) == 45
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {"model.json"}
    assert set(about["checksums"]) == files
    assert str(tmp_path) not in (folder / "model.json").read_text()
    (folder / "model.onnx").write_bytes(b"altered")
    (model,) = read_ensemble(folder)
    with pytest.raises(ModelError, match=r"model\.onnx.*altered"):
        load_network(model, "onnx")
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_the_twin_refuses_altered_weights_of_the_saved_model(trained: Path, tmp_path: Path) -> None:
    (model,) = read_ensemble(export_run(trained, tmp_path))
    weights = model.folder / WEIGHTS_FILE
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    with pytest.raises(ModelError, match=r"variables\.data.*altered"):
        load_network(model, "onnx")


def test_nothing_to_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--run", str(tmp_path / "none"), "--output", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(ConfigError, match="export it first"):
        update_ensemble(tmp_path, ["missing"])


def test_nowhere_to_export(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["--run", str(trained), "--output", str(tmp_path / "file")]) == 2
    assert "file: cannot write there" in capsys.readouterr().err


def test_the_network_of_bodies_answers_with_maps_of_films_of_any_size(tmp_path: Path) -> None:
    config = config_from_dict(tiny_config(name="parts", task="bodies"), "tiny")
    network = build_bodies_network(config.network, (None, None))
    rng = np.random.default_rng(8)
    run = tmp_path / "run"
    random_run(run, config, network, rng, 0.2)
    assert read_closest_model("bodies", tmp_path) is None
    assert main(["--run", str(run), "--output", str(tmp_path), "--ensemble"]) == 0
    model = read_closest_model("bodies", tmp_path)
    assert model is not None and model.landmarks == ()
    for size in ((64, 96), (128, 32)):
        films = rng.normal(0, 0.3, (2, *size)).astype(np.float32)
        expected = probabilities(network(films[..., None], training=False))
        for engine in ("tensorflow", "onnx"):
            found = load_answers(model, engine)(films)
            assert set(found) == set(expected)
            for name, values in expected.items():
                np.testing.assert_allclose(found[name], np.asarray(values), atol=2e-3, rtol=1e-4)
