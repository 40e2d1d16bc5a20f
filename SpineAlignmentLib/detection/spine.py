"""The spine on a film: its curve, its levels and where the landmarks are to be sought."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.bodies import Curve, along, body_map, find_curve
from SpineAlignmentLib.detection.bodies_network import Bodies
from SpineAlignmentLib.detection.evidence import Evidence
from SpineAlignmentLib.detection.levels import Levels
from SpineAlignmentLib.detection.look import Look
from SpineAlignmentLib.detection.sequences import Path
from SpineAlignmentLib.detection.shape_prior import shape_model
from SpineAlignmentLib.detection.sightings import Sighting
from SpineAlignmentLib.film.preprocessing import SCALE_MM, InputFrame
from SpineAlignmentLib.measurement.landmarks import COUNT, INDEX, VERTEBRAE

FloatArray = NDArray[np.float64]

CLOSE_UP_SHARE: Final[float] = 0.5
"""Weight of the close-ups' heatmaps against those of the whole film, where both show a landmark."""

_WINDOW: Final[float] = 0.35
"""Standard deviation of the window in which a center is sought, as a share of the distance of neighbors."""
_CENTER_PX: Final[float] = 2.0
"""Grid pixels by which a center is off, from which the other landmarks are expected."""
_ANYWHERE: Final[float] = 1e4
_BESIDE: Final[float] = 15.0
"""Grid pixels that the sacral endplate's middle, or a body, may lie beside the curve."""
_LEAST_ALIKE: Final[float] = 0.01
"""A body looks like no level less than this."""
_ANY: Final[float] = 0.2
"""How much a body looks like each of a few neighbors, where nothing tells them apart."""
_BODY_PX: Final[float] = 5.0
"""Grid pixels, a standard deviation, within which a place is a body's."""


@dataclass(frozen=True)
class Spine:
    """A spine's curve and, along it, what tells the levels."""

    grid: InputFrame
    curve: Curve
    bodies: FloatArray
    """Map of bodies on the grid, see `bodies.body_map`."""
    evidence: Evidence

    @cached_property
    def levels(self) -> Levels:
        """The scores of all sequences of levels along the curve."""
        return Levels(self.evidence)

    @cached_property
    def path(self) -> Path:
        """The most probable levels."""
        return self.levels.best()

    def centers(self, path: Path) -> FloatArray:
        """(45, 2) grid pixels of the body centers of a path, at the bodies' own maxima; NaN for all else."""
        out = np.full((COUNT, 2), np.nan)
        map_ = Sighting(self.grid, self.bodies[:, :, None].astype(np.float32))
        known = [i for i, name in enumerate(path.levels) if f"{name}_C" in INDEX]
        point = self.curve.points[np.array(path.places)[known]]
        window = _WINDOW * spacing(path)[known]
        for _ in range(2):
            point = map_.around(map_.heatmaps, [0] * len(known), self.grid.to_film(point), window)[0]
        out[[INDEX[f"{path.levels[i]}_C"] for i in known]] = point
        return out

    def l6_center(self, path: Path) -> FloatArray:
        """(x, y) film pixels of L6, which is no landmark, on the curve of a path; NaN where it has none."""
        if "L6" not in path.levels:
            return np.full(2, np.nan)
        return self.grid.to_film(self.curve.points[path.places[path.levels.index("L6")]])

    def expected(self, centers: FloatArray) -> FloatArray:
        """(45, 2) grid pixels of all landmarks, off the film too, as the shape of spines has them around centers."""
        known = np.isfinite(centers[:, 0])
        mean = shape_model().mean / SCALE_MM
        offset = np.mean(centers[known] - mean[known], axis=0)
        points = np.where(known[:, None], centers, mean + offset)
        return shape_model().most_probable(points, np.where(known, _CENTER_PX, _ANYWHERE))


def find_spine(look: Look, grid: InputFrame, size_px: tuple[int, int]) -> Spine | None:
    """The spine that a look shows; None when no bodies follow each other.

    Args:
        look: what was seen.
        grid: at the networks' scale, its sides multiples of `bodies.CELL`.
        size_px: (width, height) of the film.
    """
    whole = [seen for seen in look.sightings if seen.region is None]
    bodies = body_map(whole, grid)
    curve = find_curve(bodies)
    if curve is None:
        return None
    film = grid.to_film(curve.points)
    on_film = ((film >= -0.5) & (film <= np.array(size_px) - 0.5)).all(axis=1)
    evidence = Evidence(along(whole, curve, grid), on_film, _plate(look, grid, curve))
    return Spine(grid, curve, bodies, evidence)


def seen_closely(spine: Spine, look: Look, bodies: Bodies | None) -> Spine:
    """The same curve, and what a look with close-ups and the network of bodies tell along it.

    Args:
        spine: its curve.
        look: what was seen.
        bodies: found on the same film, film pixels; None without a network of bodies.
    """
    evidence = spine.evidence
    if bodies is not None:
        seen, looks = _seen(bodies, spine.grid, spine.curve)
        evidence = replace(evidence, seen=seen, looks=looks)
    close = [seen for seen in look.sightings if seen.region is not None]
    if close:
        rows = sorted({row for seen in close for row in seen.landmarks})
        heatmaps = evidence.heatmaps.copy()
        heatmaps[rows] += CLOSE_UP_SHARE * (along(close, spine.curve, spine.grid)[rows] - heatmaps[rows])
        evidence = replace(evidence, heatmaps=heatmaps, plate=_plate(look, spine.grid, spine.curve))
    return replace(spine, evidence=evidence)


def spacing(path: Path) -> FloatArray:
    """(m,) grid pixels between each level of a path and its neighbors."""
    places = np.array(path.places, float)
    if len(places) < 2:
        return np.full(len(places), 20.0)
    gaps = np.diff(places)
    return np.asarray((np.concatenate([gaps[:1], gaps]) + np.concatenate([gaps, gaps[-1:]])) / 2)


def _plate(look: Look, grid: InputFrame, curve: Curve) -> tuple[float, float]:
    """Place of the sacral endplate's middle along the curve, and its standard deviation, grid pixels."""
    ends = [INDEX["S1_A"], INDEX["S1_P"]]
    middle = grid.to_network(look.mean[ends]).mean(axis=0)
    away = np.linalg.norm(curve.points - middle, axis=1)
    nearest = int(np.argmin(away))
    spread = np.hypot(look.deviation[ends], look.apart[ends]).mean() / grid.step[1]
    return float(nearest), float(spread + max(0.0, away[nearest] - _BESIDE))


def _seen(bodies: Bodies, grid: InputFrame, curve: Curve) -> tuple[FloatArray, FloatArray]:
    """(n,) strength of the body at each place of a curve, and (24, n) what it looks like, see `Evidence`."""
    places = np.arange(len(curve.points))
    seen, looks = np.zeros(len(places)), np.zeros((len(VERTEBRAE), len(places)))
    for body in bodies.vertebrae:
        away = np.linalg.norm(curve.points - grid.to_network(body.center), axis=1)
        if away.min() <= _BESIDE:
            near = np.exp(-(((places - away.argmin()) / _BODY_PX) ** 2) / 2)
            alike = np.log(np.maximum(body.levels, _LEAST_ALIKE) / _ANY)
            looks = np.where(body.strength * near > seen, alike[:, None] * near, looks)
            seen = np.maximum(seen, body.strength * near)
    return seen, looks
