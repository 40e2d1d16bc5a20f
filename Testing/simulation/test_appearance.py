"""The appearance chain on a small made-up body: repeatable, in range, true to scale, and harmless to landmarks."""

import json
import math
from dataclasses import replace

import cv2
import numpy as np
import pytest

from SpineAlignmentLib.measurement.landmarks import CENTERS, COUNT, INDEX
from Training.simulation.appearance import filters, textures
from Training.simulation.appearance.augmentation import augment
from Training.simulation.appearance.chain import Look, film
from Training.simulation.appearance.contents import Attenuators, fill, lower_shoulders
from Training.simulation.appearance.exposure import expose
from Training.simulation.appearance.lookup import develop
from Training.simulation.appearance.objects import place_objects
from Training.simulation.appearance.projection_layers import Layer, Projection, locate_body
from Training.simulation.appearance.sampling import Dice


def ellipse(shape: tuple[int, int], spacing: float, center: tuple[float, float], radii: tuple[float, float]) -> Layer:
    """Relative path length of an ellipsoid; center and radii in mm."""
    y, x = (np.arange(n) * spacing for n in shape)
    square = ((x[None, :] - center[0]) / radii[0]) ** 2 + ((y[:, None] - center[1]) / radii[1]) ** 2
    return np.asarray(np.sqrt(np.clip(1 - square, 0, 1)), np.float32)


def body(spacing: float = 2.3, height_mm: float = 990.0, width_mm: float = 550.0) -> Projection:
    """A trunk with hollow lungs and a row of vertebrae."""
    shape = (round(height_mm / spacing), round(width_mm / spacing))
    soft = np.float32(320) * ellipse(shape, spacing, (260, 560), (140, 460)) - np.float32(220) * ellipse(
        shape, spacing, (240, 380), (85, 140)
    )
    spine = np.zeros(shape, np.float32)
    marks = np.full((COUNT, 2), np.nan)
    for k, name in enumerate(CENTERS):
        center = (290 + 15 * math.sin(k / 4), 170 + 22.0 * k)
        spine += 7 * ellipse(shape, spacing, center, (15, 9))
        marks[INDEX[name]] = np.array(center) / spacing
    skeleton = np.float32(12) * ellipse(shape, spacing, (250, 790), (25, 25))
    metal = np.float32(2) * ellipse(shape, spacing, (300, 600), (4, 20))
    return Projection(spine, skeleton, np.maximum(soft, 0), metal, spacing, marks)


def plain(look: Look) -> Look:
    """The look without anything that is placed at random or varies from ray to ray."""
    exposure = replace(look.exposure, row_noise=0, column_noise=0, grid_lines=0, seams=0, heel=0, lean=0)
    exposure = replace(exposure, photons_per_mm2=1e12, electronic=0, scatter=0, glare=0)
    lookup = replace(look.lookup, equalize=0, jpeg_quality=0, border=(0, 0, 0, 0), curve=0, bits=16)
    return replace(look, exposure=exposure, lookup=lookup)


@pytest.mark.parametrize("randomization", [0.0, 1.0, 1.5])
def test_films_are_finite_and_in_range(randomization: float) -> None:
    projection = body()
    for seed in range(6):
        rng = np.random.default_rng(seed)
        image = film(projection, Look.sample(rng, randomization), rng)
        assert image.dtype == np.float32
        assert image.shape == projection.shape
        assert np.isfinite(image).all()
        assert image.min() >= 0
        assert image.max() <= 1
        assert image.std() > 0.01


def test_same_seed_same_film() -> None:
    def draw(seed: int) -> tuple[Look, bytes]:
        rng = np.random.default_rng(seed)
        look = Look.sample(rng, 1.0)
        return look, film(body(), look, rng).tobytes()

    assert draw(5) == draw(5)
    assert draw(5)[1] != draw(6)[1]


def test_threads_do_not_change_a_film() -> None:
    before = cv2.getNumThreads()
    films = []
    try:
        for threads in (1, 2):
            cv2.setNumThreads(threads)
            rng = np.random.default_rng(3)
            films.append(film(body(), Look.sample(rng, 1.0), rng))
    finally:
        cv2.setNumThreads(before)
    np.testing.assert_array_equal(films[0], films[1])


def test_the_projection_is_left_alone() -> None:
    projection = body()
    names = ("spine", "skeleton", "soft", "metal", "landmarks")
    before = {name: getattr(projection, name).copy() for name in names}
    for seed in range(4):
        rng = np.random.default_rng(seed)
        film(projection, Look.sample(rng, 1.5), rng)
    for name in names:
        np.testing.assert_array_equal(getattr(projection, name), before[name])


