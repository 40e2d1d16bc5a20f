"""Errors, levels, tables and the report, on hand-made films and on the inputs that break such programs."""

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from SpineAlignmentLib.measurement.landmarks import CENTERS, INDEX, NAMES
from SpineAlignmentLib.measurement.parameters import KEYS
from Testing.evaluation.samples import film, marked, slicer_list, spine, truth, write_dicom, write_films
from Training.datasets import read_films
from Training.evaluation import localization
from Training.evaluation.agreement import icc_table, parameter_table
from Training.evaluation.command import main, read_readers
from Training.evaluation.learning_speed import learning_speed_table, read_training_log
from Training.evaluation.statistics import intraclass_correlation
from Training.evaluation.study import MODEL, TRUTH, StudyError, build_study


def test_a_known_offset_is_the_error_in_mm() -> None:
    films = truth(4, (0.5, 2.0))
    moved = [replace(f, annotation=f.annotation.with_points(f.points + (4.0, 1.5))) for f in films]
    study = build_study(films, moved)
    assert study.errors_mm() == pytest.approx(np.full((4, 45), np.hypot(2.0, 3.0)))
    table = localization.localization_table(study).set_index("name")
    assert table.loc["all", "within_2_mm"] == 0 and table.loc["all", "within_4_mm"] == 1
    assert table.loc["all thoracic", "q50_mm"] == pytest.approx(np.hypot(2.0, 3.0))


def test_a_landmark_that_was_not_found_counts_as_a_failure() -> None:
    films = truth(4)
    points = films[0].points.copy()
    points[INDEX["L3_C"]] = np.nan
    found = [replace(films[0], annotation=films[0].annotation.with_points(points)), *films[1:]]
    row = localization.localization_table(build_study(films, found)).set_index("name").loc["L3_C"]
    assert (row["count"], row["missed"], row["within_10_mm"]) == (4, 0.25, 0.75)


@settings(max_examples=20, deadline=None)
@given(shift=st.integers(-3, 3), level=st.integers(4, 18))
def test_level_shift_is_found_with_its_sign(shift: int, level: int) -> None:
    true = spine()
    predicted = true.copy()
    predicted[INDEX[CENTERS[level]]] = true[INDEX[CENTERS[level + shift]]]
    found = localization.level_shift(true[None], predicted[None])[0]
    assert found[level] == shift and np.count_nonzero(found) == (shift != 0)


def test_parameters_of_the_study_are_those_of_the_library() -> None:
    films = [
        replace(f, annotation=replace(f.annotation, anterior=side))
        for f, side in zip(truth(2), ("left", "right"), strict=True)
    ]
    values = build_study(films, films).parameters(TRUTH)
    for i, f in enumerate(films):
        expected = f.annotation.parameters()
        assert [values[k][i] for k in KEYS] == pytest.approx([expected[k] for k in KEYS], nan_ok=True)


def test_table_1_against_numpy_and_icc_against_the_function() -> None:
    films = truth(12)
    study = build_study(films, marked(films, 1), {"A": marked(films, 2)})
    t, m = study.parameters(TRUTH)["SVA"], study.parameters(MODEL)["SVA"]
    row = parameter_table(study).set_index("parameter").loc["SVA"]
    assert row["truth_mean"] == pytest.approx(t.mean()) and row["truth_sd"] == pytest.approx(t.std(ddof=1))
    assert row["error_median"] == pytest.approx(np.median(np.abs(m - t)))
    assert row["pearson_r"] == pytest.approx(np.corrcoef(t, m)[0, 1])
    icc = icc_table(study)
    assert list(icc.columns) == ["Ground truth / Model", "Ground truth / A", "Model / A"]
    assert icc.loc["SVA", "Ground truth / Model"] == pytest.approx(intraclass_correlation(np.stack([t, m], 1)))


def test_unknown_spacing_leaves_angles_and_takes_lengths() -> None:
    films = truth(5, None)
    study = build_study(films, marked(films, 1))
    table = parameter_table(study).set_index("parameter")
    assert np.isnan(study.errors_mm()).all() and table.loc["SVA", "count"] == 0 and table.loc["PI", "count"] == 5
    assert any("no pixel spacing" in note for note in study.notes)


def test_films_without_annotation_are_left_out_with_a_note() -> None:
    films = truth(3)
    blank = film("blank", np.full((45, 2), np.nan))
    study = build_study([*films, blank], films[:2])
    assert len(study.films) == 2
    assert any("1 of 4 films" in note for note in study.notes) and any("film_02" in note for note in study.notes)
    with pytest.raises(StudyError, match="no film has landmarks"):
        build_study([blank], films)
    with pytest.raises(StudyError, match="no result"):
        build_study(films, [])


def test_readers_of_other_films_compare_on_what_they_share() -> None:
    films = truth(8)
    study = build_study(films, marked(films, 1), {"A": marked(films[:5], 2), "B": marked(films[6:], 3)})
    icc = icc_table(study)
    assert np.isfinite(icc.loc["SVA", "Ground truth / A"]) and np.isnan(icc["A / B"]).all()
    assert any("A marked 5 of the 8" in note for note in study.notes)


def test_a_reader_may_not_take_the_place_of_the_model() -> None:
    films = truth(3)
    with pytest.raises(StudyError, match="rename the folder"):
        build_study(films, films, {MODEL: films})


def test_constant_parameter_is_not_computable() -> None:
    films = [film(f"f{i}", spine()) for i in range(5)]
    row = parameter_table(build_study(films, marked(films, 1))).set_index("parameter").loc["PI"]
    assert np.isnan(row["pearson_r"]) and row["truth_sd"] == pytest.approx(0) and np.isfinite(row["error_mean"])


