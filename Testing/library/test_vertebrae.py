"""Angles, discs and slips of any vertebrae, and their agreement with the 18 parameters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from SpineAlignmentLib.measurement.landmarks import CORNERS, INDEX, NAMES, VERTEBRAE
from SpineAlignmentLib.measurement.parameters import spinopelvic_parameters
from SpineAlignmentLib.measurement.vertebrae import LEVELS, all_corners, cobb, disc_heights, slips, wedges

FloatArray = NDArray[np.float64]


def spine(seed: int = 0) -> tuple[FloatArray, FloatArray]:
    """Corners (24, 4, 2) of a leaning, curving spine without L6, and its 45 landmarks; x anterior, y up."""
    rng = np.random.default_rng(seed)
    corners, points = np.full((24, 4, 2), np.nan), rng.normal(size=(len(NAMES), 2)) * 30
    for i in range(23):
        middle = np.array([20 * np.sin(i / 4), 500 - 21 * i])
        corners[i] = middle + np.array([[12, 7], [-12, 7], [12, -7], [-12, -7]]) + rng.normal(0, 1.5, (4, 2))
    corners[0, :2] = np.nan
    for i, level in enumerate(VERTEBRAE[:23]):
        for j, corner in enumerate(CORNERS):
            if (name := f"{level}_{corner}") in INDEX:
                points[INDEX[name]] = corners[i, j]
    return corners, points


@given(st.integers(0, 50))
def test_cobb_angles_are_those_of_the_parameters(seed: int) -> None:
    corners, points = spine(seed)
    every, known = all_corners(corners, points), spinopelvic_parameters(points)
    assert cobb(every, "T1", "T12") == pytest.approx(known["GTK"], abs=1e-9)
    assert cobb(every, "T1", "T5") == pytest.approx(known["PTK"], abs=1e-9)
    assert cobb(every, "L1", "S1") == pytest.approx(-known["LL"], abs=1e-9)
    assert cobb(every, "L4", "S1") == pytest.approx(-known["L4SL"], abs=1e-9)
    total = cobb(every, "T4", "T8") + cobb(every, "T8", "T12") + wedges(every)[LEVELS.index("T8")]
    assert cobb(every, "T4", "T12") == pytest.approx(total, abs=1e-9)


@given(st.floats(-25, 25), st.integers(0, 20))
def test_turning_the_film_leaves_everything_unchanged(turn: float, seed: int) -> None:
    corners, points = spine(seed)
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    turned = np.array([[c, s], [-s, c]])
    before, after = all_corners(corners, points), all_corners(corners @ turned, points @ turned)
    assert cobb(after, "T2", "L3") == pytest.approx(cobb(before, "T2", "L3"), abs=1e-9)
    for measure in (wedges, disc_heights, slips):
        np.testing.assert_allclose(measure(after), measure(before), atol=1e-9)


def test_landmarks_that_a_person_moved_win() -> None:
    corners, points = spine()
    points[INDEX["T5_AS"]] += 3.0
    every = all_corners(corners, points)
    np.testing.assert_array_equal(every[LEVELS.index("T5"), 0], points[INDEX["T5_AS"]])
    points[INDEX["T5_AS"]] = np.nan
    np.testing.assert_array_equal(all_corners(corners, points)[LEVELS.index("T5"), 0], corners[LEVELS.index("T5"), 0])


def test_a_slip_and_a_disc_are_what_they_were_made() -> None:
    corners = np.full((24, 4, 2), np.nan)
    five, six = VERTEBRAE.index("L5"), VERTEBRAE.index("L6")
    corners[five] = [[34, 50], [4, 50], [34, 20], [4, 20]]
    points = np.full((len(NAMES), 2), np.nan)
    points[INDEX["S1_A"]], points[INDEX["S1_P"]] = (30, 10), (0, 12)
    every = all_corners(corners, points)
    np.testing.assert_allclose(disc_heights(every)[five], [np.hypot(4, 10), np.hypot(4, 8)])
    plate = np.array([30, -2])
    assert slips(every)[five] == pytest.approx(np.dot([4, 8], plate) / (plate @ plate))
    corners[six] = [[32, 16], [2, 16], [32, 14], [2, 14]]
    below = disc_heights(all_corners(corners, points))
    np.testing.assert_allclose(below[five], [np.hypot(2, 4), np.hypot(2, 4)])
    assert np.isfinite(below[six]).all()


def test_levels_that_make_no_angle() -> None:
    every = all_corners(*spine())
    with pytest.raises(ValueError, match="T13"):
        cobb(every, "T13", "L1")
    with pytest.raises(ValueError, match="does not lie above"):
        cobb(every, "L1", "T12")
    assert np.isnan(cobb(every, "L1", "L6"))
