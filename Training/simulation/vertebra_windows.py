"""Views of single vertebrae of simulated films for the network that looks at each by itself.

A view is cut from a window as detection cuts it from a film, about as far off as the network of bodies leaves it.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.single_view import cut
from SpineAlignmentLib.detection.vertebra_network import BODY_PX, VIEW_PX, view_of
from SpineAlignmentLib.measurement.landmarks import CENTERS, INDEX, VERTEBRAE
from Training.simulation.body_windows import BodyWindows
from Training.simulation.moves import STRUCTURES, Move, Moves
from Training.simulation.single_views import moved_alone, off

FloatArray = NDArray[np.float64]
ImageArray = NDArray[np.float32]

_WINDOW: Final[tuple[int, int]] = (160, 160)
"""A lumbar vertebra's view, turned, and what its contrast is normalized with."""
_OFF_PX: Final[float] = 0.1 * BODY_PX
"""Standard deviation of how far off a view lies in either direction: more than the network of bodies leaves, so that
where a view lies says little about where the corners are."""
_MOVED: Final[float] = 0.35
"""Share of views in which the vertebra, and what lies before and behind it, is moved against the rest of the view, so
that its neighbors do not say where it is."""
_FURTHER: Final[float] = 1.5
"""By how much more than elsewhere its bone alone is moved in most views, so that neither ribs nor lungs say so."""
_SHIFT: Final[float] = 0.1
"""Standard deviation of its shift in either direction, as a share of its size."""
_SLANT: Final[float] = np.radians(4.0)
_SPINE: Final = tuple(structure for structure in STRUCTURES if not structure.of_skeleton)
_RADIUS: Final[tuple[float, float]] = (0.6, 0.85)
"""Of what moves as one, as a share of the vertebra's size; its corners are 0.7 from its middle."""
_OFTEN: Final[dict[str, float]] = {"C2": 3.0, "S1": 6.0}
"""How often what has one plate, and looks like nothing else, is shown; 1 is as often as any other vertebra."""


class VertebraWindows(BodyWindows):
    """A `FilmSource` of cached projections whose images are views of one vertebra, its four corners their truth.

    The truth is of shape (4, 2), view pixels, in the order of `landmarks.CORNERS`; see `BodyWindows` for the arguments.
    """

    spineless = textures = 0.0
    damaged = 0.4  # more of them would hide what is looked for

    def get(
        self, index: int, epoch: int, input_size: tuple[int, int], rng: np.random.Generator
    ) -> tuple[ImageArray, ImageArray]:
        """One view and its corners; see `FilmSource`."""
        image, truth = super().get(index, epoch, _WINDOW, rng)
        if not self._training:
            rng = np.random.default_rng([index])
        middle = (np.array(_WINDOW[::-1]) - 1) / 2
        away = np.linalg.norm(truth[:, 0] - middle, axis=1)
        corners = truth[int(np.argmin(np.where(np.isfinite(away), away, np.inf))), 1:].astype(float)
        if self._training and rng.random() < _MOVED:
            image, corners = _moved(image, corners, rng)
        about = view_of(corners)
        if about is None:  # its film ends short of it
            return np.zeros((VIEW_PX, VIEW_PX), np.float32), np.full((4, 2), np.nan, np.float32)
        view = off(about, _OFF_PX, rng)
        return cut(image, [view])[0], view.to_view(corners).astype(np.float32)

    def moves(self, marks: FloatArray, spacing_mm: float, rng: np.random.Generator) -> Moves:
        """In most windows the vertebra or plate in its middle moves, and further than others."""
        return moved_alone(_SPINE, _FURTHER, _WINDOW, marks, spacing_mm, rng)

    def middle(
        self, landmarks: FloatArray, low: FloatArray, high: FloatArray, reach: FloatArray, rng: np.random.Generator
    ) -> FloatArray:
        """(2,) the center of one of a film's vertebrae or plates, see `BodyWindows.middle`."""
        centers = landmarks[[INDEX[name] for name in (*CENTERS, "S1_A", "S1_P")]]
        centers = np.vstack([centers[:-2], centers[-2:].mean(axis=0)])
        often = np.array([_OFTEN.get(name, 1.0) for name in (*VERTEBRAE[: len(CENTERS)], "S1")])
        often[~((centers > low) & (centers < high)).all(axis=1)] = 0.0
        return centers[rng.choice(len(often), p=often / often.sum())] if often.any() else (low + high) / 2


def _moved(image: ImageArray, corners: FloatArray, rng: np.random.Generator) -> tuple[ImageArray, FloatArray]:
    """A window in which a vertebra is moved, and its corners (4, 2) there."""
    view = view_of(corners)
    if view is None:
        return image, corners
    size = BODY_PX * float(np.sqrt(abs(np.linalg.det(view.axes))))
    shift = size * np.clip(rng.normal(0, _SHIFT, 2), -2.5 * _SHIFT, 2.5 * _SHIFT)
    move = Move(view.center, shift, float(rng.normal(0, _SLANT)), size * float(rng.uniform(*_RADIUS)), False)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float32)
    come = move.displacement(np.stack([x, y], axis=-1).astype(float)).astype(np.float32)
    seen = cv2.remap(image, x - come[..., 0], y - come[..., 1], cv2.INTER_LINEAR)
    return np.asarray(seen, np.float32), Moves((move,)).carried(corners)
