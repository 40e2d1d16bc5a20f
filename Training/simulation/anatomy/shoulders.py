"""The flesh of the shoulders: trapezius and deltoid.

Seen from the side both shoulders make one dome, the whitest part of a film; its crest lies about as high as T1, where a
neck as thin as before enters it, and slopes forward into the upper arms.
"""

import numpy as np
from numpy.typing import NDArray

from Training.simulation.anatomy.mesh import Mesh, loft, superellipse

FloatArray = NDArray[np.float64]

_CREST_MM = 52.0
"""Height of a shoulder's crest above its joint."""
# Down from the crest: depth below it; reach to the front and to the back; thickness across the body, mm.
_BELOW = np.array([0.0, 2, 6, 14, 28, 45, 65, 90, 120, 140.0])
_FRONT = np.array([4.0, 16, 27, 40, 55, 67, 76, 82, 70, 40.0])
_BACK = np.array([4.0, 16, 27, 39, 50, 56, 56, 50, 40, 20.0])
_ACROSS = np.array([6.0, 50, 78, 98, 104, 98, 80, 56, 34, 6.0])


def shoulder(joint: FloatArray, base: FloatArray, side: float, flesh: float, rng: np.random.Generator) -> Mesh:
    """The flesh of one side from the crest down to the armpit, rings lying flat one below the other.

    Args:
        joint: (3,) center of the shoulder joint, mm.
        base: (3,) body center of T2, mm.
        side: 1 for the right, -1 for the left.
        flesh: factor of all thicknesses.
        rng: varies both sides on their own.
    """
    below = _BELOW * flesh * rng.uniform(0.8, 1.15)
    front, back = _FRONT * flesh * rng.uniform(0.75, 1.3), _BACK * flesh * rng.uniform(0.75, 1.2)
    across = _ACROSS * flesh * rng.uniform(0.75, 1.1)
    # between the spine and the joint, which lies in front of its own crest
    crest_x = 0.5 * (joint[0] - 14 + base[0]) + rng.normal(0, 6)
    lean = rng.uniform(0.0, 0.45)  # how far forward the lower parts lie, toward the upper arm
    slope = rng.choice([rng.uniform(0.0, 0.15), rng.uniform(0.1, 0.5)])  # of the trapezius down from the neck
    outer = joint[2] + side * 20.0
    around = superellipse(28, 0.8)
    x = crest_x + (lean * below + (front - back) / 2)[:, None] + ((front + back) / 2)[:, None] * around[None, :, 0]
    z = outer - side * across[:, None] / 2 * (1 + around[None, :, 1])
    y = joint[1] + _CREST_MM * flesh - below[:, None] + slope * np.abs(z - outer)
    return loft(np.stack([x, y, z], axis=-1))