class _Page(HTMLParser):
    """Text and addresses of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.sources = "", [""]

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]


def test_command_writes_a_self_contained_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    films = truth(6)
    folder = write_films(films, tmp_path / "films", pictures=True)
    results = write_films(marked(films, 1), tmp_path / "results")
    reader = write_films(marked(films[:4], 2), tmp_path / "Reader A")
    log = tmp_path / "validation.csv"
    epochs = np.arange(1, 9)
    pd.DataFrame(
        {"epoch": epochs, "global_spread_cervical_px": 5 * epochs**-0.5, "global_spread_femoral_px": 4.0 / epochs}
    ).to_csv(log)
    output = tmp_path / "out"
    options = ["--films", folder, "--results", results, "--readers", reader, "--log", log, "--output", output]
    assert main([str(o) for o in options]) == 0, capsys.readouterr().err
    page = _Page()
    page.feed((output / "report.html").read_text(encoding="utf-8"))
    assert all(source.startswith("data:") for source in page.sources[1:]) and len(page.sources) == 7
    assert "Reader A" in page.text and "nan" not in page.text.lower().replace("computable", "")
    pictures = {p.name for p in (output / "figures").iterdir()}
    names = ("localization", "scatter", "bland_altman", "examples", "icc", "learning_speed")
    assert pictures == {f"{name}{kind}" for name in names for kind in (".png", ".svg")}
    table = pd.read_csv(output / "tables" / "parameters.csv")
    assert list(table["parameter"]) == list(KEYS)
    assert len(pd.read_csv(output / "tables" / "localization.csv")) == len(NAMES) + 5


def test_a_reader_who_worked_in_slicer_is_placed_on_the_films_of_the_truth(tmp_path: Path) -> None:
    films = truth(4)
    folder, reader = tmp_path / "films", tmp_path / "Reader A"
    write_films(films, folder)
    reader.mkdir()
    for f in films:
        write_dicom(folder / f"{f.name}.dcm", f.name)
        (reader / f"{f.name}.mrk.json").write_text(slicer_list(2.0 * f.points))
    notes: list[str] = []
    annotated, _ = read_films(folder)
    readers = read_readers([reader], annotated, notes)
    study = build_study(annotated, annotated, readers, notes)
    assert not notes and study.errors_mm("Reader A") == pytest.approx(np.zeros((4, 45)), abs=1e-3)


def test_one_film_and_nothing_else(tmp_path: Path) -> None:
    films = truth(1)
    folder, results = write_films(films, tmp_path / "f"), write_films(marked(films, 1), tmp_path / "r")
    assert main(["--films", str(folder), "--results", str(results), "--output", str(tmp_path / "o")]) == 0
    text = (tmp_path / "o" / "report.html").read_text(encoding="utf-8")
    assert "not computable" in text and "nan" not in text.split("base64")[0]


@pytest.mark.parametrize(
    ("films", "problem"), [("nowhere", "no such folder"), ("empty", "no annotated film found")], ids=["none", "empty"]
)
def test_nothing_to_evaluate(
    tmp_path: Path, films: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    (tmp_path / "empty").mkdir()
    assert main(["--films", str(tmp_path / films), "--results", str(tmp_path), "--output", str(tmp_path / "o")]) == 2
    assert problem in capsys.readouterr().err and not (tmp_path / "o").exists()


def test_a_place_that_cannot_be_written_is_told_before_films_are_detected_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("Training.evaluation.prediction.predict", lambda *_: pytest.fail("looked at films"))
    folder = write_films(truth(2), tmp_path / "films", pictures=True)
    (tmp_path / "file").write_text("")
    assert main(["--films", str(folder), "--output", str(tmp_path / "file" / "new")]) == 2
    assert "cannot write there" in capsys.readouterr().err


def test_ctrl_c_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("Training.evaluation.prediction.predict", interrupted)
    folder = write_films(truth(2), tmp_path / "films", pictures=True)
    assert main(["--films", str(folder), "--output", str(tmp_path / "new")]) == 130
    assert capsys.readouterr().err == "evaluate: interrupted; no report was written\n"


def test_learning_speed_log(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    steps = np.arange(0, 1000, 100)
    pd.DataFrame({"step": steps, "global_spread_thoracic_px": 9.0 * (steps + 1.0) ** -0.4}).to_csv(log)
    spread = read_training_log(log)
    assert spread is not None
    assert learning_speed_table(spread)["gamma"].iloc[0] == pytest.approx(0.4, abs=1e-9)
    pd.DataFrame({"step": steps, "global_spread_femoral_px": [0.0, np.nan] * 5}).to_csv(log)
    spread = read_training_log(log)
    assert spread is not None and spread.empty
    pd.DataFrame({"step": [1], "loss": [2]}).to_csv(log)
    assert read_training_log(log) is None
    log.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="no column"):
        read_training_log(log)


def test_films_that_a_split_or_a_limit_leaves_none_of_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, split = write_films(truth(2), tmp_path / "films"), tmp_path / "split.json"
    split.write_text('{"folds": [["elsewhere"]]}')
    options = ["--films", str(folder), "--results", str(folder), "--output", str(tmp_path / "o")]
    for more, said in ((["--limit", "-1"], "--limit -1"), (["--split", str(split), "fold0"], "of part fold0")):
        assert main([*options, *more]) == 2
        assert said in capsys.readouterr().err and not (tmp_path / "o").exists()
