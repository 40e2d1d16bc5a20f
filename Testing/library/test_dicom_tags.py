"""Tags of films in every state, and what becomes of them in DICOM results."""

import csv
import io

import numpy as np
import pydicom
import pytest
from PIL import Image, ImageDraw, ImageFont

from SpineAlignmentLib.command_line import main
from SpineAlignmentLib.dicom.film_header import film_header
from SpineAlignmentLib.dicom.gsps_writing import presentation_state
from SpineAlignmentLib.dicom.results import dicom_capture
from SpineAlignmentLib.film.reading import read_film
from Testing.library.films import SAMPLE_FILM, dicom, pattern, picture, spine
from Testing.library.test_dicom_results import SIZE, annotation, film, run


@pytest.mark.parametrize(("said", "text", "flag"), [("NO", False, "NO"), ("YES", False, "YES"), ("NO", True, "YES")])
def test_text_in_the_pixels_is_told(tmp_path, said, text, flag):
    pixels = pattern(*SIZE)
    if text:
        letters = Image.new("L", (400, 40))
        ImageDraw.Draw(letters).text((5, 5), "DOE JANE 1950-01-02", fill=255, font=ImageFont.load_default(28))
        pixels[20:60, 50:450][np.asarray(letters) > 128] = pixels.max()
    path = dicom(tmp_path / "f.dcm", pixels, BurnedInAnnotation=said)
    found = annotation(path, "DX")
    (content,) = dicom_capture(path, read_film(path), found).values()
    assert pydicom.dcmread(io.BytesIO(content)).BurnedInAnnotation == flag


NAMES_OF_PEOPLE = {
    "Japan": (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    "Korea": (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
    "China": ("GB18030", "Wang^XiaoDong=王^小东"),
    "mixed": (["ISO_IR 100", "ISO 2022 IR 87"], "Müller^Jörg"),
    "none": ("", "Doe^Jane"),
}


@pytest.mark.parametrize("country", NAMES_OF_PEOPLE)
def test_names_of_every_script_are_kept(tmp_path, country):
    data = pydicom.dcmread(film(tmp_path / "f.dcm", "MONOCHROME1"))
    data.SpecificCharacterSet, data.PatientName = NAMES_OF_PEOPLE[country]
    data.save_as(tmp_path / "f.dcm")
    presentation_state(annotation(tmp_path / "f.dcm", "MONOCHROME1"), film_header(tmp_path / "f.dcm")).save_as(
        tmp_path / "f.gsps.dcm"
    )
    assert str(pydicom.dcmread(tmp_path / "f.gsps.dcm").PatientName) == NAMES_OF_PEOPLE[country][1]
    done = run("dciodvfy", tmp_path / "f.gsps.dcm")
    assert "Error" not in done.stdout + done.stderr


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        *(("PatientBirthDate", "00000000"), ("PatientBirthDate", "1950"), ("StudyDate", "20260230")),
        *(("StudyDate", "2026.01.02"), ("StudyTime", "10:10:10"), ("StudyTime", "999999"), ("PatientSex", "f")),
        *(("Laterality", "RIGHT"), ("WindowWidth", "0")),
    ],
)
def test_tags_that_cannot_be_are_left_empty(tmp_path, keyword, value):
    data = pydicom.dcmread(film(tmp_path / "f.dcm", "Latin name"))
    with pydicom.config.disable_value_validation():
        setattr(data, keyword, value)
        data.save_as(tmp_path / "f.dcm")
    state = presentation_state(annotation(tmp_path / "f.dcm", "DX"), film_header(tmp_path / "f.dcm"))
    state.save_as(tmp_path / "f.gsps.dcm")
    assert not state.get(keyword)
    done = run("dciodvfy", tmp_path / "f.gsps.dcm")
    assert "Error" not in done.stdout + done.stderr


def test_a_film_that_is_no_dicom_has_its_other_results(tmp_path, capsys):
    picture(tmp_path / "a.png", spine(bits=8))
    assert main(["detect", str(tmp_path / "a.png"), "-o", str(tmp_path / "b"), "--dicom", "--capture", "--report"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"spine-alignment: {tmp_path / 'a.png'}: not a DICOM film, so that no DICOM results")
    assert {p.name for p in (tmp_path / "b").glob("a.*")} == {"a.json", "a.mrk.json", "a.png", "a.pdf"}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"RescaleSlope": "1", "RescaleIntercept": None}, "RescaleIntercept, RescaleSlope"),
        ({"PatientName": ["Doe^Jane", "Doe"]}, "PatientName"),
    ],
)
def test_tags_that_allow_no_dicom_results_cost_nothing_else(tmp_path, capsys, change, named):
    data = pydicom.dcmread(SAMPLE_FILM)
    for keyword, value in change.items():
        if value is None:
            data.pop(keyword, None)
        else:
            setattr(data, keyword, value)
    data.save_as(tmp_path / "film.dcm")
    detect = ["detect", str(tmp_path / "film.dcm"), "-o", str(tmp_path / "out"), "--dicom", "--no-pictures"]
    for _ in range(2):
        assert main(detect) == 1, "tried again, as what failed is"
        said = capsys.readouterr()
        (line,) = said.err.splitlines()
        assert "film.dcm: its tags do not allow DICOM results: " + named in line and "Doe" not in line
        assert line.endswith("; its other results are written") and "PI " in said.out
    assert {"film.json", "film.mrk.json"} <= {p.name for p in (tmp_path / "out").iterdir()}
    (row,) = csv.DictReader((tmp_path / "out" / "results.csv").open())
    assert (row["status"], row["result"]) == ("done", "film") and named in row["reason"] and row["PI (deg)"]
