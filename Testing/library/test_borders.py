"""Films within borders of one gray value, as exports to a square, collimators and detectors leave them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from SpineAlignmentLib.detection.detector import detect
from SpineAlignmentLib.detection.extent import exposed
from SpineAlignmentLib.film.film import film_from_pixels
from Testing.library.films import spine


def bordered(pixels: np.ndarray, left: int, top: int, right: int, bottom: int, value: float) -> np.ndarray:
    return np.pad(pixels, ((top, bottom), (left, right)), constant_values=pixels.dtype.type(value))


@given(
    st.lists(st.integers(0, 300), min_size=4, max_size=4),
    st.sampled_from([0.0, 0.5, 1.0]),
    st.integers(0, 2**32 - 1),
)
def test_the_film_within_is_found_to_a_line(borders: list[int], value: float, seed: int) -> None:
    film = np.random.default_rng(seed).random((280, 190), np.float32)
    left, top, right, bottom = borders
    x0, y0, x1, y1 = exposed(bordered(film, left, top, right, bottom, value))
    for low, high, before, size, after in ((x0, x1, left, 190, right), (y0, y1, top, 280, bottom)):
        whole = before + size + after
        if size < 0.83 * whole:
            assert (low, high) == pytest.approx((before - 0.5, before + size - 0.5), abs=2.1)
        elif size > 0.87 * whole:
            assert (low, high) == (-0.5, whole - 0.5)


def test_letters_and_grain_on_a_border_are_no_film() -> None:
    rng = np.random.default_rng(3)
    film = bordered(100 + 100 * rng.random((400, 150), np.float32), 200, 60, 250, 60, 20.0)
    film += rng.normal(0, 1, film.shape).astype(np.float32)
    film[20:36, 20:120] = 200
    assert exposed(film) == pytest.approx((199.5, 59.5, 349.5, 459.5), abs=2.1)


def test_a_plain_film_has_no_borders() -> None:
    assert exposed(np.full((300, 200), 7.0)) == (-0.5, -0.5, 199.5, 299.5)


def test_a_spine_on_a_wide_dark_sheet_is_the_one_without_it() -> None:
    pixels = spine()
    height, width = pixels.shape
    alone = detect(film_from_pixels(pixels))
    within = detect(film_from_pixels(bordered(pixels, width, height // 8, width, height // 8, 0)))
    away = np.linalg.norm(within.points_px - (width, height // 8) - alone.points_px, axis=1)
    assert np.nanmedian(away) < 1.5
    assert within.numbering is not None and within.numbering.sure > 0.5
