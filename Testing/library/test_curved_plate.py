"""C2's lower plate as a curve: ends that were cut off or tilted go to where the plate meets its walls."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from SpineAlignmentLib.detection.curved_plate import LUMBAR, fitted_curve
from Testing.library.plane import tilt, turned

SIZE = (150, 170)
MIDDLE = np.array([85.0, 75.0])
SPACING = (0.4, 0.4)
HALF_MM = 7.0
DEPTH_MM = 2.0


def ends_of(tilt_deg: float) -> np.ndarray:
    """Of the plate, anterior first, film pixels."""
    return MIDDLE + turned(np.array([[-HALF_MM, 0.0], [HALF_MM, 0.0]]), tilt_deg) / SPACING[0]


def film_of(tilt_deg: float, seed: int = 0) -> np.ndarray:
    """A bright body above a hollow plate, patient facing left; what lies before it is nearly as bright."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    along, down = np.moveaxis(turned(np.stack([x, y], axis=-1) - MIDDLE, -tilt_deg) * SPACING[0], -1, 0)
    plate = -DEPTH_MM * (1 - np.clip(along / HALF_MM, -1, 1) ** 2)
    inside = np.minimum(np.minimum(plate - down, HALF_MM - along), along + HALF_MM)
    film = 80 + 60 * np.clip(inside / 0.4 + 0.5, 0, 1) + np.where(along < -HALF_MM, 25.0, 0.0)
    return np.asarray(film + np.random.default_rng(seed).normal(0, 2, SIZE), np.float32)


@settings(max_examples=30, deadline=None)
@given(
    real=st.floats(-30, 30),
    off=st.floats(-10, 10),
    along=st.floats(-1.5, 1.5),
    across=st.floats(-1.5, 1.5),
)
def test_ends_go_to_where_plate_and_walls_meet(real: float, off: float, along: float, across: float) -> None:
    truth = ends_of(real)
    guess = MIDDLE + turned(truth - MIDDLE, off) + turned(np.array([along, across]), real) / SPACING[0]
    body = MIDDLE + turned(np.array([0.0, -9.0]), real) / SPACING[0]
    found = fitted_curve(film_of(real), guess, body, SPACING)
    error = np.linalg.norm((found - truth) * SPACING, axis=1)
    assert error.max() < 1.8
    assert abs(tilt(found) - real) < 3.5 + 0.4 * abs(off)


def test_mirrored_films_give_mirrored_plates() -> None:
    mirror = lambda points: np.stack([SIZE[1] - 1 - points[..., 0], points[..., 1]], axis=-1)  # noqa: E731
    film, guess, body = film_of(15.0), ends_of(8.0), MIDDLE + [5.0, -22.0]
    found = fitted_curve(film, guess, body, SPACING)
    again = fitted_curve(film[:, ::-1], mirror(guess), mirror(body), SPACING)
    np.testing.assert_allclose(mirror(again), found, atol=0.02)


@pytest.mark.parametrize("scale", [1.0, 200.0])
def test_brightness_does_not_matter(scale: float) -> None:
    film, guess, body = film_of(10.0), ends_of(4.0), MIDDLE + [0.0, -22.0]
    expected = fitted_curve(film, guess, body, SPACING)
    np.testing.assert_allclose(fitted_curve(film * scale + 7, guess, body, SPACING), expected, atol=0.01)


def test_what_the_film_does_not_show_stays() -> None:
    guess, body = ends_of(5.0), MIDDLE + [0.0, -22.0]
    blank = np.full(SIZE, 100, np.uint8)
    np.testing.assert_allclose(fitted_curve(blank, guess, body, SPACING), guess, atol=1.0)
    assert np.isnan(fitted_curve(blank, np.full((2, 2), np.nan), body, SPACING)).all()
    np.testing.assert_array_equal(fitted_curve(blank, guess, [np.nan, np.nan], SPACING), guess)
    far = guess + [900.0, -400.0]
    assert np.isfinite(fitted_curve(film_of(5.0), far, body + [900.0, -400.0], SPACING)).all()


@pytest.mark.parametrize("off", [-6.0, 6.0])
def test_a_lumbar_plate_turns_and_slides_at_its_depth(off: float) -> None:
    """The same film, every length twice as large."""
    real, spacing = 10.0, (0.8, 0.8)
    along, across = turned(np.eye(2), real)
    guess = MIDDLE + turned(ends_of(real) - MIDDLE, off) + 2.0 * along + across
    body = MIDDLE - 22.0 * across
    found = fitted_curve(film_of(real), guess, body, spacing, LUMBAR)
    assert abs(tilt(found) - real) < 0.6 * abs(off)
    moved = (found - guess).mean(axis=0)
    assert (guess - MIDDLE).mean(axis=0) @ along > (found - MIDDLE).mean(axis=0) @ along
    normal = turned(np.array([0.0, 1.0]), tilt(guess))
    assert abs(moved @ normal) < 1e-6
