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
from Training.simulation.anatomy.mesh import Mesh, ellipsoid
from Training.simulation.anatomy.vertebra import BodyShape, Bone, body, join_bones

FloatArray = NDArray[np.float64]

_WALL_MM = 4.0
"""Depth of the hollow of the library's posterior walls: what lies less far behind their middle is body."""
_LAMINA_MM = 18.0
"""Distance behind the root of the pedicles from which bone belongs to the spinous process."""
_ROOT_MM = 1.0
"""How far the pedicles reach into the body."""
_CERVICAL_BODY = 1.15
"""Width of the library's cervical bodies at their widest, against their front."""
_SOURCE = {"C7": "C6", "L6": "L5"}
"""Whose posterior elements a vertebra has, if not those of the library's vertebra of the same name: its C6 has the long
process that makes C7 the prominent vertebra."""
_SPINOUS_DROP = dict.fromkeys(("C3", "C4"), -0.25) | dict.fromkeys(("C5", "C6", "C7"), 0.2)
"""Slope added to the library's spinous processes, downward: C3's and C4's hang lower there than on real films, the next
ones higher."""
_SPINOUS_LENGTH = {"C2": 1.6, "C3": 0.68, "C4": 0.68, "C5": 0.45, "C6": 0.58, "C7": 0.92}
"""Length of the spinous processes against those of their library vertebra: on real films they end 37 (C2), 32 (C3 to
C5), 40 and 50 mm (C7) behind the bodies' centers, which tells a reader where the neck ends."""
_CANAL = dict.fromkeys((f"T{i}" for i in range(1, 6)), 8.0) | dict.fromkeys((f"T{i}" for i in range(6, 13)), 5.0)
"""How much farther behind their bodies than in the library facets lie, beside `ArchStyle.canal`, mm there."""
_PEDICLE_MM = (7.0, 13.0)
"""From how far behind the body on, and up to where, thoracic bone becomes as dense as the laminae."""
_PEDICLE_STRETCH = 1.2
"""Makes up for what `_WALL_MM` takes from the pedicles."""


