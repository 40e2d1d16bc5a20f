"""A vertebra as parametric solids in its own frame: body with endplates, rim and waist, arch, facets and processes.

Every bone is a pair of closed surfaces: the outside, and the inside of its cortical shell. The projection weighs
the shell as cortical and the inside as cancellous bone, so endplates and walls appear as the bright lines they are on
films.

Frame: x anterior, y up, z right, origin at the body center; mm. Proportions after Panjabi et al., Spine 1991-1992.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from Training.simulation.anatomy.mesh import Mesh, join, loft, tube, unit_circle

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Bone:
    """A bone's outer surface and the inner surface of its cortical shell."""

    outer: Mesh
    inner: Mesh


def join_bones(bones: list[Bone]) -> Bone:
    """All bones as one pair of surfaces."""
    return Bone(join(b.outer for b in bones), join(b.inner for b in bones))


def bone_tube(path: object, radii: object, cortex: float, up: object = (0.0, 1.0, 0.0), points: int = 8) -> Bone:
    """A tubular bone with a cortical shell of `cortex` mm."""
    p, r = np.asarray(path, float), np.asarray(radii, float)
    u = np.asarray(up, float)
    return Bone(tube(p, r, u, points), tube(p, r, u, points, cortex))


@dataclass(frozen=True)
class BodyShape:
    """What varies from body to body besides its corners."""

    width: float
    """Greatest left-right width, mm."""
    waist: float
    """How much narrower the middle is than the rims, as a share."""
    concavity_superior: float
    concavity_inferior: float
    """Depth of the endplates' hollows, mm."""
    wall: float
    """Cortical thickness of the walls, mm."""
    endplate: float
    """Thickness of the bony endplates, mm."""
    osteophyte: float = 0.0
    """Length of rim osteophytes, mm."""


_RING_POINTS = 32


def _section() -> FloatArray:
    """A body's cross-section (points, 2): anterior and lateral in -1..1, kidney-shaped with a flat posterior wall."""
    circle = unit_circle(_RING_POINTS)
    x, z = np.sign(circle[:, 0]) * np.abs(circle[:, 0]) ** 0.9, circle[:, 1]
    posterior = x < 0
    x = np.where(posterior, x * (1 - 0.16 * np.exp(-((z / 0.45) ** 2))) / 1.0, x)
    return np.stack([x, z], 1)


def _surface_y(corners: FloatArray, x: FloatArray, share: FloatArray) -> FloatArray:
    """Height at anterior position x (-1..1) and share (0 inferior, 1 superior) between the sloping endplates."""
    (_, a_s), (_, p_s), (_, a_i), (_, p_i) = corners
    superior = p_s + (a_s - p_s) * (x + 1) / 2
    inferior = p_i + (a_i - p_i) * (x + 1) / 2
    return np.asarray(inferior + (superior - inferior) * share)


def _body_surface(corners: FloatArray, shape: BodyShape, inset: float, plate: float) -> Mesh:
    """One surface of a body, moved inward by `inset` at the walls and by `plate` at the endplates."""
    section = _section()
    (xa_s, _), (xp_s, _), (xa_i, _), (xp_i, _) = corners
    rings = []
    height = 0.5 * abs(corners[0, 1] - corners[2, 1]) + 0.5 * abs(corners[1, 1] - corners[3, 1])
    edge = min(0.45, plate / max(height, 1.0))

    def ring(share: float, radius: float, dip: float) -> None:
        front, back = xa_i + (xa_s - xa_i) * share, xp_i + (xp_s - xp_i) * share
        half, middle = (front - back) / 2, (front + back) / 2
        bulge = 1 - shape.waist * (1 - (2 * share - 1) ** 2)
        lip = shape.osteophyte * max(0.0, abs(2 * share - 1) - 0.75) * 4 if radius == 1 else 0.0
        scale_x = max(half * bulge + lip - inset, 1.0) * radius
        scale_z = max(shape.width / 2 * bulge + 0.6 * lip - inset, 1.0) * radius
        x = section[:, 0] * radius
        squeezed = edge + (1 - 2 * edge) * share
        y = _surface_y(corners, x, np.full(len(x), squeezed)) + dip
        rings.append(np.stack([middle + section[:, 0] * scale_x, y, section[:, 1] * scale_z], 1))

    for radius in (0.25, 0.5, 0.72, 0.88):
        ring(0.0, radius, shape.concavity_inferior * (1 - radius**2.5))
    for share in (0.0, 0.06, 0.14, 0.3, 0.5, 0.7, 0.86, 0.94, 1.0):
        ring(share, 1.0, 0.0)
    for radius in (0.88, 0.72, 0.5, 0.25):
        ring(1.0, radius, -shape.concavity_superior * (1 - radius**2.5))
    return loft(np.stack(rings))


