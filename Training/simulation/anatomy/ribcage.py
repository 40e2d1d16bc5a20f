"""Ribs, costal cartilage and sternum, hung on the thoracic vertebrae."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from Training.simulation.anatomy.vertebra import Bone, bone_tube

FloatArray = NDArray[np.float64]

_HALF_WIDTH = np.array([62, 85, 103, 116, 124, 130, 133, 134, 132, 128, 118, 98.0])
"""Greatest distance of each rib from the midline in an average adult, mm (after Gayzik et al., 2008)."""
_DEPTH = np.array([72, 100, 122, 140, 152, 160, 165, 166, 160, 150, 120, 80.0])
"""Depth of each rib's arc from spine to anterior end, mm."""
_DROP = np.array([32, 46, 58, 66, 72, 78, 84, 92, 96, 96, 80, 55.0])
"""How far each rib's anterior end lies below its head, mm."""
_SWEEP = np.array([150, 152, 152, 152, 150, 148, 144, 138, 128, 118, 85, 60.0])
"""How far each rib runs around the chest, degrees."""


def rib_arc(number: int, scale: tuple[float, float], drop: float, hump: float, samples: int = 22) -> FloatArray:
    """The right rib `number` (0 first) in its vertebra's frame, (samples, 3) mm, from the head to the anterior end.

    Args:
        scale: factors of the chest's depth and width.
        drop: factor of the ribs' slope.
        hump: how far the angle of the rib lies behind its head, mm.
    """
    angle = np.radians(np.linspace(-14, _SWEEP[number], samples))
    half_width, depth = _HALF_WIDTH[number] * scale[1], _DEPTH[number] * scale[0]
    around = np.linspace(0, 1, samples)
    behind = hump * np.exp(-((around - 0.22) ** 2) / 0.045)
    x = depth * (1 - np.cos(np.clip(angle, 0, None))) / 2 * (1.02 if number < 10 else 0.9) - behind
    z = 10 + (half_width - 10) * np.abs(np.sin(np.clip(angle + 0.12, 0.02, np.pi))) ** 0.8
    y = 6 - _DROP[number] * drop * around**1.25
    return np.stack([x - 12, y, z], 1)


def ribcage(
    centers: FloatArray,
    rotations: FloatArray,
    scale: tuple[float, float],
    rng: np.random.Generator,
    cortex: float,
    present: Sequence[bool],
) -> list[Bone]:
    """All ribs, and the sternum with its cartilages.

    Args:
        centers: (12, 3) body centers of T1 to T12, mm.
        rotations: (12, 3, 3) their frames, columns anterior, up, right.
        scale: factors of the chest's depth and width.
        rng: varies slopes.
        cortex: shell thickness, mm.
        present: which of the 12 levels carry ribs.
    """
    bones: list[Bone] = []
    drop, hump = rng.uniform(0.75, 1.35), rng.uniform(22, 46) * scale[0]
    ends: dict[int, FloatArray] = {}
    smooth = _smooth(rotations)
    for i in range(12):
        if not present[i]:
            continue
        arc = rib_arc(i, scale, drop * rng.uniform(0.9, 1.1), hump)
        tall = (5.6 if i else 4.4) * rng.uniform(0.9, 1.15)
        radii = np.stack([np.full(len(arc), 3.2), np.full(len(arc), tall)], 1)
        for side in (1.0, -1.0):
            path = (arc * [1, 1, side]) @ smooth[i].T + centers[i]
            bones.append(bone_tube(path, radii, 1.3 * cortex, smooth[i][:, 1]))
            if side > 0:
                ends[i] = path[-1]
    bones.extend(_sternum([ends[i] for i in sorted(ends) if i < 7], smooth[4], cortex))
    return bones


def _smooth(rotations: FloatArray) -> FloatArray:
    """Rib frames follow their vertebrae only in part: the cage moves as one."""
    mean = np.stack(
        [0.5 * rotations[i] + 0.5 * rotations[max(0, i - 2) : i + 3].mean(axis=0) for i in range(len(rotations))]
    )
    u, _, v = np.linalg.svd(mean)
    return np.asarray(u @ v)


def _sternum(ends: list[FloatArray], frame: FloatArray, cortex: float) -> list[Bone]:
    if len(ends) < 2:
        return []
    path = np.array(ends)
    path[:, 2] = np.mean(path[:, 2]) * 0.0
    path[:, 0] += 12
    path = path[0] + (path - path[0]) * 1.05
    across = np.linspace(24, 13, len(path))
    return [bone_tube(path, np.stack([across, np.full(len(path), 5.0)], 1), 0.7 * cortex, frame[:, 0])]
