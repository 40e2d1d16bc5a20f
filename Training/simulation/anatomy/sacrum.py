"""Sacrum and coccyx as parametric solids hung on the simulated endplate.

Proportions as on seven real films: a wedge about 110 mm long, as deep as its endplate above and a quarter of that
below, whose back leaves the endplate nearly at a right angle and then turns forward by 30 to 75 degrees. Its walls,
tangential to the beam, are bright lines, but for the front of S1, which the alae outshine: their front edges run from
the back of the endplate to the front wall, and the bone behind them is dense. On three of fourteen real films what lies
before that edge is hardly brighter than the belly, the plate a faint line across it, and the edge goes on beyond the
front wall as the ilium's arcuate line, so that it looks like the plate, 25 to 40 degrees too steep: `_promontory`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from Training.simulation.anatomy.mesh import Mesh, ellipsoid, loft, superellipse, unit_circle
from Training.simulation.anatomy.vertebra import Bone, bone_tube, compact, join_bones

FloatArray = NDArray[np.float64]

_STEPS = 15
"""Sections of the wedge."""


@dataclass(frozen=True)
class SacralCurve:
    """The wedge in the mid-sagittal plane of its endplate's frame: x to the front, y up from the plate, mm."""

    back: FloatArray
    """(_STEPS, 2) the back wall of the bodies, from the plate's back edge down."""
    front: FloatArray
    """(_STEPS, 2) the front wall, opposite to it."""

    @classmethod
    def sample(cls, depth: float, rng: np.random.Generator) -> "SacralCurve":
        """A sacrum whose endplate is `depth` mm deep."""
        share = np.linspace(0, 1, _STEPS)
        length = depth * rng.uniform(2.9, 3.7)
        turn = np.radians(rng.normal(4, 9) - np.clip(rng.normal(48, 15), 10, 85) * share ** rng.uniform(0.9, 1.8))
        course = -np.stack([np.sin(turn), np.cos(turn)], 1)
        steps = 0.5 * (course[1:] + course[:-1]) * length / (_STEPS - 1)
        back = np.array([-depth / 2, 0.0]) + np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])
        # the first section is the endplate itself
        across = turn * np.minimum(1.0, share / 0.25)
        slim = np.interp(share, (0, 0.12, 0.28, 0.5, 0.75, 1), (1, 0.9, 0.72, 0.5, 0.34, 0.2))
        slim = slim ** rng.uniform(0.8, 1.3)
        return cls(back, back + (depth * slim)[:, None] * np.stack([np.cos(across), -np.sin(across)], 1))

    @property
    def middle(self) -> FloatArray:
        """(_STEPS, 2) halfway between both walls."""
        return np.asarray((self.back + self.front) / 2)

    def behind(self, share: FloatArray, distance: FloatArray) -> FloatArray:
        """(n, 2) points behind the back wall, at these shares of its length and distances in mm."""
        at = share * (_STEPS - 1)
        wall, inward = (
            np.stack([np.interp(at, np.arange(_STEPS), line[:, k]) for k in range(2)], 1)
            for line in (self.back, self.front - self.back)
        )
        return np.asarray(wall - distance[:, None] * inward / np.linalg.norm(inward, axis=1, keepdims=True))


def sacrum(
    anterior: ArrayLike, posterior: ArrayLike, right: ArrayLike, width: float, rng: np.random.Generator, cortex: float
) -> Bone:
    """The sacrum below its endplate, and the coccyx.

    Args:
        anterior: (3,) S1_A, patient frame, mm.
        posterior: (3,) S1_P.
        right: (3,) unit vector to the patient's right along the plate.
        width: width of the S1 endplate, mm.
        rng: varies curvature, length and shell.
        cortex: shell thickness, mm.
    """
    a, p = np.asarray(anterior, float), np.asarray(posterior, float)
    depth = float(np.linalg.norm(a - p))
    forward = (a - p) / depth
    z = np.asarray(right, float) - forward * (forward @ np.asarray(right, float))
    z /= np.linalg.norm(z)
    frame = np.stack([forward, np.cross(z, forward), z], axis=1)
    curve = SacralCurve.sample(depth, rng)
    front = _promontory(rng)
    return join_bones(
        [
            _bodies(curve, width, front, rng, cortex),
            *_junctions(curve, width, rng, cortex),
            *_wings(depth, front, rng, cortex),
            *_facets(depth, rng, cortex),
            _crest(curve, rng, cortex),
            _subchondral(depth, width, front, rng),
            _endplate(depth, width, cortex * rng.uniform(0.3, 1.8), front, rng),
            _coccyx(curve, rng, cortex),
        ]
    ).moved(frame, (a + p) / 2)


