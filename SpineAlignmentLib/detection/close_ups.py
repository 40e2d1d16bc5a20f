"""Close-ups: parts of the spine that a network of their own sees again, at the scale of the whole but without the rest.

A close-up is a window of fixed size around landmarks that were found before. Its network learns nothing but that part,
from as many views of it as fit a training; what level is which it tells by what lies in the window, C2 or the sacrum.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.film.preprocessing import INPUT_SIZE, InputFrame, normalize_contrast, resample
from SpineAlignmentLib.measurement.landmarks import INDEX

FloatArray = NDArray[np.float64]
ImageArray = NDArray[np.float32]

SURROUNDINGS: Final[int] = 32
"""Pixels around the window that take part in the normalization of contrast, so that it means the same at the edge."""

SCATTER: Final[float] = 0.3
"""How far a close-up's landmarks scatter, as a share of its heatmaps' deviation, where those of the whole film's
networks have 1: its heatmaps are as wide as theirs, but it errs by half as much."""


@dataclass(frozen=True)
class Region:
    """A part of the spine."""

    landmarks: tuple[str, ...]
    """What its network finds; the window lies around their middle."""
    input_size: tuple[int, int]
    """(height, width) of the window, in pixels of an input of `INPUT_SIZE` that shows the whole spine."""
    doubt: float
    """Deviation added to a landmark, as a share of its distance from where the whole film shows it: a close-up refines,
    it does not count anew."""

    @cached_property
    def rows(self) -> list[int]:
        """The landmarks' rows among the 45."""
        return [INDEX[name] for name in self.landmarks]

    def middle(self, points: FloatArray) -> FloatArray:
        """(x, y) of the middle of the landmarks' bounding box; `points` is (45, 2), NaN where missing.

        Raises:
            ValueError: none of the landmarks is there.
        """
        own = points[self.rows]
        if not np.isfinite(own).any():
            raise ValueError("no landmark of the region is known")
        return np.asarray((np.nanmin(own, axis=0) + np.nanmax(own, axis=0)) / 2)


REGIONS: Final[dict[str, Region]] = {
    "neck": Region(
        ("C2_D", "C2_AI", "C2_PI", "C7_AI", "C7_PS", "C7_PI", "T1_AS", "T1_PS")
        + ("C2_C", "C3_C", "C4_C", "C5_C", "C6_C", "C7_C", "T1_C"),
        (224, 224),
        0.25,
    ),
    "pelvis": Region(("L4_AS", "L4_PS", "L4_C", "L5_C", "S1_A", "S1_P", "FH_1", "FH_2"), (320, 256), 0.1),
}
"""Name, as in a training's configuration and in model.json, to the region."""


def close_up_frame(region: Region, whole: InputFrame, points: FloatArray) -> InputFrame:
    """The frame of a close-up around landmarks.

    Args:
        region: the part.
        whole: a frame that shows the whole spine; the close-up has its scale.
        points: shape (45, 2), film pixels, where the landmarks lie as far as is known.
    """
    x, y = region.middle(points)
    return replace(whole, input_size=region.input_size, center=(float(x), float(y)))


def close_up_input(pixels: NDArray[np.generic], frame: InputFrame) -> ImageArray:
    """What a close-up's network sees: shape `frame.input_size`, float32, about -1 to 1, zero outside the film."""
    canvas = replace(frame, input_size=canvas_size(frame.input_size))
    return cut(normalize_contrast(*resample(pixels, canvas), INPUT_SIZE[0]))


def canvas_size(window: tuple[int, int]) -> tuple[int, int]:
    """(height, width) of a window with its surroundings."""
    return window[0] + 2 * SURROUNDINGS, window[1] + 2 * SURROUNDINGS


def cut(canvas: ImageArray) -> ImageArray:
    """The window of a canvas: what is left without its surroundings."""
    return np.ascontiguousarray(canvas[SURROUNDINGS:-SURROUNDINGS, SURROUNDINGS:-SURROUNDINGS])
