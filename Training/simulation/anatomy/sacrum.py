"""Sacrum and coccyx: the library's sacrum hung on the simulated endplate and bent; the endplate itself."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from Training.simulation.anatomy import library
from Training.simulation.anatomy.mesh import Mesh, loft, unit_circle
from Training.simulation.anatomy.vertebra import Bone, bone_tube, join_bones

FloatArray = NDArray[np.float64]

_LENGTH_MM = 100.0
"""Of the library's sacrum below its endplate."""


def sacrum(
    anterior: ArrayLike, posterior: ArrayLike, right: ArrayLike, width: float, rng: np.random.Generator, cortex: float
) -> Bone:
    """The sacrum below its endplate.

    Args:
        anterior: (3,) S1_A, patient frame, mm.
        posterior: (3,) S1_P.
        right: (3,) unit vector to the patient's right along the plate.
        width: width of the S1 endplate, mm.
        rng: varies curvature, length and shell.
        cortex: shell thickness, mm.
    """
    a, p = np.asarray(anterior, float), np.asarray(posterior, float)
    forward = (a - p) / np.linalg.norm(a - p)
    z = np.asarray(right, float) - forward * (forward @ np.asarray(right, float))
    z /= np.linalg.norm(z)
    frame = np.stack([forward, np.cross(z, forward), z], axis=1)
    depth = float(np.linalg.norm(a - p))
    source = library.sacrum()
    scale = np.array([depth / source.depth, depth / source.depth * rng.uniform(0.85, 1.15), width / 50.0])
    bend, lean, taper = rng.normal(-2, 9), rng.normal(0.0, 0.12), rng.uniform(0.85, 1.05)
    shell = cortex * rng.uniform(0.8, 1.8)

    def placed(points: FloatArray) -> FloatArray:
        local = points.copy()
        plate = local[:, 0] > source.back - 3.0
        local[plate, 1] = np.minimum(local[plate, 1], -0.3)  # nothing above the endplate but the articular processes
        below = np.clip(-local[:, 1] / _LENGTH_MM, 0.0, 1.4)
        local[:, 0] = local[:, 0] * (1 + (taper - 1) * below) + bend * below**2 + lean * _LENGTH_MM * below
        return np.asarray((a + p) / 2 + (local * scale) @ frame.T)

    mesh, normals = source.mesh, source.normals
    whole = Bone(Mesh(placed(mesh.vertices), mesh.faces), Mesh(placed(mesh.vertices - shell * normals), mesh.faces))
    tip = whole.outer.vertices[np.argmin((whole.outer.vertices - a) @ frame[:, 1])]
    return join_bones(
        [
            whole,
            _endplate(a, p, frame, width, cortex * rng.uniform(0.6, 2.2), rng),
            _coccyx(tip, frame, depth, rng, cortex),
        ]
    )


def _endplate(
    a: FloatArray, p: FloatArray, frame: FloatArray, width: float, thickness: float, rng: np.random.Generator
) -> Bone:
    """A slightly hollow plate of compact bone from S1_A to S1_P."""
    circle, depth = unit_circle(32), float(np.linalg.norm(a - p))
    hollow = rng.uniform(0.0, 2.0)
    radii = np.array([0.3, 0.6, 0.85, 1.0])
    layers = [(r, 0.0) for r in radii] + [(r, 1.0) for r in radii[::-1]]
    rings = [
        (a + p) / 2
        + np.stack(
            [
                circle[:, 0] * r * depth / 2,
                np.full(len(circle), -hollow * (1 - r**2) - thickness * (1 - top)),
                circle[:, 1] * r * width / 2,
            ],
            axis=1,
        )
        @ frame.T
        for r, top in layers
    ]
    return Bone(loft(np.stack(rings)), Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int32)))


def _coccyx(start: FloatArray, frame: FloatArray, depth: float, rng: np.random.Generator, cortex: float) -> Bone:
    length, curve, turn = depth * rng.uniform(0.7, 1.2), rng.uniform(0.1, 0.7), rng.uniform(0.2, 0.9)
    share = np.linspace(0, 1, 6)
    along = np.stack([np.sin(turn + curve * share) * share, -np.cos(turn + curve * share) * share, 0 * share], 1)
    return bone_tube(
        start + length * along @ frame.T, np.stack([6 - 4 * share, 3.5 - 2 * share], 1), cortex * 0.6, frame[:, 0]
    )
