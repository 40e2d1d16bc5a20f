"""The shape model: its frame, what it moves and what it leaves, and that it is one of spines."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from SpineAlignmentLib.detection.shape_prior import shape_model, similarity
from SpineAlignmentLib.measurement.landmarks import CENTERS, COUNT, INDEX
from Training.simulation.patient import posed_landmarks

PERSON = posed_landmarks(101, 0)


def turned(points, degrees, size, shift):
    angle = np.radians(degrees)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return size * points @ rotation.T + shift


@given(st.floats(-170, 170), st.floats(0.1, 10), st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_similarity_finds_the_turn_and_size_that_made_the_points(degrees, size, x, y):
    turn, shift = similarity(PERSON, turned(PERSON, degrees, size, (x, y)), np.ones(COUNT))
    assert np.angle(turn) == pytest.approx(np.radians(degrees), abs=1e-9)
    assert abs(turn) == pytest.approx(size, rel=1e-9)
    assert [shift.real, shift.imag] == pytest.approx([x, y], abs=1e-6)


@given(st.floats(-40, 40), st.floats(0.3, 4))
def test_the_answer_does_not_depend_on_place_turn_and_size(degrees, size):
    noisy = PERSON + np.random.default_rng(1).normal(0, 4, PERSON.shape)
    deviation = np.linspace(1, 9, COUNT)
    there = shape_model().most_probable(turned(noisy, degrees, size, (30.0, -200.0)), size * deviation)
    here = shape_model().most_probable(noisy, deviation)
    np.testing.assert_allclose(there, turned(here, degrees, size, (30.0, -200.0)), atol=1e-6 * size)


def test_sure_landmarks_stay_where_they_are():
    moved = shape_model().most_probable(PERSON, np.full(COUNT, 0.01))
    np.testing.assert_allclose(moved, PERSON, atol=0.02)


def test_landmarks_a_level_off_come_back_when_the_network_is_unsure_of_them():
    chest = [INDEX[f"T{i}_C"] for i in range(2, 9)]
    back = []
    for person in (posed_landmarks(101, index) for index in range(30)):
        if not np.isfinite(person).all():
            continue
        level = np.linalg.norm(person[INDEX["T5_C"]] - person[INDEX["T4_C"]])
        wrong, deviation = person.copy(), np.full(COUNT, 1.5)
        wrong[chest, 1] += level
        deviation[chest] = 15.0
        errors = np.linalg.norm(shape_model().most_probable(wrong, deviation) - person, axis=1)
        back.append(errors[chest] < level / 2)  # nearer to their own level than to the next
        assert np.delete(errors, chest).max() < level / 2
    assert np.mean(back) > 0.9


def test_it_is_nearer_to_people_it_never_saw_than_their_noisy_landmarks():
    rng, before, after = np.random.default_rng(2), [], []
    for index in range(20):
        person = posed_landmarks(102, index)
        if not np.isfinite(person).all():
            continue
        noisy = person + rng.normal(0, 5, person.shape)
        before.append(np.linalg.norm(noisy - person, axis=1).mean())
        after.append(np.linalg.norm(shape_model().most_probable(noisy, np.full(COUNT, 5.0)) - person, axis=1).mean())
    assert np.mean(after) < 0.6 * np.mean(before)


def test_the_mean_is_a_spine_that_faces_left():
    mean = shape_model().mean
    assert (np.diff(mean[[INDEX[name] for name in CENTERS], 1]) > 0).all()
    assert mean[INDEX["L1_AS"], 0] < mean[INDEX["L1_PS"], 0]
    assert (np.linalg.eigvalsh(shape_model().covariance) > 0).all()
