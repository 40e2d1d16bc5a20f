"""What the second cervical vertebra has beyond a body and an arch: the dens, and the ring of its lateral masses.

On a film the dens goes on from the body without a plate between them, and the lateral masses, seen along their length,
draw a ring over the upper half of the body (Harris et al., Radiology 1984, 153:353), at whose lower edge readers see
the middle of the vertebra.
"""

import numpy as np
from numpy.typing import NDArray

from Training.simulation.anatomy.vertebra import Bone, bone_tube

FloatArray = NDArray[np.float64]

UPPER_PLATE: float = 0.1
"""Thickness of what parts the dens from the body, against an endplate's."""
_RING_POINTS = 17


def dens(center: FloatArray, middle: FloatArray, rotation: FloatArray, size: float, cortex: float) -> Bone:
    """The dens, from the upper half of the body to its tip.

    Args:
        center: (3,) of the dens, mm.
        middle: (3,) of the body of C2.
        rotation: (3, 3) of C2; columns anterior, up, right.
        size: 1 for an adult of mean size.
        cortex: shell thickness, mm.
    """
    up = (center - middle) / np.linalg.norm(center - middle)
    path = np.stack([middle + 4.0 * size * up, (center + middle) / 2, center, center + 5.5 * size * up])
    radii = size * np.array([[6.6, 8.0], [5.4, 6.0], [5.6, 5.4], [4.2, 4.2]])
    return bone_tube(path, radii, cortex, rotation[:, 2], 14)


def ring(corners: FloatArray, rng: np.random.Generator, cortex: float) -> list[Bone]:
    """The ring on both sides, in the frame of C2.

    Args:
        corners: (4, 2) mid-sagittal corners AS, PS, AI, PI of its body, mm.
        rng: varies size, place and strength.
        cortex: shell thickness, mm.
    """
    depth, height = corners[2, 0] - corners[3, 0], corners[:2, 1].mean() - corners[2:, 1].mean()
    angle = np.linspace(np.pi, 3 * np.pi, _RING_POINTS)  # begins behind, where the arch hides its seam
    wide, high = rng.uniform(0.38, 0.5) * depth, rng.uniform(0.34, 0.46) * height
    middle = corners[:2].mean(axis=0) + [rng.uniform(-0.05, 0.12) * depth, rng.uniform(-0.3, -0.1) * height]
    circle = middle + np.stack([wide * np.cos(angle), high * np.sin(angle)], 1)
    radii = np.tile([rng.uniform(0.7, 1.2), rng.uniform(1.5, 4.0)], (_RING_POINTS, 1))
    out = []
    for side in (1.0, -1.0):
        path = np.column_stack([circle + rng.normal(0, 0.5, 2), np.full(_RING_POINTS, 9.0 * side)])
        out.append(bone_tube(path, radii, cortex * rng.uniform(0.15, 0.8), (0.0, 0.0, 1.0)))
    return out
