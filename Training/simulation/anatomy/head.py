"""Skull, jaw, teeth with fillings, hyoid and the atlas."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from Training.simulation.anatomy.library import bone
from Training.simulation.anatomy.mesh import Mesh, ellipsoid, join, tube
from Training.simulation.anatomy.vertebra import Bone, bone_tube, compact

FloatArray = NDArray[np.float64]

CONDYLES_IN_MESH_MM = (-8.0, 506.0, 0.0)
"""Where the skull mesh rests on the atlas, in the mesh's frame."""
VAULT_MM = 4.0
"""Compact bone of the skull's vault, its spongy layer left out."""


@dataclass(frozen=True)
class Head:
    """Everything above the axis."""

    bones: list[Bone]
    soft: list[Mesh]
    air: list[Mesh]
    fillings: list[Mesh]
    top: float
    """Height of the crown, mm."""


def atlas(dens: FloatArray, frame: FloatArray, scale: float, cortex: float) -> list[Bone]:
    """C1 around the dens: anterior arch, lateral masses, posterior arch.

    Args:
        dens: (3,) center of the dens, mm.
        frame: (3, 3) columns anterior, up, right.
        scale: size factor.
        cortex: shell thickness, mm.
    """
    out = []
    anterior = np.array([[9.5, 0, -9], [12.5, 0.5, 0], [9.5, 0, 9]]) * scale
    out.append(bone_tube(dens + anterior @ frame.T, [[3.2, 5.0], [3.6, 6.0], [3.2, 5.0]], cortex))
    for side in (-1.0, 1.0):
        center = dens + frame @ (np.array([0, -1, 19 * side]) * scale)
        radii = np.array([8, 7, 8.0]) * scale
        out.append(Bone(ellipsoid(center, radii, frame, 8), ellipsoid(center, radii - cortex, frame, 8)))
        arch = np.array([[-4, 0, 21 * side], [-18, 0, 17 * side], [-30, 1, 8 * side], [-34, 1.5, 0]]) * scale
        out.append(bone_tube(dens + arch @ frame.T, [[3, 3.5], [2.6, 3], [2.8, 3.4], [3.5, 4.5]], cortex))
    return out


def head(base: FloatArray, frame: FloatArray, scale: float, rng: np.random.Generator, cortex: float) -> Head:
    """The head on the atlas.

    Args:
        base: (3,) where the skull rests, mm.
        frame: (3, 3) the head's frame; anterior = gaze.
        scale: size factor.
        rng: varies jaw opening, teeth and fillings.
        cortex: shell factor, mm.
    """
    condyles = np.array(CONDYLES_IN_MESH_MM)

    def place(points: FloatArray) -> FloatArray:
        return np.asarray(base + ((points - condyles) * scale) @ frame.T)

    def placed(mesh: Mesh) -> Mesh:
        return Mesh(place(mesh.vertices), mesh.faces)

    skull = bone("hat_skull", VAULT_MM)
    jaw = bone("hat_jaw", 1.6)
    bones = [compact(join([placed(skull.outer), placed(skull.inner).reversed()]))]
    bones.append(Bone(placed(jaw.outer), placed(jaw.inner)))
    for side in (-1.0, 1.0):
        petrous = place(np.array([[0.0, 524, 30 * side], [-12, 520, 44 * side], [-20, 510, 52 * side]]))
        bones.append(bone_tube(petrous, np.array([[9, 8], [11, 11], [9, 12]]) * scale, 2.0))
    teeth, fillings = _teeth(place, frame, scale, rng)
    bones.extend(teeth)
    # the scalp ends at the skull base, the face above the larynx: neither covers the neck's vertebrae below C2
    cranium = ellipsoid(place(np.array([-1.0, 574, 0])), np.array([94, 84, 77]) * scale, frame, 16)
    chin = rng.uniform(-4, 6)
    face = ellipsoid(place(np.array([54.0, 512 - chin / 2, 0])), np.array([40, 56 + chin / 2, 50]) * scale, frame, 14)
    nose = ellipsoid(place(np.array([97.0, 528, 0])), np.array([13, 17, 12]) * scale, frame, 8)
    airway = tube(
        place(np.array([[20.0, 520, 0], [14, 495, 0], [10, 470, 0]])),
        np.array([[12, 7], [11, 7], [12, 6]]) * scale,
        frame[:, 0],
    )
    sinus = ellipsoid(place(np.array([58.0, 525, 0])), np.array([16, 15, 24]) * scale, frame, 8)
    hyoid_path = place(np.array([[30.0, 448, -18], [42, 444, 0], [30, 448, 18]]))
    bones.append(bone_tube(hyoid_path, [[1.5, 2.5]] * 3, 0.8))
    top = float(cranium.vertices[:, 1].max())
    return Head(bones, [cranium, face, nose], [airway, sinus], fillings, top)


def _teeth(place: object, frame: FloatArray, scale: float, rng: np.random.Generator) -> tuple[list[Bone], list[Mesh]]:
    """Two rows of teeth and, in some of them, metal."""
    assert callable(place)
    bones, fillings = [], []
    missing = rng.uniform(0, 0.5) if rng.random() < 0.3 else 0.03
    filled = rng.choice([0.0, 0.1, 0.3], p=[0.35, 0.4, 0.25])
    for row, y in ((1.0, 499.0), (-1.0, 487.0)):
        for k in range(14):
            if rng.random() < missing:
                continue
            angle = np.radians(-78 + 12 * k)
            center = place(np.array([38 + 42 * np.cos(angle) ** 0.9, y, 26 * np.sin(angle)]))
            radii = np.array([3.0, 9.0, 3.6]) * scale
            bones.append(compact(ellipsoid(center, radii, frame, 6)))
            if rng.random() < filled:
                crown = center + frame @ np.array([0, -row * rng.uniform(3, 6), 0]) * scale
                fillings.append(ellipsoid(crown, np.array([3.2, rng.uniform(1, 3), 3.4]) * scale, frame, 5))
    return bones, fillings
