"""The command line: what it writes, what it says and how it ends."""

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from SpineAlignmentLib.command_line import main
from SpineAlignmentLib.detection.models import read_models, shipped_models
from SpineAlignmentLib.film.paths import film_files, stem_of
from SpineAlignmentLib.measurement.landmarks import COUNT, INDEX, NAMES, VERTEBRAE
from SpineAlignmentLib.measurement.parameters import KEYS, lean, slope, spinopelvic_parameters
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.frame import frame_points
from SpineAlignmentLib.results.markups import read_markups
from SpineAlignmentLib.results.result_file import read_annotation, write_annotation
from Testing.library.films import SAMPLE_FILM, dicom, pattern, picture, spine


@pytest.fixture(scope="module")
def detected(tmp_path_factory):
    """A folder of films with every kind of trouble in it, run once as a user would."""
    films, out = tmp_path_factory.mktemp("films"), tmp_path_factory.mktemp("out")
    shutil.copy(SAMPLE_FILM, films / "good.dcm")
    (films / "again").mkdir()
    shutil.copy(SAMPLE_FILM, films / "again" / "good.dcm")
    dicom(films / "named.dcm", spine(), spacing=(0.76, 0.76), PatientOrientation=["P", "F"])
    picture(films / "stripe.png", pattern(bits=8))
    (films / "cut.dcm").write_bytes(SAMPLE_FILM.read_bytes()[:9000])
    (films / "words.png").write_text("no picture")
    (films / "notes.txt").write_text("not looked at")
    command = [sys.executable, "-m", "SpineAlignmentLib", "detect", str(films), "-o", str(out)]
    return out, subprocess.run(command, capture_output=True, text=True, check=False)


def test_bad_films_are_named_and_do_not_stop_the_others(detected):
    out, run = detected
    assert run.returncode == 1
    lines = run.stderr.strip().splitlines()
    assert len(lines) == 3
    for name in ("cut.dcm", "stripe.png", "words.png"):
        assert any(line.count(name) == 1 for line in lines)
    assert "Traceback" not in run.stderr
    stems = ["good", "good_2", "named"]
    endings = [".json", ".mrk.json", ".png"]
    assert sorted(p.name for p in out.iterdir()) == sorted(
        [f"{s}{e}" for s in stems for e in endings] + ["results.csv", "results.sqlite"]
    )


