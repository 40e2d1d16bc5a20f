"""From meshes to path lengths: how many millimetres of each material a ray meets.

The geometry of every system here is a magnification that depends on depth: a point source magnifies both directions, a
slot scanner only the horizontal one (its source travels along with the slit). Vertices and landmarks are moved by that
one map, then a parallel beam integrates, so landmarks are exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from Training.simulation import scan_conversion
from Training.simulation.anatomy.mesh import Mesh, join

FloatArray = NDArray[np.float64]
ImageArray = NDArray[np.float32]


@dataclass(frozen=True)
class Beam:
    """Source and detector of an acquisition."""

    source_distance: float
    """Source to the patient's mid-plane, mm."""
    slot: bool
    """Slot scanner: divergence in the horizontal direction only."""
    center: tuple[float, float]
    """(x, y) of the central ray in the patient frame, mm; a slot scanner has no central y."""

    def project(self, points: ArrayLike) -> FloatArray:
        """Patient points (..., 3) to the mid-plane (..., 2), as scanners scale their films (isocenter scale), mm.

        The source is on the patient's right (z +), so that nearer parts are magnified more.
        """
        p = np.asarray(points, float)
        magnification = self.source_distance / (self.source_distance - p[..., 2])
        x = self.center[0] + (p[..., 0] - self.center[0]) * magnification
        y = p[..., 1] if self.slot else self.center[1] + (p[..., 1] - self.center[1]) * magnification
        return np.stack([x, y], axis=-1)


@dataclass(frozen=True)
class Window:
    """The part of the mid-plane that the image shows: anterior to the left, head up."""

    left: float
    """Patient x at the left edge of the image, mm (the greatest x, since anterior is left)."""
    top: float
    """Patient y at the upper edge of the image, mm."""
    size: tuple[int, int]
    """(height, width) in pixels."""
    spacing: float
    """Millimetres per pixel."""

    def to_pixels(self, plane: ArrayLike) -> FloatArray:
        """Mid-plane points (..., 2) in mm to image pixels (..., 2), (0, 0) at the center of the first pixel."""
        p = np.asarray(plane, float)
        return np.asarray(np.stack([self.left - p[..., 0], self.top - p[..., 1]], axis=-1) / self.spacing - 0.5)


def path_lengths(parts: Sequence[tuple[Mesh, float]], beam: Beam, window: Window) -> ImageArray:
    """Millimetres of a material along every ray, shape `window.size`.

    Args:
        parts: its meshes and their weights, negative for hollows; parts that face inward subtract, and where more is
            hollow than there is, nothing is left.
        beam: source and detector.
        window: what the image shows.
    """
    mesh = join(_flattened(part, beam, weight) for part, weight in parts)
    placed = np.column_stack([window.to_pixels(mesh.vertices[:, :2]), mesh.vertices[:, 2]])
    return np.maximum(scan_conversion.path_lengths(placed, mesh.faces, window.size), 0).astype(np.float32)


def _flattened(mesh: Mesh, beam: Beam, weight: float) -> Mesh:
    """A mesh moved so that parallel rays along z see what the beam sees, as deep as its weight says.

    Along parallel rays a mesh whose depth is scaled has its path lengths scaled.
    """
    vertices = np.column_stack([beam.project(mesh.vertices), abs(weight) * mesh.vertices[:, 2]])
    return Mesh(vertices, mesh.faces if weight > 0 else mesh.faces[:, ::-1])
