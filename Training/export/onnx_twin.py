"""The ONNX twin of an exported network: its graph, with the kernels left where the SavedModel has them.

A model's weights are thus there once. A kernel's step and the normalization that the converter folds into it are a
factor for each of its outputs; the twin keeps these factors and multiplies when it is loaded, once, since ONNX Runtime
folds constants.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from Training.export.any_size import free_of_size
from Training.export.needed import keep_needed
from Training.export.weight_storage import Packed

FloatArray = NDArray[np.float32]

OPSET = 17

SMALLEST_SHARED = 512
"""Constants with fewer values stay in the graph."""

_TOLERANCE = 1e-5
"""Greatest difference of a kernel from a multiple of a stored one, against its greatest value."""


def write_onnx(
    function: Any,
    shapes: Sequence[tuple[int, ...]],
    packed: Packed,
    path: Path,
    weights: Path,
    size: tuple[int, int] | None = None,
) -> None:
    """Writes the graph of a function; its kernels are read from the weights file of the SavedModel beside it.

    Args:
        function: see `model_folder.serving_function`; its weights are constants, kernels as `stored` has them.
        shapes: of its network's weights, in their order.
        packed: the weights as the SavedModel has them.
        path: the file to write.
        weights: the SavedModel's weights file, in the same folder or below.
        size: (height, width) of the function's input, of which the graph shall be free; None: it stays as it is.
    """
    import onnx
    import tf2onnx

    model, _ = tf2onnx.convert.from_function(function, input_signature=function.input_signature, opset=OPSET)
    _rename_outputs(model.graph, sorted(function.get_concrete_function().structured_outputs))
    double_in_one(model.graph)
    softmax_over_last(model.graph)
    if size is not None:
        free_of_size(model.graph, size)
    start = weights.read_bytes().index(packed.codes.tobytes())
    _share_kernels(model.graph, _placed(packed.codes, shapes, start), weights.relative_to(path.parent).as_posix())
    onnx.save(model, str(path))


def double_in_one(graph: Any) -> None:
    """Replaces what the converter makes of `Training.network.bodies.Double`, slices and sums, by one node each.

    The maps of the network of bodies, whose size is known only when it runs, are doubled in a fraction of the time.
    """
    from onnx import helper, numpy_helper

    made = {value: node for node in graph.node for value in node.output}
    inputs = {node.name.removesuffix("/strided_slice_6"): node.input[0] for node in graph.node}
    nodes: list[Any] = []

    def is_double(value: str) -> bool:
        return value in made and made[value].name.endswith("/Reshape_1") and _layer(made[value]) in inputs

    def double(value: str, output: str) -> None:
        """Nodes that make, channels first, what a layer makes with channels last; layers may follow each other."""
        given = inputs[_layer(made[value])]
        if is_double(given):
            double(given, f"{given}_double")
            given = f"{given}_double"
        mode = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
        nodes.append(helper.make_node("Resize", [given, "", "double"], [output], f"{output}_resize", **mode))

    for node in graph.node:
        if node.op_type == "Transpose" and is_double(node.input[0]):
            double(node.input[0], node.output[0])
        else:
            nodes.append(node)
    graph.initializer.append(numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "double"))
    keep_needed(graph, nodes)


def softmax_over_last(graph: Any) -> None:
    """Turns channels last before a softmax over them, not after it: values side by side take a fifth of the time."""
    from onnx import helper

    for node in graph.node:
        if node.op_type != "Softmax" or node.attribute[0].i != 1:
            continue
        after = [one for one in graph.node if node.output[0] in one.input]
        if len(after) != 1 or after[0].op_type != "Transpose" or list(after[0].attribute[0].ints) != [0, 2, 3, 1]:
            continue
        given, between, output = node.input[0], node.output[0], after[0].output[0]
        node.CopyFrom(helper.make_node("Transpose", [given], [between], after[0].name, perm=[0, 2, 3, 1]))
        after[0].CopyFrom(helper.make_node("Softmax", [between], [output], f"{output}_softmax", axis=-1))


def _layer(node: Any) -> str:
    """The layer of the last node of a doubling."""
    return str(node.name.removesuffix("/Reshape_1"))


@dataclass(frozen=True)
class _StoredKernel:
    codes: NDArray[np.int8]
    """(height, width, inputs, outputs)."""
    offset: int
    """Of its first byte in the weights file."""


def _placed(codes: NDArray[np.int8], shapes: Sequence[tuple[int, ...]], start: int) -> list[_StoredKernel]:
    out, at = [], 0
    for shape in shapes:
        if len(shape) > 1:
            size = math.prod(shape)
            out.append(_StoredKernel(codes[at : at + size].reshape(shape), start + at))
            at += size
    return out


def _share_kernels(graph: Any, kernels: Sequence[_StoredKernel], location: str) -> None:
    """Replaces every large kernel by a stored one, read from outside, transposed and multiplied."""
    from onnx import TensorProto, helper, numpy_helper

    made, nodes = [], []
    for constant in list(graph.initializer):
        values = numpy_helper.to_array(constant)
        if values.dtype != np.float32 or values.ndim != 4 or values.size < SMALLEST_SHARED:
            continue
        found = _stored_multiple(values, kernels)
        if found is None:
            continue
        kernel, factors = found
        name = constant.name
        outside = TensorProto(
            name=f"{name}_stored",
            dims=kernel.codes.shape,
            data_type=TensorProto.INT8,
            data_location=TensorProto.EXTERNAL,
        )
        place = {"location": location, "offset": str(kernel.offset), "length": str(kernel.codes.size)}
        for key, value in place.items():
            outside.external_data.add(key=key, value=value)
        made += [outside, numpy_helper.from_array(factors.reshape(-1, 1, 1, 1), f"{name}_factors")]
        nodes += [
            helper.make_node("Cast", [f"{name}_stored"], [f"{name}_float"], to=TensorProto.FLOAT),
            helper.make_node("Transpose", [f"{name}_float"], [f"{name}_turned"], perm=[3, 2, 0, 1]),
            helper.make_node("Mul", [f"{name}_turned", f"{name}_factors"], [name]),
        ]
        graph.initializer.remove(constant)
    nodes += list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.extend(made)


def _stored_multiple(values: FloatArray, kernels: Sequence[_StoredKernel]) -> tuple[_StoredKernel, FloatArray] | None:
    """The kernel of which `values` (outputs, inputs, height, width) is a multiple, and the factor of each output; None
    when there is none."""
    for kernel in kernels:
        if kernel.codes.ndim != 4:
            continue
        turned = kernel.codes.astype(np.float32).transpose(3, 2, 0, 1)
        if turned.shape != values.shape:
            continue
        squares = np.maximum((turned**2).sum(axis=(1, 2, 3)), np.finfo(np.float32).tiny)
        factors = np.asarray((turned * values).sum(axis=(1, 2, 3)) / squares, np.float32)
        difference = np.abs(turned * factors[:, None, None, None] - values).max()
        if difference <= _TOLERANCE * np.abs(values).max():
            return kernel, factors
    return None


def _rename_outputs(graph: Any, names: Sequence[str]) -> None:
    """The converter may name outputs after graph nodes; they are in the order of the signature's sorted names."""
    for output, wanted in zip(graph.output, names, strict=True):
        if output.name == wanted:
            continue
        for node in graph.node:
            node.output[:] = [wanted if value == output.name else value for value in node.output]
            node.input[:] = [wanted if value == output.name else value for value in node.input]
        output.name = wanted