def test_results_agree_with_each_other(detected):
    out, _ = detected
    result = json.loads((out / "good.json").read_text())
    assert set(result["landmarks"]) == set(NAMES)
    assert set(result["parameters"]) == set(KEYS)
    assert result["models"] == [m.name for m in read_models()]
    annotation = read_annotation(out / "good.json")
    for key, value in annotation.parameters().items():
        assert result["parameters"][key]["value"] == pytest.approx(value, abs=1e-3)
    markups = read_markups(out / "good.mrk.json")
    assert np.allclose(markups.points_px, annotation.points_px, atol=0.01, equal_nan=True)
    rows = list(csv.DictReader((out / "results.csv").open()))
    assert [row["file"] for row in rows] == [
        "again/good.dcm",
        "cut.dcm",
        "good.dcm",
        "named.dcm",
        "stripe.png",
        "words.png",
    ]
    assert [row["status"] for row in rows] == ["done", "failed", "done", "done", "failed", "failed"]
    assert rows[1]["reason"] and not rows[0]["reason"]
    assert rows[0]["fingerprint"] == rows[2]["fingerprint"] == hashlib.sha256(SAMPLE_FILM.read_bytes()).hexdigest()
    assert float(rows[0]["PI (deg)"]) == pytest.approx(result["parameters"]["PI"]["value"], abs=1e-3)
    assert (out / "good.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_of_the_patient_is_in_a_result(detected):
    out, run = detected
    for path in out.iterdir():
        content = path.read_bytes()
        if path.suffix == ".png":  # three letters may stand in compressed pixels by chance
            start = content.index(b"IDAT")
            content = content[:start] + content[start + int.from_bytes(content[start - 4 : start]) :]
        for word in (b"Doe", b"Jane", b"SECRET-77", b"19500102"):
            assert word not in content
    assert "Doe" not in run.stdout + run.stderr


def test_second_run_over_its_own_results_takes_no_picture_for_a_film(detected):
    out, _ = detected
    assert film_files(out, out) == []


def test_nothing_to_do_and_wrong_usage(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert main(["detect", str(tmp_path / "empty"), "-o", str(tmp_path / "out")]) == 2
    assert "no films" in capsys.readouterr().err
    for wrong in (
        [],
        ["detect"],
        ["detect", "a.dcm"],
        ["detect", "a.dcm", "-o", "out", "--spacing", "0"],
        ["detect", "a.dcm", "-o", "out", "--spacing", "wide"],
        ["detect", "a.dcm", "-o", "out", "--anterior", "up"],
        ["paint", "a.dcm"],
    ):
        with pytest.raises(SystemExit) as end:
            main(wrong)
        assert end.value.code == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "command",
    [
        ["detect", "", "-o", "out"],
        ["detect", "a.dcm", " ", "-o", "out"],
        ["detect", "a.dcm", "-o", ""],
        ["detect", "a.dcm", "-o", "out", "--models", ""],
        ["measure", "", "-o", "out"],
        ["report", "a.json", "-o", "a.pdf", "--films", ""],
        ["cohort", ""],
        ["view", ""],
        ["node", "--folder", "", "--send-to", "A@127.0.0.1:104"],
    ],
)
def test_an_empty_name_is_not_the_current_folder(tmp_path, monkeypatch, capsys, command):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(command)
    (line,) = capsys.readouterr().err.splitlines()
    assert end.value.code == 2 and "an empty name" in line
    assert list(tmp_path.iterdir()) == []


def test_missing_file_and_missing_models(tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["detect", str(tmp_path / "none.dcm"), "-o", str(out)]) == 1
    assert "none.dcm: cannot read: No such file" in capsys.readouterr().err
    assert main(["detect", str(SAMPLE_FILM), "-o", str(out), "--models", str(tmp_path / "nowhere")]) == 1
    error = capsys.readouterr().err
    assert "no models there" in error
    assert len(error.strip().splitlines()) == 1
    assert sorted(p.name for p in out.iterdir()) == ["results.csv", "results.sqlite"]


def test_output_that_cannot_be_written(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert main(["detect", str(SAMPLE_FILM), "-o", str(tmp_path / "file")]) == 1
    error = capsys.readouterr().err
    assert "cannot write there" in error
    assert len(error.strip().splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="limits of this kind are those of Unix")
def test_full_disk_leaves_nothing_half_written(tmp_path):
    import resource

    # a limit on file size makes writing fail in the middle, as a full disk does
    run = subprocess.run(
        [sys.executable, "-m", "SpineAlignmentLib", "detect", str(SAMPLE_FILM), "-o", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, 12_000)),
    )
    assert run.returncode == 1
    assert "cannot write" in run.stderr
    assert len(run.stderr.strip().splitlines()) == 1
    assert {p.name for p in (tmp_path / "out").iterdir()} <= {"results.csv", "results.sqlite"}


def test_a_film_is_never_replaced_by_its_results(tmp_path, capsys):
    path = picture(tmp_path / "a.png", pattern(bits=8))
    before = path.read_bytes()
    assert main(["detect", str(path), "-o", str(tmp_path)]) == 1
    assert "replace the film" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_spacing_given(tmp_path, capsys):
    path = picture(tmp_path / "a.png", spine(bits=8)[:, ::-1])
    out = tmp_path / "out"
    assert main(["detect", str(path), "-o", str(out), "--spacing", "0.76", "--anterior", "right"]) == 0
    result = json.loads((out / "a.json").read_text())
    assert (result["spacing_mm"], result["spacing_source"], result["anterior"]) == ([0.76, 0.76], "given", "right")
    assert main(["detect", str(path), "-o", str(out), "--anterior", "right"]) == 0
    result = json.loads((out / "a.json").read_text())
    assert result["spacing_mm"] is None
    assert result["parameters"]["SVA"] == {"value": None, "unit": "mm", "reason": "pixel spacing unknown"}
    assert any("spacing unknown" in w for w in result["warnings"])
    assert "picture:" in capsys.readouterr().out


@given(arrays(np.float64, (COUNT, 2), elements=st.floats(0, 4000, width=32)), st.sampled_from(["left", "right"]))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_identities_hold_for_measured_files(tmp_path, points, anterior):
    film = Annotation("f.dcm", (4000, 4000), np.round(points, 6), spacing_mm=(0.2, 0.3), anterior=anterior)
    write_annotation(film, tmp_path / "f.json")
    assert main(["measure", str(tmp_path / "f.json"), "-o", str(tmp_path / "out")]) == 0
    p = {k: v["value"] for k, v in json.loads((tmp_path / "out" / "f.json").read_text())["parameters"].items()}
    mm = frame_points(np.round(points, 6), (0.2, 0.3), anterior)
    at = {name: mm[INDEX[name]] for name in NAMES}
    hip, sacrum = (at["FH_1"] + at["FH_2"]) / 2, (at["S1_A"] + at["S1_P"]) / 2
    near = {"abs": 1e-9, "rel": 0}
    assert p["PI"] == pytest.approx(p["PT"] + p["SS"], **near)
    assert p["SSA"] == pytest.approx(90 + p["PI"] - p["GT"], **near)
    assert p["GT"] == pytest.approx(p["PT"] + lean(sacrum, at["C7_C"]), **near)
    assert p["TPA"] == pytest.approx(p["PT"] + lean(hip, at["T1_C"]), **near)
    assert p["LPA"] == pytest.approx(p["PT"] + lean(hip, at["L1_C"]), **near)
    t5 = slope(at["T5_PI"], at["T5_AI"]) - slope(at["T5_PS"], at["T5_AS"])
    assert p["GTK"] == pytest.approx(p["PTK"] + p["MTK"] + t5, **near)
    plates = slope(at["L4_PS"], at["L4_AS"]) - slope(at["L1_PS"], at["L1_AS"])
    assert p["LL"] - p["L4SL"] == pytest.approx(plates, **near)
    expected = spinopelvic_parameters(mm)
    assert all(p[k] is None or p[k] == pytest.approx(float(expected[k]), abs=1e-9) for k in KEYS)


def test_measure_of_corrected_markups(detected, tmp_path, capsys):
    out, _ = detected
    content = json.loads((out / "good.mrk.json").read_text())
    before = read_annotation(out / "good.json")
    content["markups"][0]["controlPoints"][INDEX["S1_A"]]["position"][1] += 5.0
    (tmp_path / "mine.mrk.json").write_text(json.dumps(content))
    assert main(["measure", str(tmp_path / "mine.mrk.json"), "-o", str(tmp_path / "out")]) == 0
    after = read_annotation(tmp_path / "out" / "mine.json")
    assert after.parameters()["SS"] > before.parameters()["SS"] + 1
    assert after.parameters()["T1S"] == pytest.approx(before.parameters()["T1S"], abs=0.05)
    assert "pelvic incidence" in capsys.readouterr().out


def test_measure_gives_the_angle_between_any_two_levels(tmp_path, capsys):
    points = np.full((COUNT, 2), np.nan)
    for name, xy in {"S1_A": (100, 620), "S1_P": (140, 600), "L1_AS": (90, 400), "L1_PS": (130, 410)}.items():
        points[INDEX[name]] = xy
    corners = np.full((24, 4, 2), np.nan)
    corners[VERTEBRAE.index("T4"), :2] = [(100, 220), (130, 200)]
    corners[VERTEBRAE.index("T12"), 2:] = [(100, 380), (140, 380)]
    write_annotation(Annotation("f.png", (300, 700), points, vertebrae_px=corners), tmp_path / "f.json")
    wanted = ["--cobb", "T4:T12", "--cobb", "l1:s1", "--cobb", "T2:T5"]
    assert main(["measure", str(tmp_path / "f.json"), "-o", str(tmp_path / "out"), *wanted]) == 0
    angles = json.loads((tmp_path / "out" / "f.json").read_text())["cobb"]
    assert angles["T4:T12"]["value"] == pytest.approx(np.degrees(np.arctan2(20, 30)))
    result = read_annotation(tmp_path / "out" / "f.json")
    assert angles["L1:S1"]["value"] == pytest.approx(-result.parameters()["LL"])
    assert angles["T2:T5"]["value"] is None and "n/a" in capsys.readouterr().out


def test_an_angle_between_unsure_levels_says_so(detected, tmp_path, capsys):
    result = read_annotation(detected[0] / "named.json")
    sure, confidence = result.vertebrae_confidence.copy(), result.confidence.copy()
    sure[VERTEBRAE.index("T9")], confidence[INDEX["S1_A"]] = 0.3, 0.1
    write_annotation(replace(result, vertebrae_confidence=sure, confidence=confidence), tmp_path / "f.json")
    wanted = ["--cobb", "T9:T12", "--cobb", "T8:T12", "--cobb", "L1:S1"]
    assert main(["measure", str(tmp_path / "f.json"), "-o", str(tmp_path / "out"), *wanted]) == 0
    said = [line.split("kyphosis +")[1].split() for line in capsys.readouterr().out.splitlines() if "Cobb" in line]
    assert [words[1:] for words in said] == [["not", "sure:", "T9"], [], ["not", "sure:", "S1"]]


@pytest.mark.parametrize("levels", ["T4", "T12:T4", "T4:T13", "S1:S1"])
def test_levels_without_an_angle_are_wrong_usage(tmp_path, capsys, levels):
    with pytest.raises(SystemExit) as stop:
        main(["measure", "f.json", "-o", str(tmp_path), "--cobb", levels])
    assert stop.value.code == 2 and levels in capsys.readouterr().err


def test_measure_names_the_bad_file_and_does_the_others(detected, tmp_path, capsys):
    out, _ = detected
    (tmp_path / "bad.json").write_text("{}")
    assert main(["measure", str(tmp_path / "bad.json"), str(out / "good.json"), "-o", str(tmp_path / "m")]) == 1
    assert "bad.json" in capsys.readouterr().err
    assert sorted(p.name for p in (tmp_path / "m").iterdir()) == ["good.json", "results.csv", "results.sqlite"]
    rows = list(csv.DictReader((tmp_path / "m" / "results.csv").open()))
    assert [(row["file"], row["status"], row["film"]) for row in rows] == [
        ("bad.json", "failed", "bad.json"),
        ("good.json", "done", "good.dcm"),
    ]
    again = next(csv.DictReader((out / "results.csv").open()))
    # the file keeps fewer digits of how far landmarks deviate than a detection has
    values = {key: (float(rows[1][key]), float(again[key])) for key in rows[1] if "(" in key and rows[1][key]}
    assert len(values) > 40 and all(abs(one - other) < 1e-3 for one, other in values.values())


@pytest.mark.parametrize(
    "content",
    [
        '{"landmarks": {"C2_D": {"x_px": 1e300, "y_px": 1}}}',
        '{"landmarks": {"C2_D": {"x_px": 1%s, "y_px": 1}}}' % ("0" * 400),
        '{"landmarks": {"C2_D": {"x_px": 1%s, "y_px": 1}}}' % ("0" * 5000),
        '{"landmarks": {}, "note": 1e999}',
        '{"landmarks": {}, "note": NaN}',
        '{"landmarks": {}, "film": "\\ud800"}',
        '{"markups": [{"controlPoints": [{"label": "C2_D", "position": [1e300, 1, 1]}]}]}',
        '{"markups": [{"controlPoints": [{"label": "C2_D", "position": [1%s, 1, 1]}]}]}' % ("0" * 400),
        '{"markups": [{"controlPoints": [{"label": "C2_D", "position": [null, 1, 1]}]}]}',
        "[" * 100_000,
    ],
)
def test_measure_names_what_cannot_be_a_number_or_a_text(tmp_path, capsys, content):
    (tmp_path / "odd.json").write_text(content)
    assert main(["measure", str(tmp_path / "odd.json"), "-o", str(tmp_path / "out")]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_text_that_a_spreadsheet_would_run_is_text(tmp_path):
    film = Annotation('=HYPERLINK("http://x")', (10, 10), warnings=("+1", "@x"))
    write_annotation(film, tmp_path / "-f.json")
    assert main(["measure", str(tmp_path / "-f.json"), "-o", str(tmp_path / "out")]) == 0
    row = next(csv.DictReader((tmp_path / "out" / "results.csv").open()))
    assert (row["film"], row["file"]) == ('\'=HYPERLINK("http://x")', "'-f.json")
    assert row["warnings"].startswith("'+1")


def test_stems():
    names = ["a/x.dcm", "IM.0001", "scan.nii.gz", "1.2.840.5", "x\ny.png"]
    assert [stem_of(Path(n)) for n in names] == ["x", "IM.0001", "scan", "1.2.840.5", "x_y"]


def test_links_that_lead_nowhere_are_films_that_fail(tmp_path):
    (tmp_path / "a.dcm").symlink_to("nowhere")
    assert [p.name for p in film_files(tmp_path)] == ["a.dcm"]


def test_import_is_cheap():
    heavy = ["tensorflow", "onnxruntime", "keras", "matplotlib", "PIL", "pydicom", "SimpleITK"]
    code = (
        "import sys, SpineAlignmentLib.detection, SpineAlignmentLib.command_line, SpineAlignmentLib.jobs.archive;"
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert run.stdout.strip() == "[]"


def test_shipped_models_are_found():
    assert (shipped_models() / "ensemble.json").exists()
