"""Sacrum and coccyx: five fused bodies that shrink along a curve, the wings and the median crest."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from Training.simulation.anatomy.mesh import ellipsoid
from Training.simulation.anatomy.vertebra import BodyShape, Bone, body, bone_tube, join_bones

FloatArray = NDArray[np.float64]


def _place(bone: Bone, rotation: FloatArray, translation: FloatArray) -> Bone:
    return Bone(bone.outer.moved(rotation, translation), bone.inner.moved(rotation, translation))


def _turn(degrees: float) -> FloatArray:
    """Rotation about z that carries the anterior axis upward."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def sacrum(
    anterior: ArrayLike, posterior: ArrayLike, right: ArrayLike, width: float, rng: np.random.Generator, cortex: float
) -> Bone:
    """The sacrum below its endplate.

    Args:
        anterior: (3,) S1_A, patient frame, mm.
        posterior: (3,) S1_P.
        right: (3,) unit vector to the patient's right along the plate.
        width: width of the S1 endplate, mm.
        rng: varies curvature, heights and wings.
        cortex: shell thickness, mm.
    """
    a, p = np.asarray(anterior, float), np.asarray(posterior, float)
    forward = (a - p) / np.linalg.norm(a - p)
    z = np.asarray(right, float) - forward * (forward @ np.asarray(right, float))
    z /= np.linalg.norm(z)
    frame = np.stack([forward, np.cross(z, forward), z], axis=1)
    depth = float(np.linalg.norm(a - p))
    bones: list[Bone] = []
    bend = rng.uniform(12, 24)
    x, y, angle, size = 0.0, 0.0, 0.0, 1.0
    lean = rng.uniform(-4, 8)
    for i in range(5):
        half = depth / 2 * size
        height = depth * (0.82 - 0.05 * i) * size**0.3 * rng.uniform(0.92, 1.05)
        next_size = size * (0.68 if i == 0 else 0.84)
        low = depth / 2 * next_size
        corners = np.array([[half, height / 2], [-half, height / 2], [low - 2, -height / 2], [-low - 2, -height / 2]])
        shape = BodyShape(
            width * size,
            0.04,
            1.2 if i == 0 else 0.2,
            0.2,
            1.5 * cortex,
            cortex * (rng.uniform(1.6, 2.6) if i == 0 else 0.5),
        )
        turn = frame @ _turn(angle)
        middle = (a + p) / 2 + frame @ np.array([x, y, 0.0]) - turn @ np.array([0.0, height / 2, 0.0])
        bones.append(_place(body(corners, shape), turn, middle))
        bones.extend(_wings(turn, middle, depth * size, width * size, height, i, cortex))
        step = turn @ np.array([-2.0, -height - 0.2, 0.0])
        local = frame.T @ step
        x, y, angle, size = x + local[0], y + local[1], angle + bend * (0.6 + 0.2 * i) + lean * (i == 0), next_size
    bones.append(_coccyx((a + p) / 2 + frame @ np.array([x, y, 0.0]), frame @ _turn(angle), depth, rng, cortex))
    return join_bones(bones)


def _wings(
    turn: FloatArray, middle: FloatArray, depth: float, width: float, height: float, i: int, cortex: float
) -> list[Bone]:
    """Lateral masses and the piece of the median crest beside one sacral body."""
    out = []
    reach = (1.05, 0.95, 0.7, 0.5, 0.35)[i] * width * 0.55
    for side in (-1.0, 1.0):
        center = middle + turn @ np.array([-0.3 * depth, 0.0, side * (width / 2 + 0.3 * reach)])
        radii = np.array([0.42 * depth, 0.55 * height, reach * 0.8])
        wing = ellipsoid(center, radii, turn, 8)
        out.append(Bone(wing, wing))  # no shell: the wings fade into the hip bones on a lateral film
    root = middle + turn @ np.array([-0.95 * depth, 0.2 * height, 0.0])
    tip = middle + turn @ np.array([-1.25 * depth + i, -0.45 * height, 0.0])
    out.append(bone_tube([root, (root + tip) / 2, tip], [[5, 3.2], [4, 3.5], [3, 2.5]], cortex * 0.7, turn[:, 0]))
    return out


def _coccyx(start: FloatArray, turn: FloatArray, depth: float, rng: np.random.Generator, cortex: float) -> Bone:
    length, curve = depth * rng.uniform(0.8, 1.2), rng.uniform(0.1, 0.6)
    share = np.linspace(0, 1, 6)
    local = np.stack([curve * length * share**2, -length * share, np.zeros(6)], 1)
    return bone_tube(start + local @ turn.T, np.stack([6 - 4 * share, 3.5 - 2 * share], 1), cortex * 0.6, turn[:, 0])
