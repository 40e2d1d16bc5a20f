"""Landmarks go to the bodies that are theirs, and are as sure as these."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from SpineAlignmentLib.detection.at_bodies import OVERLAP, SEEN_SINGLY, met, on_bodies, sureness
from SpineAlignmentLib.detection.bodies_network import Body
from SpineAlignmentLib.measurement.landmarks import CORNERS, COUNT, INDEX, VERTEBRAE

CENTERS = np.column_stack([100 + 10 * np.sin(np.arange(24) / 4), 50.0 + 30 * np.arange(24)])
SIDES = np.array([[-12.0, -10], [12, -10], [-12, 10], [12, 10]])
SACRUM = CENTERS[22] + (0, 30)
SHARES = st.floats(0.01, 0.99)


def landmarks() -> np.ndarray:
    """(45, 2): each at the center of its vertebra, the sacrum's a level below L5."""
    points = np.full((COUNT, 2), np.nan)
    for name, row in INDEX.items():
        level, _, part = name.partition("_")
        if level in VERTEBRAE and part != "D":
            points[row] = CENTERS[VERTEBRAE.index(level)]
    points[[INDEX["S1_A"], INDEX["S1_P"]]] = SACRUM + SIDES[:2]
    return points


def plate(x: float, y: float, strength: float) -> Body:
    corners = np.vstack([SIDES[:2] + (x, y), np.full((2, 2), np.nan)])
    return Body(np.array([x, y]), corners, strength, 0.0, np.full(24, np.nan))


def test_landmarks_go_to_their_bodies() -> None:
    points, corners = landmarks(), CENTERS[:, None] + SIDES + (4, 2)
    corners[0, :2], corners[VERTEBRAE.index("T8")] = np.nan, np.nan
    strengths = np.full(24, 0.8)
    strengths[VERTEBRAE.index("L2")] = 0.3
    points[INDEX["T12_PI"]] = np.nan
    places, strong = on_bodies(points, corners, strengths, (), (1.0, 1.0))
    found = met(points, places, strong)
    assert np.isnan(found[INDEX["T12_PI"]]).all(), "what may lie off the film stays missing"
    for name, row in INDEX.items():
        level, _, part = name.partition("_")
        if level in SEEN_SINGLY and level != "T8" and name not in ("T12_PI", "C2_C", "C2_D"):
            own = corners[VERTEBRAE.index(level)]
            at = own.mean(axis=0) if part == "C" else own[CORNERS.index(part)]
            assert found[row] == pytest.approx((at + points[row]) / 2 if level == "L2" else at)
            assert strong[row] == (0.3 if level == "L2" else 0.8)
        elif name == "C2_C":
            assert found[row] == pytest.approx(points[row] + (corners[0, 2:] - CENTERS[0]).mean(axis=0))
        else:
            np.testing.assert_array_equal(found[row], points[row])
            assert np.isnan(strong[row]) or name == "T12_PI"


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.3, 0.6)])
def test_the_sacrum_goes_to_the_strongest_plate_that_is_near(spacing: tuple[float, float]) -> None:
    points, nothing = landmarks(), np.full((24, 4, 2), np.nan)
    plates = [plate(SACRUM[0], SACRUM[1] - 30, 0.9), plate(SACRUM[0] + 3, SACRUM[1] + 2, 0.8), plate(*SACRUM, 0.7)]
    plates = [Body(p.center / spacing, p.corners / spacing, p.strength, p.axis, p.levels) for p in plates]
    places, strong = on_bodies(points / spacing, nothing, np.full(24, np.nan), plates, spacing)
    ends = [INDEX["S1_A"], INDEX["S1_P"]]
    np.testing.assert_allclose(places[ends], plates[1].corners[:2])
    assert (strong[ends] == 0.8).all() and np.isfinite(strong).sum() == 2
    assert np.isnan(on_bodies(points, nothing, np.full(24, np.nan), (), spacing)[1]).all()


@pytest.mark.parametrize("deeper", [-2.0, 2.0])
def test_a_plate_within_the_lowest_vertebra_is_none(deeper: float) -> None:
    points, corners = landmarks(), CENTERS[:, None] + SIDES
    lowest = VERTEBRAE.index("L5")
    into = OVERLAP * 30 + deeper
    y = corners[lowest, 2, 1] - into - SIDES[0, 1]
    points[[INDEX["S1_A"], INDEX["S1_P"]]] = np.array([CENTERS[lowest, 0], y]) + SIDES[:2]
    seen = plate(CENTERS[lowest, 0], y, 0.9)
    _, strong = on_bodies(points, corners, np.full(24, 0.8), [seen], (1.0, 1.0))
    assert np.isfinite(strong[[INDEX["S1_A"], INDEX["S1_P"]]]).all() == (deeper < 0)


@given(SHARES, SHARES, SHARES, SHARES)
def test_no_landmark_is_surer_than_its_level(heat: float, level: float, strength: float, other: float) -> None:
    levels = np.full(COUNT, level)
    sure = sureness(heat * levels, levels, np.full(COUNT, strength))
    assert (sure <= level).all() and (sure > 0).all()
    more = sureness(heat * levels, levels, np.full(COUNT, max(strength, other)))
    assert (more >= sure).all(), "the stronger its body, the surer"


def test_what_lies_on_no_body_is_as_sure_as_before() -> None:
    sure, strengths = np.linspace(0, 1, COUNT), np.full(COUNT, np.nan)
    sure[3] = np.nan
    np.testing.assert_array_equal(sureness(sure, np.ones(COUNT), strengths), sure)
    strengths[:] = 0.8
    assert np.isnan(sureness(sure, np.ones(COUNT), strengths)[3])


@pytest.mark.parametrize("strength", [0.3, 0.8])
def test_the_second_vertebra_moves_as_one_bone(strength: float) -> None:
    points = landmarks()
    points[INDEX["C2_D"]] = points[INDEX["C2_C"]] + (3, -28)
    places, strong = np.full((COUNT, 2), np.nan), np.full(COUNT, np.nan)
    plate = [INDEX["C2_AI"], INDEX["C2_PI"]]
    places[plate], strong[plate] = points[plate] + [(2.0, 4.0), (4.0, -2.0)], strength
    found = met(points, places, strong)
    above = [INDEX["C2_C"], INDEX["C2_D"]]
    assert found[above] - points[above] == pytest.approx(np.tile((3.0, 1.0), (2, 1)) * (1 if strength > 0.5 else 0.5))
    assert (met(points, np.full((COUNT, 2), np.nan), strong) == points)[np.isfinite(points)].all()
    points[INDEX["C2_D"]] = np.nan
    assert np.isnan(met(points, places, strong)[INDEX["C2_D"]]).all(), "what may lie off the film stays missing"
