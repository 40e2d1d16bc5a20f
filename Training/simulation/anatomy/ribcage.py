"""Ribs and sternum, hung on the thoracic vertebrae: the library's ribs, scaled and sloped to the person."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from Training.simulation.anatomy import library
from Training.simulation.anatomy.mesh import Mesh
from Training.simulation.anatomy.vertebra import Bone, bone_tube
from Training.simulation.posture import VertebraPose

FloatArray = NDArray[np.float64]

_TRUE_RIBS = 7
"""Pairs that reach the sternum by cartilage of their own."""
_JOINED = 10
"""Pairs whose cartilage reaches it at all."""


def ribcage(
    carriers: Sequence[tuple[int, VertebraPose, float]],
    scale: tuple[float, float],
    rng: np.random.Generator,
    cortex: float,
    calcified: float,
) -> list[Bone]:
    """All ribs with their cartilage, and the sternum.

    Args:
        carriers: for each pair of ribs the number of the library's rib, the vertebra it hangs on, and its length
            against the library's; T1 to T11 at least, from the top, before any extra ones.
        scale: factors of the chest's depth and width.
        rng: varies slopes, and both sides on their own.
        cortex: shell thickness, mm.
        calcified: how much lime the costal cartilage holds, against compact bone: 0 in the young.
    """
    bones: list[Bone] = []
    depth, width = scale
    drop, hump = rng.uniform(0.8, 1.3), rng.uniform(0.7, 1.05)
    swell, strength, first = rng.uniform(-0.5, 0.8), cortex * rng.uniform(1.2, 3.5), rng.uniform(0.25, 1.0)
    sides = {side: (rng.normal(1, 0.03), rng.normal(1, 0.03), rng.normal(0, 0.02)) for side in (1.0, -1.0)}
    smooth = _smooth(np.array([pose.rotation for _, pose, _ in carriers]))
    ends: dict[float, list[FloatArray]] = {1.0: [], -1.0: []}
    for i, (number, pose, length) in enumerate(carriers):
        source = library.rib(number)
        lift = rng.normal(0, 0.03)
        shell = strength * (first if i < 2 else 1.0)  # real films hardly show the first ones
        # how far their angles lie behind the bodies: the first ones' hardly farther than the articular processes
        angles = hump * np.interp(i, (0, 1, 2, 3, 6), (0.55, 0.75, 1.05, 1.3, 1.0)) / depth**0.5
        for side, (deeper, wider, turned) in sides.items():
            factors = np.array([depth * deeper, drop, width * wider])
            parts = []
            for shift in (swell, swell - shell):
                p = (source.mesh.vertices + shift * source.normals) * factors
                p[:, 0] *= np.where(p[:, 0] < 0, angles, 1.0)
                p[:, 1] += (lift + turned) * np.maximum(p[:, 0], 0)
                p *= length
                parts.append((p * [1, 1, side]) @ smooth[i].T + pose.center)
            faces = source.mesh.faces if side > 0 else source.mesh.faces[:, ::-1]
            bones.append(Bone(Mesh(parts[0], faces), Mesh(parts[1], faces)))
            if i < _JOINED:
                ends[side].append(parts[0][np.argmax(parts[0] @ smooth[i][:, 0])])
    bones.extend(_sternum(ends[1.0][:_TRUE_RIBS], smooth[4], cortex))
    for tips in ends.values():
        bones.extend(_cartilage(np.array(tips), rng, cortex * calcified))
    return bones


def _cartilage(tips: FloatArray, rng: np.random.Generator, shell: float) -> list[Bone]:
    """From the anterior ends (n, 3) of the ribs of one side toward the sternum, the lower ones up along the margin."""
    out = []
    for i, tip in enumerate(tips):
        goal = tips[min(i, _TRUE_RIBS - 1)] * [1, 1, 0.15] + np.array([12.0, 0.0, 0.0])
        share = np.linspace(0, 1, 6)[:, None]
        path = tip + share * (goal - tip)
        path[:, 1] -= 4 * share[:, 0] * (1 - share[:, 0]) * rng.uniform(8, 22)
        radii = np.full((6, 2), [5.0, 3.0]) * rng.uniform(0.8, 1.1)
        out.append(bone_tube(path, radii, max(shell, 0.02) * rng.uniform(0.3, 1.5)))
    return out


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
