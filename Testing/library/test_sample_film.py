"""The sample films: an ordinary adult on whom all is found, and a film of which what is not on it is withheld."""

import math

import numpy as np
import pytest

from SpineAlignmentLib.detection import detect
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.measurement.landmarks import INDEX, NAMES
from SpineAlignmentLib.results.annotation import HEADS
from SpineAlignmentLib.results.renumbering import counted_text
from SpineAlignmentLib.results.result_file import from_json, read_annotation, to_json
from Testing.library.films import SAMPLE_FILM

ORDINARY = {
    **{"PI": (45, 60), "PT": (8, 18), "SS": (33, 45), "LL": (48, 65), "GTK": (35, 50)},
    **{"CL": (0, 25), "T1S": (15, 30), "SVA": (-30, 30)},
}
"""About the means of healthy adults; see docs/clinical.md."""
FUSED = SAMPLE_FILM.with_name("sample_film_fused.dcm")
CUT_OFF = {"C2_D", "C2_AI", "C2_PI", "C2_C", "C3_C", "C4_C"}


@pytest.fixture(scope="module")
def whole():
    return read_annotation(SAMPLE_FILM.with_suffix(".json"))


def test_the_whole_film_is_small_and_shows_an_ordinary_adult(whole):
    made = whole.extra["simulation"]
    assert SAMPLE_FILM.stat().st_size < 500_000
    assert made["age"] >= 20 and made["presacral_vertebrae"] == 24
    assert not (made["scoliosis"] or made["kyphosis"] or made["implants"])
    assert set(whole.landmarks()) == set(NAMES) and np.isfinite(whole.vertebrae_confidence).sum() == 23
    values = whole.parameters()
    assert {key: values[key] for key, (low, high) in ORDINARY.items() if not low <= values[key] <= high} == {}
    heads = whole.points_px[[INDEX[name] for name in HEADS]]
    assert np.linalg.norm(heads[0] - heads[1]) * whole.spacing_mm[0] < 10


def test_the_detector_finds_all_of_the_whole_film(whole):
    found = detect(read_film(SAMPLE_FILM))
    off = np.linalg.norm(found.points_px - whole.points_px, axis=1) * whole.spacing_mm[0]
    assert np.median(off) < 1 and off.max() < 5, "no landmark is a level off"
    assert not found.is_low().any() and found.numbering.sure > 0.9
    np.testing.assert_allclose(found.head_radius_px, whole.head_radius_px, rtol=0.15)
    assert "named by hand" not in counted_text(from_json(to_json(found), "sample_film.json"))
    truth, intervals = whole.parameters(), found.intervals()
    outside = [key for key, (low, high) in intervals.items() if not low <= truth[key] <= high]
    assert len(outside) <= 1, f"90 % intervals of 18: {outside}"


@pytest.fixture(scope="module")
def found():
    return detect(read_film(FUSED))


@pytest.fixture(scope="module")
def simulated():
    return read_annotation(FUSED.with_suffix(".json"))


def test_it_is_small_and_has_an_implant_and_a_cut_field(simulated):
    assert FUSED.stat().st_size < 500_000
    assert simulated.extra["simulation"]["implants"]
    assert set(NAMES) - set(simulated.landmarks()) == CUT_OFF


def test_what_is_on_it_is_found_beside_the_screws(found, simulated):
    assert set(NAMES) - set(found.landmarks()) == CUT_OFF
    off = np.linalg.norm(found.points_px - simulated.points_px, axis=1) * simulated.spacing_mm[0]
    assert np.nanmedian(off) < 1.2 and np.nanpercentile(off, 90) < 3


def test_its_measurements_hold_the_truth_and_the_rest_is_withheld(found, simulated):
    truth = simulated.parameters()
    given = {key: one for key, one in found.measurements().items() if not one.reason}
    assert set(truth) - set(given) == {"CL", "cSVA", "OD-HA"}
    assert all("not on the film: C2" in reason for reason in found.reasons().values())
    inside = [one.low <= truth[key] <= one.high for key, one in given.items()]
    assert sum(inside) >= math.floor(0.9 * len(inside))


def test_a_cobb_angle_from_c2_is_that_of_cervical_lordosis(whole):
    assert whole.cobb("C2", "C7") == pytest.approx(-whole.parameters()["CL"])
