"""Every reader on a small hand-made sample in its format, and on broken ones."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.measurement.landmarks import INDEX, NAMES
from SpineAlignmentLib.results.markups import markups_bytes
from SpineAlignmentLib.results.placement import plain_placement
from Testing.evaluation import samples
from Testing.evaluation.samples import SIZE, slicer_list, spine, truth, write_dicom, write_films
from Training.datasets import AnnotatedFilm, load_mapping, read_films
from Training.datasets.film import called_as
from Training.datasets.mapping import mapping_from


def test_project_files_and_partial_labels(tmp_path: Path) -> None:
    films = truth(3)
    points = films[1].points.copy()
    points[INDEX["FH_1"]] = np.nan
    films[1] = type(films[1])("film_01", films[1].annotation.with_points(points))
    write_films(films, tmp_path, pictures=True)
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "model.json").write_text('{"name": "other", "landmarks": ["C2_D"]}')
    read, problems = read_films(tmp_path)
    assert [f.name for f in read] == ["film_00", "film_01", "film_02"] and [f.patient for f in read][2] == "P02"
    assert len(problems) == 1 and "broken.json" in problems[0]
    assert list(np.flatnonzero(~read[1].labeled)) == [INDEX["FH_1"]]
    assert read[0].points == pytest.approx(films[0].points, abs=1e-3) and read[0].picture == tmp_path / "film_00.png"


@pytest.mark.parametrize("age", ["12", True, -5, 1000])
def test_an_age_that_is_none_is_told(tmp_path: Path, age: object) -> None:
    """Children are set aside by it."""
    write_films([samples.film("child", spine(), age=age), samples.film("adult", spine(), age=40)], tmp_path)
    (read,), (problem,) = read_films(tmp_path)
    assert read.name == "adult" and "child.json: age is a number of years" in problem


def test_markups_beside_the_same_result_are_read_once(tmp_path: Path) -> None:
    film = truth(1)[0]
    write_films([film], tmp_path)
    placement = plain_placement(film.annotation.spacing_mm)
    (tmp_path / "film_00.mrk.json").write_bytes(markups_bytes(film.annotation, placement))
    (tmp_path / "other.mrk.json").write_bytes(markups_bytes(film.annotation, placement))
    read, problems = read_films(tmp_path)
    assert [f.name for f in read] == ["film_00", "other"] and not problems
    assert read[1].points == pytest.approx(film.points, abs=1e-3)


@pytest.mark.parametrize(("system", "sign"), [("0", -1), ("LPS", 1), ("RAS", -1)])
def test_fcsv(tmp_path: Path, system: str, sign: int) -> None:
    points = spine() * 0.5
    rows = [
        f"vtkMRMLMarkupsFiducialNode_{i},{sign * x},{sign * y},0,0,0,0,1,1,1,0,{name},,"
        for i, (name, (x, y)) in enumerate(zip(NAMES, points, strict=True))
    ]
    columns = "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID"
    head = ["# Markups fiducial file version = 4.11", f"# CoordinateSystem = {system}", columns]
    (tmp_path / "a.fcsv").write_text("\n".join(head + rows[:-1]) + "\n")
    (film,), problems = read_films(tmp_path, spacing=(0.5, 0.5))
    assert not problems and film.annotation.anterior == "left" and film.annotation.spacing_mm == (0.5, 0.5)
    assert film.points[:-1] == pytest.approx(spine()[:-1]) and not film.labeled[-1]


def test_slicer_positions_become_pixels_of_the_film_beside_them(tmp_path: Path) -> None:
    write_dicom(tmp_path / "a.dcm", "MRN-1")
    (tmp_path / "a.mrk.json").write_text(slicer_list(2.0 * spine()))
    (film,), problems = read_films(tmp_path)
    assert not problems and film.points == pytest.approx(spine(), abs=1e-6)
    assert (film.annotation.spacing_mm, film.annotation.size_px) == ((2.0, 2.0), SIZE)
    (tmp_path / "a.mrk.json").write_text(slicer_list(2.0 * spine() + 1000.0))
    films, problems = read_films(tmp_path)
    assert not films and "its points lie off the film" in problems[0]


@pytest.mark.parametrize("kind", [".mrk.json", ".fcsv"])
def test_slicer_positions_on_a_sagittal_volume(tmp_path: Path, kind: str) -> None:
    image: Any = SimpleITK.GetImageFromArray(np.add.outer(np.arange(SIZE[1]), np.arange(SIZE[0]))[..., None])
    image.SetSpacing((1.0, 0.5, 0.5))
    image.SetOrigin((3.0, 10.0, 200.0))
    image.SetDirection((1, 0, 0, 0, 1, 0, 0, 0, -1))
    SimpleITK.WriteImage(SimpleITK.Cast(image, SimpleITK.sitkUInt16), str(tmp_path / "a.nrrd"))
    x, y = spine().T
    positions = np.stack([np.full(45, 3.0), 10 + 0.5 * x, 200 - 0.5 * y], axis=1)
    columns = "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID"
    rows = [f"p,{a},{b},{c},0,0,0,1,1,1,0,{name},," for name, (a, b, c) in zip(NAMES, positions, strict=True)]
    listed = "\n".join(["# CoordinateSystem = LPS", columns, *rows])
    (tmp_path / f"a{kind}").write_text(slicer_list(positions) if kind == ".mrk.json" else listed)
    (film,), problems = read_films(tmp_path)
    assert not problems and film.points == pytest.approx(spine(), abs=1e-6)
    assert film.annotation.spacing_mm == (0.5, 0.5)


def test_coco_brings_the_vertebrae_of_a_film_together(tmp_path: Path) -> None:
    corners = ["AS", "PS", "AI", "PI"]
    points = spine()
    categories = [{"id": i, "name": level, "keypoints": corners} for i, level in enumerate(("L1", "L4"), 1)]
    annotations = [
        {
            "image_id": 7,
            "category_id": 1,
            "keypoints": [*points[INDEX["L1_AS"]], 2, *points[INDEX["L1_PS"]], 1, *[0] * 6],
        },
        {"image_id": 7, "category_id": 2, "keypoints": [*points[INDEX["L4_AS"]], 2, *[0] * 9]},
    ]
    images = [{"id": 7, "file_name": "img/P3_a.png", "width": 120, "height": 360}, {"id": 8, "file_name": "x.png"}]
    content = {"images": images, "categories": categories, "annotations": annotations}
    (tmp_path / "set.json").write_text(json.dumps(content))
    names = {"L1_AS": "L1.AS", "L1_PS": "L1.PS", "L4_AS": "L4.AS", "L4_PS": "L4.PS"}
    mapping = mapping_from({"format": "coco", "points": names, "patient": "(P\\d+)"}, "test")
    (film,), _ = read_films(tmp_path, mapping)
    assert (film.name, film.patient, film.annotation.size_px) == ("P3_a", "P3", (120, 360))
    assert film.points[INDEX["L1_PS"]] == pytest.approx(points[INDEX["L1_PS"]])
    assert [NAMES[i] for i in np.flatnonzero(film.labeled)] == ["L1_AS", "L1_PS", "L4_AS"]


def _write_buu(path: Path, rows: int = 11) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([[300, 100 + 40 * i, 400, 105 + 40 * i, 0] for i in range(rows)])


def test_buu_lspine(tmp_path: Path) -> None:
    _write_buu(tmp_path / "0012-F-037Y1.csv")
    (film,), problems = read_films(tmp_path, load_mapping("buu-lspine"))
    assert not problems and film.patient == "0012" and film.labeled.sum() == 11
    assert tuple(film.points[INDEX["S1_A"]]) == (300, 500) and tuple(film.points[INDEX["L4_PS"]]) == (400, 345)
    assert film.points[INDEX["L5_C"]] == pytest.approx((350, 442.5))


def test_buu_lspine_with_another_number_of_plates_is_refused(tmp_path: Path) -> None:
    _write_buu(tmp_path / "0013-F-037Y1.csv", 12)
    films, problems = read_films(tmp_path, load_mapping("buu-lspine"))
    assert not films and "has 12 endplates" in problems[0]


def _labelme(path: Path, labels: dict[str, tuple[float, float]]) -> None:
    shapes = [{"label": k, "shape_type": "point", "points": [list(xy)]} for k, xy in labels.items()]
    path.write_text(json.dumps({"shapes": shapes, "imagePath": f"{path.stem}.png", "imageWidth": 9, "imageHeight": 8}))


def test_csxa_style_labelme(tmp_path: Path) -> None:
    ends = {"anterior": 10.0, "posterior": 30.0}
    labels = {
        f"C{i}_{end}_{plate}": (x, 50.0 * i + 20 * (plate == "inferior"))
        for i in range(2, 8) for end, x in ends.items() for plate in ("superior", "inferior")
        if i > 2 or plate == "inferior"
    }  # fmt: skip
    _labelme(tmp_path / "0001.json", labels)
    _labelme(tmp_path / "0002.json", {"nose": (1.0, 2.0)})
    (film,), problems = read_films(tmp_path, load_mapping("csxa"))
    assert film.annotation.anterior == "left" and film.labeled.sum() == 10
    assert tuple(film.points[INDEX["C5_C"]]) == (20, 260)
    assert len(problems) == 1 and "it has nose" in problems[0]


def test_csv_tables(tmp_path: Path) -> None:
    points = {"S1_A": "s1a", "S1_P": "s1p", "L1_AS": "l1"}
    wide = mapping_from({"format": "csv-films", "points": points, "spacing_mm": 0.2}, "wide")
    (tmp_path / "wide.csv").write_text("film,s1a_x,s1a_y,s1p_x,s1p_y,l1_x,l1_y\na.png,1,2,8,3,,\nb.png,9,2,4,3,5,6\n")
    (a, b), problems = read_films(tmp_path, wide)
    assert not problems and (a.annotation.anterior, b.annotation.anterior) == ("left", "right")
    assert (a.labeled.sum(), b.labeled.sum()) == (2, 3) and a.annotation.spacing_mm == (0.2, 0.2)
    long = mapping_from({"format": "csv-points", "points": points, "columns": {"label": "what"}}, "long")
    (tmp_path / "wide.csv").write_text("film,what,x,y\na.png,s1a,1,2\na.png,s1p,8,3\n")
    (film,), _ = read_films(tmp_path, long)
    assert tuple(film.points[INDEX["S1_P"]]) == (8, 3)
    (tmp_path / "wide.csv").write_text("film,what,x,y\na.png,s1a,one,2\n")
    assert "row 2: 'one' is not a number" in read_films(tmp_path, long)[1][0]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("short.csv", b"film,label,x,y\na.png,a,1,2\na.png\na.png,p,8,3\n", ""),
        ("half.csv", b"film,label,x,y\na.png,a,1\n", "row 2: '' is not a number"),
        ("letters.csv", "film,label,x,y\nM\u00fcller.png,a,1,2\n".encode("cp1252"), "letters.csv: not a text in UTF-8"),
        ("long.csv", b"film,label,x,y\na.png,a,1" + b"0" * 200_000 + b",2\n", "long.csv: not a CSV table"),
        ("nameless.csv", b"film,label,x,y\n,a,1,2\n", "row 2: names no film"),
        ("twice.csv", b"film,label,x,y\na.png,a,1,2\na.png,a,9,2\n", "row 3: a.png: a is there twice"),
        ("other.csv", b"film,label,x,y\na.png,nose,1,2\n", "it has nose, the mapping expects a, p"),
    ],
)
def test_tables_that_are_not_as_they_should_be(tmp_path: Path, name: str, content: bytes, problem: str) -> None:
    (tmp_path / name).write_bytes(content)
    mapping = mapping_from({"format": "csv-points", "points": {"S1_A": "a", "S1_P": "p"}}, "test")
    films, problems = read_films(tmp_path, mapping)
    assert len(films) == (not problem) and (problem in problems[0] if problem else not problems)


@pytest.mark.parametrize("change", ["width", "file_name", "x", "twice"])
def test_coco_files_that_are_not_as_they_should_be(tmp_path: Path, change: str) -> None:
    """A size that is not stated is unknown; everything else is told in one line that names the file."""
    image: dict[str, Any] = {"id": 1, "file_name": "a.png", "width": 120, "height": 360}
    keypoints: list[Any] = [1, 2, 2, 8, 3, 2]
    annotations = [{"image_id": 1, "category_id": 1, "keypoints": keypoints}]
    if change == "x":
        keypoints[0] = "left"
    elif change == "twice":
        annotations.append({"image_id": 1, "category_id": 1, "keypoints": [5, 2, 2, 8, 3, 2]})
    else:
        del image[change]
    categories = [{"id": 1, "name": "spine", "keypoints": ["a", "p"]}]
    content = {"images": [image], "categories": categories, "annotations": annotations}
    (tmp_path / "set.json").write_text(json.dumps(content))
    mapping = mapping_from({"format": "coco", "points": {"S1_A": "a", "S1_P": "p"}}, "test")
    films, problems = read_films(tmp_path, mapping)
    if change == "width":
        assert films[0].annotation.size_px == (0, 0) and not problems
    else:
        assert not films and len(problems) == 1 and "set.json" in problems[0]


def test_a_film_whose_side_cannot_be_told_does_not_stop_the_others_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_text("film,label,x,y\na.png,a,1,2\nb.png,a,1,2\nb.png,p,8,3\n")
    mapping = mapping_from({"format": "csv-points", "points": {"S1_A": "a", "S1_P": "p"}}, "test")
    (film,), (problem,) = read_films(tmp_path, mapping)
    assert film.name == "b" and "set.csv: the side the patient of a.png faces cannot be told" in problem


def test_labels_of_labelme_are_there_once(tmp_path: Path) -> None:
    shapes = [{"label": "a", "points": [[x, 2.0]]} for x in (1.0, 8.0)]
    (tmp_path / "twice.json").write_text(json.dumps({"shapes": shapes}))
    (tmp_path / "words.json").write_text(json.dumps({"shapes": "words"}))
    mapping = mapping_from({"format": "labelme", "points": {"S1_A": "a"}, "anterior": "left"}, "test")
    films, problems = read_films(tmp_path, mapping)
    assert not films and "twice.json: a is there twice" in problems[0] and "words.json: not a LabelMe" in problems[1]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"format": "coco", "points": {}, "patient": "(["}, "patient is no regular expression"),
        ({"format": "coco", "points": {}, "columns": ["film"]}, "columns must be a mapping"),
        ({"format": "csv-films", "points": {"S1_A": "a"}, "columns": {"x": "{name}_x"}}, "are templates"),
        ({"format": "coco", "points": {"S1_A": []}}, "S1_A is made of no point"),
        ({"format": "coco", "points": {}, "spacing_mm": float("inf")}, "must be positive"),
        ({"format": "csv-endplates", "points": {"S1_A": "first.anterior"}}, "found 'first.anterior'"),
        ({"points": {"S1_A": "a"}}, "format must be one of"),
        ({"format": "coco", "points": {"S1": "a"}}, "not one of the 45"),
        ({"format": "coco", "points": {}, "colour": 1}, "unknown key 'colour'"),
        ({"format": "coco", "points": {}, "spacing_mm": -1}, "must be positive"),
        ([], 'needs "format"'),
    ],
)
def test_bad_mappings(content: object, problem: str) -> None:
    with pytest.raises(ResultError, match=problem):
        mapping_from(content, "m.yaml")


def test_unknown_mapping_and_folder(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_bytes("name: M\u00fcller".encode("cp1252"))
    with pytest.raises(ResultError, match=r"m\.yaml: not valid YAML in UTF-8"):
        load_mapping(tmp_path / "m.yaml")
    with pytest.raises(ResultError, match="buu-lspine, csxa"):
        load_mapping("nothing")
    with pytest.raises(ResultError, match="no such folder"):
        read_films(tmp_path / "nothing")


def test_two_films_of_one_name_are_refused(tmp_path: Path) -> None:
    write_films(truth(1), tmp_path / "a")
    write_films(truth(1), tmp_path / "b")
    with pytest.raises(ResultError, match="two annotations"):
        read_films(tmp_path)


def test_films_of_one_name_in_two_folders_are_told_apart_by_their_films(tmp_path: Path) -> None:
    for folder, film in zip("ab", truth(2), strict=True):
        (tmp_path / folder).mkdir()
        write_dicom(tmp_path / folder / "film.dcm", f"MRN-{folder}")
        named = AnnotatedFilm("film", replace(film.annotation, film="film.dcm", extra={}))
        write_films([named], tmp_path / folder)
    films, problems = read_films(tmp_path)
    assert not problems and [f.name for f in films] == ["a/film", "b/film"]
    assert [f.picture for f in films] == [tmp_path / "a" / "film.dcm", tmp_path / "b" / "film.dcm"]
    assert films[0].patient != films[1].patient
    (tmp_path / "b" / "film.dcm").unlink()
    (tmp_path / "film.dcm").write_bytes((tmp_path / "a" / "film.dcm").read_bytes())
    (tmp_path / "a" / "film.dcm").unlink()
    # nothing but its name says whose the film a folder up is
    with pytest.raises(ResultError, match="a/film and b/film are both of the film"):
        read_films(tmp_path)


def test_the_picture_that_detection_wrote_is_no_film(tmp_path: Path) -> None:
    write_dicom(tmp_path / "film.dcm", "MRN-1")
    film = truth(1)[0]
    sha256 = read_film(tmp_path / "film.dcm").sha256
    named = AnnotatedFilm("film", replace(film.annotation, film="film.dcm", film_sha256=sha256))
    write_films([named], tmp_path / "results", pictures=True)
    (found,), _ = read_films(tmp_path / "results")
    assert found.picture == tmp_path / "film.dcm"


def test_results_are_compared_with_the_film_they_are_of_whatever_they_are_called(tmp_path: Path) -> None:
    films = []
    for folder, film in zip("ab", truth(2), strict=True):
        (tmp_path / "films" / folder).mkdir(parents=True)
        write_dicom(tmp_path / "films" / folder / "film.dcm", f"MRN-{folder}")
        sha256 = read_film(tmp_path / "films" / folder / "film.dcm").sha256
        films.append(AnnotatedFilm("film", replace(film.annotation, film="film.dcm", film_sha256=sha256)))
        write_films(films[-1:], tmp_path / "films" / folder)
    # the archive numbered the second one first
    write_films([replace(films[1], name="film"), replace(films[0], name="film_2")], tmp_path / "results")
    known = read_films(tmp_path / "films")[0]
    matched, problems = called_as(read_films(tmp_path / "results")[0], known)
    assert not problems and {f.name for f in matched} == {"a/film", "b/film"}
    by_name = {f.name: f for f in matched}
    assert all(np.allclose(by_name[f.name].points, f.points, atol=1e-3) for f in known)
    other = replace(films[0], name="a/film", annotation=replace(films[0].annotation, film_sha256="0" * 64))
    assert called_as([other], known)[0] == [] and "of another film" in called_as([other], known)[1][0]
