"""A vertebral body as a parametric solid in its own frame: endplates, rim and waist; and bones as pairs of surfaces.

Every bone is a pair of closed surfaces: the outside, and the inside of its cortical shell. The projection weighs
the shell as cortical and the inside as cancellous bone, so endplates and walls appear as the bright lines they are on
films.

Frame: x anterior, y up, z right, origin at the body center; mm. Proportions after Panjabi et al., Spine 1991-1992.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from Training.simulation.anatomy.mesh import Mesh, join, loft, tube, unit_circle

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Bone:
    """A bone's outer surface and the inner surface of its cortical shell."""

    outer: Mesh
    inner: Mesh

    def mapped(self, place: Callable[[FloatArray], FloatArray]) -> "Bone":
        """The bone with the vertices (n, 3) of both surfaces put where `place` says."""
        return Bone(*(Mesh(place(mesh.vertices), mesh.faces) for mesh in (self.outer, self.inner)))

    def moved(self, rotation: ArrayLike, translation: ArrayLike) -> "Bone":
        """The bone after x -> rotation x + translation."""
        return Bone(self.outer.moved(rotation, translation), self.inner.moved(rotation, translation))

    def denser(self, share: float, middle: float = 0.0) -> "Bone":
        """The bone with this share of its cavity counted as compact: a cavity that is narrower along z, about z =
        `middle`, lets as much more of the bone show from the side."""
        cavity = self.inner.vertices.copy()
        cavity[:, 2] = middle + (1 - share) * (cavity[:, 2] - middle)
        return Bone(self.outer, Mesh(cavity, self.inner.faces))


def join_bones(bones: list[Bone]) -> Bone:
    """All bones as one pair of surfaces."""
    return Bone(join(b.outer for b in bones), join(b.inner for b in bones))


def compact(mesh: Mesh) -> Bone:
    """A bone without a cavity."""
    return Bone(mesh, join([]))


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
    upper_plate: float = 1.0
    """Thickness of the superior endplate against the inferior one's."""


_RING_POINTS = 32
_HOLLOW: Final = np.array([0.25, 0.5, 0.72, 0.88])
"""Radii of the rings of an endplate within its rim, shares of the body's."""
_WALL: Final = np.array([0.0, 0.06, 0.14, 0.3, 0.5, 0.7, 0.86, 0.94, 1.0])
"""Heights of the rings of the wall: 0 inferior, 1 superior."""


def _section() -> FloatArray:
    """A body's cross-section (points, 2): anterior and lateral in -1..1, kidney-shaped.

    The posterior wall is round on either side of its dent: were it flat, rays along it would draw a bright line that
    real films do not have.
    """
    x, z = unit_circle(_RING_POINTS).T
    behind = x * (1 - 0.08 * np.exp(-((z / 0.35) ** 2)))
    return np.stack([np.where(x < 0, behind / np.abs(behind).max(), x), z], 1)


def _body_surface(corners: FloatArray, shape: BodyShape, inset: float, plate: float) -> Mesh:
    """One surface of a body, moved inward by `inset` at the walls and by `plate` at the endplates."""
    (xa_s, a_s), (xp_s, p_s), (xa_i, a_i), (xp_i, p_i) = corners
    height = 0.5 * abs(a_s - a_i) + 0.5 * abs(p_s - p_i)
    edge = min(0.45, plate / max(height, 1.0))
    upper = edge * shape.upper_plate
    # of each ring from the middle of the inferior endplate to that of the superior one, (rings, 1)
    share = np.concatenate([np.zeros_like(_HOLLOW), _WALL, np.ones_like(_HOLLOW)])[:, None]
    radius = np.concatenate([_HOLLOW, np.ones_like(_WALL), _HOLLOW[::-1]])[:, None]
    dip = (1 - radius**2.5) * np.where(share < 0.5, shape.concavity_inferior, -shape.concavity_superior)
    front, back = xa_i + (xa_s - xa_i) * share, xp_i + (xp_s - xp_i) * share
    half, middle = (front - back) / 2, (front + back) / 2
    bulge = 1 - shape.waist * (1 - (2 * share - 1) ** 2)
    lip = np.where(radius == 1, shape.osteophyte * np.maximum(0.0, np.abs(2 * share - 1) - 0.75) * 4, 0.0)
    scale_x = np.maximum(half * bulge + lip - inset, 1.0) * radius
    scale_z = np.maximum(shape.width / 2 * bulge + 0.6 * lip - inset, 1.0) * radius
    anterior, lateral = _section().T
    along = (anterior * radius + 1) / 2
    superior, inferior = p_s + (a_s - p_s) * along, p_i + (a_i - p_i) * along
    y = inferior + (superior - inferior) * (edge + (1 - edge - upper) * share) + dip
    return loft(np.stack([middle + anterior * scale_x, y, lateral * scale_z], axis=-1))


def body(corners: FloatArray, shape: BodyShape) -> Bone:
    """A vertebral body.

    Args:
        corners: (4, 2) mid-sagittal corners AS, PS, AI, PI as (x, y) in the vertebra's frame, mm.
        shape: everything else.
    """
    return Bone(_body_surface(corners, shape, 0.0, 0.0), _body_surface(corners, shape, shape.wall, shape.endplate))
