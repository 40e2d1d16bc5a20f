"""Projections against closed forms, and landmarks against what is rendered where they are."""

import numpy as np
import pytest

from Training.simulation.anatomy.mesh import Mesh, ellipsoid, join, loft, signed_volume, tube, unit_circle
from Training.simulation.patient import project, sample_patient, whole_window
from Training.simulation.projection import Beam, Window, path_lengths

PARALLEL = Beam(1e9, True, (0, 0))


def closed(mesh: Mesh) -> bool:
    """Whether every edge is shared by two faces that run along it in opposite directions."""
    edges = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]])
    forward = {(int(a), int(b)) for a, b in edges}
    return len(forward) == len(edges) and all((b, a) in forward for a, b in forward)


@pytest.mark.parametrize(
    "mesh",
    [
        ellipsoid([1, 2, 3], [10, 20, 30]),
        tube([[0, 0, 0], [5, 20, 3], [0, 40, 9]], [4.0, 5.0, 3.0]),
        loft(np.stack([np.column_stack([unit_circle(9), np.full(9, z)]) for z in (0.0, 1.0, 3.0)])),
    ],
    ids=["ellipsoid", "tube", "loft"],
)
def test_solids_are_closed_and_face_outward(mesh: Mesh) -> None:
    assert closed(mesh)
    assert signed_volume(mesh) > 0
    assert signed_volume(mesh.reversed()) == pytest.approx(-signed_volume(mesh))


def test_path_through_a_sphere_is_its_chord() -> None:
    sphere = ellipsoid([0, 0, 0], [20, 20, 20], rings=48)
    window = Window(40.0, 40.0, (80, 80), 1.0)
    image = path_lengths([(sphere, 1.0)], PARALLEL, window)
    y, x = np.mgrid[:80, :80] - 39.5
    chord = 2 * np.sqrt(np.clip(20**2 - x**2 - y**2, 0, None))
    inner = x**2 + y**2 < 18**2
    assert np.abs(image - chord)[inner].max() < 0.4
    assert image.sum() == pytest.approx(signed_volume(sphere), rel=0.01)


def test_hollows_subtract() -> None:
    shell = join([ellipsoid([0, 0, 0], [20, 20, 20]), ellipsoid([0, 0, 0], [12, 12, 12]).reversed()])
    image = path_lengths([(shell, 1.0)], PARALLEL, Window(30, 30, (61, 61), 1.0))
    assert image[30, 30] == pytest.approx(16.0, abs=0.5)


def test_films_finer_than_the_mesh_have_no_seams() -> None:
    rod = tube([[0, -70, 0], [0, 0, 0], [0, 70, 0]], 6.0, (1, 0, 0), 40)
    image = path_lengths([(rod, 1.0)], PARALLEL, Window(10, 55, (2200, 400), 0.05))
    middle = image[:, 190:210]
    assert np.abs(middle - np.median(middle, axis=0)).max() < 1e-4


@pytest.mark.parametrize("index", [0, 1, 5])
def test_landmarks_are_where_markers_at_their_points_are_seen(index: int) -> None:
    patient = sample_patient(3, index)
    window = whole_window(patient, 1.0)
    expected = window.to_pixels(patient.beam.project(patient.landmarks))
    known = np.flatnonzero(~np.isnan(expected[:, 0]))
    for i in known[::4]:  # one at a time: neighbors would overlap
        marker = ellipsoid(patient.landmarks[i], [1.5, 1.5, 1.5])
        x, y = np.floor(expected[i]).astype(int)
        around = Window(window.left - (x - 8), window.top - (y - 8), (17, 17), 1.0)
        image = path_lengths([(marker, 1.0)], patient.beam, around)
        rows, columns = np.mgrid[:17, :17]
        seen = np.array([(image * columns).sum(), (image * rows).sum()]) / image.sum() + [x - 8, y - 8]
        assert np.hypot(*(seen - expected[i])) < 0.5


def test_a_projection_has_all_layers_and_its_landmarks_on_bone() -> None:
    patient = sample_patient(3, 0)
    made = project(patient, whole_window(patient, 2.0))
    centers = made.landmarks[-23:]
    centers = centers[~np.isnan(centers[:, 0])].round().astype(int)
    assert (made.spine[centers[:, 1], centers[:, 0]] > 0.5).all()
    assert made.soft.max() > 200
    assert made.skeleton.max() > 10
    assert all(np.isfinite(layer).all() for layer in (made.spine, made.skeleton, made.soft, made.metal))
