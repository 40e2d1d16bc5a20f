"""Each vertebra looked at once more by itself: where its four corners are.

The network of bodies sees all of a film in coarse cells and knows a vertebra from its neighbors. This small one sees a
single vertebra, upright and always of the same size, with half of its neighbors, so that nothing but the vertebra
itself says where its corners are.
"""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from SpineAlignmentLib.detection.bodies_network import Bodies
from SpineAlignmentLib.detection.engines import Answers
from SpineAlignmentLib.detection.single_view import SingleView, cut

FloatArray = NDArray[np.float64]
ImageArray = NDArray[np.float32]

VIEW_PX: Final[int] = 96
"""Height and width of what the network sees."""
BODY_PX: Final[float] = 36.0
"""Size of the vertebra there: the root of its depth times its height."""
ENOUGH_PX: Final[float] = 1.0
"""View pixels by which a look may move a vertebra for no second one to be worth its time."""
_HEIGHT: Final[float] = 0.8
"""Of a body of which one plate is known, as a share of the plate's length."""


def view_of(corners: ArrayLike) -> SingleView | None:
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
    return SingleView(own.mean(axis=0), np.array([along, [-along[1], along[0]]]), VIEW_PX)


def _with_both_plates(corners: FloatArray) -> FloatArray:
    """Corners (4, 2) with a missing plate as far from the other one as those of a vertebra are."""
    upper, lower = corners[:2], corners[2:]
    if np.isnan(upper).all():
        return np.concatenate([lower - _down(lower), lower])
    return np.concatenate([upper, upper + _down(upper)]) if np.isnan(lower).all() else corners


def _down(plate: FloatArray) -> FloatArray:
    """From a plate (2, 2), front to back, to the one below it on the same body."""
    back = plate[1] - plate[0]
    return _HEIGHT * np.array([-back[1], back[0]])


def seen_singly(bodies: Bodies, image: ImageArray, network: Answers) -> Bodies:
    """Bodies whose corners are where a look at each vertebra, and each plate, finds them.

    A look is drawn a little to where it is centered, so that those vertebrae which the first one moves by more than
    `ENOUGH_PX` are looked at again, where it found them.

    Args:
        bodies: image pixels, the patient facing left.
        image: what the network of bodies saw, shape (height, width).
        network: of single vertebrae, loaded by `engines.load_answers`.
    """
    seen = [*bodies.vertebrae, *bodies.plates]
    again = list(range(len(seen)))
    for _ in range(2):
        views = {i: view for i in again if (view := view_of(seen[i].corners)) is not None}
        if not views:
            break
        found = np.asarray(network(cut(image, list(views.values())))["coordinates"], float)
        again = []
        for (i, view), corners in zip(views.items(), found, strict=True):
            before = view.to_view(seen[i].corners)
            if np.linalg.norm(np.nanmean(corners - before, axis=0)) > ENOUGH_PX:
                again.append(i)
            seen[i] = replace(seen[i], corners=np.where(np.isnan(before), np.nan, view.to_image(corners)))
    count = len(bodies.vertebrae)
    return replace(bodies, vertebrae=tuple(seen[:count]), plates=tuple(seen[count:]))
