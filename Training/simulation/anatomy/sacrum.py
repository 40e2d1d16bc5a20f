"""Sacrum and coccyx: the library's sacrum hung on the simulated endplate and bent; the endplate itself."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from Training.simulation.anatomy import library
from Training.simulation.anatomy.mesh import Mesh, ellipsoid, loft, unit_circle
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
    bend, lean, taper = rng.normal(8, 11), rng.normal(0.0, 0.12), rng.uniform(0.85, 1.05)
    shell, slim = cortex * rng.uniform(0.8, 1.8), rng.uniform(0.65, 0.95)

    def placed(points: FloatArray) -> FloatArray:
        local = points.copy()
        behind = np.minimum(local[:, 0] - source.back, 0.0)
        local[:, 0] -= (1 - slim) * behind  # the canal and what closes it are slimmer than the library's
        plate = local[:, 0] > source.back - 3.0
        local[plate, 1] = np.minimum(local[plate, 1], -0.3)  # nothing above the endplate but the articular processes
        below = np.clip(-local[:, 1] / _LENGTH_MM, 0.0, 1.4)
        local[:, 0] = local[:, 0] * (1 + (taper - 1) * below) + bend * below**2 + lean * _LENGTH_MM * below
        return np.asarray((a + p) / 2 + (local * scale) @ frame.T)

    mesh, normals = source.mesh, source.normals
    # on real films no edge runs behind the plate: articular processes and wings end faintly there
    faint = np.interp(mesh.vertices[:, 0], (source.back - 8.0, source.back), (rng.uniform(0.15, 0.8), 1.0))
    shells = shell * (1 - (1 - faint) * np.interp(mesh.vertices[:, 1], (-40.0, -15.0), (0.0, 1.0)))
    whole = Bone(mesh, Mesh(mesh.vertices - shells[:, None] * normals, mesh.faces)).mapped(placed)
    tip = whole.outer.vertices[np.argmin((whole.outer.vertices - a) @ frame[:, 1])]
    added = [bone.mapped(placed) for bone in (*_wings(source.depth, rng, cortex), _crest(source.depth, rng, cortex))]
    return join_bones(
        [
            whole,
            *added,
            _subchondral((a + p) / 2, frame, depth, width, rng),
            _endplate(a, p, frame, width, cortex * rng.uniform(0.6, 2.2), rng),
            _coccyx(tip, frame, depth, rng, cortex),
        ]
    )


def _wings(depth: float, rng: np.random.Generator, cortex: float) -> list[Bone]:
    """The front edges of the alae, bands from the back of the endplate forward and down, in the library's frame.

    `depth` is that of the library's plate.
    """
    path = np.array([[-0.45, -0.04, 0.0], [-0.05, -0.25, 0.0], [0.12, -0.5, 0.0], [0.2, -0.8, 0.0]]) * depth
    share, radii = rng.uniform(0.0, 0.35), rng.uniform(0.7, 1.3) * np.array([[4, 7], [6, 9], [6, 9], [4, 7]])
    out = []
    for side in (1.0, -1.0):
        course = path + (0.0, 0.0, 28.0 * side) + rng.normal(0, 2, 3)
        edge = bone_tube(course, radii, cortex * rng.uniform(0.05, 0.8), (0.0, 0.0, 1.0))
        out.append(edge.denser(share, 28.0 * side))
    return out


def _crest(depth: float, rng: np.random.Generator, cortex: float) -> Bone:
    """The laminae of the sacrum with their crest, the bright line behind its canal, in the library's frame."""
    path = np.array([[-1.05, 0.05, 0.0], [-1.1, -0.6, 0.0], [-1.15, -1.3, 0.0], [-1.2, -2.0, 0.0]]) * depth
    path[:, 0] += rng.normal(0, 0.06) * depth
    radii = np.array([[4.0, 12.0], [3.5, 11.0], [3.0, 9.0], [2.0, 6.0]]) * rng.uniform(0.7, 1.2)
    return bone_tube(path, radii, cortex * rng.uniform(0.3, 1.6), (0.0, 0.0, 1.0))


def _subchondral(middle: FloatArray, frame: FloatArray, depth: float, width: float, rng: np.random.Generator) -> Bone:
    """The denser spongy bone below the endplate."""
    center = middle + frame @ np.array([rng.uniform(-0.1, 0.15) * depth, -0.17 * depth, 0.0])
    solid = ellipsoid(center, [0.42 * depth, 0.16 * depth, 0.35 * width], frame, 10)
    return Bone(solid, solid).denser(float(rng.uniform(0.0, 0.15)), float(center[2]))


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
