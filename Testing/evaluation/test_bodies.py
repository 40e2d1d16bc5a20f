"""The comparison of found bodies with annotated ones: what counts as found, as none, and how far off it is."""

import numpy as np
import pytest

from SpineAlignmentLib.detection.bodies_network import Bodies, Body
from SpineAlignmentLib.measurement.landmarks import VERTEBRAE
from Training.evaluation.bodies import Tally, compare, report, truth_of

SPACING = (0.5, 0.5)


def body(level: str, x: float, y: float) -> Body:
    """A body of 20 x 16 mm about a film pixel that looks like a level."""
    corners = np.array([[x - 20, y - 16], [x + 20, y - 16], [x - 20, y + 16], [x + 20, y + 16]])
    return Body(np.array([x, y]), corners, 0.9, 0.0, np.eye(len(VERTEBRAE))[VERTEBRAE.index(level)])


@pytest.fixture
def content() -> dict[str, object]:
    """L3 to L5 one below the other, L5 guessed, the corners of L4, and a plate."""
    points = {f"L{i}_C": [100.0, 100.0 + 50 * i, 3] for i in (3, 4)} | {"L5_C": [100.0, 350.0, 1], "L2_C": None}
    points |= {
        "L4_AS": [80.0, 284.0, 3],
        "L4_PS": [120.0, 284.0, 3],
        "S1_A": [80.0, 390.0, 3],
        "S1_P": [120.0, 390.0, 3],
    }
    return {"points": points, "anterior": "left"}


def test_what_is_found_and_what_is_none(content: dict[str, object]) -> None:
    tally = Tally(seconds=[0.1])
    plate = body("L5", 100, 396)
    found = Bodies((body("L3", 100, 250), body("L3", 104, 300), body("L5", 100, 352), body("T1", 100, 20)), (plate,))
    compare(found, content, SPACING, "film", tally)
    assert (tally.bodies, tally.found, tally.none, tally.named) == (2, 2, 1, 1), "guessed bodies count neither way"
    assert tally.center_mm == {"L3": [0.0], "L4": [2.0]}
    np.testing.assert_allclose(tally.shift_mm["L4"], [[-2, 0], [-2, 0]])
    np.testing.assert_allclose(tally.shift_mm["S1"], [[0, 5], [0, 5]])
    assert "2 of 2 bodies found (100.0 %), 1 that are none; level alike 50.0 %" in report(tally)


def test_far_bodies_are_missed(content: dict[str, object]) -> None:
    tally = Tally(seconds=[0.1])
    compare(Bodies((body("L3", 100, 267),), ()), content, SPACING, "film", tally)
    assert tally.found == 0 and tally.missed == ["film L3", "film L4"]
    compare(Bodies((), ()), content, SPACING, "film", tally)
    assert tally.found == 0 and tally.bodies == 4


def test_both_kinds_of_annotation_say_the_same(content: dict[str, object]) -> None:
    landmarks = {
        name: {"x_px": point[0], "y_px": point[1]}
        for name, point in content["points"].items()
        if point  # type: ignore[attr-defined]
    }
    corner = {"x_px": 81.0, "y_px": 316.0}
    ours = truth_of({"landmarks": landmarks, "vertebrae": {"L4": {"AI": corner, "confidence": 1.0}}})
    theirs = truth_of(content, 0)
    np.testing.assert_array_equal(ours["L4"][[0, 1, 2]], theirs["L4"][[0, 1, 2]])
    np.testing.assert_array_equal(ours["L4"][3], [81, 316])
    np.testing.assert_array_equal(ours["S1"], theirs["S1"])
    assert np.isnan(truth_of(content)["L5"]).all()
