"""What heatmaps say along the spine's curve: where bodies are, and which level each is."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.measurement.landmarks import CENTERS, INDEX

FloatArray = NDArray[np.float64]

_CAP: Final[float] = 4.0
"""An own heatmap's logarithm counts no less than this below its greatest."""
UNKNOWN: Final[float] = 0.01
"""Density per grid pixel of a heatmap that says nothing."""
_NEIGHBORHOOD: Final[int] = 30
"""Grid pixels on either side within which the highest body counts as one."""
_BLUR: Final[float] = 1.0


@dataclass(frozen=True)
class Evidence:
    """What heatmaps say along a curve of n grid pixels."""

    heatmaps: FloatArray
    """(45, n) densities, see `bodies.along`."""
    on_film: NDArray[np.bool_]
    """(n,) where the film is."""
    plate: tuple[float, float]
    """Place of the sacral endplate's middle on the curve and its standard deviation, grid pixels."""
    seen: FloatArray | None = None
    """(n,) strength of the body that the network of bodies, which knows no levels, sees at each place, 0 for none; None
    before it has looked."""
    looks: FloatArray | None = None
    """(24, n) logarithm of how much more the body seen at each place looks like each of `landmarks.VERTEBRAE` than one
    that looks like any of a few neighbors, 0 where none is; None before the network of bodies has looked."""

    @cached_property
    def bodies(self) -> FloatArray:
        """(n,) bodies, the highest of each neighborhood about 1."""
        from scipy import ndimage

        total = self._centers.sum(axis=0)
        highest = ndimage.maximum_filter1d(total, 2 * _NEIGHBORHOOD + 1)
        return np.asarray(total / (highest + 0.05 * total.max() + 1e-12))

    @cached_property
    def own(self) -> FloatArray:
        """(23, n) logarithm of each level's own heatmap against one that says nothing."""
        log = np.log(np.maximum(self._centers, 1e-12))
        return np.asarray(np.maximum(log, log.max(axis=1, keepdims=True) - _CAP) - np.log(UNKNOWN))

    @cached_property
    def _centers(self) -> FloatArray:
        from scipy import ndimage

        return np.asarray(ndimage.gaussian_filter1d(self.heatmaps[[INDEX[name] for name in CENTERS]], _BLUR, axis=1))