@dataclass(frozen=True)
class ArchStyle:
    """What the posterior elements of one person have in common; wide, so that a network learns to trust the bodies."""

    density: float
    """Cortical thickness against that of the bodies."""
    thoracic_density: float
    """Further factor in the chest behind the pedicles, where laminae and articular processes are a bright chain."""
    thoracic_pedicle: float
    """The same of the pedicles, which real films hardly show."""
    shoulder_density: float
    """Further factor from C7 to T3, whose processes real films hardly show between the shoulders."""
    back: float
    """Factor on the depth of canal and facets."""
    canal: float
    """How much farther behind the body the facets lie than in the library, mm there."""
    height: float
    """Factor on the heights."""
    width: float
    spinous_length: float
    spinous_drop: float
    """Extra downward slope of the spinous processes."""
    swell: float
    """Outward shift of every surface, mm: sturdy or slender."""
    pillar_overlap: float
    """How far the cervical articular pillars reach over the body from behind, as a share of its depth."""
    pillar_depth: float
    """Of the pillars, front to back, against the body's."""
    pillar_height: float
    """Of the pillars against the body's; one level and its disc are about 1.35 heights."""
    pillar_aside: float
    """Of the pillars' centers from the midline, against the body's width."""
    process: float
    """Factor on the thickness of the roots of the cervical transverse processes."""
    uncinate: float
    """Factor on the height of the uncinate processes."""
    facet_deg: float
    """Slope of the cervical facets against the endplates."""

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        """Draw the style of a person."""
        return cls(
            density=float(rng.uniform(0.6, 1.6)),
            thoracic_density=float(rng.uniform(1.0, 3.5)),
            thoracic_pedicle=float(rng.uniform(0.3, 1.0)),
            shoulder_density=float(rng.uniform(0.2, 1.0)),
            back=float(rng.uniform(0.85, 1.15)),
            canal=float(rng.uniform(2.0, 7.0)),
            height=float(rng.uniform(0.88, 1.12)),
            width=float(rng.uniform(0.85, 1.15)),
            spinous_length=float(rng.uniform(0.7, 1.25)),
            spinous_drop=float(rng.normal(0, 0.12)),
            swell=float(rng.uniform(-0.3, 0.9)),
            pillar_overlap=float(rng.uniform(-0.05, 0.3)),
            pillar_depth=float(rng.uniform(0.65, 1.0)),
            pillar_height=float(rng.uniform(1.1, 1.35)),
            pillar_aside=float(rng.uniform(0.75, 1.0)),
            process=float(rng.uniform(0.6, 1.5)),
            uncinate=float(rng.uniform(0.5, 1.2)),
            facet_deg=float(rng.uniform(30, 50)),
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
    source = library.vertebra(_SOURCE.get(level, level))
    canal = style.canal + _CANAL.get(level, 0.0)
    drop = style.spinous_drop + _SPINOUS_DROP.get(level, 0.0)
    length = style.spinous_length * _SPINOUS_LENGTH.get(level, 1.0)
    back, depth = _wall_and_depth(corners)
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
        behind += canal * (1 - np.exp(-np.maximum(behind, 0.0) / 1.2))
        beyond = np.maximum(behind - _LAMINA_MM, 0.0)
        x = behind + beyond * (length * (1 + wobble[0]) / _PEDICLE_STRETCH - 1)
        y = points[:, 1] * (1 + wobble[1]) - beyond * (drop + wobble[2])
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
    shell = np.full((len(mesh.vertices), 1), cortex * style.density)
    if level[0] == "T":
        behind = source.back - _WALL_MM - mesh.vertices[:, :1]
        shell *= np.interp(behind, _PEDICLE_MM, (style.thoracic_pedicle, style.thoracic_density))
    if level in ("C7", "T1", "T2", "T3"):
        shell *= style.shoulder_density
    inner = placed(mesh.vertices + (style.swell - shell) * normals)
    return Bone(Mesh(outer, mesh.faces), Mesh(inner, mesh.faces))


def _wall_and_depth(corners: FloatArray) -> tuple[float, float]:
    """Where the posterior wall lies and how deep the body is, mm."""
    depth = float(corners[0, 0] - corners[1, 0] + corners[2, 0] - corners[3, 0]) / 2
    return float(corners[1, 0] + corners[3, 0]) / 2, depth


def cervical_sides(
    corners: FloatArray, width: float, style: ArchStyle, cortex: float, rng: np.random.Generator
) -> Bone:
    """A cervical vertebra's articular pillars, the roots of its transverse processes, and its uncinate processes.

    On real films the oblique facets, and the bright column of the processes seen from their ends over the posterior
    third of the bodies, stand out more than the bodies; the library's vertebrae lack the pillars. The uncinate
    processes hide most of the disc above from the side. Sizes and slope of the facets after Panjabi et al., Spine 1993
    (18:1298).

    Args:
        corners: (4, 2) mid-sagittal corners AS, PS, AI, PI of the body in the vertebra's frame, mm.
        width: of the body, mm.
        style: of the person.
        cortex: thickness of the bodies' cortical shell, mm.
        rng: what differs from level to level.
    """
    wall, depth = _wall_and_depth(corners)
    height = (corners[0, 1] + corners[1, 1] - corners[2, 1] - corners[3, 1]) / 2
    front = wall + (style.pillar_overlap + rng.normal(0, 0.04)) * depth
    long = style.pillar_depth * depth * np.exp(rng.normal(0, 0.06))
    half = 0.5 * style.pillar_height * height * np.exp(rng.normal(0, 0.05))
    rise = 0.5 * long * np.tan(np.radians(style.facet_deg + rng.normal(0, 5)))
    middle = rng.normal(-0.05, 0.05) * height
    superior, inferior = middle + half, middle - half
    facets = [(front, superior + rise), (front - long, superior - rise)]
    facets += [(front, inferior + rise), (front - long, inferior - rise)]
    shell = cortex * style.density
    shape = BodyShape(0.65 * width, float(rng.uniform(0.05, 0.2)), 0.4, 0.4, shell, 1.2 * shell)
    pillar = body(np.array(facets), shape)
    reach = np.array([0.13 * depth, 0.2 * height, 0.3 * width]) * style.process
    process = np.array([wall + (style.pillar_overlap - 0.05) * depth, rng.normal(0.04, 0.06) * height, 0.0])
    top = float(corners[0, 1] + corners[1, 1]) / 2
    lip = np.array([wall + rng.uniform(0.32, 0.48) * depth, top, 0.0])
    uncinate = np.array([rng.uniform(0.28, 0.42) * depth, style.uncinate * rng.uniform(3.0, 5.0), 0.14 * width])
    out = []
    for side in (1.0, -1.0):
        place = np.array([0.0, 0.0, side * style.pillar_aside * width])
        out.append(pillar.moved(np.eye(3), place))
        root = process + place * 0.85
        edge = lip + (0.0, 0.0, side * 0.4 * width)
        for middle, radii in ((root, reach), (edge, uncinate)):
            inner = np.maximum(radii - shell, 0.2)
            out.append(Bone(ellipsoid(middle, radii, None, 8), ellipsoid(middle, inner, None, 8)))
    return join_bones(out)
