"""Films of a few vertebrae whose scale nobody knows."""

from dataclasses import replace

import numpy as np
import pytest

from SpineAlignmentLib.detection.detector import Detector
from SpineAlignmentLib.detection.unknown_scale import HEIGHTS_MM, Found, least_doubtful, other_scales
from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.film import film_from_pixels
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.measurement.landmarks import INDEX
from Testing.library.films import SAMPLE_FILM


@pytest.fixture(scope="module")
def whole():
    """The sample film, and its landmarks."""
    film = read_film(SAMPLE_FILM)
    return film, Detector().detect(film)


@pytest.fixture(scope="module")
def lumbar(whole):
    """A lumbar film of nothing but pixels, its left upper corner on the sample film, and the landmarks there."""
    film, found = whole
    upper, lower = found.points_px[INDEX["T12_C"]], found.points_px[INDEX["S1_P"]]
    height = film.size_px[1]
    low = np.array([min(upper[0], lower[0]) - 0.16 * height, upper[1] - 0.03 * height]).astype(int)
    high = np.array([max(upper[0], lower[0]) + 0.16 * height, lower[1] + 0.05 * height]).astype(int)
    part = film.pixels[low[1] : high[1], low[0] : high[0]]
    return film_from_pixels(part, "lumbar"), low, found.points_px


def test_a_lumbar_film_of_unknown_scale_is_measured_as_the_whole_is(whole, lumbar):
    part, corner, points = lumbar
    seen = Detector().detect(part)
    there = np.isfinite(seen.points_px[:, 0])
    assert there[[INDEX[name] for name in ("L1_AS", "L1_PS", "L4_AS", "L4_PS", "S1_A", "S1_P")]].all()
    apart = np.linalg.norm(seen.points_px + corner - points, axis=1)[there] * whole[0].spacing_mm[0]
    assert np.median(apart) < 1.0 and apart.max() < 5.0
    assert seen.spacing_mm is None and any("pixel spacing unknown" in warning for warning in seen.warnings)
    assert seen.parameters()["LL"] == pytest.approx(whole[1].parameters()["LL"], abs=3)


def test_a_film_of_known_scale_is_looked_at_as_what_it_is(lumbar):
    part = lumbar[0]
    assert other_scales(part.calibrated(0.38), Found(None)) == ()
    assert [other.size_px[1] * other.spacing_mm[1] for other in other_scales(part, Found(None))] == pytest.approx(
        HEIGHTS_MM
    )


@pytest.mark.parametrize(("size", "tried"), [((4200, 10800), 10), ((1700, 300), 11), ((60, 50), 10), ((60, 200), 13)])
def test_heights_that_no_film_of_so_many_pixels_has_are_left_out(size, tried):
    film = film_from_pixels(np.random.default_rng(3).integers(0, 9, size[::-1]).astype(np.uint8), "odd")
    assert len(other_scales(film, Found(None))) == tried


def test_only_what_leaves_much_less_doubt_is_taken(whole):
    film, found = replace(whole[0], spacing_mm=None), whole[1]
    none, other = Found(None, 2.0), replace(found, film="other")
    assert least_doubtful(film, none, [Found(other, -0.5), Found(None, -3.0)]).result is None
    assert least_doubtful(film, none, [Found(other, -1.5), Found(other, 0.5)]).result.film == "other"
    assert least_doubtful(film, Found(found, -3.0), [Found(other, -3.5)]).result is found
    assert least_doubtful(film, Found(found, -3.0), []).result is found


def test_noise_is_no_spine_at_any_scale():
    noise = np.random.default_rng(7).normal(500, 40, (500, 400)).astype(np.uint16)
    with pytest.raises(FilmError, match="no lateral spine found"):
        Detector().detect(film_from_pixels(noise, "noise"))
