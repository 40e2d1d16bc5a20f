"""The part of a film that a network sees."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from SpineAlignmentLib.detection.views import as_wide_as, cells_around
from SpineAlignmentLib.film.preprocessing import fit_film, network_input

sizes = st.integers(40, 900)
cells = st.sampled_from([8, 32, 64])


@given(sizes, sizes, st.sampled_from(["left", "right"]), st.floats(0.2, 5))
def test_a_narrow_view_lies_on_the_whole_one_in_whole_cells(
    width: int, height: int, anterior: str, squeezed: float
) -> None:
    whole = fit_film((width, height), (squeezed, 1.0), anterior)
    part = as_wide_as(whole, (width, height))
    assert part.input_size[0] == whole.input_size[0]
    left, top = whole.to_network(part.to_film([0, 0]))
    assert abs(top) < 1e-6 and abs(left - 64 * round(left / 64)) < 1e-6
    right = left + part.input_size[1]
    assert abs(right - whole.input_size[1]) < 1e-6 or abs(right - 64 * round(right / 64)) < 1e-6
    ends = part.to_network([[-0.5, 0], [width - 0.5, 0]])[:, 0]
    assert ends.min() > -0.5 - 1e-6 and ends.max() < part.input_size[1] - 0.5 + 1e-6


@settings(max_examples=15)
@given(st.integers(60, 150), st.integers(0, 2**32 - 1))
def test_a_narrow_view_shows_what_the_whole_one_shows(width: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 4000, (300, width), np.uint16)
    whole = fit_film((width, 300))
    part = as_wide_as(whole, (width, 300))
    left = round(float(whole.to_network(part.to_film([0, 0]))[0]))
    expected = network_input(pixels, whole)
    seen = network_input(pixels, part, whole.input_size[0])
    # neighborhoods of the film's own edge reach beyond the narrow view
    np.testing.assert_allclose(seen, expected[:, left : left + part.input_size[1]], atol=0.02)
    assert not np.delete(expected, np.s_[left : left + part.input_size[1]], axis=1).any()


@given(st.lists(st.tuples(st.floats(-50, 600), st.floats(-50, 600)), min_size=1, max_size=5), cells, st.floats(0, 70))
def test_points_on_a_view_are_in_the_part_around_them(
    points: list[tuple[float, float]], cell: int, margin: float
) -> None:
    whole = fit_film((500, 500), input_size=(512, 480))
    part = cells_around(whole, points, cell, margin)
    assert 0 < part.input_size[0] <= 512 and 0 < part.input_size[1] <= 480
    first = whole.to_network(part.to_film([0, 0]))
    last = first + part.input_size[::-1]
    seen = np.array(points)
    on_view = np.all((seen >= 0) & (seen <= (480, 512)), axis=1)
    low, high = np.maximum(seen - margin, 0), np.minimum(seen + margin, (480, 512))
    assert np.all(low[on_view] >= first - 1e-6) and np.all(high[on_view] <= last + 1e-6)
