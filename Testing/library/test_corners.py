"""Corners go to the level at whose center a body lies, and to no other."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from SpineAlignmentLib.detection.bodies_network import Bodies, Body
from SpineAlignmentLib.detection.corners import corners_at
from SpineAlignmentLib.measurement.landmarks import VERTEBRAE

CENTERS = np.column_stack([100 + 10 * np.sin(np.arange(24) / 4), 50.0 + 30 * np.arange(24)])


def body(x: float, y: float, strength: float = 0.8) -> Body:
    corners = np.array([[x - 12, y - 10], [x + 12, y - 10], [x - 12, y + 10], [x + 12, y + 10]])
    return Body(np.array([x, y]), corners, strength, 0.0, np.full(24, 1 / 24))


@given(st.sets(st.integers(0, 23), min_size=1), st.integers(0, 99))
def test_every_level_takes_its_own_body(shown: set[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = tuple(body(*(CENTERS[i] + rng.uniform(-6, 6, 2)), strength=0.3 + i / 100) for i in sorted(shown))
    corners, strengths = corners_at(CENTERS, Bodies(found, ()))
    assert set(np.flatnonzero(np.isfinite(strengths))) == shown
    for level, own in zip(sorted(shown), found, strict=True):
        assert strengths[level] == own.strength
        first = 2 if level == 0 else 0
        np.testing.assert_array_equal(corners[level, first:], own.corners[first:])
        assert np.isnan(corners[level, :first]).all(), "C2 has no upper plate"


def test_bodies_between_or_beside_levels_belong_to_none() -> None:
    between = (CENTERS[5] + CENTERS[6]) / 2
    _, strengths = corners_at(CENTERS, Bodies((body(*between), body(*(CENTERS[9] + (40, 0)))), ()))
    assert np.isnan(strengths).all()


def test_one_body_is_one_level() -> None:
    near = CENTERS[10] + 0.4 * (CENTERS[11] - CENTERS[10])
    _, strengths = corners_at(CENTERS, Bodies((body(*near),), ()))
    assert np.flatnonzero(np.isfinite(strengths)).tolist() == [10]


def test_levels_that_are_not_on_the_film_have_no_corners() -> None:
    centers = CENTERS.copy()
    centers[VERTEBRAE.index("L6")] = np.nan
    _, strengths = corners_at(centers, Bodies(tuple(body(*c) for c in CENTERS), ()))
    assert np.isnan(strengths[-1]) and np.isfinite(strengths[:-1]).all()
    assert np.isnan(corners_at(np.full((24, 2), np.nan), Bodies((body(1, 2),), ()))[1]).all()


def test_pixels_that_are_no_squares() -> None:
    spacing = (0.2, 0.8)
    found = tuple(body(x, y) for x, y in (CENTERS + (30, 0)) / spacing)
    assert np.isnan(corners_at(CENTERS / spacing, Bodies(found, ()), spacing)[1]).all()