def body(corners: FloatArray, shape: BodyShape) -> Bone:
    """A vertebral body.

    Args:
        corners: (4, 2) mid-sagittal corners AS, PS, AI, PI as (x, y) in the vertebra's frame, mm.
        shape: everything else.
    """
    return Bone(_body_surface(corners, shape, 0.0, 0.0), _body_surface(corners, shape, shape.wall, shape.endplate))


@dataclass(frozen=True)
class ArchShape:
    """The posterior elements of one vertebra, mm and degrees."""

    region: str
    """ "C", "T" or "L"."""
    canal: float
    """Depth of the spinal canal."""
    pedicle_height: float
    pedicle_spread: float
    """Distance of each pedicle from the midline."""
    spinous_length: float
    spinous_drop: float
    """Downward angle of the spinous process, degrees."""
    spinous_height: float
    pillar: float
    """How far the articular pillars lie behind the posterior wall."""
    transverse_length: float
    transverse_back: float
    """Backward share of the transverse processes' direction."""
    facet_height: float
    cortex: float


def arch(corners: FloatArray, shape: ArchShape) -> Bone:
    """Pedicles, articular pillars with facets, laminae, transverse and spinous processes; `corners` as in `body`."""
    (_, _), (xp_s, yp_s), (_, _), (xp_i, yp_i) = corners
    back, height = (xp_s + xp_i) / 2, yp_s - yp_i
    level = {"C": 0.5, "T": 0.72, "L": 0.68}[shape.region]
    y = yp_i + height * level
    pillar_x = back - shape.pillar
    half = shape.pedicle_height / 2
    bones = []
    for side in (-1.0, 1.0):
        spread = side * shape.pedicle_spread
        pedicle = [[back + 3, y, 0.8 * spread], [back - 1, y, spread], [pillar_x, y - 0.05 * height, spread]]
        bones.append(
            bone_tube(pedicle, [[0.6 * half, half], [0.5 * half, 0.85 * half], [0.7 * half, half]], shape.cortex)
        )
        bones.extend(_facets(shape, side, pillar_x, y, spread, half))
        lamina_x = back - shape.canal - 2
        lamina_y = y - 0.35 * height
        lamina = [
            [pillar_x, y - 0.2 * height, spread],
            [lamina_x + 2, lamina_y, 0.5 * spread],
            [lamina_x, lamina_y, 0.0],
        ]
        bones.append(bone_tube(lamina, [[3.0, 0.42 * height], [2.8, 0.4 * height], [3.0, 0.4 * height]], shape.cortex))
        reach = shape.transverse_length
        tip = [pillar_x - shape.transverse_back * reach, y + 0.05 * height, spread + side * reach]
        root = [pillar_x, y, spread]
        bones.append(bone_tube([root, np.add(root, tip) / 2, tip], [[2.5, 4.0], [2.2, 3.5], [2.6, 4.0]], shape.cortex))
    bones.append(_spinous_process(shape, back - shape.canal - 1, y - 0.35 * height))
    return join_bones(bones)


def _facets(shape: ArchShape, side: float, x: float, y: float, spread: float, half: float) -> list[Bone]:
    """The superior and inferior articular processes of one side."""
    reach = shape.facet_height
    tilt = {"C": 0.55, "T": 0.2, "L": 0.25}[shape.region]
    outward = side * (1.5 if shape.region == "L" else 0.0)
    thick = {"C": 0.6, "T": 0.5, "L": 0.65}[shape.region] * half
    up = [[x, y - 0.2 * half, spread], [x + 0.2 * tilt * reach, y + 0.5 * reach, spread + outward]]
    up.append([x + tilt * reach * 0.5, y + reach, spread + outward])
    down = [[x - 1, y, spread], [x - 0.3 * tilt * reach - 2, y - 0.6 * reach, 0.9 * spread]]
    down.append([x - tilt * reach * 0.6 - 3, y - 1.2 * reach, 0.85 * spread])
    radii = [[thick, thick], [thick, 0.9 * thick], [0.8 * thick, 0.6 * thick]]
    forward = (1.0, 0.0, 0.0)
    return [bone_tube(up, radii, shape.cortex, forward), bone_tube(down, radii, shape.cortex, forward)]


def _spinous_process(shape: ArchShape, x: float, y: float) -> Bone:
    drop = np.radians(shape.spinous_drop)
    along = np.array([-np.cos(drop), -np.sin(drop), 0.0])
    share = np.array([0.0, 0.3, 0.7, 0.95, 1.0])
    path = np.array([x, y, 0.0]) + share[:, None] * shape.spinous_length * along
    tall = shape.spinous_height / 2
    radii = np.stack([[3.6, 3.0, 3.3, 4.2, 2.8], np.array([0.9, 0.8, 1.0, 1.0, 0.7]) * tall], 1)
    return bone_tube(path, radii, shape.cortex)
