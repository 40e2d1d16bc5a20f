"""Heatmaps of one view as maps of the film: read at any place, along a curve, or around an expected place.

A heatmap spreads one landmark's probability over the equal cells of a network's input. Views of other scale and place
are compared as densities, per pixel of a common grid.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from SpineAlignmentLib.detection.close_ups import Region
from SpineAlignmentLib.film.preprocessing import InputFrame
from SpineAlignmentLib.measurement.landmarks import COUNT

FloatArray = NDArray[np.float64]
ImageArray = NDArray[np.float32]

_REACH = 7
"""Cells on either side of a window's middle that are looked at."""


@dataclass(frozen=True)
class Sighting:
    """One network's heatmaps of one view."""

    frame: InputFrame
    heatmaps: ImageArray
    """Shape (rows, columns, k), each of sum 1 over equal cells that cover the input."""
    region: Region | None = None
    """What it shows, for a close-up; None: the whole film."""

    @property
    def landmarks(self) -> list[int]:
        """The k landmarks, as places among the 45."""
        return self.region.rows if self.region else list(range(COUNT))

    @property
    def stride(self) -> float:
        """Network pixels from one cell to the next."""
        return self.frame.input_size[0] / self.heatmaps.shape[0]

    def density(self, grid: InputFrame) -> float:
        """Cells of this view in the area of a pixel of a grid."""
        return abs(grid.step[0] * grid.step[1] / (self.frame.step[0] * self.frame.step[1])) / self.stride**2

    def weights(self, film: FloatArray) -> sparse.csr_array:
        """Bilinear weights (n, cells) with which film pixels (n, 2) read the heatmaps; nothing outside the view.

        Film pixels of shape (n, m, 2) are read in n sums of m.
        """
        x, y = ((self.frame.to_network(film).reshape(-1, 2) + 0.5) / self.stride - 0.5).T
        rows, columns = self.heatmaps.shape[:2]
        left, top = np.floor(x).astype(int), np.floor(y).astype(int)
        right_share, lower_share = x - left, y - top
        cells, shares = [], []
        for across, share_x in ((0, 1 - right_share), (1, right_share)):
            for down, share_y in ((0, 1 - lower_share), (1, lower_share)):
                column, row = left + across, top + down
                inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
                cells.append(np.where(inside, row * columns + column, 0))
                shares.append(np.where(inside, share_x * share_y, 0.0))
        start = np.arange(0, 4 * len(x) + 1, 4 * len(x) // len(film))
        flat = np.stack(shares, axis=1).astype(np.float32).ravel(), np.stack(cells, axis=1).ravel(), start
        return sparse.csr_array(flat, shape=(len(film), rows * columns))

    def around(self, values: FloatArray, film: FloatArray, deviation: FloatArray) -> tuple[FloatArray, ...]:
        """Means of maps under Gaussian windows.

        Args:
            values: (rows, columns, m) maps over the cells.
            film: (m, 2) film pixels, the windows' middles.
            deviation: (m,) of the windows, network pixels.

        Returns:
            Expected places (m, 2) in network pixels, the middle itself where there is nothing; the variance around
            them per axis (m,), network pixels squared; and what the windows hold (m,), as shares of a map of sum 1.
        """
        middle = self.frame.to_network(film)
        reach = np.arange(-_REACH, _REACH + 1)
        cells = np.round((middle + 0.5) / self.stride - 0.5).astype(int)
        column, row = cells[:, 0, None] + reach, cells[:, 1, None] + reach
        rows, columns = values.shape[:2]
        inside_x, inside_y = (column >= 0) & (column < columns), (row >= 0) & (row < rows)
        patch = values[
            np.clip(row, 0, rows - 1)[:, :, None],
            np.clip(column, 0, columns - 1)[:, None, :],
            np.arange(len(film))[:, None, None],
        ]
        x, y = (column + 0.5) * self.stride - 0.5, (row + 0.5) * self.stride - 0.5
        across = np.exp(-(((x - middle[:, :1]) / deviation[:, None]) ** 2) / 2) * inside_x
        down = np.exp(-(((y - middle[:, 1:]) / deviation[:, None]) ** 2) / 2) * inside_y
        share = patch * down[:, :, None] * across[:, None, :]
        mass = share.sum(axis=(1, 2))
        share = share / np.maximum(mass, 1e-12)[:, None, None]
        over_x, over_y = share.sum(axis=1), share.sum(axis=2)
        place = np.stack([(over_x * x).sum(axis=1), (over_y * y).sum(axis=1)], axis=1)
        place = np.where(mass[:, None] > 1e-12, place, middle)
        variance = (over_x * (x - place[:, :1]) ** 2).sum(axis=1) + (over_y * (y - place[:, 1:]) ** 2).sum(axis=1)
        return place, variance / 2, mass
