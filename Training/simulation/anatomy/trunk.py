"""The body's outline from neck to feet, breasts, lungs and windpipe."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from Training.simulation.anatomy.mesh import Mesh, ellipsoid, loft, superellipse, tube

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Spine:
    """The centerline that the trunk follows: body centers from the hip axis up to C2, heights increasing."""

    y: FloatArray
    x: FloatArray
    z: FloatArray
    levels: dict[str, float]
    """Height of each level's center, mm."""

    def at(self, heights: FloatArray) -> FloatArray:
        """Spine positions (n, 2) as (x, z) at the heights (n,)."""
        return np.stack([np.interp(heights, self.y, self.x), np.interp(heights, self.y, self.z)], 1)


@dataclass(frozen=True)
class Build:
    """Thicknesses of the trunk."""

    depth: float
    """Factor of the chest's depth."""
    width: float
    size: float
    """Factor of all thicknesses."""
    fat: float
    """0 lean to 1 obese."""
    belly: float
    """Extra forward reach of the abdomen, mm."""


class _Section(NamedTuple):
    """The trunk at a level, of a lean adult."""

    level: str
    front: float
    """Reach from the spine's center, mm."""
    back: float
    half: float
    """Half the width, mm."""
    fat: float
    """How much farther the front reaches in an obese person, mm."""
    chest: bool
    """Whether the chest's depth counts."""
    belly: float
    """Share of the belly's reach."""
    shoulder: float
    """Share of a shrug of the shoulders."""


_SECTIONS = (
    _Section("C2", 48, 58, 54, 8, False, 0, 0),
    _Section("C4", 41, 56, 52, 12, False, 0, 0.3),
    _Section("C6", 38, 61, 60, 16, False, 0, 0.6),
    _Section("C7", 42, 69, 66, 20, False, 0, 0.8),
    _Section("T1", 50, 76, 80, 24, True, 0, 1),
    _Section("T3", 88, 74, 128, 24, True, 0, 1),
    _Section("T6", 142, 68, 146, 30, True, 0, 0.6),
    _Section("T9", 166, 66, 148, 40, True, 0.15, 0.2),
    _Section("T12", 150, 68, 142, 60, True, 0.5, 0),
    _Section("L2", 118, 82, 134, 90, False, 1, 0),
    _Section("L4", 108, 86, 142, 100, False, 1, 0),
    _Section("S1", 112, 90, 160, 80, False, 0.6, 0),
    _Section("HA", 92, 118, 172, 40, False, 0, 0),
)
# Both legs as one column, relative to the hip axis: height, front and back reach and half the summed width, mm.
_LEG_HEIGHTS = np.array([-860, -780, -640, -520, -440, -380, -250, -130.0])
_LEG_FRONT = np.array([30, 28, 34, 40, 60, 72, 92, 96.0])
_LEG_BACK = np.array([45, 48, 62, 62, 52, 56, 76, 96.0])
_LEG_HALF = np.array([70, 76, 95, 95, 105, 110, 135, 155.0])


def outline(spine: Spine, build: Build, rng: np.random.Generator) -> list[Mesh]:
    """The trunk from the feet to under the skull, as one surface: below the hips it stands for both legs."""
    levels, *measures = zip(*_SECTIONS, strict=True)
    heights = np.array([spine.levels[name] for name in levels])
    front, back, half, fat, chest, belly, shoulder = np.array(measures, float)
    front = front * np.where(chest, build.depth, 1.0) + fat * build.fat + rng.normal(0, 6, len(front))
    back = back + 0.4 * fat * build.fat + rng.normal(0, 4, len(back))
    front = (front + build.belly * belly) * build.size
    back *= build.size
    # shoulders that rise from the neck slowly or at once
    half[levels.index("T1")] *= rng.uniform(0.8, 1.3)
    half = (half * build.width + 0.6 * fat * build.fat + rng.normal(0, 5, len(half))) * build.size
    heights = heights + shoulder * rng.normal(-8, 14) * build.size  # shrugged or dropped: it must not tell the level
    order = np.argsort(heights)
    known = np.maximum.accumulate(heights[order] + np.arange(len(order)) * 1e-3)
    thick = build.size * (1 + 0.35 * build.fat)
    top = known[-1] + rng.uniform(30, 65)  # under the occiput, where the nape is no thinner than below
    low = np.concatenate([_LEG_HEIGHTS * build.size, known])
    y = np.concatenate([np.linspace(low[0], low[0] * 0.2, 16), np.linspace(known[0] - 80, top - 2, 60)])
    y = np.unique(np.sort(y))
    neck_end = np.sqrt(np.clip((top - y) / 50, 0.02, 1))

    def profile(values: FloatArray, legs: FloatArray) -> FloatArray:
        curve = PchipInterpolator(low, np.concatenate([legs * thick, values[order]]))
        return np.asarray(curve(np.clip(y, low[0], low[-1])) * neck_end, np.float64)

    f, b, h = profile(front, _LEG_FRONT), profile(back, _LEG_BACK), profile(half, _LEG_HALF)
    center = spine.at(y)
    around = superellipse(40, 0.85)
    middle, depth = center[:, 0] + (f - b) / 2, (f + b) / 2
    rings = np.stack(
        [
            middle[:, None] + depth[:, None] * around[None, :, 0],
            np.broadcast_to(y[:, None], (len(y), len(around))),
            center[:, 1, None] * 0.5 + h[:, None] * around[None, :, 1],
        ],
        axis=-1,
    )
    return [loft(rings)]


