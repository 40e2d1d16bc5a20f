"""Bones and flesh where they belong: closed surfaces, cervical pillars, shoulders, extra ribs where they are due."""

from dataclasses import replace

import numpy as np
import pytest

from Training.simulation.anatomy import library
from Training.simulation.anatomy.axis import UPPER_PLATE, dens, ring
from Training.simulation.anatomy.hips import Strength, femur, hip_bones, posterior_column
from Training.simulation.anatomy.mesh import signed_volume
from Training.simulation.anatomy.posterior import ArchStyle, cervical_sides
from Training.simulation.anatomy.ribcage import ribcage
from Training.simulation.anatomy.sacrum import SacralCurve, sacrum
from Training.simulation.anatomy.shoulders import shoulder
from Training.simulation.anatomy.vertebra import BodyShape, body
from Training.simulation.people import mean_person
from Training.simulation.posture import solve
from Training.simulation.scan_conversion import path_lengths

CORNERS = np.array([[8.0, 6.5], [-8.0, 6.5], [8.0, -6.5], [-8.0, -6.5]])


@pytest.mark.parametrize("name", ["hat_skull", "hat_jaw", "scapula", "r_pelvis", "r_femur"])
def test_library_surfaces_have_no_holes(name: str) -> None:
    mesh = library.surface(name)
    low, high = mesh.vertices[:, :2].min(axis=0), mesh.vertices[:, :2].max(axis=0)
    width, height = np.ceil(high - low).astype(int)
    near, far = (path_lengths(mesh.vertices - (*low, away), mesh.faces, (height, width)) for away in (0.0, 1000.0))
    assert near.max() > 5
    assert np.abs(near - far).max() < 1e-3, "a ray through a hole sees how far away the bone is"


def test_bodies_reach_the_corners_that_carry_landmarks() -> None:
    made = body(CORNERS, BodyShape(18.0, 0.05, 0.5, 0.5, 0.4, 0.6)).outer.vertices
    assert made[:, 0].max() == pytest.approx(8.0, abs=0.05)
    assert made[:, 0].min() == pytest.approx(-8.0, abs=0.05)
    assert np.ptp(made[:, 1]) == pytest.approx(13.0, abs=0.2)


def test_cervical_pillars_stand_behind_and_uncinate_processes_on_the_upper_rims_of_the_body() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        bone = cervical_sides(CORNERS, 18.0, ArchStyle.sample(rng), 0.6, rng)
        points = bone.outer.vertices
        assert signed_volume(bone.outer) > signed_volume(bone.inner) > 0
        assert np.abs(points[:, 2]).min() > 2.0, "the canal between them stays free"
        assert (points[:, 2] > 0).sum() == (points[:, 2] < 0).sum()
        assert points[:, 0].max() < CORNERS[0, 0] and points[:, 0].min() < -11.0
        rims = points[points[:, 0] > 0.8]  # before the pillars and the roots of the transverse processes
        assert np.abs(rims[:, 1] - CORNERS[0, 1]).max() < 6.5
        assert np.abs(rims[:, 2]).min() > 4.0 and np.abs(rims[:, 2]).max() < 10.0


def test_a_denser_bone_keeps_its_outline_and_loses_that_share_of_its_cavity() -> None:
    bone = body(CORNERS, BodyShape(18.0, 0.05, 0.5, 0.5, 0.4, 0.6))
    denser = bone.denser(0.3, middle=5.0)
    assert denser.outer is bone.outer
    assert signed_volume(denser.inner) == pytest.approx(0.7 * signed_volume(bone.inner))
    np.testing.assert_array_equal(denser.inner.vertices[:, :2], bone.inner.vertices[:, :2])


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_femoral_head_is_round_about_its_landmark_and_nothing_else_outshines_it_there(side: float) -> None:
    head, radius = np.array([10.0, -5.0, 90.0 * side]), 24.0
    for seed in range(5):
        strength = Strength.sample(np.random.default_rng(seed), 0.7)
        shaft, ball, _ = femur(head, radius, side, 430.0, -11.0, 33.0, 4.0, strength)
        outline = np.hypot(*(ball.outer.vertices - head)[:, :2].T)
        assert outline.max() == pytest.approx(radius, rel=0.02)
        top = ball.outer.vertices[:, 1].max() - ball.inner.vertices[:, 1].max()
        bottom = ball.inner.vertices[:, 1].min() - ball.outer.vertices[:, 1].min()
        assert top == pytest.approx(2 * strength.cap, rel=0.01) and bottom == pytest.approx(0.0, abs=0.01)
        near = np.linalg.norm((shaft.outer.vertices - head)[:, :2], axis=1) < 0.6 * radius
        mesh_head = shaft.outer.vertices[near & (np.abs(shaft.outer.vertices[:, 2] - head[2]) < 0.6 * radius)]
        assert np.ptp(mesh_head[:, 2]) < 1.2 * radius, "the mesh's own head is flat"
        assert shaft.outer.vertices[:, 1].min() < head[1] - 400


