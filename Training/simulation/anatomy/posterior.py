"""The posterior elements of a vertebra: pedicles, articular processes, laminae, transverse and spinous processes.

They are those of the library's vertebra of the same level, scaled to the simulated body they stand behind and bent, so
that no two people have the same ones; the library's own body is pressed flat into the posterior wall and vanishes.
Frame: as in `vertebra`.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from Training.simulation.anatomy import library
from Training.simulation.anatomy.mesh import Mesh
from Training.simulation.anatomy.vertebra import Bone

FloatArray = NDArray[np.float64]

_WALL_MM = 4.0
"""Depth of the hollow of the library's posterior walls: what lies less far behind their middle is body."""
_LAMINA_MM = 18.0
"""Distance behind the root of the pedicles from which bone belongs to the spinous process."""
_ROOT_MM = 1.0
"""How far the pedicles reach into the body."""
_CERVICAL_BODY = 1.15
"""Width of the library's cervical bodies at their widest, against their front."""
_PEDICLE_STRETCH = 1.2
"""Makes up for what `_WALL_MM` takes from the pedicles."""


@dataclass(frozen=True)
class ArchStyle:
    """What the posterior elements of one person have in common; wide, so that a network learns to trust the bodies."""

    density: float
    """Cortical thickness against that of the bodies."""
    back: float
    """Factor on the depth of canal and facets."""
    height: float
    """Factor on the heights."""
    width: float
    spinous_length: float
    spinous_drop: float
    """Extra downward slope of the spinous processes."""
    swell: float
    """Outward shift of every surface, mm: sturdy or slender."""

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        """Draw the style of a person."""
        return cls(
            density=float(rng.uniform(0.6, 1.6)),
            back=float(rng.uniform(0.75, 1.15)),
            height=float(rng.uniform(0.88, 1.12)),
            width=float(rng.uniform(0.85, 1.15)),
            spinous_length=float(rng.uniform(0.7, 1.25)),
            spinous_drop=float(rng.normal(0, 0.12)),
            swell=float(rng.uniform(-0.3, 0.9)),
        )


def posterior_elements(
    level: str, corners: FloatArray, width: float, style: ArchStyle, cortex: float, rng: np.random.Generator
) -> Bone:
    """The posterior elements behind a body.

    Args:
        level: "C2" to "L6".
        corners: (4, 2) mid-sagittal corners AS, PS, AI, PI in the vertebra's frame, mm.
        width: of the body, mm.
        style: of the person.
        cortex: thickness of the bodies' cortical shell, mm.
        rng: what differs from level to level.
    """
    source = library.vertebra("L5" if level == "L6" else level)
    back = (corners[1, 0] + corners[3, 0]) / 2
    depth = float(corners[0, 0] - corners[1, 0] + corners[2, 0] - corners[3, 0]) / 2
    height = max(float(corners[1, 1] - corners[3, 1]), 0.75 * depth * source.height / source.depth)
    scale = np.array([depth / source.depth, height / source.height * style.height, width / source.width * style.width])
    scale[0] *= style.back
    wobble = rng.normal(0, 1, 4) * (0.05, 0.05, 0.1, 0.08)
    phase, waves = rng.uniform(0, 2 * np.pi, (2, 3)), rng.normal(0, 0.7, 3)

    def placed(points: FloatArray) -> FloatArray:
        behind = source.back - _WALL_MM - points[:, 0]
        # all of the body goes flat, but not the transverse processes that reach forward beside cervical ones
        body = np.abs(points[:, 2]) < (_CERVICAL_BODY * source.width / 2 if level[0] == "C" else np.inf)
        behind = np.where(body, np.maximum(behind, 0.0), behind) * _PEDICLE_STRETCH
        beyond = np.maximum(behind - _LAMINA_MM, 0.0)
        x = behind + beyond * (style.spinous_length * (1 + wobble[0]) / _PEDICLE_STRETCH - 1)
        y = points[:, 1] * (1 + wobble[1]) - beyond * (style.spinous_drop + wobble[2])
        z = points[:, 2] * (1 + wobble[3])
        local = np.stack([-x, y, z], axis=1) * scale
        # a slow wave over the bone, so that not every bump is where the library has it
        bend = (
            waves * np.sin(local[:, [1, 0, 0]] / 9.0 + phase[0]) * np.sin(np.abs(local[:, [2, 2, 1]]) / 11.0 + phase[1])
        )
        local += bend * np.clip(behind / 6.0, 0.0, 1.0)[:, None]
        return np.asarray(local + (back + _ROOT_MM, 0.0, 0.0))

    mesh, normals = source.mesh, source.normals
    outer = placed(mesh.vertices + style.swell * normals)
    inner = placed(mesh.vertices + (style.swell - cortex * style.density) * normals)
    return Bone(Mesh(outer, mesh.faces), Mesh(inner, mesh.faces))
