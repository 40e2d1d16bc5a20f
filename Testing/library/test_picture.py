"""The picture: of the whole size whatever the film, with its landmarks where they are, and never an exception."""

import io

import numpy as np
import pytest
from PIL import Image

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.film import film_from_pixels
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.measurement.landmarks import COUNT
from SpineAlignmentLib.results.annotation import Annotation, film_points
from SpineAlignmentLib.results.picture import HEIGHT_PX, draw, png_bytes
from Testing.library.films import pattern

SPACING = (0.5, 0.5)


def shown(upright, anterior="left", missing=()):
    points = film_points(upright, SPACING, anterior) + [300, 1350]
    points[list(missing)] = np.nan
    film = film_from_pixels(pattern(600, 1800), "a.dcm", SPACING, anterior=anterior)
    return film, Annotation("a.dcm", film.size_px, points, np.ones(COUNT), SPACING, "given", anterior)


@pytest.mark.parametrize("anterior", ["left", "right"])
def test_landmarks_are_drawn_on_the_film(upright, anterior):
    film, annotation = shown(upright, anterior)
    picture = np.asarray(draw(film, annotation)).astype(int)
    assert picture.shape[0] == HEIGHT_PX
    blank = np.asarray(draw(film, annotation.with_points(np.full((COUNT, 2), np.nan)))).astype(int)
    red = (picture[..., 0] > 220) & (picture[..., 1] < 120)
    assert red.sum() > 50
    assert not ((blank[..., 0] > 220) & (blank[..., 1] < 120)).any()


def test_png_with_any_landmarks_missing(upright):
    for missing in (range(10), range(COUNT), range(22, COUNT)):
        image = Image.open(io.BytesIO(png_bytes(*shown(upright, missing=missing))))
        assert image.height == HEIGHT_PX


def test_landmarks_all_over_the_place_do_not_matter():
    rng = np.random.default_rng(3)
    film = film_from_pixels(pattern(600, 1800), "a.dcm")
    for _ in range(3):
        points = rng.uniform(-200, 2000, (COUNT, 2))
        annotation = Annotation("a.dcm", film.size_px, points, warnings=("a warning " * 40,))
        assert draw(film, annotation).height == HEIGHT_PX


def test_the_picture_of_a_result_is_no_film(upright, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png_bytes(*shown(upright)))
    with pytest.raises(FilmError, match="picture of a result"):
        read_film(path)
