"""Views of single vertebrae of simulated films for the network that looks at each by itself.

A view is cut from a window as detection cuts it from a film, about as far off as the network of bodies leaves it.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.single_view import cut
from SpineAlignmentLib.detection.vertebra_network import BODY_PX, VIEW_PX, view_of
from SpineAlignmentLib.measurement.landmarks import CENTERS, INDEX, VERTEBRAE
from Training.simulation.body_windows import BodyWindows
from Training.simulation.single_views import off

FloatArray = NDArray[np.float64]
ImageArray = NDArray[np.float32]

_WINDOW: Final[tuple[int, int]] = (160, 160)
"""A lumbar vertebra's view, turned, and what its contrast is normalized with."""
_OFF_PX: Final[float] = 0.12 * BODY_PX
"""Standard deviation of how far off a view lies in either direction: twice what the network of bodies leaves, so that
where a view lies says little about where the corners are."""
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
        about = view_of(corners)
        if about is None:  # its film ends short of it
            return np.zeros((VIEW_PX, VIEW_PX), np.float32), np.full((4, 2), np.nan, np.float32)
        view = off(about, _OFF_PX, rng)
        return cut(image, [view])[0], view.to_view(corners).astype(np.float32)

    def middle(
        self, landmarks: FloatArray, low: FloatArray, high: FloatArray, reach: FloatArray, rng: np.random.Generator
    ) -> FloatArray:
        """(2,) the center of one of a film's vertebrae or plates, see `BodyWindows.middle`."""
        centers = landmarks[[INDEX[name] for name in (*CENTERS, "S1_A", "S1_P")]]
        centers = np.vstack([centers[:-2], centers[-2:].mean(axis=0)])
        often = np.array([_OFTEN.get(name, 1.0) for name in (*VERTEBRAE[: len(CENTERS)], "S1")])
        often[~((centers > low) & (centers < high)).all(axis=1)] = 0.0
        return centers[rng.choice(len(often), p=often / often.sum())] if often.any() else (low + high) / 2
