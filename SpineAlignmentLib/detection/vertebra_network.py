"""Each vertebra looked at once more by itself: where its four corners are.

The network of bodies sees all of a film in coarse cells and knows a vertebra from its neighbors. This small one sees a
single vertebra, upright and always of the same size, with half of its neighbors, so that nothing but the vertebra
itself says where its corners are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from SpineAlignmentLib.detection.bodies_network import Bodies
from SpineAlignmentLib.detection.engines import Answers

FloatArray = NDArray[np.float64]
ImageArray = NDArray[np.float32]

VIEW_PX: Final[int] = 96
"""Height and width of what the network sees."""
BODY_PX: Final[float] = 36.0
"""Size of the vertebra there: the root of its depth times its height."""
ENOUGH_PX: Final[float] = 2.0
"""View pixels by which a look may move a vertebra for no second one to be worth its time."""
_HEIGHT: Final[float] = 0.8
"""Of a body of which one plate is known, as a share of the plate's length."""
_FLAT: Final[float] = 0.02
"""Standard deviation of gray values below which contrast is not amplified further."""
_MIDDLE: Final[float] = (VIEW_PX - 1) / 2


@dataclass(frozen=True)
class CloseView:
    """Where a view of one vertebra lies on an image: image = center + (view - view's center) @ axes."""

    center: FloatArray
    """(2,) image pixels."""
    axes: FloatArray
    """(2, 2) image pixels: one view pixel to the back, and one down."""

    def to_image(self, points: ArrayLike) -> FloatArray:
        """View pixels (..., 2) to image pixels."""
        return np.asarray((np.asarray(points, float) - _MIDDLE) @ self.axes + self.center)

    def to_view(self, points: ArrayLike) -> FloatArray:
        """Image pixels (..., 2) to view pixels; the inverse of `to_image`."""
        inverse = np.linalg.inv(self.axes)
        return np.asarray((np.asarray(points, float) - self.center) @ inverse + _MIDDLE)


def view_of(corners: ArrayLike) -> CloseView | None:
    """The view of a vertebra that lies about there; None where neither of its plates is known.

    Args:
        corners: (4, 2) image pixels, the patient facing left, in the order of `landmarks.CORNERS`; of C2 and the
            sacrum, which have one plate, the other two are NaN.
    """
    own = _with_both_plates(np.asarray(corners, float))
    back = (own[[1, 3]] - own[[0, 2]]).mean(axis=0)
    down = (own[[2, 3]] - own[[0, 1]]).mean(axis=0)
    depth, height = float(np.hypot(*back)), float(np.hypot(*down))
    if not (depth > 1.0 and height > 1.0):  # which what is not known is not either
        return None
    step = np.sqrt(depth * height) / BODY_PX
    # the mean of the directions of the plates and, a quarter turn back, of the walls
    along = back / depth + np.array([down[1], -down[0]]) / height
    along = step * along / max(float(np.hypot(*along)), 1e-9)
    return CloseView(own.mean(axis=0), np.array([along, [-along[1], along[0]]]))


def _with_both_plates(corners: FloatArray) -> FloatArray:
    """Corners (4, 2) with a missing plate as far from the other one as those of a vertebra are."""
    upper, lower = corners[:2], corners[2:]
    back = (lower if np.isnan(upper).all() else upper)[1] - (lower if np.isnan(upper).all() else upper)[0]
    down = _HEIGHT * np.array([-back[1], back[0]])
    if np.isnan(upper).all():
        return np.concatenate([lower - down, lower])
    return np.concatenate([upper, upper + down]) if np.isnan(lower).all() else corners


def cut(image: ImageArray, views: Sequence[CloseView]) -> ImageArray:
    """What the network sees in views of an image: (n, `VIEW_PX`, `VIEW_PX`), mean 0, about -1 to 1.

    Bilinear; beyond the image's border lies zero.
    """
    down, right = np.mgrid[:VIEW_PX, :VIEW_PX].astype(np.float32)
    x, y = (
        np.stack([v.axes[0, k] * (right - _MIDDLE) + v.axes[1, k] * (down - _MIDDLE) + v.center[k] for v in views])
        for k in (0, 1)
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


def seen_singly(bodies: Bodies, image: ImageArray, network: Answers) -> Bodies:
    """Bodies whose corners are where a look at each vertebra finds them.

    A look is drawn a little to where it is centered, so that those vertebrae which the first one moves by more than
    `ENOUGH_PX` are looked at again, where it found them.

    Args:
        bodies: image pixels, the patient facing left.
        image: what the network of bodies saw, shape (height, width).
        network: of single vertebrae, loaded by `engines.load_answers`.
    """
    vertebrae = list(bodies.vertebrae)
    again = list(range(len(vertebrae)))
    for _ in range(2):
        views = {i: view for i in again if (view := view_of(vertebrae[i].corners)) is not None}
        if not views:
            break
        found = np.asarray(network(cut(image, list(views.values())))["coordinates"], float)
        for (i, view), corners in zip(views.items(), found, strict=True):
            vertebrae[i] = replace(vertebrae[i], corners=view.to_image(corners))
        moved = np.linalg.norm(found.mean(axis=1) - _MIDDLE, axis=1) > ENOUGH_PX
        again = [i for i, far in zip(views, moved, strict=True) if far]
    return replace(bodies, vertebrae=tuple(vertebrae))
