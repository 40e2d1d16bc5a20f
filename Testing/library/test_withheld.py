"""What is withheld of a film whose side is wrong: readings, norms' marks, and the values of the report."""

import csv
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from SpineAlignmentLib.clinical.patient import Patient
from SpineAlignmentLib.clinical.report import ENGLISH, html_report, pdf_report, visit
from SpineAlignmentLib.clinical.result import readings_of, with_readings
from SpineAlignmentLib.clinical.text_table import parameter_table
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.results import csv_bytes, json_bytes
from SpineAlignmentLib.results.colors import GROUP_COLORS
from SpineAlignmentLib.results.result_file import read_annotation
from Testing.library.films import SAMPLE_FILM
from Testing.library.test_report import run

RIGHT = read_annotation(SAMPLE_FILM.with_suffix(".json"))
OTHER = "right" if RIGHT.anterior == "left" else "left"


@pytest.fixture(scope="module")
def wrong():
    """The sample film on the wrong side."""
    return with_readings(RIGHT.facing(OTHER, "set by hand"), Patient(63, "F"))


def test_readings_are_withheld_and_say_why(wrong):
    assert any(reading.computable for reading in readings_of(RIGHT, Patient(63, "F")))
    found = readings_of(wrong, Patient(63, "F"))
    assert {reading.reason for reading in found} == {"withheld: wrong side?"}
    assert all(np.isnan(reading.value) and not reading.label and not reading.inputs for reading in found)
    content = json.loads(json_bytes(wrong))
    assert {(entry["value"], entry["class"]) for entry in content["readings"].values()} == {(None, None)}
    assert not any(entry and entry["unusual"] for entry in content["norms"].values())
    row = next(csv.DictReader(io.StringIO(csv_bytes([wrong]).decode())))
    assert {row[key] for key in row if "SRS-Schwab" in key} == {""}
    assert "not computable: PI-LL, " in parameter_table(wrong) and "(withheld: wrong side?)" in parameter_table(wrong)


def test_the_report_gives_no_value(wrong, tmp_path):
    film = read_film(SAMPLE_FILM)
    seen, good = (visit(one, film, ENGLISH) for one in (wrong, with_readings(RIGHT, Patient(63, "F"))))
    assert all(np.isnan(row.value) and row.reason == "withheld: wrong side?" for row in seen.rows)
    assert seen.warnings[0].startswith("wrong side?")
    (tmp_path / "f.pdf").write_bytes(pdf_report([[seen]]))
    first = " ".join(run("pdftotext", "-l", "1", tmp_path / "f.pdf", "-").split())
    assert seen.warnings[0] in first and not re.search(r"\d\N{DEGREE SIGN}", first)
    page = html_report([[seen]]).decode()
    assert page.count("withheld: wrong side?") == len(seen.rows) + 1
    assert not re.search(r"\d\N{DEGREE SIGN}", page) and re.search(r"\d\N{DEGREE SIGN}", html_report([[good]]).decode())

    def colored(of):
        pixels = np.asarray(Image.open(io.BytesIO(of.picture)).convert("RGB"), int)
        color = np.array(GROUP_COLORS["pelvis"])
        return np.count_nonzero(np.abs(pixels - color).max(axis=2) < 40)

    assert colored(good) > 300 and colored(seen) < colored(good) / 10
