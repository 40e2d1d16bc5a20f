"""Path lengths against the definition: each ray cut with each face, one at a time."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from Training.simulation.anatomy.mesh import ellipsoid, signed_volume
from Training.simulation.scan_conversion import path_lengths

FloatArray = NDArray[np.float64]

SIZE = (9, 11)
TETRAHEDRON = np.array([[0, 1, 2], [0, 3, 1], [1, 3, 2], [2, 3, 0]], np.int32)
"""A closed surface, which faces outward or inward by where its corners lie."""
BESIDE = (0.00137, 0.00271)
"""Of corners to the lattice of rays, so that no ray meets an edge."""


def length_within(corners: FloatArray, x: float, y: float) -> float:
    """How much of the ray at x, y lies within the tetrahedron with corners (4, 3)."""
    depths = []
    for face in TETRAHEDRON:
        own = corners[face]
        (ax, ay), (bx, by), (cx, cy) = own[:, :2] - (x, y)
        weights = np.array([bx * cy - by * cx, cx * ay - cy * ax, ax * by - ay * bx])
        if weights.min() > 0 or weights.max() < 0:
            depths.append(float(weights @ own[:, 2] / weights.sum()))
    return max(depths) - min(depths) if depths else 0.0


@given(arrays(int, (4, 3), elements=st.integers(-16, 60)))
def test_a_path_is_as_long_as_the_solid_on_its_ray(lattice: NDArray[np.int64]) -> None:
    corners = lattice / 4.0 + (*BESIDE, 0.0)
    outward = -np.sign(np.linalg.det(corners[1:] - corners[0]))
    expected = [[length_within(corners, x, y) for x in range(SIZE[1])] for y in range(SIZE[0])]
    found = path_lengths(corners, TETRAHEDRON, SIZE)
    assert np.abs(found - outward * np.array(expected)).max() < 1e-6


@given(st.floats(-6, 14), st.floats(-6, 14), st.floats(0.05, 6))
def test_what_lies_off_the_image_changes_nothing_on_it(x: float, y: float, radius: float) -> None:
    ball = ellipsoid([x + 20, y + 20, 3], [radius, radius, 2 * radius])
    whole = path_lengths(ball.vertices, ball.faces, (60, 60))
    part = path_lengths(ball.vertices - (20, 20, 0), ball.faces, SIZE)
    assert np.abs(part - whole[20 : 20 + SIZE[0], 20 : 20 + SIZE[1]]).max() < 1e-9


@pytest.mark.parametrize("pixels_per_mm", [1, 4])
def test_all_paths_together_are_the_volume(pixels_per_mm: int) -> None:
    ball = ellipsoid([0, 0, 0], [12, 9, 20], rings=24)
    placed = ball.vertices * (pixels_per_mm, pixels_per_mm, 1) + np.array([15.2, 14.7, 0]) * pixels_per_mm
    drawn = path_lengths(placed, ball.faces, (30 * pixels_per_mm, 31 * pixels_per_mm))
    assert drawn.sum() / pixels_per_mm**2 == pytest.approx(signed_volume(ball), rel=2e-3 / pixels_per_mm)
    assert np.abs(drawn + path_lengths(placed, ball.reversed().faces, (len(drawn), drawn.shape[1]))).max() < 1e-9


def test_faces_seen_edge_on_leave_no_trace() -> None:
    box = np.array([[x, y, z] for x in (2.0, 7.0) for y in (1.0, 6.0) for z in (0.0, 4.0)])
    sides = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = np.array([t for a, b, c, d in sides for t in ((a, b, c), (a, c, d))], np.int32)
    drawn = path_lengths(box, faces, SIZE)
    assert set(np.unique(np.abs(drawn))) == {0.0, 4.0}
    assert (drawn != 0).sum() == 25
    assert np.abs(path_lengths(box, faces[:, ::-1], SIZE) + drawn).max() == 0


@given(arrays(int, (4, 3), elements=st.integers(-5, 60)), st.integers(1, 7), st.integers(0, 8), st.integers(0, 8))
@example(np.array([[-2, 22, 39], [34, 58, 5], [0, 0, 29], [0, 0, 19]]), 3, 7, 1)
def test_a_solid_seen_edge_on_spoils_no_ray_beside_it(lattice: NDArray[np.int64], unit: int, m: int, n: int) -> None:
    corners = lattice / unit  # on a line, where rounding decides on which side of a ray it passes
    corners[2:, :2] = corners[0, :2] + np.array([[m], [n]]) / 8 * (corners[1, :2] - corners[0, :2])
    assert np.abs(path_lengths(corners, TETRAHEDRON, (40, 40))).max() <= np.ptp(corners[:, 2]) + 1e-6
