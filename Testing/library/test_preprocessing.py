"""The one preprocessing: exact to undo, without distortion, blind to offset and gain of the gray scale."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from SpineAlignmentLib.film.preprocessing import (
    INPUT_SIZE,
    fit_film,
    fit_region,
    network_input,
    normalize_contrast,
    resample,
)
from Testing.library.films import pattern

sizes = st.tuples(st.integers(40, 9000), st.integers(40, 9000))
spacings = st.tuples(st.floats(0.05, 1), st.floats(0.05, 1))
sides = st.sampled_from(["left", "right"])


@given(sizes, spacings, sides, st.integers(0, 2**31))
def test_there_and_back(size, spacing, anterior, seed):
    frame = fit_film(size, spacing, anterior)
    points = np.random.default_rng(seed).uniform(0, 1, (45, 2)) * size - 0.5
    assert np.allclose(frame.to_film(frame.to_network(points)), points, atol=1e-8)
    seen = frame.to_network(points)
    height, width = INPUT_SIZE
    assert (seen > -0.5 - 1e-6).all()
    assert (seen < np.array([width, height]) - 0.5 + 1e-6).all()


@given(sizes, spacings, sides)
def test_distances_are_not_distorted_and_the_patient_faces_left(size, spacing, anterior):
    frame = fit_film(size, spacing, anterior)
    across, down = frame.to_network([1.0, 0.0]) - frame.to_network([0.0, 0.0]), frame.to_network([0.0, 1.0])
    down = down - frame.to_network([0.0, 0.0])
    assert abs(across[0]) / spacing[0] == pytest.approx(down[1] / spacing[1])
    assert (across[0] < 0) == (anterior == "right")


@settings(max_examples=20)
@given(st.floats(0.2, 3), sides)
def test_a_bright_spot_lands_where_its_frame_says(zoom, anterior):
    size = (int(480 * zoom), int(864 * zoom))
    pixels = np.zeros((size[1], size[0]), np.float32)
    spot = np.array([0.3 * size[0], 0.6 * size[1]])
    y, x = np.mgrid[: size[1], : size[0]]
    pixels += np.exp(-(((x - spot[0]) ** 2 + (y - spot[1]) ** 2) / (2 * (6 * zoom) ** 2))).astype(np.float32)
    frame = fit_film(size, (1.0, 1.0), anterior)
    seen, inside = resample(pixels, frame)
    assert inside.mean() > 0.98
    rows, columns = np.mgrid[: seen.shape[0], : seen.shape[1]]
    center = np.array([(seen * columns).sum(), (seen * rows).sum()]) / seen.sum()
    assert np.abs(center - frame.to_network(spot)).max() < 0.05


@settings(max_examples=10)
@given(st.integers(300, 700), st.integers(800, 1900))
def test_mirror_image_gives_the_same_input(width, height):
    pixels = pattern(width, height)
    seen = network_input(pixels, fit_film((width, height)))
    assert np.array_equal(network_input(pixels[:, ::-1], fit_film((width, height), anterior="right")), seen)


def test_gain_and_offset_do_not_matter():
    pixels = pattern(300, 700)
    frame = fit_film((300, 700))
    plain = network_input(pixels, frame)
    assert np.abs(network_input(pixels.astype(np.float32) * 3.7 - 900, frame) - plain).max() < 1e-2
    assert plain.shape == INPUT_SIZE
    assert plain.dtype == np.float32
    assert np.abs(plain).max() <= 1


def test_surroundings_of_the_film_are_zero():
    frame = fit_region((-200, -300, 500, 1000), (1, 1))
    seen, inside = resample(pattern(300, 700), frame)
    assert (normalize_contrast(seen, inside)[~inside] == 0).all()
    assert 0.1 < inside.mean() < 0.5
    assert (network_input(pattern(300, 700), fit_region((2000, 2000, 2100, 2200))) == 0).all()


@pytest.mark.parametrize(
    ("region", "spacing", "anterior"),
    [((5, 5, 5, 9), (1, 1), "left"), ((0, 0, 9, 9), (0, 1), "left"), ((0, 0, 9, 9), (1, 1), "up")],
)
def test_wrong_arguments(region, spacing, anterior):
    with pytest.raises(ValueError, match=r"region|spacing|anterior"):
        fit_region(region, spacing, anterior)
