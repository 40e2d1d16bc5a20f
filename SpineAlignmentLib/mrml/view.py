"""What a slice view shows of a film: all of it, the spine, or one landmark."""

from contextlib import suppress
from typing import Any, Final

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.volume_film import volume_geometry
from SpineAlignmentLib.results.label_layout import structure_boxes
from SpineAlignmentLib.results.turning import turned_points, turned_size, upright

Node = Any
FloatArray = NDArray[np.float64]

PLANES: Final[tuple[str, str, str]] = ("Sagittal", "Coronal", "Axial")
"""Slicer's orientation presets, by the RAS axis that the plane is perpendicular to."""
MARGIN: Final[float] = 0.08
"""Room around the landmarks, as a share of their height; twice as much to the sides, for arcs and labels."""

CLOSE: Final[float] = 0.16
"""Height of a close look, as a share of the landmarks' height."""


def show_film(slice_logic: Node, volume: Node, quarter_turns: int = 0) -> None:
    """Show a film whole, in its own plane and upright; any other volume as Slicer turns to it.

    Args:
        slice_logic: of the view.
        volume: the film.
        quarter_turns: counterclockwise ones that set it upright, where it lies on its side or upside down.
    """
    slice_logic.GetSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
    node = slice_logic.GetSliceNode()
    # Slicer turns the view by as little as it can: from another plane that would lay the film on its side
    with suppress(FilmError):
        node.SetOrientation(PLANES[volume_geometry(volume).plane])
    node.RotateToVolumePlane(volume)
    _turn(node, quarter_turns)
    slice_logic.FitSliceToBackground()
    slice_logic.SnapSliceOffsetToIJK()


def _turn(node: Node, quarter_turns: int) -> None:
    """Turn what a view shows counterclockwise."""
    if not quarter_turns:
        return
    turn = vtk.vtkTransform()
    turn.SetMatrix(node.GetSliceToRAS())
    turn.RotateZ(-90.0 * quarter_turns)
    node.GetSliceToRAS().DeepCopy(turn.GetMatrix())
    node.UpdateMatrices()


def show_spine(slice_logic: Node, alignment: FilmAlignment) -> None:
    """Show the part of a film that holds its landmarks; the whole film when fewer than two are known."""
    show_film(slice_logic, alignment.volume, alignment.annotation.quarter_turns)
    world = positions_world(alignment)
    if len(world) < 2:
        return
    node = slice_logic.GetSliceNode()
    to_ras = node.GetSliceToRAS()
    axes = np.array([[to_ras.GetElement(row, column) for row in range(3)] for column in range(2)])
    extent = np.ptp(world @ axes.T, axis=0)
    wanted = extent + MARGIN * extent[1] * np.array([4, 2])
    width, height, depth = node.GetFieldOfView()
    factor = min(1.0, max(wanted[0] / width, wanted[1] / height))
    node.SetFieldOfView(width * factor, height * factor, depth)
    node.JumpSliceByCentering(*((world.min(axis=0) + world.max(axis=0)) / 2))


def look_closer(slice_logic: Node, alignment: FilmAlignment) -> None:
    """Show about two levels of the spine around the middle of the view, unless less is shown already."""
    world = positions_world(alignment)
    if len(world) < 2:
        return
    node = slice_logic.GetSliceNode()
    width, height, depth = node.GetFieldOfView()
    factor = min(1.0, CLOSE * float(np.ptp(world, axis=0).max()) / height)
    node.SetFieldOfView(width * factor, height * factor, depth)


def jump_to(alignment: FilmAlignment, name: str) -> bool:
    """Bring a landmark to the middle of the slice views and make it the active one; False when it has no place."""
    i = INDEX[name]
    landmarks = alignment.landmarks
    if not np.isfinite(alignment.points_px[i]).all():
        return False
    position = [0.0, 0.0, 0.0]
    landmarks.GetNthControlPointPositionWorld(i, position)
    centered = slicer.vtkMRMLSliceNode.CenteredJumpSlice
    slicer.vtkMRMLSliceNode.JumpAllSlices(landmarks.GetScene(), *position, centered)
    landmarks.GetDisplayNode().SetActiveControlPoint(i)
    return True


def jump_to_pixel(alignment: FilmAlignment, xy: FloatArray) -> None:
    """Bring a place of a film, in its pixels (x, y), to the middle of the slice views."""
    ras = volume_geometry(alignment.volume).to_ras(np.asarray(xy, float)[None])[0]
    world = [0.0, 0.0, 0.0]
    alignment.landmarks.TransformPointToWorld(ras.tolist(), world)
    centered = slicer.vtkMRMLSliceNode.CenteredJumpSlice
    slicer.vtkMRMLSliceNode.JumpAllSlices(alignment.landmarks.GetScene(), *world, centered)


def structure_corners(alignment: FilmAlignment) -> FloatArray:
    """Opposite corners, shape (n, 2, 3), world, of the boxes that texts keep off; see `label_layout`."""
    film = alignment.annotation
    boxes = structure_boxes(upright(film)).reshape(-1, 2)
    boxes = turned_points(boxes, turned_size(film.size_px, film.quarter_turns), -film.quarter_turns)
    ras = volume_geometry(alignment.volume).to_ras(boxes)
    matrix = _to_world(alignment)
    return np.asarray(ras @ matrix[:3, :3].T + matrix[:3, 3]).reshape(-1, 2, 3)


def _to_world(alignment: FilmAlignment) -> FloatArray:
    """The film's transform as a matrix."""
    columns = []
    for point in np.vstack([np.zeros(3), np.eye(3)]):
        out = [0.0, 0.0, 0.0]
        alignment.landmarks.TransformPointToWorld(point.tolist(), out)
        columns.append(np.array(out))
    origin = columns[0]
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([column - origin for column in columns[1:]], axis=1)
    matrix[:3, 3] = origin
    return matrix


def positions_world(alignment: FilmAlignment) -> FloatArray:
    """Where the landmarks that have a place are in the scene, shape (n, 3), RAS."""
    placed = np.flatnonzero(np.isfinite(alignment.points_px).all(axis=1))
    out = np.zeros((len(placed), 3))
    for row, i in enumerate(placed):
        alignment.landmarks.GetNthControlPointPositionWorld(int(i), out[row])
    return out
