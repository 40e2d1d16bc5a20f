"""Each vertebra seen by itself: where its view lies, and that the shipped network finds its corners."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from SpineAlignmentLib.detection import detect
from SpineAlignmentLib.detection.bodies_network import Bodies, Body, bodies_input, seen_bodies, whole_frame
from SpineAlignmentLib.detection.closest_look import ClosestNetworks
from SpineAlignmentLib.detection.corners import corners_at
from SpineAlignmentLib.detection.engines import Answers, load_answers
from SpineAlignmentLib.detection.models import read_closest_model
from SpineAlignmentLib.detection.single_view import cut
from SpineAlignmentLib.detection.vertebra_network import BODY_PX, VIEW_PX, seen_singly, view_of
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.measurement.landmarks import CENTERS, CORNERS, INDEX, VERTEBRAE
from SpineAlignmentLib.results.result_file import read_annotation
from Testing.library.films import SAMPLE_FILM

FloatArray = NDArray[np.float64]


@pytest.fixture(scope="module")
def networks() -> tuple[Answers, Answers]:
    bodies, single = read_closest_model("bodies"), read_closest_model("vertebra")
    assert bodies is not None and single is not None and single.input_size == (VIEW_PX, VIEW_PX)
    return load_answers(bodies, threads=1), load_answers(single, threads=1)


def vertebra(x: float, y: float, turn: float, depth: float, height: float) -> FloatArray:
    """Corners (4, 2) of a vertebra whose posterior side lies towards `turn`."""
    along, down = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    sides = ((-1, -1), (1, -1), (-1, 1), (1, 1))
    return np.array([(x, y) + a * depth / 2 * along + d * height / 2 * down for a, d in sides])


@given(
    st.floats(0, 300), st.floats(0, 800), st.floats(-1.2, 1.2), st.floats(8, 50), st.floats(6, 40), st.floats(-500, 500)
)
def test_a_view_shows_its_vertebra_upright_and_of_one_size(
    x: float, y: float, turn: float, depth: float, height: float, away: float
) -> None:
    corners = vertebra(x, y, turn, depth, height)
    view = view_of(corners)
    assert view is not None
    seen = view.to_view(corners)
    np.testing.assert_allclose(seen.mean(axis=0), (VIEW_PX - 1) / 2, atol=1e-6)
    np.testing.assert_allclose(seen[1] - seen[0], [BODY_PX * np.sqrt(depth / height), 0], atol=1e-6)
    np.testing.assert_allclose(seen[2] - seen[0], [0, BODY_PX * np.sqrt(height / depth)], atol=1e-6)
    np.testing.assert_allclose(view.to_image(view.to_view([away, x])), [away, x], atol=1e-6)


def test_a_cut_shows_what_lies_there_and_nothing_beyond_the_image() -> None:
    image = np.zeros((200, 150), np.float32)
    image[90:111, 60:91] = 1.0
    for turn in (0.0, 0.5):
        view = view_of(vertebra(75, 100, turn, 30, 20))
        assert view is not None
        (seen,) = cut(image, [view])
        inside = view.to_image(np.stack(np.meshgrid(np.arange(VIEW_PX), np.arange(VIEW_PX)), axis=-1))
        deep = (abs(inside - (75, 100)) < (14, 9)).all(axis=-1)
        far = (abs(inside - (75, 100)) > (17, 12)).any(axis=-1)
        assert seen[deep].min() > seen[far].max() and abs(seen.mean()) < 1e-5
    beyond = view_of(vertebra(-400, -400, 0, 30, 20))
    assert beyond is not None and not cut(image, [beyond]).any()


def test_what_has_no_corners_stays_as_it_is(networks: tuple[Answers, Answers]) -> None:
    axis = Body(np.array([50.0, 40.0]), np.full((4, 2), np.nan), 0.9, 0.9, np.full(24, 1 / 24))
    bodies = Bodies((axis,), ())
    (found,) = seen_singly(bodies, np.zeros((96, 96), np.float32), networks[1]).vertebrae
    assert found is axis
    assert seen_singly(Bodies((), ()), np.zeros((96, 96), np.float32), networks[1]).vertebrae == ()


def test_a_look_at_each_vertebra_brings_corners_nearer(networks: tuple[Answers, Answers]) -> None:
    truth = read_annotation(Path(SAMPLE_FILM).with_suffix(".json"))
    assert truth.spacing_mm is not None
    film = replace(read_film(SAMPLE_FILM).facing(truth.anterior), spacing_mm=truth.spacing_mm)
    centers = np.vstack([truth.points_px[[INDEX[name] for name in CENTERS]], [[np.nan, np.nan]]])
    off = []
    for closer in (None, networks[1]):
        bodies = ClosestNetworks(networks[0], closer).look(film, truth.points_px, (np.nan, np.nan)).bodies
        corners, _ = corners_at(centers, bodies, truth.spacing_mm)
        away = np.linalg.norm(corners - truth.vertebrae_px, axis=2) * truth.spacing_mm[0]
        assert np.isfinite(away).sum() > 80
        off.append(float(np.nanmedian(away)))
    assert off[1] < off[0] and off[1] < 1.0


@given(st.floats(-1.2, 1.2), st.floats(8, 50), st.booleans())
def test_a_plate_alone_is_seen_where_its_vertebra_would_be(turn: float, depth: float, second: bool) -> None:
    corners = vertebra(75, 100, turn, depth, 0.8 * depth)
    whole, plate = view_of(corners), corners.copy()
    plate[2:] = np.nan
    if second:  # C2 has its lower plate
        plate = corners.copy()
        plate[:2] = np.nan
    view = view_of(plate)
    assert whole is not None and view is not None
    np.testing.assert_allclose(view.center, whole.center, atol=1e-6)
    np.testing.assert_allclose(view.axes, whole.axes, atol=1e-9)


def test_plates_are_looked_at_as_well_and_stay_plates(networks: tuple[Answers, Answers]) -> None:
    truth = read_annotation(Path(SAMPLE_FILM).with_suffix(".json"))
    assert truth.spacing_mm is not None
    image = bodies_input(
        read_film(SAMPLE_FILM).pixels, frame := whole_frame(truth.size_px, truth.spacing_mm, truth.anterior or "left")
    )
    ends = frame.to_network(truth.points_px[[INDEX["S1_A"], INDEX["S1_P"]]])
    guess = np.vstack([ends + (4.0, -3.0), np.full((2, 2), np.nan)])
    plate = Body(guess[:2].mean(axis=0), guess, 0.9, 0.0, np.full(24, np.nan))
    (found,) = seen_singly(Bodies((), (plate,)), image, networks[1]).plates
    assert np.isnan(found.corners[2:]).all()
    assert np.linalg.norm(found.corners[:2] - ends, axis=1).max() < 2.5


def test_a_corner_has_one_place() -> None:
    found = detect(SAMPLE_FILM)
    landmarks = [(name, *name.split("_")) for name in INDEX if name.split("_")[-1] in CORNERS]
    compared = 0
    for name, level, corner in landmarks:
        if level not in VERTEBRAE:
            continue
        own = found.vertebrae_px[VERTEBRAE.index(level), CORNERS.index(corner)]
        if np.isfinite(own).all():
            np.testing.assert_array_equal(own, found.points_px[INDEX[name]])
            compared += 1
    assert compared == 17


def test_a_view_that_lies_off_finds_the_same_corners(networks: tuple[Answers, Answers]) -> None:
    truth = read_annotation(Path(SAMPLE_FILM).with_suffix(".json"))
    assert truth.spacing_mm is not None
    film = read_film(SAMPLE_FILM)
    image = bodies_input(film.pixels, whole_frame(truth.size_px, truth.spacing_mm, truth.anterior or "left"))
    bodies = seen_bodies(image, networks[0])
    moved = replace(
        bodies, vertebrae=tuple(replace(body, corners=body.corners + (3.0, -2.0)) for body in bodies.vertebrae)
    )
    here, there = (seen_singly(found, image, networks[1]).vertebrae for found in (bodies, moved))
    apart = [np.linalg.norm(a.corners - b.corners, axis=1) for a, b in zip(here, there, strict=True)]
    assert float(np.nanmedian(apart)) < 0.3 * np.hypot(3.0, 2.0)