def _promontory(rng: np.random.Generator) -> float:
    """How much bone the front of S1 has, against its back: all, or in every second person a part."""
    return 1.0 if rng.random() < 0.5 else float(rng.uniform(0.05, 0.7))


def _half_widths(width: float) -> FloatArray:
    return np.asarray(0.5 * width * np.interp(np.linspace(0, 1, _STEPS), (0, 0.3, 1), (1.0, 0.75, 0.35)))


def _bodies(curve: SacralCurve, width: float, front: float, rng: np.random.Generator, cortex: float) -> Bone:
    """The fused bodies: sections with blunt corners from wall to wall, rounder where the front has less bone."""
    section, half = superellipse(24, rng.uniform(0.4, 0.8) + 0.5 * (1 - front)), _half_widths(width)
    middle, reach = curve.middle, (curve.front - curve.back) / 2
    faint = np.interp(np.linspace(0, 1, _STEPS), (0.1, 0.3), (front * rng.uniform(0.1, 1.0), 1.0))
    walls = cortex * rng.uniform(0.5, 1.5) * faint

    def solid(shrink: FloatArray) -> Mesh:
        depth = np.linalg.norm(reach, axis=1)
        inner = reach * (np.maximum(depth - shrink, 0.3) / depth)[:, None]
        flat = middle[:, None] + section[None, :, :1] * inner[:, None]
        side = section[None, :, 1] * np.maximum(half - shrink, 0.3)[:, None]
        return loft(np.concatenate([flat, side[..., None]], axis=2))

    return Bone(solid(0 * walls), solid(walls)).denser(float(rng.uniform(0.0, 0.08)))


def _junctions(curve: SacralCurve, width: float, rng: np.random.Generator, cortex: float) -> list[Bone]:
    """What is left of the discs between the bodies, thin bright plates or none."""
    out, half = [], _half_widths(width)
    for share in (0.3, 0.52, 0.7, 0.86):
        if rng.random() < 0.5:
            continue
        k = round((share + rng.normal(0, 0.015)) * (_STEPS - 1))
        reach = (curve.front[k] - curve.back[k]) / 2
        depth = float(np.linalg.norm(reach))
        c, s = reach / depth
        turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
        radii = np.array([0.9 * depth, cortex * rng.uniform(0.3, 1.0), rng.uniform(0.4, 0.9) * half[k]])
        plate = ellipsoid(np.append(curve.middle[k], 0.0), radii, turn, 8)
        out.append(compact(plate))
    return out


def _wings(depth: float, front: float, rng: np.random.Generator, cortex: float) -> list[Bone]:
    """The alae: their front edges, from the back of the endplate down to the front wall of S1, and their mass.

    Where there is less bone in front they are thin bright lines from the very corner of the plate, as on real films,
    and the less there is the brighter they are, and the sooner the ilium's line goes on from them.
    """
    fine = front < 1.0
    start = np.array([rng.uniform(-0.7, -0.38), rng.uniform(-0.08, 0.0), 0.0]) * depth
    if fine:
        start = np.array([rng.uniform(-0.54, -0.44), rng.uniform(-0.05, -0.02), 0.0]) * depth
    end = np.array([rng.uniform(0.05, 0.38), rng.uniform(-0.52, -0.22), 0.0]) * depth
    share = np.linspace(0, 1, 5)[:, None]
    path = start + share * (end - start) + share * (1 - share) * rng.normal(0, 4, 3) * [1, 0, 0]
    radii = np.array([[1.0, 0.7], [1.0, 1.0], [1.0, 1.0], [1.0, 1.0], [0.8, 0.6]])
    radii = radii * (
        [rng.uniform(0.6, 1.8), rng.uniform(8, 18)] if fine else [rng.uniform(1.2, 3.5), rng.uniform(5, 14)]
    )
    strength, spongy = cortex * rng.uniform(0.2, 1.5) * (2 - front), float(rng.uniform(0.0, 0.35))
    onward = (end - start) * rng.uniform(0.3, 1.6) if rng.random() < 0.75 - 0.5 * front else None
    veer = rng.normal(0, 5, 3) * [1, 1, 0]
    mass = np.array([rng.uniform(-0.5, -0.2), rng.uniform(-1.3, -0.8), 0.0]) * depth
    out = []
    for side in (1.0, -1.0):
        # as much lower as keeps the thickest edge below the plate
        course = path + (0.0, -radii.max() / 8, 30.0 * side) + rng.normal(0, 1, 3).clip(-2, 0)
        out.append(bone_tube(course, radii, strength, (0.0, 0.0, 1.0)).denser(spongy, 30.0 * side))
        if onward is not None:
            line = course[-1] + share * onward + share**2 * veer
            fading = (1 - share) ** 0.5 + 0.1
            out.append(bone_tube(line, radii[-1] * fading, strength * rng.uniform(0.4, 1.2), (0.0, 0.0, 1.0)))
        center, size = mass + (0.0, 0.0, 38.0 * side), np.array([0.45, 0.7, 0.4]) * depth
        solid = ellipsoid(center, size, None, 12)
        inner = Bone(solid, ellipsoid(center, size - cortex * rng.uniform(0.05, 0.4), None, 12))
        out.append(inner.denser(0.3 * spongy, 38.0 * side))
    return out


