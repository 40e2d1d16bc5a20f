"""Clinical readings in result files, tables and on the command line, and the age from a film's tags."""

import csv
import io
import json

import pydicom
import pytest

from SpineAlignmentLib.clinical.constants import AGE_LIMITS
from SpineAlignmentLib.clinical.norms import unusual
from SpineAlignmentLib.clinical.patient import Patient
from SpineAlignmentLib.clinical.result import with_readings
from SpineAlignmentLib.clinical.text_table import parameter_table
from SpineAlignmentLib.command_line import main
from SpineAlignmentLib.film.patient_tags import patient_tags
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.frame import film_points
from SpineAlignmentLib.results.markups import read_landmarks
from SpineAlignmentLib.results.result_file import write_annotation
from SpineAlignmentLib.results.table import csv_bytes
from Testing.library.films import SAMPLE_FILM, dicom, pattern


def annotation(points_mm, **options):
    points = film_points(points_mm - [[120, 700]], (0.2, 0.2), "left")
    return Annotation("f.dcm", (2000, 4500), points, spacing_mm=(0.2, 0.2), **options)


def test_readings_in_files_are_computed_anew(tmp_path, upright):
    film = annotation(upright, extra={"study": "kept"})
    write_annotation(with_readings(film, Patient(63, "F")), tmp_path / "f.json")
    content = json.loads((tmp_path / "f.json").read_text())
    assert content["patient"] == {"age": 63, "sex": "F", "source": "given"}
    assert content["readings"]["PI-LL"]["from"].keys() == {"PI", "LL"}
    assert content["readings"]["GAP"]["class"]
    assert content["norms"]["PI"]["cohort"] == "healthy adults"
    content["readings"]["PI-LL"]["value"] = 999
    (tmp_path / "f.json").write_text(json.dumps(content))
    again = read_landmarks(tmp_path / "f.json")
    assert "readings" not in again.extra and again.extra["study"] == "kept"
    # the age stays with the result
    assert with_readings(again).extra["readings"] == with_readings(film, Patient(63, "F")).extra["readings"]


def test_table_of_readings(upright):
    text = csv_bytes([with_readings(annotation(upright), Patient(63)), annotation(upright)]).decode()
    first, second = csv.DictReader(io.StringIO(text))
    assert first["age"] == "63" and second["age"] == ""
    assert first["class SRS-Schwab"] and second["class SRS-Schwab"] == ""
    assert float(first["reading PI-LL (deg)"]) == pytest.approx(
        float(first["PI (deg)"]) - float(first["LL (deg)"]), abs=1e-3
    )
    assert "class GAP" not in csv_bytes([annotation(upright)]).decode()


def test_text_marks_the_unusual_and_groups_what_is_not_computable(upright):
    text = parameter_table(annotation(upright))
    assert any("!" in line and line.split()[0] == "PI" for line in text.splitlines()) == unusual(
        "PI", annotation(upright).parameters()["PI"]
    )
    assert "not computable: GAP, PT target" in text and "(age unknown)" in text


def test_command_line_takes_age_and_sex(tmp_path, upright, capsys):
    write_annotation(annotation(upright), tmp_path / "f.json")
    out = tmp_path / "out"
    assert main(["measure", str(tmp_path / "f.json"), "-o", str(out), "--age", "63", "--sex", "F"]) == 0
    assert "63 years, F" in capsys.readouterr().out
    content = json.loads((out / "f.json").read_text())
    assert content["patient"]["age"] == 63 and content["readings"]["GAP"]["value"] is not None
    assert main(["measure", str(out / "f.json"), "-o", str(tmp_path / "again")]) == 0
    assert json.loads((tmp_path / "again" / "f.json").read_text()) == content
    assert main(["measure", str(out / "f.json"), "-o", str(tmp_path / "male"), "--sex", "M"]) == 0
    assert "63 years, M" in capsys.readouterr().out
    assert json.loads((tmp_path / "male" / "f.json").read_text())["readings"] == content["readings"]
    assert main(["measure", str(out / "f.json"), "-o", str(tmp_path / "older"), "--age", "70"]) == 0
    assert "70 years, F" in capsys.readouterr().out
    for age in ("150", "-1", "old", "nan"):
        with pytest.raises(SystemExit) as end:
            main(["measure", str(tmp_path / "f.json"), "-o", str(out), "--age", age])
        error = capsys.readouterr().err
        assert end.value.code == 2 and len(error.splitlines()) == 1 and age in error
    both = [str(tmp_path / "f.json"), str(out / "f.json")]
    assert main(["measure", *both, "-o", str(out), "--age", "63"]) == 2
    assert "one patient" in capsys.readouterr().err
    content["patient"]["age"] = 150
    (tmp_path / "g.json").write_text(json.dumps(content))
    assert main(["measure", str(tmp_path / "g.json"), "-o", str(out)]) == 1
    assert "age 150" in capsys.readouterr().err
    assert main(["measure", str(tmp_path / "g.json"), "-o", str(out), "--age", "50"]) == 0
    assert "50 years, F" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"PatientAge": "063Y", "PatientSex": "F"}, (63, "F")),
        ({"PatientAge": "018M"}, (1.5, None)),
        ({"StudyDate": "20200101"}, (69, None)),
        ({"StudyDate": "20200102", "PatientSex": "x"}, (70, None)),
        ({"AcquisitionDate": "20200601", "StudyDate": "20200101", "PatientSex": "M"}, (70, "M")),
        ({"PatientBirthDate": ""}, (None, None)),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_age_from_tags(tmp_path, tags, expected):
    told = patient_tags(dicom(tmp_path / "f.dcm", pattern(), **tags), AGE_LIMITS)
    assert (told.age, told.sex) == expected
    assert not told.warnings


