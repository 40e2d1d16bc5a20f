"""Femoral heads as circles: a head that was found beside its rim goes towards the rim's center."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from SpineAlignmentLib.detection.head_circles import circled, with_heads
from SpineAlignmentLib.detection.heads_network import Circle
from SpineAlignmentLib.measurement.landmarks import COUNT, INDEX
from SpineAlignmentLib.results.annotation import HEADS, Annotation

SIZE = (240, 240)
MIDDLE = np.array([120.0, 130.0])
SPACING = (0.5, 0.5)


def film_of(*heads: np.ndarray, radius_mm: float = 23.0, roof_mm: float = 4.0, seed: int = 0) -> np.ndarray:
    """A film of heads, each with a bright roof about it and a neck below, in noise."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    film = np.full(SIZE, 80.0)
    for head in heads:
        away = np.hypot(x - head[0], y - head[1]) * SPACING[0]
        film += 30 * np.clip(radius_mm - away + 0.5, 0, 1)
        film += 40 * ((abs(away - radius_mm - roof_mm) < 1.5) & (y < head[1]))
        film += 30 * ((abs(x - head[0]) < 24) & (y > head[1]) & (away >= radius_mm))
    return np.asarray(film + np.random.default_rng(seed).normal(0, 8, SIZE), np.float32)


@settings(max_examples=20, deadline=None)
@given(
    along=st.floats(-4, 4),
    down=st.floats(-4, 4),
    radius=st.floats(20, 27),
    roof=st.floats(3, 6),
)
def test_a_head_goes_towards_the_center_of_its_rim(along: float, down: float, radius: float, roof: float) -> None:
    guess = MIDDLE + np.array([along, down]) / SPACING[0]
    found = circled(film_of(MIDDLE, radius_mm=radius, roof_mm=roof), [guess], [3.5], SPACING)[0]
    off = lambda place: float(np.linalg.norm((place - MIDDLE) * SPACING))  # noqa: E731
    assert off(found) < max(1.5, 0.6 * off(guess))


def test_what_the_networks_are_sure_of_hardly_moves() -> None:
    film, guess = film_of(MIDDLE), MIDDLE + [8.0, 0.0]
    moved = [abs(circled(film, [guess], [sure], SPACING)[0, 0] - guess[0]) for sure in (0.3, 1.0, 3.5)]
    assert moved[0] < 0.5 < moved[1] < moved[2]


def test_which_side_is_front_does_not_matter() -> None:
    film, guess = film_of(MIDDLE), MIDDLE + [6.0, -2.0]
    mirror = lambda points: np.stack([SIZE[1] - 1 - points[..., 0], points[..., 1]], axis=-1)  # noqa: E731
    found = circled(film, [guess], [3.0], SPACING)
    again = circled(film[:, ::-1], mirror(guess)[None], [3.0], SPACING)
    np.testing.assert_allclose(mirror(again), found, atol=0.05)


def test_what_is_not_known_stays() -> None:
    film = film_of(MIDDLE)
    assert np.isnan(circled(film, [[np.nan, 3.0]], [2.0], SPACING)).any()
    np.testing.assert_array_equal(circled(film, [MIDDLE], [np.nan], SPACING), [MIDDLE])
    assert np.isfinite(circled(film, [MIDDLE + 5000], [2.0], SPACING)).all()
    blank = np.full(SIZE, 7, np.uint16)
    np.testing.assert_allclose(circled(blank, [MIDDLE], [3.0], SPACING), [MIDDLE], atol=1e-6)


@pytest.mark.parametrize("anterior", ["left", "right"])
def test_the_first_head_stays_the_one_in_front(anterior: str) -> None:
    """Heads found 1 mm apart in the wrong order of their rims."""
    front = -1.0 if anterior == "left" else 1.0
    near, far = MIDDLE + [12.0 * front, -40.0], MIDDLE + [-12.0 * front, 40.0]
    points, off = np.full((COUNT, 2), np.nan), np.full(COUNT, np.nan)
    rows = [INDEX[name] for name in HEADS]
    points[rows] = [[MIDDLE[0] + front, far[1]], [MIDDLE[0] - front, near[1]]]
    off[rows] = 8.0
    result = Annotation("film", SIZE, points, spacing_mm=SPACING, anterior=anterior, deviation_px=off)
    found = with_heads(result, film_of(near, far), SPACING).points_px[rows]
    assert (found[0, 0] - found[1, 0]) * front > 0
    assert found[0, 1] < found[1, 1]


def test_heads_lie_between_the_circles_that_were_seen_and_the_rims_near_them() -> None:
    true = np.array([MIDDLE + (-70.0, 0.0), MIDDLE + (70.0, 10.0)])
    points, off = np.full((COUNT, 2), np.nan), np.full(COUNT, np.nan)
    rows = [INDEX[name] for name in HEADS]
    points[rows], off[rows] = true + (0.0, 16.0), 3.0 / SPACING[1]
    result = Annotation("film", SIZE, points, spacing_mm=SPACING, anterior="left", deviation_px=off)
    seen = [Circle(center + (0.0, 10.0), 100.0, 0.5) for center in true]
    found = with_heads(result, film_of(*true), SPACING, seen).points_px[rows]
    away = np.linalg.norm((found - true) * SPACING, axis=1)
    assert (away > 0.1 * 10.0 * SPACING[1]).all() and (away < 0.9 * 10.0 * SPACING[1]).all()


@pytest.mark.parametrize("anterior", ["left", "right"])
def test_heads_lie_at_the_circles_that_were_seen_where_no_edge_says_otherwise(anterior: str) -> None:
    front = -1.0 if anterior == "left" else 1.0
    points, off = np.full((COUNT, 2), np.nan), np.full(COUNT, np.nan)
    rows = [INDEX[name] for name in HEADS]
    points[rows] = MIDDLE + [[20.0 * front, 0.0], [-20.0 * front, 6.0]]
    off[rows] = 2.0
    sure = np.where(np.isfinite(off), 0.9, np.nan)
    result = Annotation("film", SIZE, points, sure, spacing_mm=SPACING, anterior=anterior, deviation_px=off)
    blank = np.full(SIZE, 7, np.uint16)
    seen = [Circle(points[rows[1]] + (2, 2), 40.0, 0.5), Circle(points[rows[0]] + (0, 4), 50.0, 0.5)]
    found = with_heads(result, blank, SPACING, seen)
    np.testing.assert_allclose(found.points_px[rows], points[rows] + [[0, 4], [2, 2]], atol=1e-6)
    assert found.head_radius_px.tolist() == [50.0, 40.0], "each with its own size, whatever their order"
    assert (found.confidence[rows] == 0.9).all() and (found.deviation_px[rows] > 2.0).all()
    far = with_heads(result, blank, SPACING, [replace(head, center=head.center + (0, 30)) for head in seen])
    rough = with_heads(result, blank, SPACING, [replace(head, residual=12.0) for head in seen])
    assert (far.confidence[rows] < 0.1).all() and (rough.confidence[rows] < 0.1).all()
    assert np.isnan(far.head_radius_px).all(), "no circle where no head is sure to be"
    points[rows[0]] = np.nan
    alone = with_heads(replace(result, points_px=points), blank, SPACING, seen)
    assert np.isnan(alone.head_radius_px).all() and np.isnan(alone.points_px[rows[0]]).all()