def _facets(depth: float, rng: np.random.Generator, cortex: float) -> list[Bone]:
    """The upper articular processes, behind the back edge of the plate and a little above it."""
    out = []
    for side in (1.0, -1.0):
        root = np.array([-0.5 * depth - rng.uniform(8, 12), rng.uniform(-8, -3), 20.0 * side])
        tip = root + (rng.uniform(-7, 0), rng.uniform(10, 20), 3.0 * side)
        radii = rng.uniform(0.7, 1.2) * np.array([[5.0, 7.0], [4.5, 7.0], [2.5, 5.0]])
        course = np.stack([root, 0.5 * (root + tip), tip])
        out.append(bone_tube(course, radii, cortex * rng.uniform(0.2, 1.0), (0.0, 0.0, 1.0)))
    return out


def _crest(curve: SacralCurve, rng: np.random.Generator, cortex: float) -> Bone:
    """The laminae with their crest, a line behind the canal."""
    share = np.array([0.04, 0.2, 0.4, 0.6])
    gap = rng.uniform(0.7, 1.3) * np.array([14.0, 12.0, 9.0, 5.0])
    path = np.column_stack([curve.behind(share, gap), np.zeros(4)])
    radii = np.array([[4.0, 12.0], [3.5, 11.0], [3.0, 9.0], [2.0, 6.0]]) * rng.uniform(0.7, 1.2)
    return bone_tube(path, radii, cortex * rng.uniform(0.2, 1.2), (0.0, 0.0, 1.0))


def _subchondral(depth: float, width: float, front: float, rng: np.random.Generator) -> Bone:
    """The denser spongy bone below the endplate."""
    center = np.array([rng.uniform(-0.1, 0.15), -0.17, 0.0]) * depth
    solid = ellipsoid(center, [0.42 * depth, 0.16 * depth, 0.35 * width], None, 10)
    return Bone(solid, solid).denser(front * float(rng.uniform(0.0, 0.12)))


def _endplate(depth: float, width: float, thickness: float, front: float, rng: np.random.Generator) -> Bone:
    """A slightly hollow plate of compact bone from S1_A to S1_P, its back edge a blunt corner around S1_P.

    Towards the front it thins to `front` of its thickness.

    Readers put S1_P into the bright corner, not on its outline, which lies 1 mm higher on real films.
    """
    circle = unit_circle(32)
    hollow, rise = rng.uniform(0.0, 2.0), rng.uniform(0.2, 2.0)
    radii = np.array([0.3, 0.6, 0.75, 0.88, 1.0])

    def thin(r: float) -> FloatArray:
        return np.asarray(thickness * np.interp(circle[:, 0] * r, (-0.4, 0.5), (1.0, front)))

    layers = [(r, 0.0) for r in radii] + [(r, 1.0) for r in radii[::-1]]
    rings = [
        np.stack(
            [
                circle[:, 0] * r * depth / 2,
                -hollow * (1 - r**2) - thin(r) * (1 - top) + rise * np.exp(-(((circle[:, 0] * r + 1) / 0.3) ** 2)),
                circle[:, 1] * r * width / 2,
            ],
            axis=1,
        )
        for r, top in layers
    ]
    return compact(loft(np.stack(rings)))


def _coccyx(curve: SacralCurve, rng: np.random.Generator, cortex: float) -> Bone:
    """Goes on where the sacrum ends, turning further forward."""
    last = curve.middle[-1] - curve.middle[-2]
    start = np.arctan2(last[0], -last[1])  # 0 straight down from the plate, positive forward
    length, share = rng.uniform(20, 42), np.linspace(0, 1, 6)
    turn = start + np.radians(rng.uniform(-5, 70)) * share
    steps = length / 5 * np.stack([np.sin(turn), -np.cos(turn), 0 * share], 1)
    path = np.append(curve.middle[-1], 0.0) + np.concatenate([np.zeros((1, 3)), np.cumsum(steps[1:], axis=0)])
    return bone_tube(path, np.stack([4.5 - 2.5 * share, 7 - 4 * share], 1), cortex * 0.6, (0.0, 0.0, 1.0))
