"""Fixtures of the module's tests: the stand-in host, a film in its scene, and a small real network."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

slicer = pytest.importorskip("slicer", reason="the MRML rooms need slicer-core")
pytest.importorskip("PySide6", reason="the stand-in host needs PySide6-Essentials")

from SpineAlignmentLib.measurement.landmarks import INDEX, NAMES  # noqa: E402
from Testing.host import application, subject  # noqa: E402
from Testing.host.films import add_film  # noqa: E402
from Testing.module.window import wait_until  # noqa: E402

INPUT_SIZE = (216, 120)


@pytest.fixture(scope="session")
def qt_application():
    return application.install()


@pytest.fixture(scope="session")
def _host(qt_application) -> Iterator[application.Host]:
    host = application.Host()
    # the view is rendered in software: a small one is fast
    host.resize(960, 640)
    host.show()
    yield host
    host.finish()


@pytest.fixture
def host(_host) -> Iterator[application.Host]:
    """The host with an empty scene; its module is not open yet."""
    yield _host
    _host.close_module()
    slicer.mrmlScene.Clear()


@pytest.fixture
def scene(host):
    return slicer.mrmlScene


@pytest.fixture
def film(scene):
    """A film that shows where the spine is, facing left, with a spacing."""
    return add_film(scene, subject.film_pixels(), subject.SPACING_MM)


@pytest.fixture
def spine(scene):
    from SpineAlignmentLib.mrml.spine_scene import SpineScene

    spine = SpineScene.of(scene)
    yield spine
    spine.release()


@pytest.fixture
def alignment(spine, film):
    """A film with all of its landmarks in place."""
    alignment = spine.create(film)
    alignment.set_anterior("left")
    alignment.set_points(subject.upright_px())
    return alignment


@pytest.fixture
def module(host, film):
    """The module's widget, open on the film."""
    return host.open_module()


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real, small network: the upright spine, moved to where the input is bright; FH_2 is unsure."""
    onnx = pytest.importorskip("onnx")
    folder = tmp_path_factory.mktemp("models") / "centroid"
    folder.mkdir()
    onnx.save(centroid_network(), folder / "model.onnx")
    digest = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    about = {
        "name": "centroid",
        "input_size": list(INPUT_SIZE),
        "landmarks": list(NAMES),
        "checksums": {"model.onnx": digest},
    }
    (folder / "model.json").write_text(json.dumps(about))
    (folder.parent / "ensemble.json").write_text(json.dumps({"models": ["centroid"]}))
    return folder.parent


@pytest.fixture
def detected(module, models, film):
    """The module after a click on Detect landmarks, with a real child process and network."""
    module.logic.models = models
    # the small network sees the same spine either way
    module.logic.alignment(film).set_anterior("left")
    module.ui.detectButton.click()
    wait_until(lambda: not module.logic.queue.busy)
    return module


def centroid_network():
    """An ONNX graph with the signature of the shipped models."""
    from onnx import TensorProto, helper, numpy_helper

    from SpineAlignmentLib.film.preprocessing import fit_film, network_input

    frame = fit_film(subject.SIZE_PX, subject.SPACING_MM, "left", INPUT_SIZE)
    height, width = INPUT_SIZE
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32)[None]
    bright = np.maximum(network_input(subject.film_pixels(), frame), 0)[None, ..., None]
    center = (bright * grid).sum(axis=(1, 2)) / bright.sum(axis=(1, 2))
    shape = (frame.to_network(subject.upright_px()) - center).astype(np.float32)[None]
    spread = np.full((1, len(NAMES)), 0.5, np.float32)
    spread[0, INDEX["FH_2"]] = 30.0
    constants = {"grid": grid, "shape": shape, "spread0": spread, "axes": np.array([1, 2]), "one": np.array([1])}
    nodes = [
        helper.make_node("Relu", ["films"], ["bright"]),
        helper.make_node("Mul", ["bright", "grid"], ["weighted"]),
        helper.make_node("ReduceSum", ["weighted", "axes"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["bright", "axes"], ["total"], keepdims=0),
        helper.make_node("Div", ["sum", "total"], ["center"]),
        helper.make_node("Unsqueeze", ["center", "one"], ["centers"]),
        helper.make_node("Add", ["centers", "shape"], ["coordinates"]),
        helper.make_node("Mul", ["total", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "spread0"], ["spread"]),
    ]
    constants["zero"] = np.array(0, np.float32)
    graph = helper.make_graph(
        nodes,
        "centroid",
        [helper.make_tensor_value_info("films", TensorProto.FLOAT, ["n", height, width, 1])],
        [
            helper.make_tensor_value_info("coordinates", TensorProto.FLOAT, ["n", len(NAMES), 2]),
            helper.make_tensor_value_info("spread", TensorProto.FLOAT, ["n", len(NAMES)]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
