"""Heatmaps of one view as maps of the film: read at any place, along a curve, or around an expected place.

A heatmap spreads one landmark's probability over the equal cells of a network's input. Views of other scale and place
are compared as densities, per pixel of a common grid.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.close_ups import Region
from SpineAlignmentLib.film.preprocessing import InputFrame
from SpineAlignmentLib.measurement.landmarks import CENTERS, COUNT, INDEX

FloatArray = NDArray[np.float64]
ImageArray = NDArray[np.float32]

CENTER_ROWS: Final[list[int]] = [INDEX[name] for name in CENTERS]

_REACH: Final[int] = 7
"""Cells on either side of a window's middle that are looked at."""


@dataclass(frozen=True)
class Sighting:
    """One network's heatmaps of one view."""

    frame: InputFrame
    heatmaps: ImageArray
    """Shape (rows, columns, k), each of sum 1 over equal cells that cover the input."""
    region: Region | None = None
    """What it shows, for a close-up; None: the whole film."""

    @cached_property
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

    @cached_property
    def bodies(self) -> ImageArray:
        """(rows, columns): the sum of the body centers' heatmaps."""
        shown = [k for k, landmark in enumerate(self.landmarks) if landmark in CENTER_ROWS]
        # centers are the last of the landmarks, of a close-up nearly so: a view of them, not a copy
        return np.asarray(self.heatmaps[..., shown[0] : shown[-1] + 1].sum(axis=2))

    def bodies_on(self, film_x: FloatArray, film_y: FloatArray) -> ImageArray:
        """`bodies` at the crossings of columns and rows of the film, bilinear; nothing outside the view.

        Args:
            film_x, film_y: (n, 2) and (m, 2) film pixels, of which x and y count.

        Returns:
            Shape (m, n).
        """
        around = np.pad(self.bodies, 1)
        for axis, film in ((0, film_y), (1, film_x)):
            place = (self.frame.to_network(film)[:, 1 - axis] + 0.5) / self.stride + 0.5
            place = np.clip(place, 0, around.shape[axis] - 1)
            before = np.minimum(place.astype(int), around.shape[axis] - 2)
            share = np.asarray(place - before, np.float32)
            share = share[:, None] if axis == 0 else share
            around = (1 - share) * around.take(before, axis) + share * around.take(before + 1, axis)
        return np.asarray(around)

    def read(self, film: FloatArray) -> FloatArray:
        """Heatmaps (n, k) at film pixels (n, m, 2), bilinear, each the sum over its m; nothing outside the view."""
        from scipy import sparse

        x, y = ((self.frame.to_network(film).reshape(-1, 2) + 0.5) / self.stride - 0.5).T
        rows, columns, count = self.heatmaps.shape
        left, top = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
        right_share, lower_share = x - left, y - top
        cells = np.empty((len(x), 4), np.int32)
        shares = np.empty((len(x), 4), np.float32)
        corners = ((0, 0), (0, 1), (1, 0), (1, 1))
        for i, (across, down) in enumerate(corners):
            column, row = left + across, top + down
            inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
            share = (right_share if across else 1 - right_share) * (lower_share if down else 1 - lower_share)
            cells[:, i] = np.where(inside, row * columns + column, 0)
            shares[:, i] = np.where(inside, share, 0.0)
        start = np.arange(0, 4 * len(x) + 1, 4 * film.shape[1], dtype=np.int32)
        weights = sparse.csr_array((shares.ravel(), cells.ravel(), start), shape=(len(film), rows * columns))
        return np.asarray(weights @ self.heatmaps.reshape(-1, count), float)

    def around(
        self, maps: ImageArray, channels: Sequence[int], film: FloatArray, deviation: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Means of maps under Gaussian windows.

        Args:
            maps: (rows, columns, k) over the cells.
            channels: m of the k maps.
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
        rows, columns = maps.shape[:2]
        inside_x, inside_y = (column >= 0) & (column < columns), (row >= 0) & (row < rows)
        patch = maps[
            np.clip(row, 0, rows - 1)[:, :, None],
            np.clip(column, 0, columns - 1)[:, None, :],
            np.asarray(channels, int)[:, None, None],
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
