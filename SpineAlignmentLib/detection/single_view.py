"""Views of one structure of a film, upright and always of the same size, for networks that see nothing else.

Seen like this, nothing but the structure itself says where it is: a network of the whole film knows it from what lies
around.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
ImageArray = NDArray[np.float32]

_FLAT: Final[float] = 0.02
"""Standard deviation of gray values below which contrast is not amplified further."""


@dataclass(frozen=True)
class SingleView:
    """Where a view lies on an image: image = center + (view - view's center) @ axes."""

    center: FloatArray
    """(2,) image pixels."""
    axes: FloatArray
    """(2, 2) image pixels: one view pixel to the back, and one down."""
    size: int
    """Height and width, view pixels."""

    @property
    def middle(self) -> float:
        """x and y of the view's center, view pixels."""
        return (self.size - 1) / 2

    def to_image(self, points: ArrayLike) -> FloatArray:
        """View pixels (..., 2) to image pixels."""
        return np.asarray((np.asarray(points, float) - self.middle) @ self.axes + self.center)

    def to_view(self, points: ArrayLike) -> FloatArray:
        """Image pixels (..., 2) to view pixels; the inverse of `to_image`."""
        inverse = np.linalg.inv(self.axes)
        return np.asarray((np.asarray(points, float) - self.center) @ inverse + self.middle)


def cut(image: ImageArray, views: Sequence[SingleView]) -> ImageArray:
    """What a network sees in views of an image, all of one size: (n, size, size), mean 0, about -1 to 1.

    Bilinear; beyond the image's border lies zero.
    """
    down, right = np.mgrid[: views[0].size, : views[0].size].astype(np.float32) - np.float32(views[0].middle)
    x, y = (
        np.stack([view.axes[0, k] * right + view.axes[1, k] * down + view.center[k] for view in views]) for k in (0, 1)
    )
    padded = np.pad(image, 1)
    height, width = padded.shape
    # a hair within the padding, so that both neighbors exist
    x, y = np.clip(x + 1, 0, width - 1.001), np.clip(y + 1, 0, height - 1.001)
    column, row = x.astype(np.intp), y.astype(np.intp)
    x, y = (x - column).astype(np.float32), (y - row).astype(np.float32)
    first, flat = row * width + column, padded.ravel()
    above = flat[first] * (1 - x) + flat[first + 1] * x
    below = flat[first + width] * (1 - x) + flat[first + width + 1] * x
    seen = above * (1 - y) + below * y
    seen -= seen.mean(axis=(1, 2), keepdims=True)
    return np.asarray(seen / (3 * np.maximum(seen.std(axis=(1, 2), keepdims=True), _FLAT)), np.float32)
