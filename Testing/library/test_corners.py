"""Corners go to the level at whose center a body lies, and to no other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from SpineAlignmentLib.detection.bodies_network import Bodies, Body
from SpineAlignmentLib.detection.corners import corners_at, with_corners
from SpineAlignmentLib.detection.reporting import told
from SpineAlignmentLib.measurement.landmarks import CENTERS as CENTER_NAMES
from SpineAlignmentLib.measurement.landmarks import COUNT, INDEX, VERTEBRAE
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.numbering import Numbering, OtherNumbering
from SpineAlignmentLib.results.result_file import from_json, to_json

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


def test_a_result_with_corners_is_as_sure_as_its_centers_and_bodies() -> None:
    points, sure = np.full((COUNT, 2), np.nan), np.full(COUNT, np.nan)
    rows = [INDEX[name] for name in CENTER_NAMES]
    points[rows], sure[rows] = CENTERS[:23], np.linspace(0.5, 1, 23)
    points[rows[4]] = np.nan
    film = Annotation("f.png", (300, 900), points, sure)
    found = Bodies(tuple(body(x, y, 0.4 + 0.02 * i) for i, (x, y) in enumerate(CENTERS)), ())
    result = with_corners(film, found)
    known = np.isfinite(result.vertebrae_confidence)
    assert np.flatnonzero(~known).tolist() == [4, 23], "neither a level that was not found nor an L6"
    assert (np.diff(result.vertebrae_confidence[known]) > 0).all(), "the stronger the body is"
    level_sure = np.linspace(0.5, 1, COUNT)
    doubted = with_corners(film, found, level_sure=level_sure).vertebrae_confidence[:23]
    np.testing.assert_allclose(doubted, result.vertebrae_confidence[:23] * level_sure[rows])
    six = with_corners(film, found, (CENTERS[23], (np.nan, np.nan)))
    np.testing.assert_array_equal(six.vertebrae_px[23], found.vertebrae[23].corners)
    assert six.cobb("T4", "L6") == pytest.approx(0, abs=1e-9)


def test_what_lies_beyond_the_film_is_not_to_be_measured_with() -> None:
    rows = [INDEX[name] for name in CENTER_NAMES]
    points, sure = np.full((COUNT, 2), np.nan), np.full(COUNT, 0.9)
    points[rows] = CENTERS[:23]
    for name in ("T1_AS", "T1_PS"):
        points[INDEX[name]] = CENTERS[VERTEBRAE.index("T1")] - (0, 5)
    top = CENTERS[VERTEBRAE.index("T1")][1] - 5
    film = Annotation("f.png", (300, 900), points - (0, top), sure)
    found = Bodies(tuple(body(x, y - top) for x, y in CENTERS[VERTEBRAE.index("T1") :]), ())
    result = with_corners(film, found)
    corners = result.vertebrae_px[VERTEBRAE.index("T1")]
    assert np.isnan(corners[:2]).all() and np.isfinite(corners[2:]).all()
    assert result.confidence[INDEX["T1_AS"]] < 0.2 and result.confidence[INDEX["T1_C"]] == 0.9, "not all of it is seen"
    assert result.confidence[INDEX["T5_AS"]] > 0.9, "as no heatmap knew"
    assert film.confidence[INDEX["T1_AS"]] == 0.9


def test_corners_follow_when_the_numbering_is_switched() -> None:
    rows = [INDEX[name] for name in CENTER_NAMES]
    points, shifted = np.full((COUNT, 2), np.nan), np.full((COUNT, 2), np.nan)
    points[rows[1:]], shifted[rows[:-1]] = CENTERS[1:23], CENTERS[1:23]
    sure = np.full(COUNT, 0.8)
    other = OtherNumbering("all levels one higher", shifted, 0.2 * sure)
    film = Annotation("f.png", (300, 900), points, sure, numbering=Numbering(24, ("C3", "L5"), 0.8, other))
    found = Bodies(tuple(body(x, y) for x, y in CENTERS), ())
    result = with_corners(film, found, (CENTERS[23], (np.nan, np.nan)))
    switched = result.renumbered()
    for level in range(2, 22):
        np.testing.assert_array_equal(result.vertebrae_px[level + 1], switched.vertebrae_px[level])
    assert np.isnan(switched.vertebrae_px[23]).all() and np.isfinite(result.vertebrae_px[23]).all()
    again = from_json(to_json(switched)).renumbered()
    np.testing.assert_allclose(again.vertebrae_px, result.vertebrae_px, atol=1e-3)
    np.testing.assert_allclose(again.vertebrae_confidence, result.vertebrae_confidence, atol=1e-3)


def test_pixels_that_are_no_squares() -> None:
    spacing = (0.2, 0.8)
    found = tuple(body(x, y) for x, y in (CENTERS + (30, 0)) / spacing)
    assert np.isnan(corners_at(CENTERS / spacing, Bodies(found, ()), spacing)[1]).all()


@pytest.mark.parametrize(("sure", "doubted"), [(0.5, True), (0.98, False)])
def test_a_numbering_in_doubt_is_told_with_its_runner_up(sure: float, doubted: bool) -> None:
    points, confidence = np.full((COUNT, 2), 7.0), np.full(COUNT, 0.9)
    numbering = Numbering(24, ("C2", "L5"), sure, OtherNumbering("25 presacral vertebrae", points, confidence))
    result = told(Annotation("f.png", (300, 900), points, confidence, numbering=numbering))
    said = "numbering of the vertebrae 50 % sure; it may be: 25 presacral vertebrae"
    assert (said in result.warnings) == doubted
