"""Ribs and sternum, hung on the thoracic vertebrae: the library's ribs, scaled and sloped to the person."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from Training.simulation.anatomy import library
from Training.simulation.anatomy.mesh import Mesh
from Training.simulation.anatomy.vertebra import Bone, bone_tube

FloatArray = NDArray[np.float64]


def ribcage(
    centers: FloatArray,
    rotations: FloatArray,
    scale: tuple[float, float],
    rng: np.random.Generator,
    cortex: float,
    present: Sequence[bool],
) -> list[Bone]:
    """All ribs, and the sternum.

    Args:
        centers: (12, 3) body centers of T1 to T12, mm.
        rotations: (12, 3, 3) their frames, columns anterior, up, right.
        scale: factors of the chest's depth and width.
        rng: varies slopes, and both sides on their own.
        cortex: shell thickness, mm.
        present: which of the 12 levels carry ribs.
    """
    bones: list[Bone] = []
    depth, width = scale
    drop, hump = rng.uniform(0.8, 1.3), rng.uniform(0.7, 1.15)
    swell, shell = rng.uniform(-0.5, 0.8), cortex * rng.uniform(0.9, 2.0)
    sides = {side: (rng.normal(1, 0.03), rng.normal(1, 0.03), rng.normal(0, 0.02)) for side in (1.0, -1.0)}
    smooth = _smooth(rotations)
    ends: list[FloatArray] = []
    for i in range(12):
        if not present[i]:
            continue
        source = library.rib(i + 1)
        lift = rng.normal(0, 0.03)
        for side, (deeper, wider, turned) in sides.items():
            factors = np.array([depth * deeper, drop, width * wider])
            parts = []
            for shift in (swell, swell - shell):
                p = (source.mesh.vertices + shift * source.normals) * factors
                p[:, 0] *= np.where(p[:, 0] < 0, hump / depth**0.5, 1.0)  # how far the angles lie behind the bodies
                p[:, 1] += (lift + turned) * np.maximum(p[:, 0], 0)
                parts.append((p * [1, 1, side]) @ smooth[i].T + centers[i])
            faces = source.mesh.faces if side > 0 else source.mesh.faces[:, ::-1]
            bones.append(Bone(Mesh(parts[0], faces), Mesh(parts[1], faces)))
            if side > 0 and i < 7:
                ends.append(parts[0][np.argmax(parts[0] @ smooth[i][:, 0])])
    bones.extend(_sternum(ends, smooth[4], cortex))
    return bones


def _smooth(rotations: FloatArray) -> FloatArray:
    """Rib frames follow their vertebrae only in part: the cage moves as one."""
    mean = np.stack(
        [0.5 * rotations[i] + 0.5 * rotations[max(0, i - 2) : i + 3].mean(axis=0) for i in range(len(rotations))]
    )
    u, _, v = np.linalg.svd(mean)
    return np.asarray(u @ v)


def _sternum(ends: list[FloatArray], frame: FloatArray, cortex: float) -> list[Bone]:
    """The breastbone before the anterior ends (n, 3) of the upper ribs."""
    if len(ends) < 2:
        return []
    path = np.array(ends)
    path[:, 2] = 0.0
    path[:, 0] += 12
    path = path[0] + (path - path[0]) * 1.05
    across = np.linspace(24, 13, len(path))
    return [bone_tube(path, np.stack([across, np.full(len(path), 5.0)], 1), 0.7 * cortex, frame[:, 0])]
