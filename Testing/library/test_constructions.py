"""The drawn geometry measures what the parameters say, on any spine."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.interpolate import CubicSpline

from SpineAlignmentLib.measurement.constructions import constructions, level_distance, spine_curve
from SpineAlignmentLib.measurement.landmarks import CENTERS, COUNT, INDEX
from SpineAlignmentLib.measurement.parameters import BY_KEY, KEYS, spinopelvic_parameters
from SpineAlignmentLib.measurement.spline import natural_spline

any_points = arrays(np.float64, (COUNT, 2), elements=st.floats(-900, 900, width=32))


def _bearing(a, b):
    return np.degrees(np.arctan2(b[1] - a[1], b[0] - a[0]))


def _fold(degrees):
    return (degrees + 180) % 360 - 180


@given(any_points)
def test_every_arc_lies_between_two_drawn_lines_and_sweeps_the_value(points):
    # a line between two coinciding landmarks has no direction to compare with
    apart = np.linalg.norm(points[:, None] - points[None], axis=2) + np.eye(COUNT)
    check_arcs(points, distinct=bool(apart.min() > 1e-2))


def test_arcs_of_an_upright_spine(upright):
    check_arcs(upright, distinct=True)


def check_arcs(points, distinct):
    values = spinopelvic_parameters(points)
    for key, shown in constructions(points).items():
        if not np.isfinite(values[key]):
            assert not shown.drawable and shown.label is None
            continue
        assert shown.value == pytest.approx(float(values[key]))
        if shown.arc is None:
            continue
        assert shown.arc.sweep_deg == shown.value
        from_vertex = [
            _bearing(shown.arc.vertex, end)
            for s in shown.segments
            for end in (s.start, s.end)
            if np.hypot(end[0] - shown.arc.vertex[0], end[1] - shown.arc.vertex[1]) > 1e-3
        ]
        for end in (shown.arc.start, shown.arc.end):
            off = [abs(_fold(_bearing(shown.arc.vertex, end) - b)) for b in from_vertex]
            assert min(off, default=0) < 0.01 or not distinct


@given(any_points, st.sets(st.integers(0, COUNT - 1), max_size=COUNT))
def test_missing_landmarks_leave_a_measurement_out_and_nothing_infinite(points, missing):
    points = points.copy()
    points[list(missing)] = np.nan
    for key, shown in constructions(points).items():
        lost = any(INDEX[name] in missing for name in BY_KEY[key].landmarks)
        assert not (lost and shown.drawable)
        ends = [xy for s in shown.segments for xy in (s.start, s.end)] + list(shown.points.values())
        assert np.isfinite(np.array(ends)).all()
    curve = spine_curve(points)
    assert curve.shape[1] == 2 and np.isfinite(curve).all()
    assert level_distance(points) > 0


def test_distances_have_the_length_they_state(upright):
    for key, (a, b) in {"SVA": ("C7_C", "S1_P"), "cSVA": ("C2_C", "C7_PS")}.items():
        shown = constructions(upright)[key]
        (distance,) = [s for s in shown.segments if s.kind == "distance"]
        assert abs(distance.end[0] - distance.start[0]) == pytest.approx(abs(shown.value))
        assert distance.start[1] == distance.end[1]
        assert shown.points[a][0] - shown.points[b][0] == pytest.approx(shown.value)


def test_unknown_spacing_shows_distances_without_a_value(upright):
    shown = constructions(upright, calibrated=False)
    assert np.isnan(shown["SVA"].value) and shown["SVA"].drawable and shown["SVA"].label.text == "SVA"
    assert shown["LL"].value == constructions(upright)["LL"].value


def test_spine_curve_passes_through_every_center_and_bridges_a_gap(upright):
    centers = upright[[INDEX[name] for name in CENTERS]]
    curve = spine_curve(upright)
    for center in centers:
        assert np.linalg.norm(curve - center, axis=1).min() < 1e-6
    gap = upright.copy()
    gap[INDEX["T6_C"]] = np.nan
    missed = np.linalg.norm(spine_curve(gap) - upright[INDEX["T6_C"]], axis=1).min()
    assert missed < 0.2 * level_distance(upright)


def test_all_keys_in_order(upright):
    shown = constructions(upright)
    assert tuple(shown) == KEYS
    assert all(c.drawable and c.label and c.label.text.startswith(c.key) for c in shown.values())


@given(st.lists(st.tuples(st.floats(0.1, 50), st.floats(-99, 99), st.floats(-99, 99)), min_size=2, max_size=24))
def test_a_natural_spline_is_that_of_scipy(rows: list[tuple[float, float, float]]) -> None:
    knots, values = np.cumsum([row[0] for row in rows]), np.array([row[1:] for row in rows])
    at = np.linspace(knots[0], knots[-1], 50)
    expected = CubicSpline(knots, values, bc_type="natural")(at)
    np.testing.assert_allclose(natural_spline(knots, values, at), expected, atol=1e-6 * (1 + np.abs(expected).max()))
