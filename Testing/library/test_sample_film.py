"""The second sample film: what is on it is measured well, what is not is withheld."""

import math

import numpy as np
import pytest

from SpineAlignmentLib.detection import detect
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.measurement.landmarks import NAMES
from SpineAlignmentLib.results.result_file import read_annotation
from Testing.library.films import SAMPLE_FILM

FUSED = SAMPLE_FILM.with_name("sample_film_fused.dcm")
CUT_OFF = {"C2_D", "C2_AI", "C2_PI", "C2_C", "C3_C", "C4_C"}


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
