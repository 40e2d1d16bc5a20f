"""A converted network of one size made to take films of any: what the converter wrote down as numbers is worked out.

A graph that is converted without a size is a twelfth slower: every crop becomes a dozen nodes.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from Training.export.needed import keep_needed

_STEPS = (1, 2, 4, 8, 16, 32, 64)
_ALL = np.iinfo(np.int32).max
"""The end of a slice that leaves nothing out, as the converter writes it."""


def free_of_size(graph: Any, size: tuple[int, int]) -> None:
    """Frees a graph of the size of its input, (height, width) in pixels, of which its maps are 1, 1/2, 1/4 and so on.

    Raises:
        ValueError: its heatmaps' positions are not where cells of that input lie.
    """
    from onnx import numpy_helper

    for dimension, name in zip(graph.input[0].type.tensor_type.shape.dim[1:3], ("height", "width"), strict=True):
        dimension.dim_param = name
    for output in graph.output:
        if output.name == "heatmaps":
            for dimension, name in zip(output.type.tensor_type.shape.dim[1:3], ("rows", "columns"), strict=True):
                dimension.dim_param = name
    sizes = _Sizes(graph, size)
    before, after = np.array([-1, 1]), np.array([_ALL])
    values = {constant.name: numpy_helper.to_array(constant) for constant in graph.initializer}
    for node in graph.node:
        known = [values.get(name) for name in node.input]
        if node.op_type == "Reshape" and known[1] is not None and (step := sizes.step(known[1][2:])):
            node.input[1] = sizes.around(before, step, np.array([], int))
        if node.op_type == "Slice" and known[2] is not None and (step := sizes.step(known[2][1:3])):
            node.input[2] = sizes.around(after, step, after)
    for name, axis, step in _positions(values, size):
        sizes.positions(axis, step, name)
        graph.initializer.remove(next(constant for constant in graph.initializer if constant.name == name))
    keep_needed(graph, [*sizes.nodes, *graph.node])


def _positions(values: dict[str, Any], size: tuple[int, int]) -> Iterator[tuple[str, int, int]]:
    """Constants that say where cells lie, see `Training.network.dsnt.cell_positions`: name, axis, pixels of a cell."""
    for name, known in values.items():
        if known.dtype != np.float32 or known.ndim != 3 or known.shape[::2] != (1, 1) or known.shape[1] == 1:
            continue
        for axis in (0, 1):
            step, rest = divmod(size[axis], known.shape[1])
            expected = (np.arange(known.shape[1]) + 0.5) * step - 0.5
            if not rest and np.allclose(known.ravel(), expected, atol=1e-3):
                yield name, axis, step
                break
        else:
            raise ValueError(f"{name}: not where the cells of an input of {size} lie")


class _Sizes:
    """Nodes that work out the size of maps from that of the films."""

    def __init__(self, graph: Any, size: tuple[int, int]) -> None:
        from onnx import helper

        self.nodes: list[Any] = []
        self._graph, self._size = graph, size
        self._made: set[str] = set()
        one, three = self._constant([1], "one"), self._constant([3], "three")
        self.nodes.append(helper.make_node("Shape", [graph.input[0].name], ["films_shape"]))
        self.nodes.append(helper.make_node("Slice", ["films_shape", one, three], ["size_1"]))
        self._made.add("size_1")

    def step(self, shape: Any) -> int:
        """Which part of the input maps of a shape are, as its denominator; 0: none."""
        parts = [[-(-side // step) for side in self._size] for step in _STEPS]
        return _STEPS[parts.index(list(shape))] if list(shape) in parts else 0

    def around(self, before: Any, step: int, after: Any) -> str:
        """(..., height, width, ...) of such maps between constants."""
        from onnx import helper

        name = f"size_{step}_of_{len(before)}_{len(after)}"
        if name not in self._made:
            self._made.add(name)
            parts = [self._constant(before, f"{name}_before"), self._maps(step), self._constant(after, f"{name}_after")]
            self.nodes.append(helper.make_node("Concat", parts, [name], axis=0))
        return name

    def positions(self, axis: int, step: int, name: str) -> None:
        """(1, cells, 1) where cells along an axis lie."""
        from onnx import TensorProto, helper

        place, zero, one = (
            self._constant(n, f"{name}_{word}") for n, word in ((axis, "axis"), (0, "zero"), (1, "one"))
        )
        shape = self._constant([1, -1, 1], f"{name}_shape")
        parts = [f"{name}_{part}" for part in ("count", "cells", "floats", "row", "row_middles", "row_pixels")]
        half, width = self._number(0.5, f"{name}_half"), self._number(step, f"{name}_width")
        self.nodes += [
            helper.make_node("Gather", [self._maps(step), place], [parts[0]]),
            helper.make_node("Range", [zero, parts[0], one], [parts[1]]),
            helper.make_node("Cast", [parts[1]], [parts[2]], to=TensorProto.FLOAT),
            helper.make_node("Reshape", [parts[2], shape], [parts[3]]),
            helper.make_node("Add", [parts[3], half], [parts[4]]),
            helper.make_node("Mul", [parts[4], width], [parts[5]]),
            helper.make_node("Sub", [parts[5], half], [name]),
        ]

    def _maps(self, step: int) -> str:
        """(height, width) of such maps, rounded up."""
        from onnx import helper

        name = f"size_{step}"
        if name not in self._made:
            self._made.add(name)
            rest, divisor = self._constant([step - 1], f"{name}_rest"), self._constant([step], f"{name}_step")
            self.nodes.append(helper.make_node("Add", ["size_1", rest], [f"{name}_up"]))
            self.nodes.append(helper.make_node("Div", [f"{name}_up", divisor], [name]))
        return name

    def _constant(self, values: Any, name: str) -> str:
        return self._kept(np.array(values, np.int64), name)

    def _number(self, value: float, name: str) -> str:
        return self._kept(np.array(value, np.float32), name)

    def _kept(self, values: Any, name: str) -> str:
        from onnx import numpy_helper

        self._graph.initializer.append(numpy_helper.from_array(values, name))
        return name
