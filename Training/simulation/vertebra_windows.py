"""Views of single vertebrae of simulated films for the network that looks at each by itself.

A view is cut from a window as detection cuts it from a film, about as far off as the network of bodies leaves it.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.vertebra_network import BODY_PX, VIEW_PX, CloseView, cut, view_of
from SpineAlignmentLib.measurement.landmarks import CENTERS, INDEX
from Training.simulation.body_windows import BodyWindows

FloatArray = NDArray[np.float64]
ImageArray = NDArray[np.float32]

_WINDOW: Final[tuple[int, int]] = (160, 160)
"""A lumbar vertebra's view, turned, and what its contrast is normalized with."""
_OFF: Final[float] = 0.07
"""Standard deviation of how far off a view lies in either direction, as a share of its vertebra's size."""
_GREATEST_OFF: Final[float] = 0.3
_TURN: Final[float] = np.radians(5.0)
_SCALE: Final[float] = 0.08
_ROWS: Final[list[int]] = [INDEX[name] for name in CENTERS if name != "C2_C"]


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
        away = np.linalg.norm(truth[1:-1, 0] - middle, axis=1)
        corners = truth[1 + int(np.argmin(np.where(np.isfinite(away), away, np.inf))), 1:].astype(float)
        about = view_of(corners)
        if about is None:  # its film ends short of it
            return np.zeros((VIEW_PX, VIEW_PX), np.float32), np.full((4, 2), np.nan, np.float32)
        view = _off(about, rng)
        return cut(image, [view])[0], view.to_view(corners).astype(np.float32)

    def middle(
        self, landmarks: FloatArray, low: FloatArray, high: FloatArray, reach: FloatArray, rng: np.random.Generator
    ) -> FloatArray:
        """(2,) the center of one of a film's vertebrae, see `BodyWindows.middle`."""
        centers = landmarks[_ROWS]
        on_film = centers[((centers > low) & (centers < high)).all(axis=1)]
        return on_film[rng.integers(len(on_film))] if len(on_film) else (low + high) / 2


def _off(view: CloseView, rng: np.random.Generator) -> CloseView:
    """A view as far off as one that detection takes."""
    size = float(np.sqrt(abs(np.linalg.det(view.axes))))
    away = np.clip(rng.normal(0, _OFF, 2), -_GREATEST_OFF, _GREATEST_OFF)
    turn = rng.normal(0, _TURN)
    cos, sin = np.cos(turn), np.sin(turn)
    axes = np.exp(rng.normal(0, _SCALE)) * np.array([[cos, sin], [-sin, cos]]) @ view.axes
    return CloseView(view.center + away * size * BODY_PX, axes)
