"""Splits by patient, review stages and disagreements."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.results.result_file import read_annotation
from Testing.evaluation.samples import film, marked, slicer_list, spine, truth, write_dicom, write_films
from Training import review
from Training.data import splits
from Training.splits import main as split_command


@settings(max_examples=30, deadline=None)
@given(
    owners=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 2)), min_size=40, max_size=80),
    seed=st.integers(0, 5),
)
def test_a_patient_never_parts_and_every_film_has_one_place(owners: list[tuple[int, int]], seed: int) -> None:
    points = spine()
    films = [
        film(f"f{i}", points, patient=f"P{p}", category=str(c), age=12 if p < 3 else 40)
        for i, (p, c) in enumerate(owners)
    ]
    if len({p for p, _ in owners if p >= 3}) < 15:
        return
    split = splits.split_films(films, seed=seed, readers=2)
    parts = [split["children"], split["test"], *split["folds"]]
    placed = [name for part in parts for name in part]
    assert sorted(placed) == sorted(f.name for f in films)
    owner = {f.name: f.patient for f in films}
    for i, part in enumerate(parts):
        others = {owner[name] for j, other in enumerate(parts) if j != i for name in other}
        assert not others & {owner[name] for name in part}
    assert {owner[n] for n in split["children"]} <= {"P0", "P1", "P2"} and set(split["readers"]) <= set(split["test"])
    assert split == splits.split_films(films[::-1], seed=seed, readers=2)


def test_categories_are_spread_evenly() -> None:
    films = [film(f"f{i:03d}", spine(), category="implant" if i % 3 == 0 else "plain", age=50) for i in range(150)]
    split = splits.split_films(films)
    implants = {f.name for f in films if f.category == "implant"}
    assert len(split["test"]) == 30 and len(implants & set(split["test"])) == 10
    assert {len(fold) for fold in split["folds"]} == {24} and {len(implants & set(f)) for f in split["folds"]} == {8}


def test_simulated_films_say_their_category_and_age() -> None:
    made = film("a", spine(), simulation={"scoliosis": True, "kyphosis": False, "implants": True, "age": 61.5})
    assert (made.category, made.age) == ("scoliosis+implants", 61.5)
    assert film("b", spine(), simulation={"age": 9}).category == "plain" and film("c", spine()).category == ""


def test_split_command_and_parts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_films(truth(12), tmp_path / "films")
    target = tmp_path / "split.json"
    assert split_command(["--films", str(folder), "--output", str(target), "--folds", "3"]) == 0
    assert "folds" in capsys.readouterr().out
    assert splits.read_split(target, "training-0") == splits.read_split(target, "training") - splits.read_split(
        target, "fold0"
    )
    assert len(splits.read_split(target, "test")) == 3
    with pytest.raises(ResultError, match="no negative numbers"):
        splits.split_films([], seed=-1)
    for part in ("validation", "fold-1", "fold3", "training-3", "training--1", "seed"):
        with pytest.raises(ResultError, match="no part"):
            splits.read_split(target, part)
    assert split_command(["--films", str(folder), "--output", str(target), "--folds", "30"]) == 2
    assert "30 folds" in capsys.readouterr().err


def test_review_goes_stage_by_stage() -> None:
    annotation = truth(1)[0].annotation
    with pytest.raises(ResultError, match="cannot be reviewed before"):
        review.sign(annotation, "reviewed", "B")
    signed = review.sign(annotation, "annotated", "A", datetime(2024, 5, 1, 12, tzinfo=UTC))
    with pytest.raises(ResultError, match="somebody else"):
        review.sign(signed, "reviewed", "A")
    approved = review.sign(review.sign(signed, "reviewed", "B"), "approved", "C")
    assert review.stage_of(approved) == "approved"
    history = approved.extra["review"]["history"]
    assert history[0] == {"stage": "annotated", "who": "A", "when": "2024-05-01T12:00:00Z"} and len(history) == 3


def test_review_command_keeps_the_file_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_films(truth(2), tmp_path)
    path = folder / "film_00.json"
    before = read_annotation(path)
    assert review.main(["sign", "annotated", str(path), "--who", "AB"]) == 0
    after = read_annotation(path)
    assert after.extra["patient"] == "P00" and np.array_equal(after.points_px, before.points_px)
    assert json.loads(path.read_text())["review"]["stage"] == "annotated"
    assert review.main(["status", str(folder)]) == 0
    assert "not signed: 1, annotated: 1" in capsys.readouterr().out
    assert review.main(["sign", "approved", str(path), "--who", "CD"]) == 2
    assert review.main(["sign", "reviewed", str(path), "--who", "ab "]) == 2
    other = folder / "film_01.json"
    assert review.main(["sign", "annotated", str(other), str(folder / "none.json"), "--who", "AB"]) == 2
    assert "review" not in json.loads(other.read_text())


@pytest.mark.parametrize("history", ["AB", ["AB"], [{"stage": "annotated"}]])
def test_a_damaged_history_of_reviews_is_told(history: object) -> None:
    signed = film("film_00", spine(), review={"stage": "annotated", "history": history}).annotation
    with pytest.raises(ResultError, match="no history"):
        review.sign(signed, "reviewed", "CD")


def test_disagreements_sorted_by_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    films = truth(2)
    points = films[0].points.copy()
    points[INDEX["T5_AS"]] += (3, 4)
    points[INDEX["L1_C"]] += (0, 1)
    points[INDEX["FH_2"]] = np.nan
    other = film("film_00", points)
    found = review.disagreements(films, [other], smallest=0.5)
    assert [d.landmark for d in found] == ["FH_2", "T5_AS", "L1_C"]
    assert found[1].distance == pytest.approx(10) and found[1].unit == "mm"
    a, b = write_films(films, tmp_path / "a"), write_films([other], tmp_path / "b")
    assert review.main(["disagreements", str(a), str(b), "--smallest", "5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("film_00,FH_2,,mm,labeled by one") and lines[2].startswith("film_00,T5_AS,10.000")
    c = write_films([film("else", spine())], tmp_path / "c")
    assert review.main(["disagreements", str(a), str(c)]) == 2
    assert "no film in common" in capsys.readouterr().err


def test_annotators_in_slicer_and_in_the_viewer_are_compared_on_the_film(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = truth(1)[0]
    one = write_films([film], tmp_path / "one")
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / f"{film.name}.mrk.json").write_text(slicer_list(2.0 * film.points))
    command = ["disagreements", str(one), str(tmp_path / "two"), "--smallest", "0.5"]
    assert review.main(command) == 2
    assert "put the film beside them" in capsys.readouterr().err
    write_dicom(one / f"{film.name}.dcm", "MRN-1")
    assert review.main(command) == 0
    assert "0 disagreements on 1 films" in capsys.readouterr().err


def test_disagreement_of_a_film_without_spacing_is_in_pixels() -> None:
    films = truth(1, None)
    assert {d.unit for d in review.disagreements(films, marked(films, 1))} == {"px"}
