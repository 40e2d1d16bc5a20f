"""Where vertebral bodies are, whichever level each is, and the spine's curve through them.

Networks see bodies well and count them badly: where a level is in doubt, its heatmap and its neighbors' spread over the
same bodies, but their sum marks nearly every body once. The curve is the strongest chain of its maxima.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.sightings import Sighting
from SpineAlignmentLib.film.preprocessing import InputFrame
from SpineAlignmentLib.measurement.landmarks import COUNT

FloatArray = NDArray[np.float64]

CELL: Final[int] = 4
"""Grid pixels from one value of the map of bodies to the next."""

_LEAST: Final[float] = 0.02
"""Share of a body in a maximum of the map below which it is none."""
_CERTAIN: Final[float] = 0.3
"""Share above which a maximum counts no more."""
_REACH: Final[tuple[float, float]] = (9.0, 80.0)
"""Grid pixels from one body of the chain to the next: the distance in a child's neck, and of three lumbar bodies."""
_USUAL_REACH: Final[float] = 36.0
_REACH_COST: Final[float] = 0.03
"""Cost of each grid pixel of a step beyond the usual reach."""
_TURN: Final[float] = np.radians(25.0)
"""Standard deviation of the turn from one step of the chain to the next."""
_GREATEST_TURN: Final[float] = np.radians(60.0)
_STEEPEST: Final[float] = np.radians(95.0)
"""A step's greatest angle with straight down: some necks are horizontal."""
_CURVE_PX: Final[float] = 3.0
"""Grid pixels by which bodies lie beside a smooth curve."""
_EXTENSION: Final[int] = 60
"""Grid pixels by which the curve goes on, straight, beyond the chain's ends."""
_ACROSS: Final[FloatArray] = np.arange(-14.0, 15.0, 2.0)
"""Grid pixels beside the curve over which heatmaps are summed."""


@dataclass(frozen=True)
class Curve:
    """The spine's curve, a point each grid pixel, from above downwards."""

    points: FloatArray
    """(n, 2) grid pixels."""
    chain: FloatArray
    """(m, 2) grid pixels: the bodies it was led through."""

    @property
    def normals(self) -> FloatArray:
        """(n, 2) unit vectors across."""
        along = np.gradient(self.points, axis=0)
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        return np.stack([-along[:, 1], along[:, 0]], axis=1)


def body_map(sightings: Sequence[Sighting], grid: InputFrame) -> FloatArray:
    """Bodies per grid pixel, of shape (rows, columns) with `CELL` grid pixels between values: the mean of the views."""
    height, width = grid.input_size[0] // CELL, grid.input_size[1] // CELL
    x, y = (np.arange(count) * float(CELL) + (CELL - 1) / 2 for count in (width, height))
    film_x = grid.to_film(np.stack([x, np.zeros(width)], axis=1))
    film_y = grid.to_film(np.stack([np.zeros(height), y], axis=1))
    total = np.zeros((height, width))
    for seen in sightings:
        total += seen.bodies_on(film_x, film_y) * seen.density(grid)
    return np.asarray(total / len(sightings))


def find_curve(bodies: FloatArray) -> Curve | None:
    """The curve of the spine on a map of bodies; None when no two follow each other."""
    from scipy import ndimage

    smooth = ndimage.gaussian_filter(bodies * CELL**2, 1.0) * 2 * np.pi  # about a body's share at its maximum
    highest = (smooth == ndimage.maximum_filter(smooth, 5)) & (smooth > _LEAST)
    row, column = np.nonzero(highest)
    places = np.stack([column, row], axis=1) * float(CELL) + (CELL - 1) / 2
    share = smooth[row, column]
    chain = _strongest_chain(places, share)
    if len(chain) < 2:
        return None
    return Curve(_smooth_curve(places[chain], share[chain]), places[chain])


