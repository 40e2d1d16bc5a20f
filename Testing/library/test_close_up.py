"""Close-ups: a window around known landmarks that looks as it does in the whole; a say in its own landmarks alone."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from SpineAlignmentLib.detection.close_look import seen_close_up
from SpineAlignmentLib.detection.close_ups import REGIONS, SCATTER, close_up_frame, close_up_input
from SpineAlignmentLib.detection.detector import Detector, Strategy
from SpineAlignmentLib.detection.engines import Answer
from SpineAlignmentLib.detection.look import Look
from SpineAlignmentLib.detection.models import read_close_ups, read_ensemble, read_models, shipped_models
from SpineAlignmentLib.errors import ModelError
from SpineAlignmentLib.film.preprocessing import fit_film, network_input
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.measurement.landmarks import COUNT
from SpineAlignmentLib.results.frame import film_points
from Testing.library.films import SAMPLE_FILM

regions = st.sampled_from(sorted(REGIONS))


@given(regions, st.sampled_from(["left", "right"]), st.integers(0, 2**31))
def test_the_window_lies_around_the_regions_landmarks(name, anterior, seed):
    region = REGIONS[name]
    rng = np.random.default_rng(seed)
    whole = fit_film((2000, 3600), (0.2, 0.25), anterior)
    points = rng.uniform(0, 1, (COUNT, 2)) * (2000, 3600)
    frame = close_up_frame(region, whole, points)
    seen = frame.to_network(points)[region.rows]
    assert np.allclose((seen.min(axis=0) + seen.max(axis=0)) / 2, (np.array(region.input_size)[::-1] - 1) / 2)
    assert np.allclose(np.ptp(seen, axis=0), np.ptp(whole.to_network(points)[region.rows], axis=0))


def test_a_region_without_landmarks_has_no_window():
    with pytest.raises(ValueError, match="no landmark of the region"):
        close_up_frame(REGIONS["neck"], fit_film((400, 900)), np.full((COUNT, 2), np.nan))


@pytest.mark.parametrize("name", sorted(REGIONS))
def test_the_window_looks_as_it_does_in_the_whole(name, upright):
    film = read_film(SAMPLE_FILM)
    region = REGIONS[name]
    whole = fit_film(film.size_px, film.pixel_size, "left")
    points = film_points(upright, None, "left")
    points = (points - points.min(axis=0)) / np.ptp(points, axis=0) * (0.3, 0.5) + (0.35, 0.25)
    near = close_up_frame(region, whole, points * film.size_px)
    # on whole pixels of the larger input
    corner = np.round(whole.to_network(near.to_film([0.0, 0.0])))
    center = whole.to_film(corner + (np.array(region.input_size)[::-1] - 1) / 2)
    near = replace(near, center=(float(center[0]), float(center[1])))
    left, top = corner.astype(int)
    height, width = region.input_size
    part = network_input(film.pixels, whole)[top : top + height, left : left + width]
    close = close_up_input(film.pixels, near)
    assert close.shape == part.shape == region.input_size
    assert np.corrcoef(close.ravel(), part.ravel())[0, 1] > 0.98


def test_what_a_view_does_not_show_it_does_not_change(upright):
    points = film_points(upright, None, "left")
    rows = REGIONS["pelvis"].rows
    spread = np.array([np.full(COUNT, 2.0), np.full(COUNT, np.inf)])
    spread[1, rows] = 1.0
    look = Look(fit_film((400, 900)), np.array([points, points + 10]), spread)
    others = np.setdiff1d(np.arange(COUNT), rows)
    assert np.allclose(look.mean[others], points[others]) and np.allclose(look.mean[rows], points[rows] + 8)
    assert np.allclose(look.deviation[others], 2) and np.all(look.apart[others] == 0)
    assert np.all((look.deviation[rows] > 1) & (look.deviation[rows] < 2))


@pytest.fixture
def models(tmp_path):
    shutil.copytree(shipped_models(), tmp_path / "models")
    return tmp_path / "models"


def listing(folder, **content):
    (folder / "ensemble.json").write_text(json.dumps(content))
    return folder


def test_shipped_close_ups_change_their_own_landmarks_and_others_little(models):
    names = [model.name for model in read_ensemble(models)]
    close_ups = read_close_ups(models)
    assert close_ups, "the ensemble that ships has close-ups"
    film = read_film(SAMPLE_FILM)
    strategy = Strategy(trust_in_shape=0.0)
    seen = Detector(models, strategy=strategy).detect(film)
    assert seen.models == tuple(model.name for model in read_models(models))
    without = Detector(listing(models, models=names), strategy=strategy).detect(film)
    moved = np.linalg.norm((seen.points_px - without.points_px) * film.spacing_mm, axis=1)
    own = np.zeros(COUNT, bool)
    for model in close_ups:
        own[model.region.rows] = True
    assert (moved[own] > 0).all()
    assert moved[~own].max() < 8, "they take part in the count, a third of a level at most"


def test_a_close_up_far_from_the_whole_film_is_less_sure(upright):
    film = read_film(SAMPLE_FILM)
    detector = Detector()
    model = detector.close_ups[0][0]
    whole = fit_film(film.size_px, film.pixel_size, "left")
    points = film_points(upright, None, "left")
    points = (points - points.min(axis=0)) / np.ptp(points, axis=0) * (0.3, 0.5) + (0.35, 0.25)
    look = Look(whole, (points * film.size_px)[None], np.ones((1, COUNT)))
    spread = []
    for off in (0.0, 20.0):

        def network(films, off=off):
            there = close_up_frame(model.region, whole, look.mean).to_network(look.mean)[model.region.rows]
            heatmaps = np.zeros((len(films), 8, 8, len(there)), np.float32)
            return Answer(
                np.repeat((there + off)[None], len(films), axis=0), np.ones((len(films), len(there))), heatmaps
            )

        spread.append(seen_close_up(film, look, look.mean, model, network).spread[0, model.region.rows])
    near, far = spread
    assert np.allclose(near, SCATTER * whole.step[1])
    assert np.allclose(far, np.hypot(SCATTER, model.region.doubt * 20 * np.sqrt(2)) * whole.step[1])


def test_close_ups_are_not_taken_for_the_whole_nor_the_other_way(models):
    whole, part = read_ensemble(models)[0].name, read_close_ups(models)[0].name
    with pytest.raises(ModelError, match=r"ensemble\.json.*whole film"):
        read_ensemble(listing(models, models=[whole, part]))
    with pytest.raises(ModelError, match=r"ensemble\.json.*of a region"):
        read_close_ups(listing(models, models=[whole], close_ups=[whole]))
    with pytest.raises(ModelError, match=r"ensemble\.json.*close_ups"):
        read_close_ups(listing(models, models=[whole], close_ups=part))
    assert read_close_ups(listing(models, models=[whole])) == ()
    about = models / part / "model.json"
    about.write_text(json.dumps(json.loads(about.read_text()) | {"region": "knee"}))
    with pytest.raises(ModelError, match=r"model\.json.*knee"):
        read_close_ups(listing(models, models=[whole], close_ups=[part]))
