"""What the slice view shows of films, whatever way their axes run."""

import itertools

import numpy as np
import pytest
import slicer

from SpineAlignmentLib.mrml.view import show_film
from SpineAlignmentLib.mrml.volume_film import volume_geometry
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
