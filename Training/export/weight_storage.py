"""How an exported model keeps its weights: kernels in seven bits of a byte, all else as it is.

Every value of a kernel is a whole multiple, from -63 to 63, of a step of its output channel (symmetric quantization by
channel: Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
CVPR 2018, eq. 1 with zero point 0). Networks still compute in float32. Landmarks move by a tenth of a millimeter
(docs/experiments.md, ninth series), and a kernel takes a quarter of the room, a fifth in a repository or an archive.
All weights lie in three variables, since every variable costs as much room in a SavedModel's graph as a small kernel.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

_GREATEST = 63

_LEAST = 1e-30
"""A kernel without greater values is 0."""


@dataclass(frozen=True)
class Packed:
    """The weights of a network, one after the other."""

    codes: NDArray[np.int8]
    """Of all kernels."""
    steps: FloatArray
    """Of all kernels' output channels."""
    others: FloatArray
    """Biases and normalization."""


def rounded(kernel: NDArray[Any]) -> tuple[NDArray[np.int8], FloatArray]:
    """Codes (..., outputs) of a kernel and the steps (outputs,) of which they are multiples."""
    greatest = np.abs(kernel).max(axis=tuple(range(kernel.ndim - 1)))
    steps = np.asarray(np.maximum(greatest, _LEAST) / _GREATEST, np.float32)
    return np.round(kernel / steps).astype(np.int8), steps


def stored(values: NDArray[Any]) -> NDArray[Any]:
    """A weight as it comes back from storage."""
    if not _is_kernel(values):
        return values
    codes, steps = rounded(values)
    return codes.astype(np.float32) * steps


def pack(weights: Sequence[NDArray[Any]]) -> Packed:
    """Weights in the network's order, for storage."""
    kernels = [rounded(values) for values in weights if _is_kernel(values)]
    others = [np.asarray(values, np.float32).ravel() for values in weights if not _is_kernel(values)]
    return Packed(
        np.concatenate([np.zeros(0, np.int8), *(codes.ravel() for codes, _ in kernels)]),
        np.concatenate([np.zeros(0, np.float32), *(steps for _, steps in kernels)]),
        np.concatenate([np.zeros(0, np.float32), *others]),
    )


def unpack(codes: Any, steps: Any, others: Any, shapes: Sequence[tuple[int, ...]]) -> list[Any]:
    """The weights again, as tensors of the backend of Keras; the first three as in `Packed`, arrays or tensors.

    Raises:
        ValueError: there are more or fewer values than weights of these shapes have.
    """
    from keras import ops

    kernels = [shape for shape in shapes if len(shape) > 1]
    stored_parts = ops.cast(codes, "float32"), steps, others
    sizes = (
        [math.prod(shape) for shape in kernels],
        [shape[-1] for shape in kernels],
        [math.prod(shape) for shape in shapes if len(shape) < 2],
    )
    if any(sum(size) != int(part.shape[0]) for size, part in zip(sizes, stored_parts, strict=True)):
        raise ValueError(f"weights of other shapes: {sum(sizes[0])} of {codes.shape[0]} values of kernels are used")
    # split at once: a graph with a slice for every weight would be twice as large
    flat, step, rest = (iter(_split(part, size)) for size, part in zip(sizes, stored_parts, strict=True))
    return [
        ops.reshape(next(flat), shape) * next(step) if len(shape) > 1 else ops.reshape(next(rest), shape)
        for shape in shapes
    ]


def _split(values: Any, sizes: Sequence[int]) -> list[Any]:
    from keras import ops

    if len(sizes) < 2:
        return [values][: len(sizes)]
    return list(ops.split(values, np.cumsum(sizes)[:-1].tolist()))


def _is_kernel(values: NDArray[Any]) -> bool:
    return values.ndim > 1
