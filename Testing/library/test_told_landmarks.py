"""Landmark files as editors and Slicer leave them, and what the user knows better than they do."""

import json
from dataclasses import replace

import numpy as np
import pytest

from SpineAlignmentLib.command_line import main
from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.measurement.landmarks import COUNT
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.markups import markups_bytes, read_landmarks
from SpineAlignmentLib.results.placement import plain_placement
from SpineAlignmentLib.results.result_file import json_bytes, read_annotation


@pytest.fixture
def annotation():
    rng = np.random.default_rng(3)
    points = np.stack([rng.uniform(100, 900, COUNT), np.linspace(100, 3000, COUNT)], axis=1)
    return Annotation("film.dcm", (1000, 3200), points, spacing_mm=(0.2, 0.2), anterior="left")


def markups(annotation, **changes):
    content = json.loads(markups_bytes(annotation, plain_placement(annotation.spacing_mm)))
    content["markups"][0].update(changes)
    return content


def as_slicer_saves(content):
    return {key: content[key] for key in ("@schema", "markups")}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_marks_of_editors_are_read_over(annotation, tmp_path, encoding):
    for name, content in (("a.json", json.loads(json_bytes(annotation))), ("a.mrk.json", markups(annotation))):
        (tmp_path / name).write_text(json.dumps(content), encoding=encoding)
        read = read_landmarks(tmp_path / name)
        assert np.allclose(read.points_px, annotation.points_px, atol=1e-3)


@pytest.mark.parametrize(("unit", "factor"), [("um", 1000.0), ("cm", 0.1), ("mm", 1.0)])
@pytest.mark.parametrize("ours", [True, False])
def test_units_of_positions(annotation, tmp_path, unit, factor, ours):
    content = markups(annotation, coordinateUnits=unit)
    for point in content["markups"][0]["controlPoints"]:
        point["position"] = [v * factor for v in point["position"]]
    (tmp_path / "a.mrk.json").write_text(json.dumps(content if ours else as_slicer_saves(content)))
    read = read_landmarks(tmp_path / "a.mrk.json").parameters()
    assert read["SVA"] == pytest.approx(annotation.parameters()["SVA"], abs=0.05)


@pytest.mark.parametrize("change", [{"coordinateUnits": "inch"}, {"coordinateSystem": "IJK"}, {"coordinateUnits": 3}])
def test_unknown_units_and_systems_are_named(annotation, tmp_path, change):
    (tmp_path / "a.mrk.json").write_text(json.dumps(markups(annotation, **change)))
    with pytest.raises(ResultError, match=next(iter(change))):
        read_landmarks(tmp_path / "a.mrk.json")


@pytest.mark.parametrize("laid", [None, (0.2, 0.25)])
def test_positions_of_a_film_laid_out_with_another_size_are_measured_with_the_known_one(annotation, tmp_path, laid):
    content = as_slicer_saves(json.loads(markups_bytes(annotation, plain_placement(laid))))
    path = tmp_path / "a.mrk.json"
    path.write_text(json.dumps(content))
    assert read_landmarks(path).parameters() == pytest.approx(annotation.parameters(), abs=0.05)
    # lists of two films in one: neither's size holds
    content["markups"][0]["controlPoints"][0]["description"] = "positions times 0.5 x 0.5 are mm"
    path.write_text(json.dumps(content))
    read = read_landmarks(path)
    assert np.isnan(read.parameters()["SVA"]) and "unknown" in read.warnings[0]


def test_landmarks_beside_other_markups(annotation, tmp_path):
    content = markups(annotation)
    content["markups"].insert(0, {"type": "Line", "controlPoints": [{"label": "L-1", "position": [1.0, 2.0, 3.0]}]})
    (tmp_path / "a.mrk.json").write_text(json.dumps(content))
    assert np.allclose(read_landmarks(tmp_path / "a.mrk.json").points_px, annotation.points_px, atol=1e-3)


