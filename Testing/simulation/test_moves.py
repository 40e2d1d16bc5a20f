"""One structure of a projection moves: its landmark with it, and nothing else."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from SpineAlignmentLib.measurement.landmarks import INDEX, NAMES
from Training.simulation.cache import SPACING_MM
from Training.simulation.moves import STRUCTURES, Move, Moves, Structure
from Training.simulation.patient import posed_landmarks

SIZE = (760, 420)
FloatArray = NDArray[np.float64]


def landmarks(seed: int) -> FloatArray:
    """A patient's, in pixels of 1 mm, in the middle of a film."""
    points = posed_landmarks(5, seed)
    return points - np.nanmean(points, axis=0) + np.array(SIZE[::-1]) / 2


def move_of(structure: Structure, marks: FloatArray, shift: tuple[float, float], turn: float = 0.0) -> Move:
    own = marks[[INDEX[name] for name in structure.landmarks]]
    return Move(own.mean(axis=0), np.array(shift), turn, structure.radius_mm, structure.of_skeleton)


def spots(marks: FloatArray) -> NDArray[np.float32]:
    """A layer with a round spot at each landmark."""
    layer = np.zeros(SIZE, np.float32)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    for mark in marks:
        layer += np.exp(-((x - mark[0]) ** 2 + (y - mark[1]) ** 2) / 4.0).astype(np.float32)
    return layer


def seen(layer: NDArray[np.float32], moves: Moves, of_skeleton: bool) -> NDArray[np.float32]:
    field = moves.field(SIZE, of_skeleton)
    if field is None:
        return layer
    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    return np.asarray(cv2.remap(layer, x - field[..., 0], y - field[..., 1], cv2.INTER_LINEAR))


def place(layer: NDArray[np.float32], near: FloatArray) -> FloatArray:
    """Center of what is bright within 3 pixels of a place."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    weight = layer * (np.hypot(x - near[0], y - near[1]) < 3)
    return np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda s: s.landmarks[0])
@pytest.mark.parametrize("direction", [(0.6, 0.8), (-0.8, 0.6)])
def test_a_structure_takes_its_landmark_along_and_leaves_the_others(
    structure: Structure, direction: tuple[float, float]
) -> None:
    marks = landmarks(3)
    rows = [INDEX[name] for name in structure.landmarks]
    marks[rows] = marks[rows].mean(axis=0) + (marks[rows] - marks[rows].mean(axis=0)).clip(-10, 10)
    shift = (structure.shift_mm * direction[0], structure.shift_mm * direction[1])
    moves = Moves((move_of(structure, marks, shift),))
    carried = moves.landmarks_carried(marks)
    assert carried[rows] - marks[rows] == pytest.approx(np.tile(shift, (len(rows), 1)), abs=1e-6)
    reach = moves.moves[0].reach
    far = np.linalg.norm(marks - moves.moves[0].center - shift, axis=1) > reach
    other_layer = np.array([(name in ("FH_1", "FH_2")) != structure.of_skeleton for name in NAMES])
    assert far.any() and np.array_equal(carried[far | other_layer], marks[far | other_layer])
    assert moves.field(SIZE, not structure.of_skeleton) is None


def test_bone_is_seen_where_the_landmarks_say() -> None:
    marks = landmarks(8)
    checked = 0
    for seed in range(12):
        moves = Moves.sample(marks, SPACING_MM, np.random.default_rng(seed))
        carried = moves.landmarks_carried(marks)
        for of_skeleton in (False, True):
            rows = [i for i, name in enumerate(NAMES) if (name in ("FH_1", "FH_2")) == of_skeleton]
            for i in rows:
                if np.linalg.norm(carried[i] - marks[i]) < 0.5:
                    continue
                layer = seen(spots(marks[i][None]), moves, of_skeleton)
                assert place(layer, carried[i]) == pytest.approx(carried[i], abs=0.35), NAMES[i]
                checked += 1
    assert checked > 30


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 40))
def test_nothing_folds(seed: int, person: int) -> None:
    """The map from a film to what its layers show keeps its orientation everywhere."""
    moves = Moves.sample(landmarks(person), SPACING_MM, np.random.default_rng(seed))
    for of_skeleton in (False, True):
        field = moves.field(SIZE, of_skeleton)
        if field is None:
            continue
        dx, dy = np.gradient(field[..., 0].astype(float)), np.gradient(field[..., 1].astype(float))
        determinant = (1 - dx[1]) * (1 - dy[0]) - dx[0] * dy[1]
        assert determinant.min() > 0.05


def test_every_structure_moves_now_and_then_and_its_neighbors_do_not_meet() -> None:
    marks = landmarks(2)
    seen_centers = set()
    for seed in range(150):
        chosen = Moves.sample(marks, SPACING_MM, np.random.default_rng(seed)).moves
        for i, move in enumerate(chosen):
            seen_centers.add(int(np.argmin(np.linalg.norm(marks - move.center, axis=1))))
            for other in chosen[:i]:
                if other.of_skeleton == move.of_skeleton:
                    away = np.linalg.norm(move.center + move.shift - other.center - other.shift)
                    assert away >= move.reach + other.reach
    assert len(seen_centers) >= len(STRUCTURES) - 1


def test_a_structure_that_is_asked_for_moves_always() -> None:
    marks = landmarks(2)
    for seed in range(40):
        structure = STRUCTURES[seed % len(STRUCTURES)]
        moves = Moves.sample(marks, SPACING_MM, np.random.default_rng(seed), structure)
        own = marks[[INDEX[name] for name in structure.landmarks]]
        assert moves.moves[0].center == pytest.approx(own.mean(axis=0))
        assert np.hypot(*moves.moves[0].shift) * SPACING_MM <= structure.shift_mm


def test_a_missing_structure_stays() -> None:
    marks = landmarks(4)
    marks[[INDEX["FH_1"], INDEX["L5_C"]]] = np.nan
    for seed in range(30):
        carried = Moves.sample(marks, SPACING_MM, np.random.default_rng(seed)).landmarks_carried(marks)
        assert np.array_equal(np.isnan(carried), np.isnan(marks))
        assert np.array_equal(carried[INDEX["FH_2"]], marks[INDEX["FH_2"]])


@pytest.mark.parametrize("name", ["C5_C", "T8_C", "L3_C"])
def test_a_vertebra_takes_its_corners_along_and_the_hips_stay(name: str) -> None:
    marks = landmarks(4)
    structure = next(s for s in STRUCTURES if s.landmarks == (name,))
    moves = Moves((move_of(structure, marks, (3.0, -2.0), 0.05),))
    center = marks[INDEX[name]]
    corners = center + structure.radius_mm * np.array([[-0.6, -0.6], [0.6, -0.6], [-0.6, 0.6], [0.6, 0.6]])
    carried = moves.carried(corners)
    assert np.allclose(carried.mean(axis=0), center + (3.0, -2.0), atol=0.01)
    sides = np.linalg.norm(carried - carried[[1, 3, 0, 2]], axis=1)
    assert np.allclose(sides, np.linalg.norm(corners - corners[[1, 3, 0, 2]], axis=1), atol=0.01)
    hips = [INDEX["FH_1"], INDEX["FH_2"]]
    assert np.array_equal(moves.landmarks_carried(marks)[hips], marks[hips])
    spine = np.setdiff1d(np.arange(len(marks)), hips)
    assert np.array_equal(moves.landmarks_carried(marks)[spine], moves.carried(marks)[spine], equal_nan=True)
