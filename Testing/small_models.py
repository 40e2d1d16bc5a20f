"""A real, small network for tests that need many detections and no good ones."""

import hashlib
import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from SpineAlignmentLib.film.preprocessing import fit_film, network_input
from SpineAlignmentLib.measurement.landmarks import INDEX, NAMES
from Testing.host import subject

INPUT_SIZE: Final[tuple[int, int]] = (216, 120)
CELLS: Final[tuple[int, int]] = (216, 120)
"""Rows and columns of its heatmaps."""


def write(folder: Path) -> Path:
    """An ensemble of one: the upright spine, moved and sized to where the input is bright; FH_2 is unsure."""
    import onnx

    place = folder / "centroid"
    place.mkdir(parents=True)
    onnx.save(centroid_network(), place / "model.onnx")
    about = {
        "name": "centroid",
        "input_size": list(INPUT_SIZE),
        "landmarks": list(NAMES),
        "checksums": {"model.onnx": hashlib.sha256((place / "model.onnx").read_bytes()).hexdigest()},
    }
    (place / "model.json").write_text(json.dumps(about))
    (folder / "ensemble.json").write_text(json.dumps({"models": ["centroid"]}))
    return folder


def centroid_network() -> Any:
    """An ONNX graph with the signature of the shipped models."""
    from onnx import TensorProto, helper, numpy_helper

    frame = fit_film(subject.SIZE_PX, subject.SPACING_MM, "left", INPUT_SIZE)
    height, width = INPUT_SIZE
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32)[None]
    bright = np.maximum(network_input(subject.film_pixels(), frame), 0)[None, ..., None]
    center = (bright * grid).sum(axis=(1, 2)) / bright.sum(axis=(1, 2))
    reach = np.sqrt((bright * (grid - center) ** 2).sum() / bright.sum())
    shape = ((frame.to_network(subject.upright_px()) - center) / reach).astype(np.float32)[None]
    spread = np.full((1, len(NAMES)), 0.5, np.float32)
    spread[0, INDEX["FH_2"]] = 2.4
    constants = {"grid": grid, "shape": shape, "spread0": spread, "axes": np.array([1, 2]), "one": np.array([1])}
    constants["all"] = np.array([1, 2, 3])
    nodes = [
        helper.make_node("Relu", ["films"], ["bright"]),
        helper.make_node("Mul", ["bright", "grid"], ["weighted"]),
        helper.make_node("ReduceSum", ["weighted", "axes"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["bright", "axes"], ["total"], keepdims=0),
        helper.make_node("Div", ["sum", "total"], ["center"]),
        helper.make_node("Unsqueeze", ["center", "one"], ["centers"]),
        helper.make_node("Unsqueeze", ["center", "axes"], ["middle"]),
        helper.make_node("Sub", ["grid", "middle"], ["off"]),
        helper.make_node("Mul", ["off", "off"], ["off_square"]),
        helper.make_node("Mul", ["off_square", "bright"], ["moment"]),
        helper.make_node("ReduceSum", ["moment", "all"], ["moments"], keepdims=1),
        helper.make_node("Unsqueeze", ["total", "one"], ["totals"]),
        helper.make_node("Squeeze", ["moments", "one"], ["moments_flat"]),
        helper.make_node("Div", ["moments_flat", "totals"], ["reach_square"]),
        helper.make_node("Sqrt", ["reach_square"], ["reach"]),
        helper.make_node("Mul", ["reach", "shape"], ["sized"]),
        helper.make_node("Add", ["centers", "sized"], ["coordinates"]),
        helper.make_node("Mul", ["total", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "spread0"], ["spread"]),
    ]
    constants["zero"] = np.array(0, np.float32)
    nodes += _heatmap_nodes()
    constants |= _heatmap_constants()
    graph = helper.make_graph(
        nodes,
        "centroid",
        [helper.make_tensor_value_info("films", TensorProto.FLOAT, ["n", height, width, 1])],
        [
            helper.make_tensor_value_info("coordinates", TensorProto.FLOAT, ["n", len(NAMES), 2]),
            helper.make_tensor_value_info("spread", TensorProto.FLOAT, ["n", len(NAMES)]),
            helper.make_tensor_value_info("heatmaps", TensorProto.FLOAT, ["n", *CELLS, len(NAMES)]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def _heatmap_nodes() -> list[Any]:
    """Gaussians at the coordinates, as wide as the spread, of sum 1."""
    from onnx import helper

    node = helper.make_node
    return [
        node("Gather", ["coordinates", "first"], ["x"], axis=2),
        node("Gather", ["coordinates", "second"], ["y"], axis=2),
        *(node("Unsqueeze", [name, "axes"], [f"{name}_wide"]) for name in ("x", "y", "spread")),
        *(node("Sub", [f"cell_{name}", f"{name}_wide"], [f"off_{name}"]) for name in ("x", "y")),
        *(node("Mul", [f"off_{name}", f"off_{name}"], [f"square_{name}"]) for name in ("x", "y")),
        node("Add", ["square_x", "square_y"], ["square"]),
        node("Mul", ["spread_wide", "spread_wide"], ["variance"]),
        node("Div", ["square", "variance"], ["relative"]),
        node("Mul", ["relative", "half"], ["exponent"]),
        node("Exp", ["exponent"], ["splotch"]),
        node("ReduceSum", ["splotch", "axes"], ["whole"], keepdims=1),
        node("Div", ["splotch", "whole"], ["heatmaps"]),
    ]


def _heatmap_constants() -> dict[str, Any]:
    (height, width), (rows, columns) = INPUT_SIZE, CELLS
    x, y = (
        ((np.arange(n) + 0.5) * size / n - 0.5).astype(np.float32) for n, size in ((columns, width), (rows, height))
    )
    return {
        "cell_x": x[None, None, :, None],
        "cell_y": y[None, :, None, None],
        "first": np.array(0),
        "second": np.array(1),
        "half": np.array(-0.5, np.float32),
    }