@pytest.mark.parametrize("ours", [True, False])
def test_a_label_twice_is_refused_unless_it_is_at_the_same_place(annotation, tmp_path, ours):
    content = markups(annotation)
    points = content["markups"][0]["controlPoints"]
    second = next(dict(p) for p in points if p["label"] == "S1_A")
    points += [second, {"label": "S1_P", "position": [0, 0, 0], "positionStatus": "undefined"}]
    path = tmp_path / "a.mrk.json"
    path.write_text(json.dumps(content if ours else as_slicer_saves(content)))
    read = read_landmarks(path).parameters()
    assert read["SS"] == pytest.approx(annotation.parameters()["SS"], abs=0.05)
    second["position"] = [second["position"][0] + 6, *second["position"][1:]]
    path.write_text(json.dumps(content if ours else as_slicer_saves(content)))
    with pytest.raises(ResultError, match=r"a\.mrk\.json: two control points .* labeled S1_A; delete or rename"):
        read_landmarks(path)


def test_landmarks_in_two_lists_are_refused(annotation, tmp_path, capsys):
    content = markups(annotation)
    content["markups"] += json.loads(json.dumps(content["markups"]))
    path = tmp_path / "a.mrk.json"
    path.write_text(json.dumps(content))
    assert main(["measure", str(path), "-o", str(tmp_path / "out")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"spine-alignment: {path}: landmarks are in 2 of its lists; save each list to a file of its own"
    for point in content["markups"][1]["controlPoints"]:
        point["positionStatus"] = "undefined"
    path.write_text(json.dumps(content))
    assert np.allclose(read_landmarks(path).points_px, annotation.points_px, atol=1e-3)


def test_a_landmark_twice_in_a_result_file_is_refused(annotation, tmp_path):
    text = json_bytes(annotation).decode()
    (tmp_path / "a.json").write_text(text.replace('"S1_A":', '"S1_A": {"x_px": 1.0, "y_px": 2.0}, "S1_A":'))
    with pytest.raises(ResultError, match=r"a\.json: S1_A is there twice"):
        read_landmarks(tmp_path / "a.json")


def test_spacing_that_was_unknown_stays_unknown_through_slicer(annotation, tmp_path):
    unknown = Annotation("film.png", (1000, 3200), annotation.points_px, anterior="left")
    for name, keep in (("ours", True), ("slicers", False)):
        content = markups(unknown)
        (tmp_path / f"{name}.mrk.json").write_text(json.dumps(content if keep else as_slicer_saves(content)))
        read = read_landmarks(tmp_path / f"{name}.mrk.json")
        assert read.spacing_mm is None
        assert np.isnan(read.parameters()["SVA"])
    read = read_landmarks(tmp_path / "slicers.mrk.json")
    assert any("--spacing" in w for w in read.warnings)


@pytest.mark.parametrize("kind", ["json", "mrk.json"])
def test_measure_takes_what_the_user_knows(annotation, tmp_path, kind, capsys):
    unknown = Annotation("film.png", (1000, 3200), annotation.points_px, anterior="left")
    content = json.loads(json_bytes(unknown)) if kind == "json" else as_slicer_saves(markups(unknown))
    path = tmp_path / f"a.{kind}"
    path.write_text(json.dumps(content))
    out = tmp_path / "out"
    assert main(["measure", str(path), "-o", str(out), "--spacing", "0.2", "--anterior", "right"]) == 0
    read = read_annotation(out / "a.json")
    assert (read.spacing_mm, read.spacing_source) == ((0.2, 0.2), "given")
    assert (read.anterior, read.anterior_source) == ("right", "given")
    assert read.parameters()["SVA"] == pytest.approx(-annotation.parameters()["SVA"], abs=0.05)
    assert not any("spacing" in w for w in read.warnings)


def test_equal_names_in_different_folders(annotation, tmp_path, capsys):
    paths = [tmp_path / reader / "film01.json" for reader in ("one", "two")]
    for path in paths:
        path.parent.mkdir()
        path.write_bytes(json_bytes(annotation))
    out = tmp_path / "out"
    assert main(["measure", *map(str, paths), "-o", str(out)]) == 0
    assert sorted(p.name for p in out.glob("*.json")) == ["film01.json", "film01_2.json"]


def as_fcsv(content, system="LPS", status=""):
    sign = -1 if system in ("RAS", "0") else 1
    lines = ["# Markups fiducial file version = 5.10", f"# CoordinateSystem = {system}"]
    lines.append("# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID")
    for number, point in enumerate(content["markups"][0]["controlPoints"]):
        x, y, z = point["position"]
        last = f'{point["label"]},"{point["description"]}",{status}'
        lines.append(f"{number},{sign * x},{sign * y},{z},0,0,0,1,1,1,0,{last}")
    return "\n".join(lines) + "\n"


def as_table(content, axes, separator, comma):
    sign = -1 if axes == "ras" else 1
    lines = [separator.join(["label", *axes, "defined", "selected", "visible", "locked", "description"])]
    for point in content["markups"][0]["controlPoints"]:
        x, y, z = (str(value).replace(".", comma) for value in np.array(point["position"]) * (sign, sign, 1))
        lines.append(separator.join([point["label"], x, y, z, "1", "1", "1", "0", f'"{point["description"]}"']))
    return "\n".join(lines) + "\n"


def test_tables_of_slicers_points_measure_the_same(annotation, tmp_path, capsys):
    content = markups(replace(annotation, film_sha256="0f" * 32))
    tables = {
        "lps.fcsv": as_fcsv(content), "old.fcsv": as_fcsv(content, "0"), "new.fcsv": as_fcsv(content, "RAS", ",2,0"),
        "a.csv": as_table(content, "lps", ",", "."), "b.tsv": as_table(content, "ras", "\t", "."),
        "c.csv": as_table(content, "lps", ";", ","),
    }  # fmt: skip
    (tmp_path / "a.mrk.json").write_text(json.dumps(as_slicer_saves(content)))
    same = read_landmarks(tmp_path / "a.mrk.json")
    for name, text in tables.items():
        (tmp_path / name).write_text(text, encoding="utf-8-sig")
        read = read_landmarks(tmp_path / name)
        assert np.allclose(read.points_px, same.points_px) and read.anterior == same.anterior
        assert (read.film, read.film_sha256, read.warnings) == (same.film, same.film_sha256, same.warnings)
        assert main(["measure", str(tmp_path / name), "-o", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "lps.json").is_file()


def test_points_of_a_table_that_are_not_placed_or_no_numbers(annotation, tmp_path):
    content = markups(annotation)
    (tmp_path / "a.fcsv").write_text(as_fcsv(content, status=",0,0"))
    with pytest.raises(ResultError, match="no control point is labeled"):
        read_landmarks(tmp_path / "a.fcsv")
    content["markups"][0]["controlPoints"][5]["position"][2] = "far"
    (tmp_path / "a.fcsv").write_text(as_fcsv(content))
    with pytest.raises(ResultError, match=r"a\.fcsv: the position of C7_PI is not three numbers"):
        read_landmarks(tmp_path / "a.fcsv")


def test_labels_as_people_type_them(annotation, tmp_path):
    content = markups(annotation)
    points = content["markups"][0]["controlPoints"]
    for point in points:
        point["label"] = f" {point['label'].lower()} "
    points.append({"label": "S1_A", "position": None})
    (tmp_path / "a.mrk.json").write_text(json.dumps(content))
    assert np.allclose(read_landmarks(tmp_path / "a.mrk.json").points_px, annotation.points_px, atol=1e-3)
    points[0]["label"] = points[1]["label"]
    (tmp_path / "a.mrk.json").write_text(json.dumps(content))
    with pytest.raises(ResultError, match="two control points"):
        read_landmarks(tmp_path / "a.mrk.json")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\x89PNG\r\n\x1a\n\xff", "no text in UTF-8"),
        (b"R\xfccken", "no text in UTF-8"),
        (b"", "not a landmark file"),
        (b"landmark,x,y\nS1_A,1,2\n", "not a landmark file; what can be measured is .json"),
    ],
)
def test_what_is_no_landmark_file_is_told_in_plain_words(tmp_path, content, told):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(ResultError, match=told):
        read_landmarks(tmp_path / "a.csv")


@pytest.mark.parametrize("position", [[1, 2], ["1,5", "2,5", "0"], "near"])
def test_a_position_that_is_none_is_named(annotation, tmp_path, position):
    content = markups(annotation)
    content["markups"][0]["controlPoints"][3]["position"] = position
    (tmp_path / "a.mrk.json").write_text(json.dumps(content))
    with pytest.raises(ResultError, match="the position of C7_AI is not three numbers"):
        read_landmarks(tmp_path / "a.mrk.json")
