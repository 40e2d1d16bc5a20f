"""Vertebrae go front or back to where their outlines are."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from SpineAlignmentLib.detection.outlines import outline_at, slide, with_outlines
from SpineAlignmentLib.measurement.landmarks import COUNT, INDEX, VERTEBRAE
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.numbering import Numbering, OtherNumbering
from Testing.library.plane import turned

SIZE = (180, 200)
MIDDLE = np.array([100.0, 90.0])
SPACING = np.array([0.4, 0.4])
HALF_MM = np.array([8.0, 6.0])


def corners_of(tilt_deg: float) -> np.ndarray:
    """AS, PS, AI, PI in film pixels, patient facing left."""
    box = np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]]) * HALF_MM
    return MIDDLE + turned(box, tilt_deg) / SPACING


def moves(film: np.ndarray, corners: np.ndarray, center: np.ndarray, sure: float) -> tuple[np.ndarray, np.ndarray]:
    outline = outline_at(film, corners, SPACING)
    assert outline is not None
    return slide(outline, center, sure)


def film_of(tilt_deg: float, seed: int = 0) -> np.ndarray:
    """A bright body between two others, in tissue that gets brighter to the back."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    along, down = np.moveaxis(turned((np.stack([x, y], axis=-1) - MIDDLE) * SPACING, -tilt_deg), -1, 0)
    disc = abs(abs(down) - HALF_MM[1] - 2) < 1.5
    body = np.clip((HALF_MM[0] - abs(along)) / 0.4 + 0.5, 0, 1) * ~disc
    return np.asarray(80 + 50 * body + 0.5 * along + np.random.default_rng(seed).normal(0, 3, SIZE), np.float32)


@settings(max_examples=30, deadline=None)
@given(
    tilt=st.floats(-35, 35),
    body=st.floats(-3, 3),
    landmark=st.floats(-3, 3),
    across=st.floats(-1, 1),
)
def test_body_and_landmark_meet_where_the_walls_are(tilt: float, body: float, landmark: float, across: float) -> None:
    axis = turned(np.array([1.0, 0.0]), tilt)
    normal = turned(np.array([0.0, 1.0]), tilt)
    corners = corners_of(tilt) * SPACING + body * axis + across * normal
    center = MIDDLE * SPACING + landmark * axis
    moved, own = moves(film_of(tilt), corners, center, 2.0)
    assert abs((moved + body * axis) @ axis) < 0.9
    assert (moved + body * axis) @ axis == pytest.approx((own + landmark * axis) @ axis, abs=1e-6)
    assert abs(moved @ normal) < 1e-9 and abs(own @ normal) < 1e-9


def test_what_the_networks_are_sure_of_counts_more() -> None:
    corners, center = corners_of(0) * SPACING + [2.0, 0.0], MIDDLE * SPACING + [2.0, 0.0]
    moved = [moves(film_of(0), corners, center, sure)[1][0] for sure in (0.3, 1.0, np.nan)]
    assert 0 > moved[0] > moved[1] > moved[2] > -2.5


def test_a_blank_film_moves_nothing() -> None:
    blank = np.full(SIZE, 9, np.uint8)
    center = MIDDLE * SPACING
    for moved in moves(blank, corners_of(10) * SPACING, center, 2.0):
        np.testing.assert_allclose(moved, 0, atol=1e-6)
    point = np.repeat(center[None], 4, axis=0)
    assert outline_at(film_of(0), point, SPACING) is None
    assert outline_at(film_of(0), np.full((4, 2), np.nan), SPACING) is None


@pytest.mark.parametrize("level", ["C5", "L4", "T8", "T1"])
def test_every_landmark_of_a_vertebra_moves_alike(level: str) -> None:
    """And T1, under the shoulders, not."""
    points = np.full((COUNT, 2), np.nan)
    vertebrae = np.full((len(VERTEBRAE), 4, 2), np.nan)
    rows = [row for name, row in INDEX.items() if name.startswith(f"{level}_")]
    points[rows] = MIDDLE + [5.0, 0.0]
    vertebrae[VERTEBRAE.index(level)] = corners_of(0) + [4.0, 0.0]
    result = Annotation("film", SIZE, points, vertebrae_px=vertebrae, deviation_px=np.full(COUNT, 5.0))
    other = OtherNumbering("another", points, np.full(COUNT, 0.5), vertebrae_px=vertebrae)
    found = with_outlines(replace(result, numbering=Numbering(24, ("C2", "L5"), 0.7, other)), film_of(0), (0.4, 0.4))
    moved = found.points_px[rows] - points[rows]
    if level == "T1":
        np.testing.assert_array_equal(moved, 0)
        return
    assert np.ptp(moved, axis=0) == pytest.approx([0, 0]) and -6.5 < moved[0, 0] < -3.5
    box = found.vertebrae_px[VERTEBRAE.index(level)]
    assert box.mean(axis=0)[0] == pytest.approx(found.points_px[rows[0], 0], abs=1e-6)
    assert found.numbering is not None and found.numbering.other is not None
    assert abs(found.numbering.other.points_px[rows[0], 0] - MIDDLE[0]) < 1.5
