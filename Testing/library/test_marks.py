"""What a person marks on a film besides the 45 landmarks: head sizes, drawn measures, reviews, other levels."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.measurement.landmarks import CORNERS, INDEX, NAMES, VERTEBRAE
from SpineAlignmentLib.measurement.parameters import KEYS
from SpineAlignmentLib.results import from_json, to_json
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.comparison import differences, signed_text
from SpineAlignmentLib.results.drawn import Drawn, cobb_between, line_value
from SpineAlignmentLib.results.markups import markups_bytes, read_landmarks
from SpineAlignmentLib.results.numbering import Numbering, OtherNumbering
from SpineAlignmentLib.results.placement import plain_placement
from SpineAlignmentLib.results.renumbering import (
    center_of,
    dropped_text,
    levels_found,
    renumbered_text,
    same_body,
    shifted,
)
from SpineAlignmentLib.results.reviewing import accepted, moved, review_turned, reviewed, warnings_now, widened_text


@pytest.fixture
def film() -> Annotation:
    """A straight spine of 23 bodies, 30 pixels high and 40 wide, front at the left."""
    corners = np.full((len(VERTEBRAE), len(CORNERS), 2), np.nan)
    for row in range(23):
        top = 100.0 + 40 * row
        corners[row] = [[200, top], [240, top], [200, top + 30], [240, top + 30]]
    corners[0, :2] = np.nan
    points = np.full((len(NAMES), 2), np.nan)
    for name in NAMES:
        level, part = name.split("_")
        if level in VERTEBRAE and part != "D":
            own = corners[VERTEBRAE.index(level)]
            points[INDEX[name]] = np.nanmean(own, axis=0) if part == "C" else own[CORNERS.index(part)]
    points[INDEX["C2_D"]] = (220, 80)
    points[INDEX["S1_A"]], points[INDEX["S1_P"]] = (200, 1040), (240, 1030)
    points[INDEX["FH_1"]], points[INDEX["FH_2"]] = (190, 1150), (200, 1160)
    confidence = np.where(np.isfinite(points[:, 0]), 0.9, np.nan)
    sure = np.where(np.arange(len(VERTEBRAE)) < 23, 0.8, np.nan)
    return Annotation(
        "film.dcm", (500, 1300), points, confidence, (0.5, 0.5), vertebrae_px=corners, vertebrae_confidence=sure
    )


def test_a_file_keeps_what_a_person_marked(film):
    drawn = (cobb_between("T4", "T12"), Drawn("distance", None, ((1.5, 2.0), (4.0, 6.0))))
    marked = replace(film, head_radius_px=np.array([48.5, np.nan]), drawn=drawn, reviewed=frozenset({"S1_A"}))
    content = to_json(marked)
    assert content["landmarks"]["FH_1"]["radius_px"] == 48.5 and "radius_px" not in content["landmarks"]["FH_2"]
    assert [(d["kind"], d["value"], d["unit"]) for d in content["drawn"]] == [
        ("cobb", 0.0, "deg"),
        ("distance", 2.358495, "mm"),
    ]
    again = from_json(content)
    assert np.array_equal(again.head_radius_px, marked.head_radius_px, equal_nan=True)
    assert (again.drawn, again.reviewed) == (marked.drawn, marked.reviewed)
    assert not {"drawn", "reviewed"} & to_json(film).keys()


def test_a_point_list_of_ours_keeps_the_size_of_heads(film, tmp_path):
    marked = replace(film, head_radius_px=np.array([48.5, np.nan]))
    (tmp_path / "a.mrk.json").write_bytes(markups_bytes(marked, plain_placement(film.spacing_mm)))
    again = read_landmarks(tmp_path / "a.mrk.json")
    assert np.array_equal(again.head_radius_px, marked.head_radius_px, equal_nan=True)


@pytest.mark.parametrize(
    "drawn",
    [{}, ["x"], [{"kind": "cobb", "levels": ["T12", "T4"]}], [{"kind": "angle", "points_px": [[0, 0], [1, 1]]}],
     [{"kind": "distance", "points_px": [[0, 0], [1e9, 1]]}], [{"kind": "area", "points_px": []}]],
)  # fmt: skip
def test_what_cannot_have_been_drawn_is_refused_in_one_line(film, drawn):
    with pytest.raises(ResultError, match=r'^film: "drawn"'):
        from_json({**to_json(film), "drawn": drawn}, "film")


@given(st.floats(-179, 179), st.floats(0, 180), st.floats(1, 100), st.floats(1, 100))
def test_an_angle_is_that_between_its_lines_as_drawn(start, angle, one, other):
    def line(degrees, length):
        return length * np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])

    points = np.array([[3, 4], [3, 4] + line(start, one), [-7, 1], [-7, 1] + line(start + angle, other)])
    assert line_value("angle", points) == pytest.approx(angle, abs=1e-5)


def test_a_review_takes_the_doubt(film):
    doubtful = film.with_points(film.points_px, np.where(np.arange(len(NAMES)) == INDEX["S1_A"], 0.2, film.confidence))
    assert doubtful.is_low().sum() == 1
    assert not replace(doubtful, reviewed=frozenset({"S1_A"})).is_low().any()


def test_all_levels_one_lower_and_back(film):
    lower = shifted(film, 1)
    assert levels_found(lower) == VERTEBRAE[1:]
    assert lower.points_px[INDEX["L1_AS"]] == pytest.approx(film.vertebrae_px[VERTEBRAE.index("T12"), 0])
    assert lower.points_px[INDEX["L1_C"]] == pytest.approx(film.points_px[INDEX["T12_C"]])
    for kept in ("S1_A", "FH_2", "C2_D"):
        assert lower.points_px[INDEX[kept]] == pytest.approx(film.points_px[INDEX[kept]])
    assert lower.confidence[INDEX["L1_AS"]] == 0.8 and lower.confidence[INDEX["L1_C"]] == 0.9
    back = shifted(lower, -1)
    assert np.allclose(back.vertebrae_px, film.vertebrae_px, equal_nan=True)
    assert np.allclose(back.points_px, film.points_px, equal_nan=True)
    assert (back.numbering.count, back.numbering.levels) == (24, ("C2", "L5"))


def test_a_run_of_levels_from_here(film):
    below = shifted(film, 1, first="T5")
    assert "T5" not in levels_found(below) and "L6" in levels_found(below)
    assert center_of(below, "T6") == pytest.approx(center_of(film, "T5"))
    assert center_of(below, "T4") == pytest.approx(center_of(film, "T4"))
    above = shifted(film, -1, last="T5")
    assert center_of(above, "T4") == pytest.approx(center_of(film, "T5")) and "T5" not in levels_found(above)
    # the one that is moved takes the name of the one that is there
    onto = shifted(film, -1, first="T5")
    assert center_of(onto, "T4") == pytest.approx(center_of(film, "T5")) and "L5" not in levels_found(onto)
    assert center_of(film, "S1") == pytest.approx((220, 1035))


def test_what_a_shift_leaves_in_its_place_stays_reviewed(film):
    seen = replace(film, reviewed=frozenset(film.landmarks()))
    lower = shifted(seen, 1, "L1")
    assert {"S1_A", "FH_1", "C2_D", "C7_C", "T12_C", "T12_AI"} <= lower.reviewed
    assert not {name for name in lower.reviewed if name.startswith("L")}
    assert shifted(seen, 1).reviewed == {"S1_A", "S1_P", "FH_1", "FH_2", "C2_D"}
    other = OtherNumbering(
        "other", np.where(np.arange(45)[:, None] == INDEX["C7_C"], 7.0, film.points_px), film.confidence
    )
    doubtful = replace(seen, numbering=Numbering(24, ("C2", "L5"), 0.6, other))
    assert doubtful.renumbered().reviewed == seen.reviewed - {"C7_C"}


def test_a_film_that_changes_is_no_longer_reviewed_but_what_was_accepted_is(film):
    seen = review_turned(film)
    assert reviewed(seen) and from_json(to_json(seen)).whole_reviewed is True
    for after in (
        seen.facing("right", "set by hand"),
        seen.calibrated((0.7, 0.7), "typed"),
        seen.calibrated(None, "unknown"),
        shifted(seen, 1, "L1"),
        replace(
            seen, numbering=Numbering(24, ("C2", "L5"), 0.6, OtherNumbering("other", film.points_px, film.confidence))
        ).renumbered(),
    ):
        assert not reviewed(after) and after.whole_reviewed is False
        assert {"S1_A", "FH_1", "C2_D"} <= after.reviewed
        assert from_json(to_json(after)).whole_reviewed is False
        assert reviewed(review_turned(after))
    assert reviewed(seen.facing("left", "set by hand")) and reviewed(seen.calibrated(seen.spacing_mm, "typed"))
    assert review_turned(seen) == replace(review_turned(seen), reviewed=frozenset(), whole_reviewed=None)


def test_a_landmark_that_is_moved_or_placed_is_no_longer_reviewed(film):
    seen = review_turned(film)
    points = film.points_px.copy()
    assert moved(seen, points) is seen
    points[INDEX["S1_A"]] += 3
    after = moved(seen, points)
    assert after.reviewed == seen.reviewed - {"S1_A"} and after.whole_reviewed is False
    points = film.points_px.copy()
    points[INDEX["FH_2"]] = np.nan
    without = review_turned(replace(film, points_px=points))
    assert moved(without, film.points_px).whole_reviewed is False
    assert moved(film, points + 3).whole_reviewed is None


def test_files_of_before_say_by_all_landmarks_that_the_film_was_reviewed(film):
    content = to_json(review_turned(film))
    del content["film_reviewed"]
    assert reviewed(from_json(content))
    content["reviewed"] = content["reviewed"][1:]
    assert from_json(content).whole_reviewed is None
    with pytest.raises(ResultError, match="film_reviewed must be true or false"):
        from_json(content | {"film_reviewed": "yes"})


def test_a_body_is_followed_through_other_names(film):
    lower = shifted(film, 1, "L1")
    assert [same_body(film, level, lower) for level in ("T12", "L1", "L5", "S1")] == ["T12", "L2", "L6", "S1"]
    assert [same_body(lower, level, film) for level in ("T12", "L2", "L6")] == ["T12", "L1", "L5"]
    assert same_body(film, "C2", shifted(film, -1)) == ""
    points = film.points_px.copy()
    points[INDEX["L3_C"]] += 9
    assert same_body(film, "L3", replace(film, points_px=points)) == "L3"
    assert same_body(film, "L3", Annotation("film.dcm", (500, 1300))) == ""


def test_what_another_numbering_changes_is_said_when_no_landmark_moves(film):
    numbered = replace(film, numbering=Numbering(24, ("C2", "L5"), 0.6))
    corners = film.vertebrae_px.copy()
    corners[VERTEBRAE.index("L6")] = corners[VERTEBRAE.index("L5")] + (0, 40)
    more = replace(numbered, vertebrae_px=corners, numbering=Numbering(25, ("C2", "L6"), 0.4))
    text = "counted 25 presacral vertebrae instead of 24; L6 added; no landmark moves"
    assert renumbered_text(numbered, more) == text
    assert renumbered_text(more, numbered).endswith("instead of 25; L6 left out; no landmark moves")
    lower = shifted(numbered, 1, "L1")
    assert renumbered_text(numbered, lower) == f"{text.rpartition(';')[0]}; L1 left out; 9 landmarks move"


def test_a_review_that_widens_intervals_says_why(film):
    sure = replace(film, deviation_px=np.full(len(NAMES), 0.1), interval_factors=dict.fromkeys(KEYS, 1.7))
    assert widened_text(sure, review_turned(sure)) == (
        f"{len(KEYS)} intervals are wider: people differ more than this detection says."
    )
    assert widened_text(sure, accepted(sure, "C2_AI")).startswith("Intervals of CL are wider: people differ")
    assert widened_text(sure, sure) == "" and widened_text(review_turned(sure), sure) == ""
    unsure = replace(sure, deviation_px=np.full(len(NAMES), 9.0))
    assert widened_text(unsure, review_turned(unsure)) == ""


def test_warnings_name_the_landmarks_that_are_uncertain_or_missing_now(film):
    sure = film.confidence.copy()
    sure[[INDEX["L3_C"], INDEX["L4_C"]]] = 0.3
    points = film.points_px.copy()
    points[INDEX["FH_2"]] = np.nan
    told = ("low confidence: L3_C, L4_C", "pixel spacing is that of the detector", "not on the film: FH_2")
    found = replace(film, points_px=points, confidence=sure, warnings=told)
    assert warnings_now(found) == told
    accepted_one = accepted(found, "L3_C")
    assert warnings_now(accepted_one) == ("low confidence: L4_C", *told[1:])
    assert warnings_now(accepted(accepted_one, "L4_C")) == told[1:]
    assert warnings_now(replace(found, points_px=film.points_px)) == told[:2]


def test_the_other_numbering_brings_its_count_and_takes_the_warning_of_the_first(film):
    other = OtherNumbering("other", film.points_px, film.confidence, count=23, levels=("C2", "L4"))
    told = ("numbering of the vertebrae 60 % sure; it may be: other", "left out")
    first = replace(film, numbering=Numbering(24, ("C2", "L5"), 0.6, other), warnings=told)
    second = from_json(to_json(first.renumbered()))
    assert (second.numbering.count, second.numbering.levels, second.warnings) == (23, ("C2", "L4"), ("left out",))
    back = second.renumbered().numbering
    assert (back.count, back.levels) == (24, ("C2", "L5"))


def test_bodies_that_lose_their_name_are_told(film):
    assert dropped_text(film, -1, VERTEBRAE[0], VERTEBRAE[-1]).startswith("C2: the vertebra called so until now has no")
    assert dropped_text(film, 1, VERTEBRAE[0], VERTEBRAE[-1]) == ""
    assert dropped_text(film, -1, "L1", "L5").startswith("T12: ")
    assert dropped_text(film, 1, "C2", "T3").startswith("T4: ")
    named = levels_found(shifted(film, -1))
    assert len(named) == len(levels_found(film)) - 1


def test_levels_that_are_not_there_are_not_renamed(film):
    with pytest.raises(ResultError, match="no levels"):
        shifted(film, 1, first="T5", last="T4")
    with pytest.raises(ResultError, match="is known yet"):
        shifted(Annotation("film.dcm", (500, 1300)), 1)


def test_differences_are_marked_where_they_are_larger_than_the_intervals(film):
    other = film.with_points(film.points_px + np.where(np.arange(len(NAMES)) == INDEX["S1_A"], 10, 0)[:, None])
    plain = {d.key: d for d in differences(film, other)}
    assert plain["SS"].value == pytest.approx(other.parameters()["SS"] - film.parameters()["SS"])
    assert all(d.beyond is None for d in plain.values()) and plain["PTK"].value == 0
    known = {"confidence": film.confidence, "deviation_px": np.full(len(NAMES), 0.5)}
    factors = dict.fromkeys(("SS", "PTK"), 1.645)
    spans = [replace(one, **known, interval_factors=factors) for one in (film, other)]
    marked = {d.key: d.beyond for d in differences(*spans)}
    assert marked["SS"] is True and marked["PTK"] is False
    assert signed_text("SS", 3.04) == "+3.0°" and signed_text("SS", -0.04) == "0.0°"
    assert signed_text("SVA", -12.0) == "-12.0 mm"