AGE, BIRTH = "PatientAge (0010,1010)", "PatientBirthDate (0010,0030)"
TAKEN, STUDY = "AcquisitionDate (0008,0022)", "StudyDate (0008,0020)"


@pytest.mark.parametrize(
    ("tags", "age", "told"),
    [
        ({"PatientAge": "000Y", "StudyDate": "20200101"}, 69, (AGE, BIRTH, STUDY)),
        ({"PatientAge": "000D", "PatientBirthDate": ""}, None, (AGE, "not used")),
        ({"PatientAge": "030Y", "StudyDate": "20200101"}, 69, (AGE, "contradicts", BIRTH, STUDY)),
        ({"PatientAge": "070Y", "StudyDate": "20200101"}, 70, ()),
        ({"PatientAge": "999Y", "StudyDate": "20200101"}, 69, (AGE, BIRTH)),
        ({"PatientAge": "999Y"}, None, (AGE, "not used")),
        ({"PatientAge": "old", "StudyDate": "20200101"}, 69, (AGE, BIRTH)),
        ({"AcquisitionDate": "19000101", "StudyDate": "20200101"}, 69, (TAKEN, STUDY)),
        ({"AcquisitionDate": "19490101", "StudyDate": "20200101"}, 69, (TAKEN, STUDY)),
        ({"AcquisitionDate": "21500101", "StudyDate": "20200101"}, 69, (TAKEN, STUDY)),
        ({"AcquisitionDate": "19800101", "StudyDate": "20200101"}, 69, (TAKEN, STUDY)),
        ({"AcquisitionDate": "19000101"}, None, (TAKEN, "not used")),
        ({"AcquisitionDate": "19900101", "StudyDate": "20200101"}, 39, (TAKEN, STUDY, "apart")),
        ({"AcquisitionDate": "19900101", "StudyDate": "20200101", "PatientAge": "070Y"}, 70, (TAKEN, STUDY, "apart")),
        ({"PatientBirthDate": "19000101", "StudyDate": "20200101", "PatientAge": "063Y"}, 63, (BIRTH, "not used")),
        ({"PatientBirthDate": "19000101", "StudyDate": "20000101"}, None, (BIRTH, "not used")),
        ({"PatientBirthDate": "19700101", "StudyDate": "20100101"}, 40, ()),
        ({"AcquisitionDate": "20100105", "ContentDate": "20240105", "PatientAge": "060Y"}, 60, ()),
        ({"PatientBirthDate": "20190801", "StudyDate": "20200101", "PatientAge": "000Y"}, 0, ()),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_tags_of_the_age_that_cannot_be_or_contradict_each_other(tmp_path, tags, age, told):
    read = patient_tags(dicom(tmp_path / "f.dcm", pattern(), **tags), AGE_LIMITS)
    assert read.age == age
    assert len(read.warnings) == bool(told)
    assert all(word in read.warnings[0] for word in told)
    birth = tags.get("PatientBirthDate", "19500102")
    assert not any(birth[:4] in text for text in read.warnings if birth)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_an_age_that_cannot_be_costs_no_landmarks(tmp_path):
    data = pydicom.dcmread(SAMPLE_FILM)
    data.PatientAge, data.PatientBirthDate, data.StudyDate, data.PatientSex = "999Y", "18000101", "20200101", "M"
    data.save_as(tmp_path / "film.dcm")
    assert main(["detect", str(tmp_path / "film.dcm"), "-o", str(tmp_path / "a"), "--use-patient-tags"]) == 0
    content = json.loads((tmp_path / "a" / "film.json").read_text())
    assert content["patient"] == {"age": None, "sex": "M", "source": "DICOM tags"}
    assert any(AGE in text for text in content["warnings"])


def test_tags_of_the_patient_are_used_only_when_allowed(tmp_path, capsys):
    data = pydicom.dcmread(SAMPLE_FILM)
    data.PatientAge, data.PatientSex = "071Y", "F"
    data.save_as(tmp_path / "film.dcm")
    assert main(["detect", str(tmp_path / "film.dcm"), "-o", str(tmp_path / "a")]) == 0
    assert "patient" not in json.loads((tmp_path / "a" / "film.json").read_text())
    assert main(["detect", str(tmp_path / "film.dcm"), "-o", str(tmp_path / "b"), "--use-patient-tags"]) == 0
    content = json.loads((tmp_path / "b" / "film.json").read_text())
    assert content["patient"] == {"age": 71, "sex": "F", "source": "DICOM tags"}
    assert content["readings"]["PT target"]["target"] == pytest.approx(20 + 16 / 3, abs=1e-3)
    told = [str(tmp_path / "film.dcm"), "-o", str(tmp_path / "c"), "--use-patient-tags", "--no-pictures"]
    assert main(["detect", *told, "--age", "60"]) == 0
    both = {"age": 60, "sex": "F", "source": "given, DICOM tags"}
    assert json.loads((tmp_path / "c" / "film.json").read_text())["patient"] == both
    rows = list(csv.DictReader((tmp_path / "b" / "results.csv").open()))
    assert rows[0]["age"] == "71.0" and rows[0]["class SRS-Schwab"]
    capsys.readouterr()
