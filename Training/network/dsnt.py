"""Differentiable spatial to numerical transform: heatmaps to coordinates by expectation.

Source: Nibali et al., "Numerical Coordinate Regression with Convolutional Neural Networks", 2018, as used by Yeh et al.
2021. Cell j of W (counted from 0) lies at X = (2 j + 1 - W) / W, between -1 and 1 from edge to edge of the image; the
same for rows. An image of width P pixels, (0, 0) at the center of its first pixel, has X = (2 x + 1 - P) / P.

Written in `keras.ops` only, so that it runs on every backend of Keras.
"""

from typing import Any

from keras import ops

Tensor = Any
Size = Any
"""A number, or a tensor where sizes are known only when the network runs."""


def flat_softmax(logits: Tensor) -> Tensor:
    """Softmax over both axes of the image: (N, H, W, K) to probabilities that sum to 1 for each of the K channels."""
    logits = ops.cast(logits, "float32")
    peak = ops.stop_gradient(ops.max(logits, axis=(1, 2), keepdims=True))
    weight = ops.exp(logits - peak)
    return weight / ops.sum(weight, axis=(1, 2), keepdims=True)


def cell_positions(cells: Size, pixels: Size) -> Tensor:
    """Centers of `cells` equal cells over `pixels` pixels, in pixels, 0 at the center of the first one; (cells,)."""
    step = ops.cast(pixels, "float32") / ops.cast(cells, "float32")
    return (ops.arange(cells, dtype="float32") + 0.5) * step - 0.5


def dsnt(heatmaps: Tensor, image_size: tuple[Size, Size]) -> tuple[Tensor, Tensor]:
    """Expected position of each heatmap and its spread.

    Args:
        heatmaps: probabilities, shape (N, H, W, K).
        image_size: (height, width) in pixels of the image that the heatmaps cover.

    Returns:
        Coordinates (N, K, 2) as (x, y) in pixels of the image, and the standard deviation around them (N, K), in
        pixels: the square root of half the trace of the heatmap's covariance.
    """
    _, rows, columns, _ = ops.shape(heatmaps)
    x = cell_positions(columns, image_size[1])[None, :, None]
    y = cell_positions(rows, image_size[0])[None, :, None]
    across = ops.sum(heatmaps, axis=1)
    down = ops.sum(heatmaps, axis=2)
    mean_x = ops.sum(across * x, axis=1)
    mean_y = ops.sum(down * y, axis=1)
    variance_x = ops.sum(across * ops.square(x - mean_x[:, None, :]), axis=1)
    variance_y = ops.sum(down * ops.square(y - mean_y[:, None, :]), axis=1)
    spread = ops.sqrt(ops.maximum((variance_x + variance_y) / 2, 0.0))
    return ops.stack([mean_x, mean_y], axis=-1), spread
