"""A volume node as a film: its pixels as seen on screen, and where a film pixel lies in the volume's RAS space.

A film is a scalar volume with one slice. Its pixel (x, y) has (0, 0) at the center of the first pixel of the upper left
corner as Slicer shows the plane: axial plane right = patient left, up = anterior; sagittal plane right = posterior, up
= superior; coronal plane right = patient left, up = superior (vtkMRMLSliceNode's default orientation presets with
patient right on screen left). Which axis of the volume that is follows from IJKToRAS, so a flipped or transposed file
is read as it is seen. For DICOM, PNG and JPEG films the film pixel (x, y) is the file's (column, row).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import slicer
import vtk
from numpy.typing import ArrayLike, NDArray

from SpineAlignmentLib.errors import FilmError

Node = Any
FloatArray = NDArray[np.float64]

CHANGES: Final[tuple[int, ...]] = (
    slicer.vtkMRMLTransformableNode.TransformModifiedEvent,
    slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent,
    vtk.vtkCommand.ModifiedEvent,
)
"""Events of a volume after which it may be another film, or lie elsewhere."""

_SCREEN: Final[dict[int, tuple[tuple[float, ...], tuple[float, ...]]]] = {
    0: ((0.0, -1.0, 0.0), (0.0, 0.0, 1.0)),
    1: ((-1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
    2: ((-1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
}
"""RAS axis that a plane is perpendicular to, to the RAS directions of screen right and screen up."""


@dataclass(frozen=True)
class VolumeGeometry:
    """Where the pixels of a film are in its volume's own RAS space (before any parent transform)."""

    size_px: tuple[int, int]
    """(width, height) in film pixels."""
    spacing: tuple[float, float]
    """(x, y) size of a film pixel in the volume's RAS space, in mm as far as the file reader knew."""
    pixel_to_ras: FloatArray
    """Shape (4, 4): homogeneous film pixel (x, y, 0, 1) to RAS."""
    axes: tuple[int, int]
    """The volume's index axes (0 = I, 1 = J, 2 = K) along film x and film y."""
    flipped: tuple[bool, bool]
    """Whether film x and film y run against their index axes."""

    @property
    def plane(self) -> int:
        """The RAS axis (0 = R, 1 = A, 2 = S) that the film's plane is perpendicular to, or nearly so."""
        return int(np.argmax(np.abs(np.cross(self.pixel_to_ras[:3, 0], self.pixel_to_ras[:3, 1]))))

    @property
    def as_stored(self) -> bool:
        """Whether the film is seen on screen as its pixels are stored, neither turned nor mirrored."""
        return self.axes == (0, 1) and not any(self.flipped)

    def to_ras(self, points_px: ArrayLike) -> FloatArray:
        """Film pixels, shape (..., 2), to RAS, shape (..., 3)."""
        p = np.asarray(points_px, float)
        return np.asarray(p @ self.pixel_to_ras[:3, :2].T + self.pixel_to_ras[:3, 3])

    def to_pixels(self, ras: ArrayLike) -> FloatArray:
        """RAS, shape (..., 3), to film pixels, shape (..., 2); the exact inverse of `to_ras` on the film's plane."""
        inverse = np.linalg.inv(self.pixel_to_ras)
        return np.asarray(np.asarray(ras, float) @ inverse[:2, :3].T + inverse[:2, 3])


def volume_geometry(volume: Node) -> VolumeGeometry:
    """The geometry of a film held by a scalar volume node.

    Raises:
        FilmError: no image, a color image, more than one slice, or a transform that bends the film.
    """
    name = volume.GetName()
    image = volume.GetImageData()
    if image is None or min(image.GetDimensions()) < 1:
        raise FilmError(f"{name}: the volume has no image; load the film again")
    components = image.GetNumberOfScalarComponents()
    if components != 1:
        raise FilmError(
            f"{name}: a color image with {components} components, not a radiograph; convert it with the module "
            "Vector to Scalar Volume first"
        )
    dimensions = image.GetDimensions()
    flat = [axis for axis in (2, 1, 0) if dimensions[axis] == 1]
    if not flat:
        raise FilmError(
            f"{name}: a volume of {dimensions[2]} slices, not a radiograph; choose a volume with a single slice"
        )
    transform = volume.GetParentTransformNode()
    if transform is not None and not transform.IsTransformToWorldLinear():
        raise FilmError(
            f"{name}: under the non-linear transform {transform.GetName()}, which bends the film; "
            "take the film out of it (Transforms module) before measuring"
        )
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return _seen_on_screen(slicer.util.arrayFromVTKMatrix(matrix), dimensions, flat[0])


def _seen_on_screen(ijk_to_ras: FloatArray, dimensions: tuple[int, int, int], flat: int) -> VolumeGeometry:
    a, b = (axis for axis in range(3) if axis != flat)
    normal = np.cross(ijk_to_ras[:3, a], ijk_to_ras[:3, b])
    right, up = (np.array(v) for v in _SCREEN[int(np.argmax(np.abs(normal)))])

    def upness(axis: int) -> float:
        direction = ijk_to_ras[:3, axis]
        return float(abs(direction @ up) / (np.linalg.norm(direction) or 1.0))

    x_axis, y_axis = (b, a) if upness(a) > upness(b) else (a, b)
    flip_x = bool(ijk_to_ras[:3, x_axis] @ right < 0)
    flip_y = bool(ijk_to_ras[:3, y_axis] @ up > 0)
    pixel_to_ijk = np.zeros((4, 4))
    for column, (axis, flip) in enumerate(((x_axis, flip_x), (y_axis, flip_y))):
        pixel_to_ijk[axis, column] = -1 if flip else 1
        pixel_to_ijk[axis, 3] = dimensions[axis] - 1 if flip else 0
    pixel_to_ijk[flat, 2] = pixel_to_ijk[3, 3] = 1
    spacing = np.linalg.norm(ijk_to_ras[:3, [x_axis, y_axis]], axis=0)
    return VolumeGeometry(
        size_px=(dimensions[x_axis], dimensions[y_axis]),
        spacing=(float(spacing[0]), float(spacing[1])),
        pixel_to_ras=ijk_to_ras @ pixel_to_ijk,
        axes=(x_axis, y_axis),
        flipped=(flip_x, flip_y),
    )


def put_along(volume: Node, nodes: Iterable[Node]) -> None:
    """Put nodes under the transform that the film is under."""
    transform = volume.GetTransformNodeID()
    for node in nodes:
        if node.GetTransformNodeID() != transform:
            node.SetAndObserveTransformNodeID(transform)


def volume_pixels(volume: Node, geometry: VolumeGeometry) -> NDArray[np.generic]:
    """The film's gray values as seen on screen, shape (height, width); a view of the volume's memory, not a copy."""
    kji = slicer.util.arrayFromVolume(volume)
    flat = 3 - sum(geometry.axes)
    order = (2 - flat, 2 - geometry.axes[1], 2 - geometry.axes[0])
    pixels = np.transpose(kji, order)[0]
    flip_x, flip_y = geometry.flipped
    return np.asarray(pixels[:: -1 if flip_y else 1, :: -1 if flip_x else 1])