def _strongest_chain(places: FloatArray, share: FloatArray) -> list[int]:
    """Maxima one below the other along a smooth curve: the sequence of steps with the greatest sum of evidence."""
    towards = places[None] - places[:, None]
    distance = np.hypot(towards[..., 0], towards[..., 1])
    angle = np.arctan2(towards[..., 0], towards[..., 1])
    start, end = np.nonzero((distance > _REACH[0]) & (distance < _REACH[1]) & (np.abs(angle) < _STEEPEST))
    if not len(start):
        return []
    evidence = np.log(np.clip(share, _LEAST, _CERTAIN) / _LEAST)
    turns, length = angle[start, end], distance[start, end]
    gain = evidence[end] - _REACH_COST * np.maximum(length - _USUAL_REACH, 0)
    best, before = evidence[start] + gain, np.full(len(start), -1)
    arriving = [np.nonzero(end == place)[0] for place in range(len(places))]
    downwards = np.argsort(places[start, 1] + places[end, 1])
    for _ in range(3):  # steps that go up a little come too early in this order
        changed = False
        for step in downwards:
            earlier = arriving[start[step]]
            earlier = earlier[start[earlier] != end[step]]
            if not len(earlier):
                continue
            turn = np.abs(np.angle(np.exp(1j * (turns[earlier] - turns[step]))))
            value = np.where(turn < _GREATEST_TURN, best[earlier] - (turn / _TURN) ** 2, -np.inf)
            most = int(np.argmax(value))
            if value[most] + gain[step] > best[step] + 1e-9:
                best[step], before[step], changed = value[most] + gain[step], earlier[most], True
        if not changed:
            break
    return _traced(int(np.argmax(best)), before, start, end)


def _traced(last: int, before: NDArray[np.int64], start: NDArray[np.int64], end: NDArray[np.int64]) -> list[int]:
    chain, step, met = [int(end[last])], last, set()
    while step >= 0 and step not in met:
        met.add(step)
        chain.append(int(start[step]))
        step = int(before[step])
    return chain[::-1]


def _smooth_curve(places: FloatArray, share: FloatArray) -> FloatArray:
    """A smoothing spline through places, extended at both ends, with a point each grid pixel."""
    from scipy import interpolate

    at = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(places, axis=0), axis=1))])
    fine = np.arange(0.0, at[-1] + 1e-9)
    if len(places) < 4:
        inner = np.stack([np.polyval(np.polyfit(at, places[:, axis], 1), fine) for axis in (0, 1)], axis=1)
    else:
        weight = np.sqrt(np.clip(share, 0.05, 0.5) / 0.5) / _CURVE_PX
        with warnings.catch_warnings():  # a spline a little smoother or less than asked for is as good
            warnings.simplefilter("ignore", RuntimeWarning)
            splines = [interpolate.make_splrep(at, places[:, axis], w=weight, s=len(places)) for axis in (0, 1)]
        inner = np.stack([spline(fine) for spline in splines], axis=1)
    steps = np.arange(_EXTENSION, 0, -1)[:, None]
    reach = min(12, len(inner) - 1)
    up, down = inner[0] - inner[reach], inner[-1] - inner[-1 - reach]
    above = inner[0] + up / np.linalg.norm(up) * steps
    below = inner[-1] + down / np.linalg.norm(down) * steps[::-1]
    whole = np.concatenate([above, inner, below])
    arc = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(whole, axis=0), axis=1))])
    return np.stack([np.interp(np.arange(0.0, arc[-1]), arc, whole[:, axis]) for axis in (0, 1)], axis=1)


def along(sightings: Sequence[Sighting], curve: Curve, grid: InputFrame) -> FloatArray:
    """Heatmaps along a curve, summed across it, per grid pixel: (45, n), the mean of the views that show a landmark."""
    beside = curve.points[:, None] + _ACROSS[:, None] * curve.normals[:, None]
    film = grid.to_film(beside)
    total, views = np.zeros((COUNT, len(curve.points))), np.zeros(COUNT)
    for seen in sightings:
        total[seen.landmarks] += seen.read(film).T * seen.density(grid) * (_ACROSS[1] - _ACROSS[0])
        views[seen.landmarks] += 1
    return np.asarray(total / np.maximum(views, 1)[:, None])