def breasts(spine: Spine, build: Build, size: float, rng: np.random.Generator) -> list[Mesh]:
    """Two breasts of the given radius, mm."""
    height = 0.5 * (spine.levels["T6"] + spine.levels["T9"]) + rng.normal(0, 15) - 0.3 * size
    x = float(spine.at(np.array([height]))[0, 0]) + (140 * build.depth + 25 * build.fat) * build.size
    return [
        ellipsoid([x, height, side * 75.0], [0.8 * size, 1.05 * size, 0.55 * size], None, 10) for side in (1.0, -1.0)
    ]


def lungs(spine: Spine, build: Build, rng: np.random.Generator) -> list[Mesh]:
    """Both lungs: from the first rib to the domes of the diaphragm, wrapped around the thoracic bodies."""
    apex = 0.5 * (spine.levels["T1"] + spine.levels["T2"])
    breath = rng.uniform(-45, 20)
    behind = rng.uniform(35, 50)  # how far the lungs reach behind the bodies' centers
    spread, half_depth = 70 * build.width * build.size, 96 * build.depth * build.size
    half_width = 62 * build.width * build.size
    parts = []
    for side in (1.0, -1.0):
        dome = spine.levels["T9"] + breath + rng.normal(0, 10) - (8 if side < 0 else 0)
        recess = spine.levels["L1"] + rng.uniform(-10, 30)
        rings = _lung_rings(apex, dome, recess)
        height = rings[..., 1]
        narrow = np.sqrt(np.clip((apex + 8 - height) / 120, 0.02, 1.0))
        axis = spine.at(height.ravel()).reshape(*height.shape, 2)
        x = axis[..., 0] + (rings[..., 0] * half_depth + half_depth - behind) * narrow
        z = axis[..., 1] * 0.6 + side * spread * narrow + rings[..., 2] * half_width * narrow
        parts.append(loft(np.stack([x, height, z], axis=-1)))
    return parts


def _lung_rings(apex: float, dome: float, recess: float) -> FloatArray:
    """Rings (n, 28, 3) over the top of a lung and back under it: x and z in -1..1, y in mm.

    Args:
        apex, dome, recess: heights of the top, of the diaphragm's dome and of the lowest recess behind it, mm.
    """
    radius = np.sqrt(np.linspace(0, 1, 15))[1:]
    circle = superellipse(28, 0.6)  # blunt behind: lungs fill the gutters beside the spine
    rings = []
    for r in radius:
        top = apex - (apex - dome) * (0.06 + 0.94 * r**5) * 0.75
        rings.append(np.stack([r * circle[:, 0], np.full(28, top), r * circle[:, 1]], 1))
    for r in radius[::-1]:
        hump = 1 - ((r * circle[:, 0] - 0.25) / 1.3) ** 2 - 0.5 * (r * circle[:, 1]) ** 2
        rings.append(np.stack([r * circle[:, 0], recess + (dome - recess) * np.clip(hump, 0, 1), r * circle[:, 1]], 1))
    return np.stack(rings)


# Levels and distances of the airway's middle in front of the bodies' centers, half depths and half widths, mm.
_AIRWAY: tuple[tuple[str, float, float, float], ...] = (
    ("C2", 16, 4.5, 9),
    ("C3", 15, 3.5, 9),
    ("C4", 16, 3.5, 8),
    ("C5", 20, 5, 8),
    ("C6", 24, 6.5, 8),
    ("T1", 29, 7.5, 8),
    ("T5", 40, 8.5, 9),
    ("T6", 40, 7, 14),
)


def windpipe(spine: Spine, rng: np.random.Generator) -> Mesh:
    """Pharynx, close before the upper cervical bodies, larynx and trachea, down to the carina."""
    level = np.linspace(0, len(_AIRWAY) - 1, 3 * len(_AIRWAY) - 2)
    index = np.arange(len(_AIRWAY))
    y = np.interp(level, index, [spine.levels[name] for name, *_ in _AIRWAY])
    measures = np.array([row[1:] for row in _AIRWAY])
    ahead, half_depth, half_width = (np.interp(level, index, measures[:, k]) for k in range(3))
    x = spine.at(y)[:, 0] + ahead + rng.normal(0, 1.5)
    radii = np.stack([half_width, half_depth], 1) * rng.uniform(0.8, 1.5)
    return tube(np.stack([x, y, np.zeros(len(y))], 1), radii, (1.0, 0.0, 0.0), 12)
