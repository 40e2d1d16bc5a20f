"""What cannot be on a film of a person is said, and nothing of ordinary films."""

from dataclasses import replace

import numpy as np
import pytest

from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.doubts import doubts
from SpineAlignmentLib.results.result_file import from_json, read_annotation, to_json
from SpineAlignmentLib.results.table import film_row
from SpineAlignmentLib.viewer.command import SAMPLE_FILM


@pytest.fixture(scope="module")
def film() -> Annotation:
    """An ordinary adult."""
    return read_annotation(SAMPLE_FILM.with_suffix(".json"))


def other(side: str) -> str:
    return "right" if side == "left" else "left"


def test_an_ordinary_film_and_one_without_landmarks_leave_no_doubt(film):
    assert doubts(film) == ()
    assert doubts(Annotation("film", (500, 1300))) == ()
    assert doubts(replace(film, spacing_mm=None)) == ()


def test_the_wrong_side_is_said_alone_and_first(film):
    (line,) = doubts(film.facing(other(film.anterior), "set by hand"))
    assert line.startswith("wrong side?") and f"faces {film.anterior}, not {other(film.anterior)}" in line
    # also where only the sacrum is known
    points = np.full_like(film.points_px, np.nan)
    rows = [INDEX[name] for name in ("S1_A", "S1_P", "FH_1", "FH_2")]
    points[rows] = film.points_px[rows]
    pelvis = film.with_points(points)
    assert doubts(pelvis) == ()
    assert doubts(pelvis.facing(other(film.anterior), "set by hand"))[0].startswith("wrong side?")


def test_heads_behind_the_sacrum_are_said(film):
    points = film.points_px.copy()
    back = 1 if film.anterior == "left" else -1
    for name in ("FH_1", "FH_2"):
        points[INDEX[name], 0] += back * 130 / film.spacing_mm[0]
    line = doubts(film.with_points(points))[0]
    assert line.startswith("PI ") and "behind the sacrum" in line


def test_an_endplate_whose_ends_changed_places_is_named(film):
    points = film.points_px.copy()
    ends = [INDEX["L4_AS"], INDEX["L4_PS"]]
    points[ends] = points[ends[::-1]]
    assert doubts(film.with_points(points))[0] == "L4_AS lies behind L4_PS"


def test_numbers_that_nobody_has_and_vertebrae_of_an_impossible_size_are_said(film):
    points = film.points_px.copy()
    points[INDEX["T1_AS"], 1] += 900
    line = doubts(film.with_points(points))[0]
    assert line.startswith("hardly possible: T1S ")
    huge = doubts(film.calibrated((2.0, 2.0), "typed"))
    assert any(line.startswith("vertebrae are ") and "check the pixel size" in line for line in huge)


def test_landmarks_that_are_not_trusted_say_nothing(film):
    turned = film.facing(other(film.anterior), "set by hand")
    assert doubts(replace(turned, confidence=np.full_like(film.confidence, 0.1))) == ()


def test_doubts_are_in_results_and_follow_the_landmarks(film):
    wrong = film.facing(other(film.anterior), "set by hand")
    content = to_json(wrong)
    assert content["doubts"] == list(doubts(wrong)) and "wrong side?" in content["doubts"][0]
    assert film_row(content)["warnings"].startswith("wrong side?")
    assert "doubts" not in to_json(from_json(content, "x.json").facing(film.anterior, "set by hand"))
