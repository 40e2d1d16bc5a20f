"""Identities between the 18 parameters hold on any geometry, to 1e-9."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from SpineAlignmentLib.measurement.landmarks import CENTERS, COUNT, INDEX, NAMES, REGIONS
from SpineAlignmentLib.measurement.parameters import (
    BY_KEY,
    KEYS,
    PARAMETERS,
    lean,
    points_array,
    slope,
    spinopelvic_parameters,
)

any_points = arrays(np.float64, (COUNT, 2), elements=st.floats(-900, 900, width=32))
NEAR = {"abs": 1e-9, "rel": 0}


def at(points, name):
    return points[INDEX[name]]


def hip_axis(points):
    return (at(points, "FH_1") + at(points, "FH_2")) / 2


def sacral_midpoint(points):
    return (at(points, "S1_A") + at(points, "S1_P")) / 2


def test_landmarks_are_the_45_in_four_regions():
    assert COUNT == len(set(NAMES)) == 45
    assert len(CENTERS) == 23
    assert sorted(n for names in REGIONS.values() for n in names) == sorted(NAMES)
    assert len(KEYS) == 18


@given(any_points)
def test_identities(points):
    p = spinopelvic_parameters(points)
    assert p["PI"] == pytest.approx(p["PT"] + p["SS"], **NEAR)
    assert p["SSA"] == pytest.approx(90 + p["PI"] - p["GT"], **NEAR)
    assert p["GT"] == pytest.approx(p["PT"] + lean(sacral_midpoint(points), at(points, "C7_C")), **NEAR)
    assert p["TPA"] == pytest.approx(p["PT"] + lean(hip_axis(points), at(points, "T1_C")), **NEAR)
    assert p["LPA"] == pytest.approx(p["PT"] + lean(hip_axis(points), at(points, "L1_C")), **NEAR)
    t5 = slope(at(points, "T5_PI"), at(points, "T5_AI")) - slope(at(points, "T5_PS"), at(points, "T5_AS"))
    assert p["GTK"] == pytest.approx(p["PTK"] + p["MTK"] + t5, **NEAR)
    plates = slope(at(points, "L4_PS"), at(points, "L4_AS")) - slope(at(points, "L1_PS"), at(points, "L1_AS"))
    assert p["LL"] - p["L4SL"] == pytest.approx(plates, **NEAR)


@given(st.floats(-25, 25), st.integers(0, 2**31))
def test_turning_the_film_moves_only_what_refers_to_the_vertical(degrees, seed):
    from Testing.library.conftest import upright_spine

    points = upright_spine() + np.random.default_rng(seed).normal(0, 2, (COUNT, 2))
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    before, after = spinopelvic_parameters(points), spinopelvic_parameters(points @ np.array([[c, s], [-s, c]]))
    for key in ("PI", "GT", "TPA", "LPA", "SSA", "LL", "CL", "GTK", "PTK", "MTK", "L4SL"):
        assert after[key] == pytest.approx(before[key], **NEAR), key
    assert after["PT"] - before["PT"] == pytest.approx(-(after["SS"] - before["SS"]), **NEAR)
    assert after["PT"] - before["PT"] == pytest.approx(degrees, **NEAR)


@given(st.integers(0, 2**31), st.floats(0.1, 20), arrays(np.float64, 2, elements=st.floats(-500, 500)))
def test_moving_and_scaling(seed, scale, shift):
    points = np.random.default_rng(seed).uniform(-900, 900, (COUNT, 2))
    before, after = spinopelvic_parameters(points), spinopelvic_parameters(points * scale + shift)
    for key in KEYS:
        if key == "Barrey":
            continue
        factor = scale if BY_KEY[key].unit == "mm" else 1.0
        difference = after[key] - before[key] * factor
        # an angle at the opposite of its zero may turn up on the other side of the circle
        assert min(abs(difference - 360 * turn) for turn in range(-2, 3)) < 1e-5, key


@given(any_points, st.sampled_from(NAMES))
def test_a_missing_landmark_leaves_out_what_is_built_on_it_and_nothing_else(points, name):
    lost = points.copy()
    lost[INDEX[name]] = np.nan
    before, after = spinopelvic_parameters(points), spinopelvic_parameters(lost)
    for parameter in PARAMETERS:
        if name in parameter.landmarks:
            assert np.isnan(after[parameter.key])
        else:
            assert np.array_equal(after[parameter.key], before[parameter.key], equal_nan=True)


def test_many_films_at_once(upright):
    films = np.stack([upright, upright + 5, upright * 1.1])
    together = spinopelvic_parameters(films)
    for i, film in enumerate(films):
        alone = spinopelvic_parameters(film)
        assert all(together[k][i] == pytest.approx(float(alone[k]), nan_ok=True) for k in KEYS)


def test_signs(upright):
    p = spinopelvic_parameters(upright)
    assert p["SS"] == pytest.approx(np.degrees(np.arctan2(22, 30)))
    assert p["PT"] > 0
    assert p["SVA"] == pytest.approx(at(upright, "C7_C")[0] - at(upright, "S1_P")[0])


def test_ratio_without_a_base_is_not_measurable(upright):
    upright[INDEX["FH_1"], 0] = upright[INDEX["FH_2"], 0] = upright[INDEX["S1_P"], 0]
    assert np.isnan(spinopelvic_parameters(upright)["Barrey"])


def test_points_by_name():
    points = points_array({"FH_1": (1, 2)})
    assert points[INDEX["FH_1"]].tolist() == [1, 2]
    assert np.isnan(points).sum() == 2 * (COUNT - 1)
    with pytest.raises(ValueError, match="45"):
        spinopelvic_parameters(np.zeros((44, 2)))
