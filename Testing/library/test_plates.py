"""Endplates as lines: corners that are tilted go back to the edge between them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from SpineAlignmentLib.detection.bodies_network import Bodies, Body
from SpineAlignmentLib.detection.plates import turned_to_edges, with_turned_plates
from Testing.library.plane import tilt

SIZE = (160, 200)
MIDDLE = np.array([100.0, 80.0])
SPACING = (0.5, 0.5)
HALF_MM = 15.0


def body_below(tilt_deg: float, seed: int = 0) -> np.ndarray:
    """A film, bright below a plate that is tilted, posterior end down (+), about the film's middle."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    depth = (y - MIDDLE[1]) - np.tan(np.radians(tilt_deg)) * (x - MIDDLE[0])
    noise = np.random.default_rng(seed).normal(0, 3, SIZE)
    return np.asarray(100 + 60 * np.clip(depth + 0.5, 0, 1) + noise, np.float32)


def plate(tilt_deg: float, middle: np.ndarray = MIDDLE) -> np.ndarray:
    """Its corners, film pixels."""
    along = np.array([np.cos(np.radians(tilt_deg)), np.sin(np.radians(tilt_deg))])
    return middle + np.outer([-1, 1], along) * HALF_MM / SPACING[0]


@settings(max_examples=30, deadline=None)
@given(real=st.floats(-40, 40), off=st.floats(-8, 8), shift=st.floats(-3, 3))
def test_a_tilted_plate_goes_back_to_its_edge(real: float, off: float, shift: float) -> None:
    guess = plate(real + off, MIDDLE + [0, shift])
    below = MIDDLE + [0, 25]
    turned = turned_to_edges(body_below(real), guess[None], below[None], SPACING)[0]
    assert abs(tilt(turned) - real) < max(1.5, 0.4 * abs(off))
    np.testing.assert_allclose(turned.mean(axis=0), guess.mean(axis=0), atol=1e-6)


def test_the_edge_of_the_neighbor_does_not_count() -> None:
    """The same rise is the plate of a body below, not of one above, which gets darker there."""
    film, guess = body_below(0.0), plate(6.0)
    own = turned_to_edges(film, guess[None], [MIDDLE + [0, 25]], SPACING)[0]
    other = turned_to_edges(film, guess[None], [MIDDLE - [0, 25]], SPACING)[0]
    assert abs(tilt(own)) < 1.5 < 2.5 < abs(tilt(other))


def test_mirrored_films_give_mirrored_plates() -> None:
    film, guess = body_below(10.0), plate(4.0)
    mirror = lambda points: np.stack([SIZE[1] - 1 - points[..., 0], points[..., 1]], axis=-1)  # noqa: E731
    below = MIDDLE + [0, 25]
    turned = turned_to_edges(film, guess[None], below[None], SPACING)
    again = turned_to_edges(film[:, ::-1], mirror(guess)[None], mirror(below)[None], SPACING)
    np.testing.assert_allclose(mirror(again), turned, atol=1e-3)


def test_what_is_not_known_stays() -> None:
    unknown = np.full((1, 2, 2), np.nan)
    here = plate(0.0)[None]
    ends = np.concatenate([unknown, here])
    moved = turned_to_edges(body_below(0.0), ends, [[np.nan, np.nan], MIDDLE + [0, 25]], SPACING)
    assert np.isnan(moved[0]).all()
    assert np.isfinite(moved[1]).all()
    point = np.repeat(MIDDLE[None, None], 2, axis=1)
    np.testing.assert_array_equal(turned_to_edges(body_below(0.0), point, [MIDDLE + [0, 25]], SPACING), point)


def test_a_plate_beyond_the_film_does_no_harm() -> None:
    beyond = plate(0.0, MIDDLE + [500, -300])[None]
    assert np.isfinite(turned_to_edges(body_below(0.0), beyond, [[600.0, -200.0]], SPACING)).all()


@pytest.mark.parametrize("lower_known", [True, False])
def test_bodies_keep_what_they_are(lower_known: bool) -> None:
    upper, lower = plate(5.0), plate(5.0, MIDDLE + [0, 50])
    corners = np.concatenate([upper, lower if lower_known else np.full((2, 2), np.nan)])
    body = Body(MIDDLE + [0, 25], corners, 0.8, 0.1, np.full(24, 1 / 24))
    found = with_turned_plates(Bodies((body,), ()), body_below(0.0), SPACING).vertebrae[0]
    assert abs(tilt(found.corners[:2])) < 1.5
    assert np.isnan(found.corners[2:]).all() != lower_known
    assert (found.strength, found.axis) == (body.strength, body.axis)
