"""Result and markups files: what is written is what is read, on any landmarks."""

import csv
import dataclasses
import io
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.measurement.landmarks import COUNT, INDEX, NAMES
from SpineAlignmentLib.measurement.parameters import KEYS
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.drawn import Drawn, cobb_between
from SpineAlignmentLib.results.frame import film_points, frame_points
from SpineAlignmentLib.results.markups import markups_bytes, read_landmarks, read_markups
from SpineAlignmentLib.results.numbering import Numbering, OtherNumbering
from SpineAlignmentLib.results.placement import Placement, plain_placement
from SpineAlignmentLib.results.result_file import read_annotation, to_json, write_annotation
from SpineAlignmentLib.results.table import csv_bytes

pixels = arrays(np.float64, (COUNT, 2), elements=st.floats(0, 9000, width=32))
spacings = st.none() | st.tuples(st.floats(0.05, 2), st.floats(0.05, 2))


@pytest.fixture
def annotation(upright):
    spacing = (0.2, 0.25)
    points = film_points(upright, spacing, "right") + [900, 3200]
    return Annotation("film.dcm", (1500, 3600), points, np.linspace(0.35, 1, COUNT), spacing, "PixelSpacing", "right")


@given(pixels, spacings, st.sampled_from(["left", "right"]), st.sets(st.integers(0, COUNT - 1)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_file_round_trip(tmp_path, points, spacing, anterior, missing):
    points = points.copy()
    points[list(missing)] = np.nan
    before = Annotation(
        "a.png", (10, 20), points, spacing_mm=spacing, anterior=anterior, warnings=("w",), models=("m",)
    )
    write_annotation(before, tmp_path / "a.json")
    after = read_annotation(tmp_path / "a.json")
    assert np.allclose(after.points_px, points, atol=6e-4, equal_nan=True)
    assert (after.spacing_mm, after.anterior, after.models, after.warnings) == (spacing, anterior, ("m",), ("w",))
    if spacing is None:
        assert math.isnan(after.parameters()["SVA"])
    assert not [p for p in tmp_path.iterdir() if p.name != "a.json"]


def test_unknown_keys_survive_and_parameters_are_computed_anew(annotation, tmp_path):
    content = to_json(annotation) | {"simulation": {"seed": 7}}
    content["parameters"]["PI"]["value"] = 12345
    (tmp_path / "a.json").write_text(json.dumps(content))
    again = read_annotation(tmp_path / "a.json")
    assert to_json(again)["simulation"] == {"seed": 7}
    for key, value in annotation.parameters().items():
        assert to_json(again)["parameters"][key]["value"] == pytest.approx(value, abs=1e-4)


@given(arrays(np.float64, (24, 4, 2), elements=st.floats(0, 9000, width=32)), st.sets(st.integers(0, 95)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_vertebrae_are_read_as_written(annotation, tmp_path, corners, missing):
    corners.reshape(-1, 2)[list(missing)] = np.nan
    sure = np.where(np.isnan(corners[..., 0]).all(axis=1), np.nan, np.linspace(0, 1, 24).round(3))
    write_annotation(
        dataclasses.replace(annotation, vertebrae_px=corners, vertebrae_confidence=sure), tmp_path / "a.json"
    )
    again = read_annotation(tmp_path / "a.json")
    np.testing.assert_allclose(again.vertebrae_px, corners, atol=6e-4)
    np.testing.assert_array_equal(again.vertebrae_confidence, sure)


@pytest.mark.parametrize("vertebrae", [[], {"T13": {}}, {"T1": {"AX": {"x_px": 1, "y_px": 2}}}, {"T1": {"AS": [1, 2]}}])
def test_vertebrae_that_are_none_are_refused_in_one_line(annotation, tmp_path, vertebrae):
    (tmp_path / "a.json").write_text(json.dumps(to_json(annotation) | {"vertebrae": vertebrae}))
    with pytest.raises(ResultError, match=r"a\.json") as error:
        read_annotation(tmp_path / "a.json")
    assert "\n" not in str(error.value)


@given(pixels, spacings, st.sampled_from(["left", "right"]))
def test_frame_points_and_back(points, spacing, anterior):
    mm = frame_points(points, spacing, anterior)
    assert np.allclose(film_points(mm, spacing, anterior), points, atol=1e-9)


def test_markups_hold_every_landmark_in_lps(annotation, tmp_path):
    lost = annotation.with_points(np.where(np.arange(COUNT)[:, None] == INDEX["FH_2"], np.nan, annotation.points_px))
    placement = Placement((5.0, -7.0, 2.0), (0.2, 0.0, 0.0), (0.0, 0.0, -0.25))
    (tmp_path / "a.mrk.json").write_bytes(markups_bytes(lost, placement))
    content = json.loads((tmp_path / "a.mrk.json").read_text())
    points = content["markups"][0]["controlPoints"]
    assert [p["label"] for p in points] == list(NAMES)
    x, y = annotation.points_px[0]
    assert points[0]["position"] == pytest.approx([5 + 0.2 * x, -7, 2 - 0.25 * y], abs=1e-3)
    assert points[INDEX["FH_2"]]["positionStatus"] == "missing"
    again = read_landmarks(tmp_path / "a.mrk.json")
    assert np.allclose(again.points_px, lost.points_px, atol=1e-2, equal_nan=True)
    for key, value in annotation.parameters().items():
        if "FH" not in str(key) and np.isfinite(again.parameters()[key]):
            assert again.parameters()[key] == pytest.approx(value, abs=0.02)


@pytest.mark.parametrize("plane", ["axial", "sagittal", "coronal"])
@pytest.mark.parametrize("system", ["LPS", "RAS"])
@pytest.mark.parametrize("anterior", ["left", "right"])
def test_point_list_saved_by_slicer_is_measured(annotation, tmp_path, plane, system, anterior):
    facing = annotation if anterior == "right" else annotation.with_points([1500, 0] + [-1, 1] * annotation.points_px)
    placement = {
        "axial": plain_placement((0.2, 0.25)),
        "sagittal": Placement((3.0, 0.0, 50.0), (0.0, 0.2, 0.0), (0.0, 0.0, -0.25)),
        "coronal": Placement((0.0, 3.0, 50.0), (0.2, 0.0, 0.0), (0.0, 0.0, -0.25)),
    }[plane]
    content = json.loads(markups_bytes(facing, placement))
    saved = {"@schema": content["@schema"], "markups": content["markups"]}
    if system == "RAS":
        saved["markups"][0]["coordinateSystem"] = "RAS"
        for point in saved["markups"][0]["controlPoints"]:
            point["position"] = [-point["position"][0], -point["position"][1], point["position"][2]]
    (tmp_path / "F.mrk.json").write_text(json.dumps(saved))
    read = read_markups(tmp_path / "F.mrk.json")
    assert read.anterior == anterior
    for key, value in annotation.parameters().items():
        assert read.parameters()[key] == pytest.approx(value, abs=0.02), key


def test_table_has_one_row_a_film(annotation):
    lost = annotation.with_points(np.full((COUNT, 2), np.nan))
    rows = list(csv.DictReader(io.StringIO(csv_bytes([annotation, lost]).decode())))
    assert [r["film"] for r in rows] == ["film.dcm", "film.dcm"]
    assert float(rows[0]["PI (deg)"]) == pytest.approx(annotation.parameters()["PI"], abs=1e-3)
    assert rows[1]["SVA (mm)"] == "" and sum(key.split(" (")[0] in KEYS for key in rows[0]) == len(KEYS)


def test_the_table_says_why_a_value_is_missing_and_how_sure_levels_are(annotation):
    points = annotation.points_px.copy()
    points[[INDEX["FH_1"], INDEX["FH_2"], INDEX["C2_D"]]] = np.nan
    numbered = replace(annotation.with_points(points), numbering=Numbering(24, ("C2", "L5"), 0.8314))
    (row,) = csv.DictReader(io.StringIO(csv_bytes([numbered]).decode()))
    assert "PI, PT, LPA, GT, TPA, Barrey (not on the film: FH_1, FH_2)" in row["not_given"]
    assert "OD-HA (not on the film: C2_D, FH_1, FH_2)" in row["not_given"] and row["numbering_confidence"] == "0.831"


def test_what_a_person_drew_is_in_the_table(annotation):
    line = Drawn("distance", None, ((10.0, 10.0), (10.0, 110.0)))
    drawn = (line, cobb_between("T1", "T12"), line)
    (row,) = csv.DictReader(io.StringIO(csv_bytes([replace(annotation, drawn=drawn)]).decode()))
    assert float(row["Cobb T1-T12 (deg)"]) == pytest.approx(annotation.cobb("T1", "T12"), abs=1e-3)
    for number in (1, 2):
        assert float(row[f"Distance {number} (mm)"]) == pytest.approx(100 * annotation.spacing_mm[1])
    (plain,) = csv.DictReader(io.StringIO(csv_bytes([annotation]).decode()))
    assert not any(name.startswith(("Cobb", "Distance")) for name in plain)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "not a JSON"),
        ("[1, 2]", "landmarks"),
        ('{"landmarks": {"C99_C": null}}', "unknown landmark"),
        ('{"landmarks": {"C2_D": {"x_px": 3}}}', "C2_D needs x_px and y_px"),
        ('{"landmarks": {"C2_D": {"x_px": NaN, "y_px": 1}}}', "not a number"),
        ('{"landmarks": {"C2_D": {"x_px": "3", "y_px": 1}}}', "not a number"),
        ('{"landmarks": {"C2_D": {"x_px": 3, "y_px": 1, "confidence": 97}}}', "C2_D: 97 is not from 0 to 1"),
        ('{"landmarks": {"C2_D": {"x_px": 3, "y_px": 1, "confidence": -0.1}}}', "is not from 0 to 1"),
        ('{"landmarks": {"FH_1": {"x_px": 3, "y_px": 1, "radius_px": -5}}}', "radius of FH_1: -5 is not above zero"),
        ('{"landmarks": {}, "reviewed": ["S1A"]}', "reviewed: unknown landmark 'S1A'"),
        ('{"landmarks": {}, "vertebrae": {"L1": {"confidence": 98}}}', "confidence of L1: 98 is not from 0 to 1"),
        ('{"landmarks": {}, "numbering": {"count": 24, "levels": ["C2", "L5"], "sure": 2, "runner_up": null}}', "2 is"),
        (
            '{"landmarks": {}, "numbering": {"count": 24, "levels": ["C2", "L5"], "sure": 1, "runner_up": '
            '{"text": "", "landmarks": {"C2_D": [1, 2, 3]}}}}',
            "runner-up is not from 0 to 1",
        ),
        ('{"landmarks": {}, "anterior": "up"}', "anterior"),
        ('{"landmarks": {}, "spacing_mm": [0, 1]}', "positive"),
        ('{"landmarks": {}, "spacing_mm": 0.3}', "two numbers"),
        ('{"landmarks": {}, "models": "m"}', "list"),
        ('{"markups": []}', "point list"),
        ('{"markups": [{"controlPoints": [{"label": "F-1", "position": [1, 2, 3]}]}]}', "landmark name"),
        ('{"markups": [{"controlPoints": [{"label": "C2_D", "position": [1, 2]}]}]}', "point list"),
    ],
)
def test_bad_landmark_file_is_one_clear_line(tmp_path, content, reason):
    path = tmp_path / "bad.json"
    path.write_text(content)
    with pytest.raises(ResultError) as error:
        read_landmarks(path)
    assert reason in str(error.value) and str(path) in str(error.value) and "\n" not in str(error.value)


def test_nothing_half_written_where_a_file_cannot_be_placed(annotation, tmp_path):
    (tmp_path / "a.json").mkdir()
    with pytest.raises(ResultError, match=r"a\.json: cannot write"):
        write_annotation(annotation, tmp_path / "a.json")
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_the_other_numbering_is_kept_and_changed_to(tmp_path, annotation):
    other = OtherNumbering("all levels from T3 down one higher", annotation.points_px + 20, annotation.confidence / 2)
    before = replace(annotation, numbering=Numbering(24, ("C2", "L5"), 0.625, other))
    write_annotation(before, tmp_path / "a.json")
    after = read_annotation(tmp_path / "a.json")
    assert after.numbering is not None and after.numbering.other is not None
    assert (after.numbering.count, after.numbering.levels, after.numbering.sure) == (24, ("C2", "L5"), 0.625)
    changed = after.renumbered()
    assert np.allclose(changed.points_px, annotation.points_px + 20, atol=1e-3)
    assert changed.numbering is not None and changed.numbering.sure == pytest.approx(0.375)
    assert np.allclose(changed.renumbered().points_px, after.points_px)
    with pytest.raises(ResultError, match="no other numbering"):
        annotation.renumbered()


def test_a_parameter_that_is_not_measurable_says_why(annotation):
    points = annotation.points_px.copy()
    points[INDEX["FH_1"]] = np.nan
    content = to_json(replace(annotation, points_px=points, spacing_mm=None))["parameters"]
    assert content["PI"]["reason"] == "not on the film: FH_1" and content["PI"]["value"] is None
    assert content["SVA"]["reason"] == "pixel spacing unknown"
    assert "reason" not in content["SS"]