@pytest.mark.parametrize("before", [-22.0, 0.0, 12.0])
def test_a_thigh_stands_where_it_is_told_and_its_head_stays(before: float) -> None:
    head, strength = np.array([10.0, -5.0, 90.0]), Strength.sample(np.random.default_rng(1), 0.7)
    for flexion, inward in ((-24.0, 5.0), (4.0, 50.0), (-11.0, 33.0)):
        shaft, ball, _ = femur(head, 24.0, 1.0, 430.0, flexion, inward, before, strength)
        local = shaft.outer.vertices - head
        level = local[np.abs(local[:, 1] + 70.0) < 10.0, 0]
        assert (level.min() + level.max()) / 2 == pytest.approx(before, abs=0.5)
        assert ball.outer.vertices.mean(axis=0) == pytest.approx(head, abs=0.5)


def test_a_socket_lies_around_its_head() -> None:
    heads = np.array([[3.0, 0.0, 84.0], [-3.0, 2.0, -84.0]])
    middles = []
    for seed in range(12):
        bones = hip_bones(heads, 24.0, np.eye(3), 112.0, np.random.default_rng(seed), 0.8)
        for head, hip in zip(heads, bones, strict=True):
            away = hip.outer.vertices - head
            distance = np.linalg.norm(away, axis=1)
            assert distance.min() > 23.5, "bone within a head"
            socket = away[distance < distance.min() + 3.5]
            assert len(socket) > 20
            middles.append((socket[:, 0].min() + socket[:, 0].max()) / 2)
            assert np.ptp(socket[:, 0]) > 15.0, "a cup, not a spot"
            assert hip.inner.vertices.shape == hip.outer.vertices.shape
    assert abs(np.median(middles)) < 6.0, "neither before the head nor behind it"


def test_no_plate_parts_the_dens_from_its_body_and_a_ring_lies_over_both() -> None:
    corners = np.array([[5.0, 9.0], [-8.0, 9.0], [9.0, -9.0], [-5.0, -9.0]])
    open_above = body(corners, BodyShape(16.0, 0.05, 0.0, 2.0, 0.4, 0.8, upper_plate=UPPER_PLATE))
    gaps = [
        abs(getattr(np, end)(open_above.outer.vertices[:, 1]) - getattr(np, end)(open_above.inner.vertices[:, 1]))
        for end in ("max", "min")
    ]
    assert gaps[0] < 0.2 * gaps[1]
    up = np.array([-0.2, 1.0, 0.0]) / np.hypot(0.2, 1.0)
    tooth = dens(18.0 * up, np.zeros(3), np.eye(3), 1.0, 0.6)
    assert signed_volume(tooth.outer) > signed_volume(tooth.inner) > 0
    assert tooth.outer.vertices[:, 1].min() < 6.0 and tooth.outer.vertices[:, 1].max() > 22.0
    for seed in range(10):
        left, right = ring(corners, np.random.default_rng(seed), 0.6)
        for side in (left, right):
            middle = (side.outer.vertices.min(axis=0) + side.outer.vertices.max(axis=0)) / 2
            assert -4.0 < middle[0] < 2.0 and 1.0 < middle[1] < 8.0
            assert np.hypot(*(side.outer.vertices[:, :2] - middle[:2]).T).min() > 2.0, "hollow"