def test_bones_stay_where_the_landmarks_are() -> None:
    """What a vertebra adds to the film is centered on its landmark, within half a pixel."""
    projection = body()
    level, spacing = "L2_C", projection.spacing_mm
    mark = projection.landmarks[INDEX[level]]
    extra = 4 * ellipse(projection.shape, spacing, (mark[0] * spacing, mark[1] * spacing), (12, 12))
    brighter = replace(projection, spine=projection.spine + extra)
    for seed in range(5):
        look = plain(Look.sample(np.random.default_rng(seed), 0.5))
        signals = []
        for item in (projection, brighter):
            rng = np.random.default_rng(seed)
            materials = fill(item, locate_body(item), look.contents, rng)
            signals.append(expose(materials, look.exposure, spacing, rng))
        change = np.maximum(signals[1] - signals[0], 0)
        y, x = np.mgrid[: change.shape[0], : change.shape[1]]
        found = np.array([(change * x).sum(), (change * y).sum()]) / change.sum()
        np.testing.assert_allclose(found, mark, atol=0.5)


@pytest.mark.parametrize("lower_mm", [-55.0, 30.0])
def test_shoulders_move_and_the_rest_stays(lower_mm: float) -> None:
    projection = body()
    where = locate_body(projection)
    for level, expected in {"T1": lower_mm, "L1": 0.0}.items():
        row = round(float(where.at(level)[1]))
        soft = np.zeros(projection.shape, np.float32)
        soft[row - round(where.px(expected)) :] = 100
        edges = np.argmax(lower_shoulders(soft, where, lower_mm) > 50, axis=0)
        assert np.all(np.abs(edges - row) <= 1)
    assert lower_shoulders(projection.soft, where, 0.0) is projection.soft


def test_thicker_is_brighter() -> None:
    """Log signal and developed gray rise with path length, for each material."""
    wedge = np.repeat(np.linspace(0, 200, 240, dtype=np.float32)[None, :], 300, axis=0)
    none = np.zeros_like(wedge)
    layers = {"soft": (none, wedge, none), "bone": (wedge / 5, none, none), "metal": (none, none, wedge / 40)}
    for seed, (name, parts) in enumerate(layers.items()):
        rng = np.random.default_rng(seed)
        look = plain(Look.sample(rng, 0.0))
        signal = expose(Attenuators(*parts), look.exposure, 1.0, rng)
        assert (np.diff(signal[150]) >= -1e-4).all(), name
        lookup = replace(look.lookup, base_gain=1.0, detail_gain=1.0, sharpen=0.0)
        gray = develop(signal, lookup, 1.0, rng)
        assert (np.diff(gray[150]) >= -1e-3).all(), name
        assert gray[150, -1] > gray[150, 0] + 0.3, name


def test_one_look_at_two_pixel_sizes() -> None:
    """The same body and look, at 1.15 and 2.3 mm a pixel, give the same film but for its finest detail."""
    look = plain(Look.sample(np.random.default_rng(2), 0.0))
    contents = replace(look.contents, muscle_mm=0, cloud_mm=0, bone_grain=0, bone_patchiness=0, bodies=0, tissue_mm=0)
    look = replace(look, contents=contents)
    fine, coarse = (
        develop(
            expose(
                fill(item, locate_body(item), look.contents, np.random.default_rng(1)),
                look.exposure,
                item.spacing_mm,
                np.random.default_rng(1),
            ),
            look.lookup,
            item.spacing_mm,
            np.random.default_rng(1),
        )
        for item in (body(1.15), body(2.3))
    )
    shrunk = filters.gaussian(filters.stretch(fine, (coarse.shape[0], coarse.shape[1])), 2)
    difference = np.abs(shrunk - filters.gaussian(coarse, 2))
    assert difference.mean() < 0.02
    assert np.corrcoef(shrunk.ravel(), coarse.ravel())[0, 1] > 0.98


def test_noise_follows_dose_and_pixel_area() -> None:
    """Relative quantum noise is 1 / sqrt(photons), so it halves from 1 to 2 mm pixels and at four times the dose."""
    empty = np.zeros((300, 300), np.float32)
    look = plain(Look.sample(np.random.default_rng(0), 0.0)).exposure
    look = replace(look, noise_reach_mm=0.0, blur_mm=0.0, veil=0.0)

    def noise(photons: float, spacing: float) -> float:
        materials = Attenuators(empty, empty + 100, empty)
        signal = expose(materials, replace(look, photons_per_mm2=photons), spacing, np.random.default_rng(4))
        return float(signal.std())

    assert noise(1e5, 1.0) == pytest.approx(2 * noise(4e5, 1.0), rel=0.05)
    assert noise(1e5, 1.0) == pytest.approx(2 * noise(1e5, 2.0), rel=0.05)


