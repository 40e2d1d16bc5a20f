"""How much of a closed surface lies along each of many parallel rays, exactly: its triangles drawn row by row.

A ray that enters a surface at one depth and leaves it at another has passed through their difference, so that a path is
the sum of the depths of all triangles on the ray, those that face away from the source subtracted. Each triangle covers
a run of pixels on some rows, and its depth is linear along them: its plane is added where a run begins and taken away
where it ends, and one running sum along the rows draws all triangles at once. Two triangles that share an edge find the
same end of their runs on it, so that no pixel is missed or met twice.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]

_EDGE_ON: Final[float] = 1e-9
"""Twice the area, in pixels, below which a triangle's plane is lost in rounding."""


@dataclass(frozen=True)
class _Runs:
    """Runs of pixels that triangles cover, one an element."""

    triangle: IntArray
    row: IntArray
    begin: IntArray
    """First column, and the one behind the last; the other way round where a triangle faces away."""
    end: IntArray


def path_lengths(vertices: FloatArray, triangles: IntArray, size: tuple[int, int]) -> FloatArray:
    """The lengths of rays along the third axis within a closed surface, shape `size`; parts that overlap add up.

    Args:
        vertices: (n, 3): column and row, (0, 0) at the center of the first pixel, and depth, which lengths have the
            unit of.
        triangles: (m, 3) rows of `vertices`, facing outward, so that the volume within is positive in this frame
            (`mesh.signed_volume`). What faces inward subtracts.
        size: (height, width) of the image, which need not hold all of the surface.
    """
    height, width = size
    rows = np.clip(np.ceil(vertices[:, 1]), 0, height).astype(np.int32)[triangles.T]
    met = np.flatnonzero(rows.max(axis=0) > rows.min(axis=0))
    x, y, z = np.ascontiguousarray(np.moveaxis(vertices[triangles.T[:, met]], -1, 0))
    runs = _runs(x, y, rows[:, met], width)
    constant, along, down = _planes(x, y, z)
    cells = np.concatenate([runs.begin, runs.end]) + np.tile(runs.row * (width + 1), 2)

    def drawn(values: FloatArray) -> FloatArray:
        ends = np.bincount(cells, np.concatenate([values, -values]), height * (width + 1))
        image = np.asarray(ends, np.float64).reshape(height, width + 1)
        np.cumsum(image, axis=1, out=image)
        return image[:, :width]

    out = drawn(along[runs.triangle])
    out *= np.arange(width)
    out += drawn(constant[runs.triangle] + down[runs.triangle] * runs.row)
    return out


def _runs(x: FloatArray, y: FloatArray, rows: IntArray, width: int) -> _Runs:
    """The runs of triangles with corners (3, m) at x, y, below which `rows` are the first.

    On each row that a triangle meets, one of its edges goes down and one goes up.
    """
    first = rows.min(axis=0)
    count = rows.max(axis=0) - first
    triangle = np.repeat(np.arange(len(count), dtype=np.int32), count)
    place = np.cumsum(count, dtype=np.int32) - count - first
    ends = np.empty((2, len(triangle)), np.int32)
    for a, b in ((0, 1), (1, 2), (2, 0)):
        for side, (top, bottom) in enumerate(((a, b), (b, a))):
            edge = np.flatnonzero(rows[bottom] > rows[top])
            times = rows[bottom, edge] - rows[top, edge]
            slope = (x[bottom, edge] - x[top, edge]) / (y[bottom, edge] - y[top, edge])
            offset = x[top, edge] - slope * y[top, edge]
            which = np.repeat(np.arange(len(edge), dtype=np.int32), times)
            row = np.arange(len(which), dtype=np.int32)
            row -= (np.cumsum(times, dtype=np.int32) - times - rows[top, edge])[which]
            ends[side, place[edge][which] + row] = np.clip(np.ceil(slope[which] * row + offset[which]), 0, width)
    row = np.arange(len(triangle), dtype=np.int32) - place[triangle]
    seen = np.flatnonzero(ends[0] != ends[1])
    return _Runs(triangle[seen], row[seen], ends[1, seen], ends[0, seen])


def _planes(x: FloatArray, y: FloatArray, z: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Depths of triangles with corners (3, m): at the origin, and how they grow along x and along y, each (m,).

    One that is seen edge-on covers no pixel, unless by rounding; its depth there is the mean of its corners'.
    """
    (x1, x2), (y1, y2), (z1, z2) = (v[1:] - v[0] for v in (x, y, z))
    area = x1 * y2 - y1 * x2
    edge_on = np.abs(area) < _EDGE_ON
    area = np.where(edge_on, np.inf, area)
    along, down = (z1 * y2 - y1 * z2) / area, (x1 * z2 - z1 * x2) / area
    return np.where(edge_on, z.mean(axis=0), z[0] - along * x[0] - down * y[0]), along, down
