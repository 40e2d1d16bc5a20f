"""Bodies on the sample film, found by the shipped network: where they are, whichever way the film lies."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from SpineAlignmentLib.detection import detect
from SpineAlignmentLib.detection.bodies_network import (
    WHOLE,
    Bodies,
    bodies_input,
    find_bodies,
    frame_around,
    on_film,
    read_maps,
    whole_frame,
)
from SpineAlignmentLib.detection.closest_look import ClosestNetworks
from SpineAlignmentLib.detection.corners import with_corners
from SpineAlignmentLib.detection.engines import Answers, load_answers
from SpineAlignmentLib.detection.extent import apparent_spacing, counting_grid
from SpineAlignmentLib.detection.look import Look
from SpineAlignmentLib.detection.lying import turns_to_upright
from SpineAlignmentLib.detection.models import read_closest_model
from SpineAlignmentLib.detection.views import zoomed
from SpineAlignmentLib.film.film import film_from_pixels
from SpineAlignmentLib.film.preprocessing import SCALE_MM, fit_film
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.measurement.landmarks import CENTERS, CORNERS, COUNT, INDEX, PRESACRAL_LEVELS
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.heads import middle_of_heads
from SpineAlignmentLib.results.result_file import read_annotation, to_json
from Testing.library.films import SAMPLE_FILM

Pixels = NDArray[np.generic]


@pytest.fixture(scope="module")
def network() -> Answers:
    model = read_closest_model("bodies")
    assert model is not None
    return load_answers(model, threads=1)


@pytest.fixture(scope="module")
def sample() -> tuple[Pixels, Annotation]:
    return np.asarray(read_film(SAMPLE_FILM).pixels), read_annotation(Path(SAMPLE_FILM).with_suffix(".json"))


def nearest(found: Bodies, point: NDArray[np.float64]) -> int:
    return int(np.argmin([np.linalg.norm(body.center - point) for body in found.vertebrae]))


def test_every_body_of_the_sample_film_is_found_once(network: Answers, sample: tuple[Pixels, Annotation]) -> None:
    pixels, truth = sample
    assert truth.spacing_mm is not None
    found = find_bodies(pixels, whole_frame(truth.size_px, truth.spacing_mm), network)
    centers = truth.points_px[[INDEX[name] for name in CENTERS]]
    places = [nearest(found, center) for center in centers]
    off = [np.linalg.norm(found.vertebrae[i].center - c) for i, c in zip(places, centers, strict=True)]
    assert np.mean(np.array(off) * truth.spacing_mm[0] < 8) >= 0.9
    assert len(set(places)) >= 0.9 * len(places)
    corners = []
    for level, place in zip(PRESACRAL_LEVELS, places, strict=True):
        for corner, xy in zip(CORNERS, found.vertebrae[place].corners, strict=True):
            if (name := f"{level}_{corner}") in INDEX:
                corners.append(np.linalg.norm(xy - truth.points_px[INDEX[name]]) * truth.spacing_mm[0])
    assert np.nanmedian(corners) < 4
    plate = truth.points_px[[INDEX["S1_A"], INDEX["S1_P"]]]
    assert np.linalg.norm(found.plates[0].corners[:2] - plate, axis=1).max() * truth.spacing_mm[0] < 12


def test_a_mirrored_film_has_the_same_bodies_mirrored(network: Answers, sample: tuple[Pixels, Annotation]) -> None:
    pixels, truth = sample
    assert truth.spacing_mm is not None
    found = find_bodies(pixels, whole_frame(truth.size_px, truth.spacing_mm), network)
    turned = find_bodies(pixels[:, ::-1], whole_frame(truth.size_px, truth.spacing_mm, "right"), network)
    assert len(found.vertebrae) == len(turned.vertebrae)
    for a, b in zip(found.vertebrae, turned.vertebrae, strict=True):
        np.testing.assert_allclose(b.corners, a.corners * (-1, 1) + (pixels.shape[1] - 1, 0), atol=1e-3)


def test_a_part_of_a_film_shows_the_bodies_that_are_on_it(network: Answers, sample: tuple[Pixels, Annotation]) -> None:
    pixels, truth = sample
    assert truth.spacing_mm is not None
    top, bottom = (int(truth.points_px[INDEX[name], 1]) for name in ("T11_C", "L4_C"))
    part = pixels[top - 20 : bottom + 20]
    found = find_bodies(part, whole_frame((part.shape[1], part.shape[0]), truth.spacing_mm), network)
    for level in ("T12", "L1", "L2", "L3"):
        center = truth.points_px[INDEX[f"{level}_C"]] - (0, top - 20)
        body = found.vertebrae[nearest(found, center)]
        assert np.linalg.norm(body.center - center) * truth.spacing_mm[0] < 8, level


def test_a_whole_spine_tells_the_scale_at_which_its_levels_are_counted(sample: tuple[Pixels, Annotation]) -> None:
    pixels, truth = sample
    assert truth.spacing_mm is not None
    film = film_from_pixels(pixels, anterior=truth.anterior)
    small = zoomed(fit_film(film.size_px, anterior=truth.anterior), 0.6)
    sharp, wide = (Look(small, truth.points_px[None], np.full((1, COUNT), spread)) for spread in (2.0, 80.0))
    assert counting_grid(film, sharp).step[1] * truth.spacing_mm[1] == pytest.approx(SCALE_MM, rel=0.15)
    assert counting_grid(film, wide).step == small.step
    assert abs(small.step[1] * truth.spacing_mm[1] / SCALE_MM - 1) > 0.3


@pytest.mark.parametrize("calibrated", [True, False])
def test_levels_of_the_sample_film_get_their_corners(
    network: Answers, sample: tuple[Pixels, Annotation], calibrated: bool
) -> None:
    truth = sample[1]
    known = truth if calibrated else replace(truth, spacing_mm=None)
    film = replace(read_film(SAMPLE_FILM).facing(truth.anterior), spacing_mm=known.spacing_mm)
    seen = ClosestNetworks(network).look(film, truth.points_px, middle_of_heads(truth))
    assert not seen.heads, "without their network"
    result = with_corners(known, seen.bodies)
    assert truth.spacing_mm is not None
    np.testing.assert_allclose(apparent_spacing(truth.points_px), truth.spacing_mm, rtol=0.15)
    assert np.isfinite(result.vertebrae_confidence).sum() >= 20
    off = []
    for level, corners in zip(PRESACRAL_LEVELS, result.vertebrae_px, strict=False):
        for corner, xy in zip(CORNERS, corners, strict=True):
            if (name := f"{level}_{corner}") in INDEX:
                off.append(np.linalg.norm(xy - truth.points_px[INDEX[name]]) * truth.spacing_mm[0])
    assert np.nanmedian(off) < 4
    assert result.cobb("T4", "T12") == pytest.approx(truth.parameters()["MTK"], abs=20)


def test_a_detection_holds_the_corners(sample: tuple[Pixels, Annotation]) -> None:
    _, truth = sample
    assert truth.spacing_mm is not None
    result = detect(SAMPLE_FILM)
    assert np.isfinite(result.vertebrae_confidence).sum() >= 19
    off = []
    for level, corners in zip(PRESACRAL_LEVELS, result.vertebrae_px, strict=False):
        for corner, xy in zip(CORNERS, corners, strict=True):
            if (name := f"{level}_{corner}") in INDEX:
                off.append(np.linalg.norm(xy - truth.points_px[INDEX[name]]) * truth.spacing_mm[0])
    assert np.nanmedian(off) < 4
    assert set(to_json(result)["vertebrae"]["T8"]) == {*CORNERS, "confidence"}


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("known", [True, False])
def test_it_is_seen_how_a_film_lies(
    network: Answers, sample: tuple[Pixels, Annotation], turns: int, known: bool
) -> None:
    pixels, truth = sample
    lying = film_from_pixels(np.rot90(pixels, -turns), spacing_mm=truth.spacing_mm if known else None)
    assert turns_to_upright(lying, network) == turns


def test_what_is_no_spine_lies_no_way(network: Answers) -> None:
    pixels = np.random.default_rng(3).normal(size=(600, 300))
    assert turns_to_upright(film_from_pixels(pixels), network) == 0


def test_nothing_is_found_where_there_is_no_spine(network: Answers) -> None:
    rng = np.random.default_rng(5)
    for pixels in (np.zeros((900, 500)), rng.normal(size=(900, 500)), np.tile(np.linspace(0, 1, 500), (900, 1))):
        found = find_bodies(pixels, whole_frame((500, 900), (1.0, 1.0)), network)
        assert sum(body.strength > 0.5 for body in found.vertebrae) <= 2


@pytest.mark.parametrize("size", [(1000, 3000), (733, 401), (31, 47)])
@pytest.mark.parametrize("anterior", ["left", "right"])
def test_the_frame_covers_the_film_at_one_scale(size: tuple[int, int], anterior: str) -> None:
    frame = whole_frame(size, (0.2, 0.25), anterior)
    assert all(side % WHOLE == 0 for side in frame.input_size)
    edges = frame.to_network([[-0.5, -0.5], [size[0] - 0.5, size[1] - 0.5]])
    assert (edges >= -0.5 - 1e-9).all() and (edges <= np.array(frame.input_size)[::-1] - 0.5 + 1e-9).all()
    step = np.abs(np.diff(frame.to_film([[0, 0], [1, 1]]), axis=0))[0] * (0.2, 0.25)
    np.testing.assert_allclose(step, 0.976)
    seen = bodies_input(np.random.default_rng(0).random(size[::-1]), frame)
    assert seen.shape == frame.input_size and np.abs(seen).max() <= 1


def test_bodies_go_through_the_frame_as_points_do() -> None:
    heat, points = np.zeros((8, 8, 3)), np.zeros((8, 8, 10))
    heat[3, 4, 0] = heat[5, 5, 2] = 1.0
    points[..., 2:] = [-5, -4, 5, -4, -5, 4, 5, 4]
    maps = {"heat": heat, "points": points, "levels": np.full((8, 8, 24), 1 / 24)}
    frame = whole_frame((300, 400), (0.4, 0.4), "right")
    inside = read_maps(maps)
    (body,), (plate,) = inside.vertebrae, inside.plates
    np.testing.assert_allclose(body.center, [17.5, 13.5])
    np.testing.assert_allclose(body.corners, body.center + [[-5, -4], [5, -4], [-5, 4], [5, 4]])
    assert np.isnan(plate.corners[2:]).all() and np.isfinite(plate.corners[:2]).all()
    moved = on_film(inside, frame)
    np.testing.assert_allclose(moved.vertebrae[0].corners, frame.to_film(body.corners))
    np.testing.assert_allclose(moved.plates[0].center, frame.to_film(plate.center))


@pytest.mark.parametrize("anterior", ["left", "right"])
def test_a_part_of_a_film_is_seen_in_the_same_cells(anterior):
    whole = whole_frame((880, 2300), (0.358, 0.358), anterior)
    points = np.array([[400.0, 300.0], [520.0, 1700.0], [np.nan, np.nan]])
    part = frame_around(whole, points)
    corner = whole.to_network(part.to_film([0.0, 0.0]))
    assert np.allclose(corner / WHOLE, np.round(corner / WHOLE))
    assert part.step == whole.step and part.input_size < whole.input_size
    seen = part.to_network(points[:2])
    assert (seen >= 64).all() and (seen <= np.array(part.input_size[::-1]) - 64).all()
    assert frame_around(whole, points[2:]) == whole
