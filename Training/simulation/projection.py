"""From meshes to path lengths with gVirtualXray: how many millimetres of each material a ray meets.

The geometry of every system here is a magnification that depends on depth: a point source magnifies both directions, a
slot scanner only the horizontal one (its source travels along with the slit). Vertices and landmarks are moved by that
one map, then a parallel beam integrates, so landmarks are exact.
"""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from Training.simulation.anatomy.mesh import Mesh

FloatArray = NDArray[np.float64]
ImageArray = NDArray[np.float32]

MM_PER_CM = 10.0
"""gVirtualXray gives path lengths in cm."""

LARGEST_TEXTURE = 2048
"""Pixels along a side that every OpenGL renderer can draw at once; larger films are rendered in tiles."""

GRAPHICS_PACKAGES = (
    "libegl1 libxcb-res0 libxcb-util1 libxcb-keysyms1 libxcb-image0 libxcb-icccm4 libxcb-xkb1 libxkbcommon-x11-0 "
    "libxcb-ewmh2 libxcb-composite0 libxcb-xinerama0"
)


class GraphicsError(RuntimeError):
    """gVirtualXray cannot start; the message says which packages are missing."""


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


class Projector:
    """Renders path lengths; one instance a process (gVirtualXray keeps one global scene)."""

    def __init__(self) -> None:
        self._gvxr = _start_gvxr()

    @staticmethod
    def check() -> None:
        """Start gVirtualXray once in a process of its own, so that workers are only started where it works.

        Raises:
            GraphicsError: it cannot start; says what to install.
        """
        code = "from Training.simulation.projection import Projector; Projector()"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        if done.returncode:
            lines = [line for line in done.stderr.strip().splitlines() if line] or [f"exit status {done.returncode}"]
            reason = lines[-1].split("GraphicsError: ")[-1]
            raise GraphicsError(reason if "apt-get" in reason else _missing(reason))

    def path_lengths(self, meshes: Mapping[str, Mesh], beam: Beam, window: Window) -> dict[str, ImageArray]:
        """Millimetres of each mesh along every ray, shape `window.size`; parts that face inward subtract."""
        out = {name: np.zeros(window.size, np.float32) for name in meshes}
        height, width = window.size
        for top in range(0, height, LARGEST_TEXTURE):
            for left in range(0, width, LARGEST_TEXTURE):
                rows, columns = min(LARGEST_TEXTURE, height - top), min(LARGEST_TEXTURE, width - left)
                tile = Window(
                    window.left - left * window.spacing,
                    window.top - top * window.spacing,
                    (rows, columns),
                    window.spacing,
                )
                for name, image in self._tile(meshes, beam, tile).items():
                    out[name][top : top + rows, left : left + columns] = image
        return out

    def _tile(self, meshes: Mapping[str, Mesh], beam: Beam, window: Window) -> dict[str, ImageArray]:
        """Path lengths in a window that fits a texture."""
        gvxr = self._gvxr
        height, width = window.size
        gvxr.removePolygonMeshesFromSceneGraph()
        gvxr.useParallelBeam()
        gvxr.setSourcePosition(0.0, 0.0, 2000.0, "mm")
        gvxr.setDetectorPosition(0.0, 0.0, -2000.0, "mm")
        gvxr.setDetectorUpVector(0, 1, 0)
        gvxr.setDetectorNumberOfPixels(width, height)
        gvxr.setDetectorPixelSize(window.spacing, window.spacing, "mm")
        middle = np.array([window.left - width * window.spacing / 2, window.top - height * window.spacing / 2])
        out: dict[str, ImageArray] = {}
        for name, mesh in meshes.items():
            if not len(mesh.faces):
                continue
            plane = beam.project(mesh.vertices) - middle
            vertices = np.column_stack([-plane[:, 0], plane[:, 1], -mesh.vertices[:, 2]])
            gvxr.makeTriangularMesh(name, vertices.ravel().tolist(), mesh.faces.ravel().tolist(), "mm")
            gvxr.addPolygonMeshAsOuterSurface(name)
            out[name] = np.asarray(gvxr.computeLBuffer(name), np.float32).reshape(height, width)[::-1] * MM_PER_CM
        return out


def _start_gvxr() -> Any:
    try:
        from gvxrPython3 import gvxr

        gvxr.createNewContext("EGL", 4, 5)
        gvxr.setMonoChromaticPerPixelAtSDD(60.0, "keV", 1)
        gvxr.disableArtefactFiltering()  # five times faster; the meshes are closed but for a few library bones
    except Exception as error:
        raise GraphicsError(_missing(str(error))) from error
    return gvxr


def _missing(reason: str) -> str:
    return f"gVirtualXray could not start ({reason}); on Debian or Ubuntu: apt-get install {GRAPHICS_PACKAGES}"