def test_textures_keep_their_size() -> None:
    """A stamped tile covers the same area in mm and as much depth at every pixel size."""
    tile = textures.gas()[1]
    totals = []
    for spacing in (0.5, 1.0, 2.0, 4.0):
        size = round(400 / spacing)
        layer = np.zeros((size, size), np.float32)
        place = textures.Placement(np.array([(size - 1) / 2, (size - 1) / 2]), angle=0.4)
        textures.stamp(layer, tile, place, spacing, 1.0)
        totals.append(layer.sum() * spacing**2)
    np.testing.assert_allclose(totals, totals[0], rtol=0.02)


@pytest.mark.parametrize("spacing", [0.36, 1.15, 2.3, 5.0])
@pytest.mark.parametrize("kind", ["bone", "fiber", "tissue"])
def test_fields_cover_any_film(kind: str, spacing: float) -> None:
    shape = (round(500 / spacing), round(300 / spacing))
    noise = textures.field(np.random.default_rng(0), kind, shape, spacing, 2)
    assert noise.shape == shape
    assert np.isfinite(noise).all()
    assert 0.2 < noise.std() < 1.6


def test_body_is_whole_without_landmarks() -> None:
    projection = body()
    lost = replace(projection, landmarks=np.full((COUNT, 2), np.nan))
    assert np.isfinite(locate_body(lost).points).all()
    partial = projection.landmarks.copy()
    partial[:30] = np.nan
    points = locate_body(replace(projection, landmarks=partial)).points
    assert np.isfinite(points).all()
    assert (np.diff(points[:, 1]) > 0).all()
    rng = np.random.default_rng(0)
    assert np.isfinite(film(lost, Look.sample(rng, 1.0), rng)).all()


def test_film_of_an_odd_shape() -> None:
    """Very small, and with no body at all."""
    empty = np.zeros((40, 24), np.float32)
    projection = Projection(empty, empty, empty, empty, 20.0, np.full((COUNT, 2), np.nan))
    for seed in range(5):
        rng = np.random.default_rng(seed)
        assert np.isfinite(film(projection, Look.sample(rng, 1.5), rng)).all()


def test_objects_only_add() -> None:
    projection = body()
    for seed in range(20):
        rng = np.random.default_rng(seed)
        look = Look.sample(rng, 1.0).objects
        look = replace(look, buttons=3, rings=2, leads=1, brace=True, clasps=1, chains=1, rulers=1, letters=1, straps=1)
        materials = Attenuators(projection.spine.copy(), projection.soft.copy(), projection.metal.copy())
        place_objects(materials, locate_body(projection), look, rng)
        assert (materials.metal >= projection.metal).all()
        assert (materials.soft >= projection.soft).all()
        assert materials.metal.sum() > projection.metal.sum()


def test_augmentation() -> None:
    image = np.random.default_rng(0).random((432, 240), dtype=np.float32)
    np.testing.assert_array_equal(augment(image, 2.3, np.random.default_rng(0), 0.0), image)
    changed = 0
    for seed in range(20):
        out = augment(image, 2.3, np.random.default_rng(seed))
        assert np.isfinite(out).all()
        assert out.min() >= 0
        assert out.max() <= 1
        changed += not np.array_equal(out, image)
    assert changed > 10


def test_look_is_plain_numbers() -> None:
    look = Look.sample(np.random.default_rng(0), 1.2)
    assert json.loads(json.dumps(look.metadata()))["exposure"]["soft_per_mm"] == look.exposure.soft_per_mm


def test_wide_ranges_are_wider() -> None:
    def reach(randomization: float) -> float:
        looks = [Look.sample(np.random.default_rng(k), randomization) for k in range(200)]
        return float(np.std([look.lookup.gamma for look in looks]))

    assert reach(0.0) < reach(1.0) < reach(1.5)


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="randomization"):
        Dice(np.random.default_rng(0), 2.0)
    projection = body()
    with pytest.raises(ValueError, match="'soft' has shape"):
        replace(projection, soft=projection.soft[1:])
    with pytest.raises(ValueError, match="spacing"):
        replace(projection, spacing_mm=0.0)
    with pytest.raises(ValueError, match="landmarks"):
        replace(projection, landmarks=np.zeros((3, 2)))
