"""The training loss: Wing on coordinates, Jensen-Shannon regularization of heatmaps; missing landmarks count nothing.

Wing loss: Feng et al., CVPR 2018, eq. 5. Regularization: Nibali et al. 2018, eq. 7. Both as used by Yeh et al. 2021.
Written in `keras.ops` only. Coordinates are (x, y) pixels; a landmark that a film lacks is NaN.
"""

import math
from typing import Any

from keras import ops

from Training.network.dsnt import cell_positions

Tensor = Any


def present(points: Tensor, image_size: tuple[int, int]) -> Tensor:
    """1 where a landmark is annotated and lies on the image, else 0: (N, K, 2) to float32 (N, K)."""
    x, y = points[..., 0], points[..., 1]
    height, width = image_size
    # A comparison with NaN is false, so that the missing ones drop out without a test of their own.
    inside = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    return ops.cast(inside, "float32")


def wing(error: Tensor, w: float = 10.0, epsilon: float = 2.0) -> Tensor:
    """w ln(1 + |x| / e) where |x| < w, else |x| - C with C = w - w ln(1 + w / e); any shape, pixels."""
    size = ops.abs(error)
    offset = w - w * math.log(1 + w / epsilon)
    return ops.where(size < w, w * ops.log(1 + size / epsilon), size - offset)


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of the (N, K) values whose mask is 1; 0 when there are none."""
    return ops.sum(values * mask) / ops.maximum(ops.sum(mask), 1.0)


def wing_loss(coordinates: Tensor, points: Tensor, mask: Tensor, pixel: float, w: float, epsilon: float) -> Tensor:
    """Mean Wing loss over the landmarks present, the sum over x and y.

    Args:
        coordinates: predicted, (N, K, 2), input pixels.
        points: true, (N, K, 2), input pixels; anything where `mask` is 0.
        mask: (N, K), see `present`.
        pixel: size of an input pixel in the pixels that `w` and `epsilon` are given in.
        w, epsilon: the constants of the loss, in those pixels.
    """
    safe = ops.where(mask[..., None] > 0, points, ops.stop_gradient(coordinates))
    return masked_mean(ops.sum(wing((coordinates - safe) * pixel, w, epsilon), axis=-1), mask)


def splotches(points: Tensor, shape: tuple[int, int], image_size: tuple[int, int], kind: str, width: float) -> Tensor:
    """Target heatmaps: a Gaussian or a radial exponential at each landmark, sum 1.

    Args:
        points: (N, K, 2), input pixels, finite.
        shape: (rows, columns) of the heatmaps.
        image_size: (height, width) of the input in pixels.
        kind: "gaussian": exp(-r^2 / 2 width^2); "exponential": exp(-r / width).
        width: in input pixels.

    Returns:
        (N, rows, columns, K).
    """
    x = cell_positions(shape[1], image_size[1])[None, None, :, None]
    y = cell_positions(shape[0], image_size[0])[None, :, None, None]
    square_x = ops.square((x - points[:, None, None, :, 0]) / width)
    square_y = ops.square((y - points[:, None, None, :, 1]) / width)
    if kind == "gaussian":
        weight = ops.exp(-square_x / 2) * ops.exp(-square_y / 2)
    elif kind == "exponential":
        weight = ops.exp(-ops.sqrt(square_x + square_y))
    else:
        raise ValueError(f"regularization must be 'gaussian' or 'exponential', got {kind!r}")
    return weight / (ops.sum(weight, axis=(1, 2), keepdims=True) + 1e-12)


def jensen_shannon(p: Tensor, q: Tensor) -> Tensor:
    """Divergence KL(p | m) / 2 + KL(q | m) / 2 with m = (p + q) / 2, of two (N, H, W, K) heatmaps: (N, K), in nats."""
    tiny = 1e-12
    log_m = ops.log((p + q) / 2 + tiny)
    terms = p * (ops.log(p + tiny) - log_m) + q * (ops.log(q + tiny) - log_m)
    return ops.sum(terms, axis=(1, 2)) / 2
