"""Readings that need the corners of every vertebra: slips, loss of height, kyphoses between any levels."""

from dataclasses import replace

import numpy as np
import pytest

from SpineAlignmentLib.clinical.quantities import quantities
from SpineAlignmentLib.clinical.readings import readings
from SpineAlignmentLib.clinical.result import readings_of
from SpineAlignmentLib.measurement.landmarks import COUNT, INDEX
from SpineAlignmentLib.measurement.vertebrae import LEVELS
from SpineAlignmentLib.results.frame import film_points
from Testing.library.test_clinical import USUAL, annotation, read


def column(lean=0.0):
    """Corners of T1 to S1 of a straight column, 30 mm deep, 20 mm high, 5 mm apart; plates lean more and more."""
    corners = np.full((len(LEVELS), 4, 2), np.nan)
    names = [level for level in LEVELS[LEVELS.index("T1") :] if level not in ("T13", "L6")]
    for i, level in enumerate(names):
        top = -25.0 * i
        tilt = np.radians(lean * i)
        along = np.array([np.cos(tilt), -np.sin(tilt)])
        for k, (forward, down) in enumerate(((30, 0), (0, 0), (30, 20), (0, 20))):
            corners[LEVELS.index(level), k] = forward * along + np.array([0.0, top - down])
    return corners


def read_corners(corners, age=None, **values):
    entries = {key: {"value": value} for key, value in (USUAL | values).items()}
    found = quantities(entries, np.full((COUNT, 2), np.nan), corners)
    return {reading.key: reading for reading in readings(found, age)}


SLIPS = [
    (0.0, "within the error of the corners"), (14.9, "within the error of the corners"), (15.1, "grade I"),
    (24.9, "grade I"), (25.1, "grade II"), (50.1, "grade III"), (75.1, "grade IV"), (100.1, "grade V"),
    (-30.0, "within the error of the corners"),
]  # fmt: skip


MILD = "grade 1, mild, or the error of the corners"


@pytest.mark.parametrize(("share", "label"), SLIPS)
def test_slips_have_their_grade(share, label):
    corners = column()
    corners[LEVELS.index("L4") : LEVELS.index("L4") + 1, :, 0] += 0.3 * share
    reading = read_corners(corners)["Slip"]
    # the level above stands back by as much
    assert reading.inputs["L4"] == pytest.approx(share) and reading.inputs["L3"] == pytest.approx(-share)
    assert reading.value == pytest.approx(max(share, -share, 0)) or share < 0
    if share >= 0:
        assert reading.label == label and (share == 0 or reading.notes == ("L4",))
    corners[LEVELS.index("L4")] = np.nan
    assert read_corners(corners)["Slip"].inputs.keys() == {"L1", "L2", "L5"}


HEIGHTS = [
    (19.9, "none"), (20.1, MILD), (24.9, MILD), (25.1, "grade 2, moderate"),
    (39.9, "grade 2, moderate"), (40.1, "grade 3, severe"), (-30.0, "none"),
]  # fmt: skip


@pytest.mark.parametrize(("share", "label"), HEIGHTS)
def test_loss_of_height_has_its_grade(share, label):
    corners = column()
    corners[LEVELS.index("T12"), 0, 1] -= 0.2 * share
    # L5 is not looked at, nor what lies above T4
    for level in ("L5", "T3"):
        corners[LEVELS.index(level), 0, 1] -= 15
    reading = read_corners(corners)["Height loss"]
    assert reading.inputs["T12"] == pytest.approx(share)
    assert reading.label == label and (share < 0 or reading.notes == ("T12",))
    assert not {"L5", "T3"} & reading.inputs.keys()


def test_kyphoses_come_from_the_corners_where_they_are_known():
    found = read_corners(column(lean=1.5), age=63, MTK=30)
    # T4 to T12 are the fourth to the twelfth; plates of a body are parallel; the lower ones lean forward: lordosis
    assert found["T4-T12"].value == pytest.approx(-8 * 1.5) and found["T4-T12"].label == "below usual"
    assert found["T2-T5"].value == pytest.approx(-3 * 1.5) and found["T2-T5"].label == "below 20"
    assert read_corners(column(lean=-6))["T2-T5"].label == "below 20"
    assert read_corners(column(lean=-7))["T2-T5"].label == "from 20 on"
    for key in ("LL expected", "LL target"):
        assert "T4-T12" in found[key].inputs and found[key].notes == ()
        assert "MTK" in read(age=63)[key].inputs and "stands in" in read(age=63)[key].notes[0]
    assert found["LL target"].target == pytest.approx(52 + 0.3 * 12 - 31.5 + 10)


def test_uncertain_vertebrae_are_left_out(upright):
    film = annotation(upright)
    corners = film_points(column() + [[-40.0, 300.0]] - [[120, 700]], (0.2, 0.2), "left")[:-1]
    sure = np.full(len(LEVELS) - 1, 0.9)
    film = replace(film, vertebrae_px=corners, vertebrae_confidence=sure)
    assert {r.key: r for r in readings_of(film)}["Height loss"].computable
    doubtful = replace(film, vertebrae_confidence=sure * 0.5)
    assert {r.key: r for r in readings_of(doubtful)}["Height loss"].inputs.keys() <= {"T5"}


def test_landmarks_that_are_not_trusted_are_in_no_reading(upright):
    film = annotation(upright)
    corners = film_points(column() + [[-40.0, 300.0]] - [[120, 700]], (0.2, 0.2), "left")[:-1]
    film = replace(film, vertebrae_px=corners, vertebrae_confidence=np.full(len(LEVELS) - 1, 0.9))

    def computable(name, reviewed=frozenset()):
        confidence = np.full(COUNT, 0.9)
        confidence[INDEX[name]] = 0.01
        found = readings_of(replace(film, confidence=confidence, reviewed=reviewed))
        return {reading.key for reading in found if reading.computable}

    every = computable("C2_D")
    assert {"T4-T12", "T4PA"} <= every
    assert "T4-T12" not in computable("T12_PI") and computable("T12_PI", frozenset({"T12_PI"})) == every
    assert "T4PA" not in computable("T4_C")
