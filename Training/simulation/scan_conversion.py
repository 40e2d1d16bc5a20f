"""How much of a closed surface lies along each of many parallel rays, exactly: its triangles drawn row by row.

A ray that enters a surface at one depth and leaves it at another has passed through their difference, so that a path is
the sum of the depths of all triangles on the ray, those that face away from the source subtracted. Each triangle covers
a run of pixels on some rows, and its depth is linear along them: its plane is added where a run begins and taken away
where it ends, and one running sum along the rows draws all triangles at once. Two triangles that share an edge find the
same end of their runs on it, so that no pixel is missed or met twice.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]

_EDGE_ON: Final[float] = 1e-9
"""Twice the area, in pixels, below which a triangle's plane is lost in rounding."""
_ORDERS: Final = np.array([[0, 0, 0, 2, 1, 1, 0, 2], [1, 1, 2, 0, 0, 2, 1, 1], [2, 2, 1, 1, 2, 0, 2, 0]], np.int32)
"""Corners from the upper one down, (3, 8), by whether the first lies below the second, that below the third, and the
first below the third, as bits; two of these cannot be."""
_TURNS: Final = np.array([1.0, 1.0, -1.0, 1.0, -1.0, 1.0, 1.0, -1.0])
"""-1 where they then go round the other way."""


def path_lengths(vertices: FloatArray, triangles: IntArray, size: tuple[int, int]) -> FloatArray:
    """The lengths of rays along the third axis within a closed surface, shape `size`; parts that overlap add up.

    Args:
        vertices: (n, 3): column and row, (0, 0) at the center of the first pixel, and depth, which lengths have the
            unit of.
        triangles: (m, 3) rows of `vertices`, facing outward, so that the volume within is positive in this frame
            (`mesh.signed_volume`). What faces inward subtracts.
        size: (height, width) of the image, which need not hold all of the surface.
    """
    out = np.zeros(size)
    if len(triangles):
        x, y, depth = np.ascontiguousarray(vertices.T)
        (left, right), (top, bottom) = (_extent(v, n) for v, n in ((x, size[1]), (y, size[0])))
        out[top:bottom, left:right] = _drawn(x - left, y - top, depth, triangles, (bottom - top, right - left))
    return out


def _extent(places: FloatArray, pixels: int) -> tuple[int, int]:
    """The first of `pixels` that places (n,) along an axis meet, and the one behind the last."""
    low, high = np.clip([np.floor(places.min()), np.ceil(places.max()) + 1], 0, pixels)
    return int(low), int(high)


def _drawn(x: FloatArray, y: FloatArray, depth: FloatArray, triangles: IntArray, size: tuple[int, int]) -> FloatArray:
    """An image of `size` of triangles whose vertices (n,) lie there; see `path_lengths`."""
    height, width = size
    first = np.clip(np.ceil(y), 0, height).astype(np.int32)
    corners, turn = _downward(triangles, first)
    rows = first[corners]
    long, short = (_crossings(x[c], y[c], first[c], width) for c in (corners[::2], corners))
    seen = np.flatnonzero(long != short)  # a run of pixels each
    count = rows[2] - rows[0]
    triangle = np.repeat(np.arange(len(count), dtype=np.int32), count)[seen]
    row = seen.astype(np.int32) - (np.cumsum(count, dtype=np.int32) - count - rows[0])[triangle]
    cells = np.concatenate([long[seen], short[seen]]) + np.tile(row * (width + 1), 2)
    constant, along, down = _planes(x[corners], y[corners], turn * depth[corners])

    def summed(values: FloatArray) -> FloatArray:
        ends = np.bincount(cells, np.concatenate([values, -values]), height * (width + 1))
        image = np.asarray(ends, np.float64).reshape(height, width + 1)
        np.cumsum(image, axis=1, out=image)
        return image[:, :width]

    out = summed(along[triangle])
    out *= np.arange(width)
    out += summed(constant[triangle] + down[triangle] * row)
    return out


def _downward(triangles: IntArray, first: IntArray) -> tuple[IntArray, FloatArray]:
    """The triangles that meet a row, corners (3, m) from the upper one down, and 1.0 or -1.0 (m,) where that turns one.

    Args:
        triangles: (n, 3) vertices.
        first: the first row below each vertex.
    """
    a, b, c = (first[v] for v in np.ascontiguousarray(triangles.T))
    met = np.flatnonzero((a != b) | (b != c))
    order = (4 * (a > b) + 2 * (b > c) + (a > c))[met]
    place = _ORDERS.take(order, axis=1) * np.int32(len(triangles)) + met.astype(np.int32)
    return triangles.T.ravel()[place], _TURNS[order]


def _crossings(x: FloatArray, y: FloatArray, rows: IntArray, width: int) -> IntArray:
    """The first columns to the right of chains of edges on each row that they meet, chain after chain.

    Args:
        x, y: corners (n, m) of chains, from the upper one down.
        rows: the first row below each.
        width: of the image, in which columns end.
    """
    times = np.diff(rows, axis=0).T.ravel()
    slope = np.diff(x, axis=0) / np.where(rows[1:] > rows[:-1], np.diff(y, axis=0), np.inf)
    begin = x[:-1] + slope * (rows[:-1] - y[:-1])
    # as exact as a column needs to be: the two triangles on an edge find the same one
    slope, begin = (v.T.astype(np.float32).ravel() for v in (slope, begin))
    edge = np.repeat(np.arange(len(times), dtype=np.int32), times)
    down = np.arange(len(edge), dtype=np.int32)
    down -= (np.cumsum(times, dtype=np.int32) - times)[edge]
    column = slope[edge]
    column *= down
    column += begin[edge]
    return np.asarray(np.clip(np.ceil(column), 0, width), np.int32)


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
