"""The loss of the network of bodies: focal on heatmaps, Wing on points, cross entropy on levels.

Focal loss with soft negatives: Law and Deng, "CornerNet", ECCV 2018, eq. 1. It fits heatmaps that are nearly empty,
where a squared error is content with zero everywhere, and leaves the cells around a center alone. Wing loss as in
`Training.network.losses`. Written in `keras.ops` only. Bodies that a window lacks are NaN.
"""

from dataclasses import dataclass
from typing import Any, Final

from keras import ops

from SpineAlignmentLib.detection.bodies_network import STRIDE
from SpineAlignmentLib.measurement.landmarks import VERTEBRAE
from Training.network.losses import wing

Tensor = Any

SPREAD: Final[float] = 1.0
"""Standard deviation of the Gaussian at a center, in cells: the bodies of a child's neck are three cells apart."""
NEAR: Final[float] = 0.2
"""Cells whose Gaussian is at least so high answer for a body's points: those within 1.8 cells of its center."""
_FAR: Final[float] = -1e4
_FOCUS, _SOFTNESS = 2.0, 4.0


@dataclass(frozen=True)
class Targets:
    """What the maps should be; (N, rows, columns, ...)."""

    heat: Tensor
    """(..., 3): 1 at the cells of centers, a Gaussian around them."""
    weight: Tensor
    """(...,): the Gaussian of the body that a cell answers for, 0 where there is none."""
    points: Tensor
    """(..., 10): from the cell's center to the body's points, in pixels."""
    known: Tensor
    """(..., 10): 1 where the point exists."""
    level: Tensor
    """(..., 24): 1 at the body's level; all 0 at the plate."""


def targets(truth: Tensor, rows: int, columns: int) -> Targets:
    """The targets of bodies (N, 25, 5, 2) in pixels, see `Training.simulation.body_windows.BodyWindows`."""
    values = ops.reshape(truth, (-1, truth.shape[1], 2 * truth.shape[2]))
    exists = ops.cast(ops.isfinite(values), "float32")
    values = ops.where(exists > 0, values, 0.0)
    cells = ops.round((values[..., :2] + 0.5) / STRIDE - 0.5)
    cells = ops.where(exists[..., :2] > 0, cells, _FAR)
    column, row = ops.arange(columns, dtype="float32"), ops.arange(rows, dtype="float32")
    across = ops.exp(-ops.square((column[None, :, None] - cells[:, None, :, 0]) / SPREAD) / 2)
    down = ops.exp(-ops.square((row[None, :, None] - cells[:, None, :, 1]) / SPREAD) / 2)
    near = down[:, :, None, :] * across[:, None, :, :]
    count = len(VERTEBRAE)
    heat = ops.stack([ops.max(near[..., :count], axis=-1), near[..., 0], near[..., count]], axis=-1)
    weight = ops.max(near, axis=-1)
    weight = weight * ops.cast(weight > NEAR, "float32")
    own = ops.one_hot(ops.argmax(near, axis=-1), near.shape[-1], dtype="float32")
    x, y = (column + 0.5) * STRIDE - 0.5, (row + 0.5) * STRIDE - 0.5
    shape = (1, rows, columns)
    here = ops.stack([ops.broadcast_to(x[None, None], shape), ops.broadcast_to(y[None, :, None], shape)], axis=-1)
    points = ops.einsum("nhwk,nkp->nhwp", own, values) - ops.tile(here, (1, 1, 1, truth.shape[2]))
    return Targets(heat, weight, points, ops.einsum("nhwk,nkp->nhwp", own, exists), own[..., :count])


def focal(logits: Tensor, target: Tensor) -> Tensor:
    """CornerNet's loss of heatmaps, the sum over all cells divided by the number of centers."""
    center = ops.cast(target > 0.9999, "float32")
    p = ops.sigmoid(logits)
    hit = ops.power(1 - p, _FOCUS) * ops.softplus(-logits) * center
    miss = ops.power(1 - target, _SOFTNESS) * ops.power(p, _FOCUS) * ops.softplus(logits)
    return ops.sum(hit + miss) / ops.maximum(ops.sum(center), 1.0)


def points_loss(points: Tensor, target: Targets, w: float, epsilon: float) -> Tensor:
    """Mean Wing loss of a coordinate over the cells that answer, in pixels."""
    weight = target.weight[..., None] * target.known
    return ops.sum(wing(points - target.points, w, epsilon) * weight) / ops.maximum(ops.sum(weight), 1.0)


def levels_loss(logits: Tensor, target: Targets) -> Tensor:
    """Mean cross entropy of the level over the cells that answer, in nats."""
    weight = target.weight * ops.sum(target.level, axis=-1)
    entropy = -ops.sum(target.level * ops.log_softmax(logits, axis=-1), axis=-1)
    return ops.sum(entropy * weight) / ops.maximum(ops.sum(weight), 1.0)
