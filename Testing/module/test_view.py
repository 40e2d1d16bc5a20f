"""What the slice view shows of films, whatever way their axes run."""

import itertools

import numpy as np
import pytest
import slicer

from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.mrml.view import CLOSE, jump_to, look_closer, show_film, show_spine
from SpineAlignmentLib.mrml.volume_film import volume_geometry
from Testing.benchmarks.drag import screen_position
from Testing.host import subject
from Testing.host.films import add_film

SCREEN = {
    "axial": ((-1, 0, 0), (0, 1, 0)),
    "sagittal": ((0, -1, 0), (0, 0, 1)),
    "coronal": ((-1, 0, 0), (0, 0, 1)),
}
"""Plane to the RAS directions of the screen's right and up, patient right on screen left."""


def laid_film(scene, plane, flip_x=False, flip_y=False, swap=False):
    """A film of 60 x 80 pixels whose stored axes run as told."""
    right, up = (np.array(direction, float) for direction in SCREEN[plane])
    x_step, y_step = (-0.2 if flip_x else 0.2) * right, (0.3 if flip_y else -0.3) * up
    shape = (80, 60)
    if swap:
        x_step, y_step, shape = y_step, x_step, shape[::-1]
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 2] = x_step, y_step, np.cross(right, up)
    volume = add_film(scene, np.zeros(shape, np.uint8), (1, 1))
    volume.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    return volume


@pytest.mark.parametrize("plane", list(SCREEN))
@pytest.mark.parametrize(("flip_x", "flip_y", "swap"), list(itertools.product([False, True], repeat=3)))
def test_a_film_stands_upright_whatever_was_shown_before(host, scene, plane, flip_x, flip_y, swap):
    logic = host.slice.sliceLogic()
    for before in SCREEN:
        show_film(logic, laid_film(scene, before))
        film = laid_film(scene, plane, flip_x, flip_y, swap)
        show_film(logic, film)
        to_ras = slicer.util.arrayFromVTKMatrix(logic.GetSliceNode().GetSliceToRAS())
        steps = np.linalg.inv(to_ras)[:3, :3] @ volume_geometry(film).pixel_to_ras[:3, :2]
        assert steps[:, 0] == pytest.approx([0.2, 0, 0]), f"after {before}"
        assert steps[:, 1] == pytest.approx([0, -0.3, 0]), f"after {before}"


def test_a_close_look_at_a_landmark(host, alignment):
    logic = host.slice.sliceLogic()
    show_spine(logic, alignment)
    assert jump_to(alignment, "T1_C")
    look_closer(logic, alignment)
    node = logic.GetSliceNode()
    height = np.ptp(alignment.points_px[:, 1]) * subject.SPACING_MM[1]
    assert node.GetFieldOfView()[1] == pytest.approx(CLOSE * height, rel=0.01)
    assert screen_position(host, alignment.landmarks, INDEX["T1_C"]) == pytest.approx(
        (host.slice.width / 2, host.slice.height / 2), abs=2
    )
    shown = node.GetFieldOfView()
    look_closer(logic, alignment)
    assert node.GetFieldOfView() == shown


def test_the_active_landmark_has_neither_the_color_of_a_sure_nor_of_an_unsure_one(alignment):
    display = alignment.landmarks.GetDisplayNode()
    colors = {display.GetActiveColor(), display.GetSelectedColor(), display.GetColor()}
    assert len(colors) == 3
