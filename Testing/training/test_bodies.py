"""The network of bodies: its targets and losses, its reader, and films of any size."""

import numpy as np
import pytest
from keras import ops
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from SpineAlignmentLib.detection.bodies_network import STRIDE, read_maps
from SpineAlignmentLib.measurement.landmarks import VERTEBRAE
from Testing.training.tiny import tiny_config
from Training.config import ConfigError, config_from_dict
from Training.export.onnx_twin import softmax_over_last
from Training.network import bodies_losses as losses
from Training.network.bodies import Double, build_bodies_network, probabilities

ROWS, COLUMNS = 96, 40


@pytest.fixture
def truth() -> NDArray[np.float32]:
    """A column of C2 to L4 and a plate, (25, 5, 2); L5 and L6 are off the window."""
    bodies = np.full((25, 5, 2), np.nan)
    tops = 12.0 + 14.0 * np.arange(22) + np.linspace(0, 20, 22)
    for i, top in enumerate(tops):
        x = 80 + 20 * np.sin(i / 5)
        corners = np.array([[x - 9, top], [x + 9, top + 1], [x - 10, top + 12], [x + 8, top + 11]])
        bodies[i] = np.vstack([corners.mean(axis=0), corners])
    bodies[0, 1:3] = np.nan
    bodies[24, :3] = [[90, 360], [78, 355], [102, 365]]
    return bodies.astype(np.float32)


def _ideal(truth: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
    """The maps of a network that makes no mistake."""
    target = losses.targets(ops.convert_to_tensor(truth[None]), ROWS, COLUMNS)
    return {
        "heat": np.asarray(target.heat[0]),
        "points": np.asarray(target.points[0]),
        "levels": np.asarray(target.level[0]),
    }


def test_ideal_maps_are_read_back_as_the_bodies_they_were_made_of(truth: NDArray[np.float32]) -> None:
    found = read_maps(_ideal(truth))
    assert len(found.vertebrae) == 22 and len(found.plates) == 1
    for i, body in enumerate(found.vertebrae):
        np.testing.assert_allclose(body.center, truth[i, 0], atol=0.01)
        np.testing.assert_allclose(body.corners, truth[i, 1:], atol=0.01)
        assert int(body.levels.argmax()) == i and body.strength == pytest.approx(1)
    assert np.isnan(found.vertebrae[0].corners[:2]).all() and np.isfinite(found.vertebrae[1].corners).all()
    (plate,) = found.plates
    np.testing.assert_allclose(plate.corners[:2], truth[24, 1:3], atol=0.01)
    assert np.isnan(plate.corners[2:]).all()


def test_a_missing_body_leaves_no_trace(truth: NDArray[np.float32]) -> None:
    truth[5] = np.nan
    found = read_maps(_ideal(truth))
    assert len(found.vertebrae) == 21
    assert all(np.isfinite(part).all() for part in _ideal(truth).values())


def test_losses_are_least_at_the_truth_and_know_nothing_of_what_is_missing(truth: NDArray[np.float32]) -> None:
    target = losses.targets(ops.convert_to_tensor(truth[None]), ROWS, COLUMNS)
    logits = ops.where(target.heat > 0.999, 12.0, -12.0)
    right = float(losses.focal(logits, target.heat))
    shifted = float(losses.focal(ops.roll(logits, 3, axis=1), target.heat))
    assert right < 1e-3 < 1 < shifted
    assert float(losses.points_loss(target.points, target, 10.0, 2.0)) == 0
    off = target.points + ops.where(target.known > 0, 2.0, 1e6)
    assert float(losses.points_loss(off, target, 10.0, 2.0)) == pytest.approx(10 * np.log(2), rel=1e-4)
    levels = ops.where(target.level > 0, 20.0, 0.0)
    assert float(losses.levels_loss(levels, target)) < 1e-3
    nothing = losses.targets(ops.full((1, 25, 5, 2), np.nan), ROWS, COLUMNS)
    parts = [
        losses.focal(ops.full((1, ROWS, COLUMNS, 3), -12.0), nothing.heat),
        losses.points_loss(target.points, nothing, 10.0, 2.0),
        losses.levels_loss(levels, nothing),
    ]
    assert all(float(part) < 1e-2 for part in parts)


def test_weights_of_windows_serve_films_of_any_size() -> None:
    config = config_from_dict(tiny_config(task="bodies"), "tiny").network
    window, whole = build_bodies_network(config, (64, 32)), build_bodies_network(config, (None, None))
    for a, b in zip(window.weights, whole.weights, strict=True):
        assert a.path == b.path
        b.assign(a)
    films = np.random.default_rng(0).normal(0, 0.3, (2, 64, 32, 1)).astype(np.float32)
    once, again = probabilities(window(films)), probabilities(whole(films))
    for name, values in once.items():
        np.testing.assert_allclose(np.asarray(values), np.asarray(again[name]), atol=1e-5)
    larger = probabilities(whole(np.zeros((1, 128, 96, 1), np.float32)))
    assert larger["heat"].shape == (1, 128 // STRIDE, 96 // STRIDE, 3)
    assert larger["levels"].shape[-1] == len(VERTEBRAE)


def test_doubling_is_bilinear() -> None:
    x = np.random.default_rng(1).normal(size=(2, 5, 3, 4)).astype(np.float32)
    expected = ops.image.resize(x, (10, 6), interpolation="bilinear")
    np.testing.assert_allclose(np.asarray(Double()(x)), np.asarray(expected), atol=1e-6)


def test_windows_must_be_whole_in_the_coarsest_cells() -> None:
    with pytest.raises(ConfigError, match="multiples of 32"):
        config_from_dict(tiny_config(task="bodies", input_size=[72, 32]), "tiny")


def test_a_softmax_over_channels_runs_where_they_lie_side_by_side() -> None:
    maps = helper.make_tensor_value_info("maps", TensorProto.FLOAT, [1, 24, 6, 4])
    levels = helper.make_tensor_value_info("levels", TensorProto.FLOAT, [1, 6, 4, 24])
    nodes = [
        helper.make_node("Softmax", ["maps"], ["shares"], axis=1),
        helper.make_node("Transpose", ["shares"], ["levels"], perm=[0, 2, 3, 1]),
    ]
    graph = helper.make_graph(nodes, "levels", [maps], [levels])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    given = {"maps": np.random.default_rng(1).normal(size=(1, 24, 6, 4)).astype(np.float32)}
    before = ReferenceEvaluator(model).run(None, given)[0]
    softmax_over_last(model.graph)
    assert [node.op_type for node in model.graph.node] == ["Transpose", "Softmax"]
    np.testing.assert_allclose(ReferenceEvaluator(model).run(None, given)[0], before, atol=1e-6)
