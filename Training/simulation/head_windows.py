"""Views of the hips of simulated films for the network that finds the rims of the femoral heads.

A view is cut from a window as detection cuts it from a film, about as far off as other networks leave the heads.
"""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.heads_network import RIM, VIEW_PX, hips_view
from SpineAlignmentLib.detection.look import HIGHER_FIRST
from SpineAlignmentLib.detection.single_view import cut
from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.results.annotation import HEADS
from Training.simulation.body_windows import BodyWindows
from Training.simulation.cache import read_points
from Training.simulation.moves import STRUCTURES, Moves
from Training.simulation.single_views import moved_alone, off

FloatArray = NDArray[np.float64]
ImageArray = NDArray[np.float32]

_WINDOW: Final[tuple[int, int]] = (192, 192)
"""A view, turned, and what its contrast is normalized with."""
_HIPS: Final = tuple(structure for structure in STRUCTURES if structure.of_skeleton)
_OFF_PX: Final[float] = 6.0
"""Standard deviation of how far off a view lies in either direction."""


class HeadWindows(BodyWindows):
    """A `FilmSource` of cached projections whose images are views of the hips, both heads' rims their truth.

    The truth is of shape (2 * len(RIM), 2), view pixels, the head that is higher and further anterior first, each in
    the order of `heads_network.RIM`; see `BodyWindows` for the arguments.
    """

    spineless = textures = 0.0
    damaged = 0.4  # more of them would hide what is looked for
    parts = 0.1  # most would end above the hips
    of_skeleton = True

    def get(
        self, index: int, epoch: int, input_size: tuple[int, int], rng: np.random.Generator
    ) -> tuple[ImageArray, ImageArray]:
        """One view and its rims; see `FilmSource`."""
        image, truth = super().get(index, epoch, _WINDOW, rng)
        if not self._training:
            rng = np.random.default_rng([index])
        heads = truth.astype(float)
        centers = heads[:, 0]
        if np.isnan(centers).all():  # its film ends above them
            missing = np.full((len(HEADS) * len(RIM), 2), np.nan, np.float32)
            return np.zeros((VIEW_PX, VIEW_PX), np.float32), missing
        view = off(hips_view(np.nanmean(centers, axis=0)), _OFF_PX, rng)
        first = np.argsort(centers @ (1.0, HIGHER_FIRST), kind="stable")
        seen = [_rim(view.to_view(heads[which])) for which in first]
        return cut(image, [view])[0], np.concatenate(seen).astype(np.float32)

    def truth(self, path: Path, landmarks: FloatArray) -> FloatArray:
        """Centers and rims (2, 1 + n, 2) of the heads, see `BodyWindows.truth`."""
        centers = landmarks[[INDEX[name] for name in HEADS]]
        return np.concatenate([centers[:, None], read_points(path, "rims")], axis=1)

    def moves(self, marks: FloatArray, spacing_mm: float, rng: np.random.Generator) -> Moves:
        """In most windows the heads move against the pelvis."""
        return moved_alone(_HIPS, 1.0, _WINDOW, marks, spacing_mm, rng)

    def middle(
        self, landmarks: FloatArray, low: FloatArray, high: FloatArray, reach: FloatArray, rng: np.random.Generator
    ) -> FloatArray:
        """(2,) the middle of a film's heads, see `BodyWindows.middle`."""
        middle = landmarks[[INDEX[name] for name in HEADS]].mean(axis=0)
        return middle if ((middle > low) & (middle < high)).all() else (low + high) / 2


def _rim(head: FloatArray) -> FloatArray:
    """Where a rim, the rest of a head (1 + n, 2) whose first point is its center, lies in the directions of `RIM`."""
    away = head[1:] - head[0]
    direction = np.arctan2(-away[:, 1], -away[:, 0])
    distance = np.interp(RIM, direction, np.linalg.norm(away, axis=1), period=2 * np.pi)
    return np.asarray(head[0] - distance[:, None] * np.stack([np.cos(RIM), np.sin(RIM)], axis=-1))
