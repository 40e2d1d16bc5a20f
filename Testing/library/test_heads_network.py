"""The femoral heads as circles: a circle through points of a rim, and that the shipped network finds both."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from SpineAlignmentLib.detection.bodies_network import bodies_input, whole_frame
from SpineAlignmentLib.detection.engines import load_answers
from SpineAlignmentLib.detection.heads_network import RIM, VIEW_PX, find_heads, fitted_circle
from SpineAlignmentLib.detection.models import read_closest_model
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.results.heads import head_centers
from SpineAlignmentLib.results.result_file import read_annotation
from Testing.library.films import SAMPLE_FILM

AROUND = np.stack([np.cos(RIM), np.sin(RIM)], axis=-1)
LENGTHS = st.floats(-200, 200)


@given(LENGTHS, LENGTHS, st.floats(5, 60), st.integers(0, 4))
def test_a_circle_goes_through_its_points(x: float, y: float, radius: float, left_out: int) -> None:
    circle = fitted_circle((x, y) + radius * AROUND[left_out:], np.ones(len(RIM) - left_out))
    np.testing.assert_allclose(circle.center, (x, y), atol=0.05)
    assert circle.radius == pytest.approx(radius, abs=0.05)
    assert circle.residual < 0.05


def test_a_point_that_is_unsure_says_little() -> None:
    rim, weights = 20 * AROUND, np.ones(len(RIM))
    rim[2] *= 1.5
    even = fitted_circle(rim, weights)
    weights[2] = 0.01
    doubted = fitted_circle(rim, weights)
    assert np.linalg.norm(doubted.center) < 0.1 < np.linalg.norm(even.center)
    assert abs(doubted.radius - 20) < 0.1 < abs(even.radius - 20)
    assert even.residual > 1


@pytest.mark.parametrize("off", [(0.0, 0.0), (6.0, -4.0)])
def test_the_network_finds_both_heads(off: tuple[float, float]) -> None:
    model = read_closest_model("heads")
    assert model is not None and model.input_size == (VIEW_PX, VIEW_PX)
    truth = read_annotation(Path(SAMPLE_FILM).with_suffix(".json"))
    assert truth.spacing_mm is not None
    film = replace(read_film(SAMPLE_FILM).facing(truth.anterior), spacing_mm=truth.spacing_mm)
    frame = whole_frame(truth.size_px, truth.spacing_mm, truth.anterior or "left")
    centers = frame.to_network(head_centers(truth))
    image = bodies_input(film.pixels, frame)
    found = find_heads(image, centers.mean(axis=0) + off, load_answers(model, threads=1))
    apart = np.linalg.norm(centers[:, None] - [circle.center for circle in found], axis=2)
    assert apart.min(axis=1).max() < 3.0
    scale = abs(frame.step[0])
    for circle, true in zip(found, truth.head_radius_px, strict=True):
        assert circle.radius * scale == pytest.approx(true, rel=0.15)
        assert circle.residual < 1.5