def test_the_sacrum_ends_at_its_plate_which_carries_the_landmarks() -> None:
    front, back = np.array([20.0, 100.0, 0.0]), np.array([-12.0, 120.0, 0.0])
    across = np.array([0.0, 0.0, 1.0])
    along = (front - back) / np.linalg.norm(front - back)
    up = np.cross(across, along)
    for seed in range(10):
        bone = sacrum(front, back, across, 50.0, np.random.default_rng(seed), 0.7)
        local = bone.outer.vertices - back
        before = local[(local @ along > 1.0)]
        assert (before @ up).max() < 2.2, "the blunt back edge alone reaches above the plate"
        front_part = local[(local @ along > 12.0)]
        assert (front_part @ up).max() == pytest.approx(0.0, abs=0.4)
        rim = before[before @ up > -2.0]
        assert (rim @ along).max() < np.linalg.norm(front - back) + 3.0


def test_a_sacrum_tapers_and_turns_forward() -> None:
    turns = []
    for seed in range(40):
        curve = SacralCurve.sample(32.0, np.random.default_rng(seed))
        assert curve.back[0] == pytest.approx([-16.0, 0.0]) and curve.front[0] == pytest.approx([16.0, 0.0])
        depth = np.linalg.norm(curve.front - curve.back, axis=1)
        assert (np.diff(depth) < 0).all() and 3.0 < depth[-1] < 10.0
        down = np.diff(curve.back, axis=0)
        turns.append(np.ptp(np.unwrap(np.arctan2(down[:, 0], -down[:, 1]))))
        behind = curve.behind(np.array([0.0, 0.5]), np.array([10.0, 5.0]))
        assert np.linalg.norm(behind[0] - curve.back[0]) == pytest.approx(10.0)
        assert np.linalg.norm(behind[1] - curve.front[7]) > np.linalg.norm(curve.back[7] - curve.front[7])
    assert 35 < np.degrees(np.mean(turns)) < 60


def test_the_sciatic_notch_hooks_behind_and_above_the_head() -> None:
    head, radius = np.array([5.0, 0.0, 85.0]), 23.0
    for seed in range(20):
        column, edge = posterior_column(head, radius, 1.0, np.eye(3), np.random.default_rng(seed), 0.8)
        assert signed_volume(column.outer) > 0 and signed_volume(edge.outer) > 0
        local = edge.outer.vertices - head
        top = local[np.argmax(local[:, 1])]
        beside = local[np.abs(local[:, 1]) < 8.0]
        assert -95 < top[0] < -50 and 55 < top[1] < 95
        assert -60 < beside[:, 0].mean() < -28
        behind = column.outer.vertices - head
        behind = behind[np.abs(behind[:, 1]) < 8.0]
        assert behind[:, 0].min() == pytest.approx(beside[:, 0].mean(), abs=4.0), "the column ends at the edge"


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_shoulder_is_a_closed_dome_beside_the_neck(side: float) -> None:
    joint, base = np.array([20.0, -30.0, 165.0 * side]), np.zeros(3)
    for seed in range(20):
        flesh = shoulder(joint, base, side, 1.0, np.random.default_rng(seed))
        assert signed_volume(flesh) > 0
        points = flesh.vertices
        assert (side * points[:, 2]).min() > 30, "the neck between the shoulders stays free"
        assert (side * points[:, 2]).max() == pytest.approx(185.0, abs=1)
        crest = points[np.argmax(points[:, 1])]
        assert 45 < crest[1] - joint[1] < 120
        assert points[:, 0].min() + 15 < crest[0] < points[:, 0].max() - 15


def test_a_cervical_rib_is_short_and_hangs_on_c7() -> None:
    person = replace(mean_person(), cervical_ribs=True)
    poses = {pose.level: pose for pose in solve(person, np.random.default_rng(1)).vertebrae}
    usual = [(i, poses[f"T{i}"], 1.0) for i in range(1, 13)]
    plain = ribcage(usual, (1.0, 1.0), np.random.default_rng(2), 0.6, 0.2)
    more = ribcage([*usual, (1, poses["C7"], 0.3)], (1.0, 1.0), np.random.default_rng(2), 0.6, 0.2)
    assert len(more) == len(plain) + 2
    extra = more[24].outer.vertices
    assert np.abs(extra[:, 1] - poses["C7"].center[1]).max() < 40
    assert np.ptp(extra, axis=0).max() < 0.5 * np.ptp(plain[0].outer.vertices, axis=0).max()
