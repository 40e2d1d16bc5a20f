"""The picture: of the whole size whatever the film, with its landmarks where they are, and never an exception."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.film import film_from_pixels
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.measurement.landmarks import COUNT, INDEX
from SpineAlignmentLib.measurement.parameters import KEYS
from SpineAlignmentLib.results.annotation import NUMBERING_WARNING, Annotation
from SpineAlignmentLib.results.colors import GROUP_COLORS, SURE, UNSURE
from SpineAlignmentLib.results.frame import film_points
from SpineAlignmentLib.results.picture import HEIGHT_PX, WIDTH_PX, draw, draw_film, png_bytes
from Testing.library.films import pattern

SPACING = (0.5, 0.5)


def shown(upright, anterior="left", missing=()):
    points = film_points(upright, SPACING, anterior) + [300, 1350]
    points[list(missing)] = np.nan
    film = film_from_pixels(pattern(600, 1800), "a.dcm", SPACING, anterior=anterior)
    return film, Annotation("a.dcm", film.size_px, points, np.ones(COUNT), SPACING, "given", anterior)


def in_color(color, film, annotation):
    """How many pixels of the picture have a color, or nearly so."""
    picture = np.asarray(draw(film, annotation).convert("RGB")).astype(int)
    return int((np.abs(picture - color).max(axis=2) < 12).sum())


@pytest.mark.parametrize("anterior", ["left", "right"])
def test_landmarks_are_drawn_on_the_film(upright, anterior):
    film, annotation = shown(upright, anterior)
    sure, picture = in_color(SURE, film, annotation), draw(film, annotation)
    assert picture.height == HEIGHT_PX
    assert sure > 300
    assert in_color(SURE, film, annotation.with_points(np.full((COUNT, 2), np.nan))) == 0
    # red is what has to be looked at, here as everywhere
    assert in_color(UNSURE, film, replace(annotation, warnings=("pixel spacing is that of the detector",))) == 0
    assert in_color(UNSURE, film, replace(annotation, warnings=(f"{NUMBERING_WARNING} 80 % sure",))) > 100
    confidence = np.ones(COUNT)
    confidence[:20] = 0.2
    unsure = annotation.with_points(annotation.points_px, confidence)
    assert in_color(UNSURE, film, unsure) > 100
    assert in_color(SURE, film, unsure) < sure


def test_only_what_is_chosen_is_drawn_on_the_film(upright):
    film, annotation = shown(upright)
    for group, keys in (("pelvis", ["PI", "PT"]), ("cervical", ["CL"])):
        drawn = np.asarray(draw_film(film, annotation, keys).convert("RGB")).astype(int)
        colors = {name: int((np.abs(drawn - color).max(axis=2) < 12).sum()) for name, color in GROUP_COLORS.items()}
        assert colors.pop(group) > 200
        assert not any(colors.values())


@pytest.mark.parametrize("label_px", [20, 30, 44])
def test_marks_of_any_size_are_whole(label_px):
    # nothing but the marks is white on a black film without landmarks, and 50 mm are shorter than their text
    film = film_from_pixels(np.eye(1800, 600, dtype=np.uint8), "a.png", (1.0, 1.0), anterior="left")
    annotation = Annotation("a.png", film.size_px, spacing_mm=(1.0, 1.0), anterior="left")
    drawn = np.asarray(draw_film(film, annotation, [], label_px).convert("L"))
    columns = np.flatnonzero((drawn[:, drawn.shape[1] // 2 :] > 200).any(axis=0)) + drawn.shape[1] // 2
    assert columns.max() < drawn.shape[1] - 4
    letters = (drawn[drawn.shape[0] // 2 - label_px : drawn.shape[0] // 2 + label_px] > 200).any(axis=0)
    assert not letters[:4].any() and letters[4 : 2 * label_px].any()


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


@pytest.mark.parametrize("height", [40, 300])
def test_a_film_much_wider_than_high_makes_no_huge_picture(height):
    film = film_from_pixels(pattern(4000, height), "a.dcm", SPACING)
    points = np.random.default_rng(4).uniform((0, 0), (4000, height), (COUNT, 2))
    annotation = Annotation("a.dcm", film.size_px, points, np.ones(COUNT), SPACING, "given")
    picture = draw_film(film, annotation)
    assert picture.size == (WIDTH_PX, round(WIDTH_PX * height / 4000))
    assert draw(film, annotation).height == HEIGHT_PX
    # where a landmark is drawn, there it is
    x, y = ((points + 0.5) * WIDTH_PX / 4000)[0].astype(int)
    assert np.abs(np.asarray(picture).astype(int)[y - 2 : y + 3, x - 2 : x + 3] - SURE).max(axis=2).min() < 40


def test_the_table_heads_intervals_and_says_why_a_value_is_not_given(upright, monkeypatch):
    written = []
    write = ImageDraw.ImageDraw.text

    def text(pen, xy, said, **style):
        written.append(said)
        write(pen, xy, said, **style)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", text)
    film, detected = shown(upright, missing=[INDEX["C2_D"]])
    draw(film, detected)
    assert "90 % interval" not in written
    deviation = {"deviation_px": np.full(COUNT, 4.0), "interval_factors": dict.fromkeys(KEYS, 1.5)}
    draw(film, replace(detected, **deviation))
    assert written.count("90 % interval") == 1 and "not on the film: C2" in written


def test_the_picture_of_a_result_is_no_film(upright, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png_bytes(*shown(upright)))
    with pytest.raises(FilmError, match="picture of a result"):
        read_film(path)
