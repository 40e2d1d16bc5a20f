"""From meshes to path lengths with gVirtualXray: how many millimetres of each material a ray meets.

The geometry of every system here is a magnification that depends on depth: a point source magnifies both directions, a
slot scanner only the horizontal one (its source travels along with the slit). Vertices and landmarks are moved by that
one map, then a parallel beam integrates, so landmarks are exact.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from Training.simulation.anatomy.mesh import Mesh, join

FloatArray = NDArray[np.float64]
ImageArray = NDArray[np.float32]

MM_PER_CM = 10.0
"""gVirtualXray gives path lengths in cm."""

LARGEST_TEXTURE = 2048
"""Pixels along a side that every OpenGL renderer can draw at once; larger films are rendered in tiles."""

BAND_PIXELS = 150_000
"""A mesh's box is rendered in bands of about so many pixels, each as wide as the mesh is there: up to 40 % fewer pixels
for a skeleton. Smaller bands cost more to set up than they save."""

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

    def coarser(self, step: int) -> "Window":
        """The same part in pixels `step` times as large; the last ones may reach over its right and lower edges."""
        height, width = (-(-n // step) for n in self.size)
        return Window(self.left, self.top, (height, width), step * self.spacing)

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

    def path_lengths(
        self, materials: Mapping[str, Sequence[tuple[Mesh, float]]], beam: Beam, window: Window
    ) -> dict[str, ImageArray]:
        """Millimetres of each material along every ray, shape `window.size`.

        gVirtualXray's time grows with the pixels, not with the triangles: a material is one mesh, rendered where it is
        alone, in bands.

        Args:
            materials: for each, its meshes and their weights, negative for hollows; parts that face inward subtract.
            beam: source and detector.
            window: what the image shows.
        """
        out = {}
        for name, parts in materials.items():
            out[name] = np.zeros(window.size, np.float32)
            mesh = join(_flattened(part, beam, weight) for part, weight in parts)
            if len(mesh.faces):
                for part, rows, columns in _tiles(mesh, window):
                    out[name][rows, columns] = self._render(name, part, window, rows, columns)
        return out

    def _render(self, name: str, mesh: Mesh, window: Window, rows: slice, columns: slice) -> ImageArray:
        """Path lengths of a flattened mesh in a part of a window."""
        gvxr = self._gvxr
        height, width = rows.stop - rows.start, columns.stop - columns.start
        gvxr.removePolygonMeshesFromSceneGraph()
        gvxr.useParallelBeam()
        gvxr.setSourcePosition(0.0, 0.0, 2000.0, "mm")
        gvxr.setDetectorPosition(0.0, 0.0, -2000.0, "mm")
        gvxr.setDetectorUpVector(0, 1, 0)
        gvxr.setDetectorNumberOfPixels(width, height)
        gvxr.setDetectorPixelSize(window.spacing, window.spacing, "mm")
        x = window.left - (columns.start + width / 2) * window.spacing
        y = window.top - (rows.start + height / 2) * window.spacing
        placed = np.column_stack([x - mesh.vertices[:, 0], mesh.vertices[:, 1] - y, -mesh.vertices[:, 2]])
        gvxr.makeTriangularMesh(name, placed.ravel().tolist(), mesh.faces.ravel().tolist(), "mm")
        gvxr.addPolygonMeshAsOuterSurface(name)
        return np.asarray(gvxr.computeLBuffer(name), np.float32).reshape(height, width)[::-1] * MM_PER_CM


def _flattened(mesh: Mesh, beam: Beam, weight: float) -> Mesh:
    """A mesh moved so that parallel rays along z see what the beam sees, as deep as its weight says.

    Along parallel rays a mesh whose depth is scaled has its path lengths scaled.
    """
    vertices = np.column_stack([beam.project(mesh.vertices), abs(weight) * mesh.vertices[:, 2]])
    return Mesh(vertices, mesh.faces if weight > 0 else mesh.faces[:, ::-1])


def _tiles(mesh: Mesh, window: Window) -> Iterator[tuple[Mesh, slice, slice]]:
    """Rows and columns of a window that hold a flattened mesh, none larger than a texture, and the triangles there."""
    a, b, c = np.take(np.floor(window.to_pixels(mesh.vertices[:, :2])).astype(np.int32), mesh.faces.T, axis=0)
    first = np.maximum(np.minimum(np.minimum(a, b), c) - 1, 0)
    last = np.minimum(np.maximum(np.maximum(a, b), c) + 3, window.size[::-1])
    top, bottom = int(first[:, 1].min()), int(last[:, 1].max())
    width = int(last[:, 0].max() - first[:, 0].min())
    bands = max(round((bottom - top) * width / BAND_PIXELS), -(-(bottom - top) // LARGEST_TEXTURE), 1)
    height = max(-(-(bottom - top) // bands), 1)
    for row in range(top, bottom, height):
        end = min(row + height, bottom)
        here = (first[:, 1] < end) & (last[:, 1] > row) & (first[:, 0] < last[:, 0])
        if here.any():
            left, right = int(first[here, 0].min()), int(last[here, 0].max())
            part = mesh.part(here)
            for column in range(left, right, LARGEST_TEXTURE):
                yield part, slice(row, end), slice(column, min(column + LARGEST_TEXTURE, right))


def _start_gvxr() -> Any:
    try:
        from gvxrPython3 import gvxr

        gvxr.useLogFile(os.devnull)  # its log of every rendering would drown the progress bar
        os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())  # Mesa complains without one
        gvxr.createNewContext("EGL", 4, 5)
        gvxr.setMonoChromaticPerPixelAtSDD(60.0, "keV", 1)
        gvxr.disableArtefactFiltering()  # five times faster; the meshes are closed but for a few library bones
    except Exception as error:
        raise GraphicsError(_missing(str(error))) from error
    return gvxr


def _missing(reason: str) -> str:
    return f"gVirtualXray could not start ({reason}); on Debian or Ubuntu: apt-get install {GRAPHICS_PACKAGES}"
