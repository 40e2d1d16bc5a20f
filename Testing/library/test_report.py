"""Reports: looked at through other programs (Poppler's pdfinfo, pdftotext and pdftoppm), and as parsed HTML."""

import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from SpineAlignmentLib.clinical.norms import unusual
from SpineAlignmentLib.clinical.patient import Patient
from SpineAlignmentLib.clinical.report import ENGLISH, html_report, pdf_report, visit
from SpineAlignmentLib.clinical.report.content import change_text, inputs_text, not_computable, reading_value
from SpineAlignmentLib.clinical.result import readings_of, with_readings
from SpineAlignmentLib.command_line import main
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.jobs.reporting import film_of
from SpineAlignmentLib.measurement.constructions import value_text
from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.measurement.parameters import KEYS
from SpineAlignmentLib.results.drawn import Drawn, cobb_between
from SpineAlignmentLib.results.measured import reason_text
from SpineAlignmentLib.results.picture import png_bytes
from SpineAlignmentLib.results.result_file import read_annotation, to_json, write_annotation
from Testing.library.films import SAMPLE_FILM, dicom, pattern

RESULT = SAMPLE_FILM.with_suffix(".json")
PAPERS = {"a4": (595.3, 841.9), "letter": (612.0, 792.0)}


def run(*command: object) -> str:
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def film():
    return read_film(SAMPLE_FILM)


@pytest.fixture(scope="module")
def found():
    """The sample film's landmarks with an age, and with intervals as a detection gives them."""
    annotation = with_readings(read_annotation(RESULT), Patient(63, "F"))
    parameters = to_json(annotation)["parameters"]
    for entry in parameters.values():
        entry |= {"low": entry["value"] - 4.0, "high": entry["value"] + 5.0}
    warnings = ("one landmark is uncertain", "spacing < 1 & odd")
    return replace(annotation, extra={**annotation.extra, "parameters": parameters}, warnings=warnings)


@pytest.fixture(scope="module", params=[("a4", 1), ("letter", 1), ("a4", 2), ("letter", 2)], ids=str)
def printed(request, film, found, tmp_path_factory):
    """A PDF on each paper, of one visit and of two."""
    paper, count = request.param
    path = tmp_path_factory.mktemp("report") / "report.pdf"
    later = replace(found, film="later.dcm").with_points(found.points_px + [[3.0, 0.0]])
    later.points_px[0] += 40
    visits = [visit(one, film, ENGLISH, count == 2) for one in (found, later)[:count]]
    path.write_bytes(pdf_report([visits], paper))
    return paper, count, path


def test_two_pages_of_the_right_size(printed):
    paper, _, path = printed
    info = run("pdfinfo", path)
    assert re.search(r"Pages: +2\n", info)
    size = re.search(r"Page size: +([\d.]+) x ([\d.]+)", info)
    assert [float(v) for v in size.groups()] == pytest.approx(PAPERS[paper], abs=0.5)
    assert "Sagittal alignment of the spine" in info


def words(path: Path) -> list[list[tuple[float, float, float, float, str]]]:
    """The words of each page with their boxes."""
    pages = run("pdftotext", "-bbox", path, "-").split("<page ")[1:]
    number = r'="(-?[\d.]+)"'
    pattern = f"<word xMin{number} yMin{number} xMax{number} yMax{number}>(.*?)</word>"
    return [[(*map(float, m[:4]), m[4]) for m in re.findall(pattern, page)] for page in pages]


def test_no_word_over_another_and_none_off_the_page(printed):
    paper, _, path = printed
    width, height = PAPERS[paper]
    pages = words(path)
    assert len(pages) == 2 and min(len(page) for page in pages) > 60
    for page in pages:
        for i, (left, top, right, bottom, text) in enumerate(page):
            assert left > 30 and right < width - 30 and top > 20 and bottom < height - 15, text
            for other in page[:i]:
                across = min(right, other[2]) - max(left, other[0])
                down = min(bottom, other[3]) - max(top, other[1])
                # boxes of words hold room above and below their letters
                assert across < 0.5 or down < 0.35 * min(bottom - top, other[3] - other[1]), (text, other[4])


def test_all_is_said(printed, found):
    _, count, path = printed
    text = " ".join(run("pdftotext", "-layout", path, "-").split())
    values = found.parameters()
    for key in KEYS:
        marked = " !" if unusual(key, values[key], 63) else ""
        assert f"{value_text(key, values[key])}{marked}".strip() in text, key
    for expected in ("63 years, female", "0.38 x 0.38 mm (simulated)", "one landmark is uncertain", "spacing < 1 & odd",
                     "SpineAlignment", "no diagnosis", "Read by", "signature", "Page 1 of 2", "Page 2 of 2", "[1]",
                     "doi:10.2106/JBJS.16.01594", "moderate"):  # fmt: skip
        assert expected in text, expected
    assert ("Target" in text) is (count == 1) and ("Difference" in text) is (count == 2)
    if count == 1:
        assert f"{values['PI'] - 4:.1f} to {values['PI'] + 5:.1f}" in text
    # or nobody knows what it means
    assert ("90 % interval: nine times in ten" in text and "Line through it" in text) is (count == 1)


def test_pictures_are_there_and_readable_in_gray(printed, tmp_path):
    _, count, path = printed
    run("pdftoppm", "-gray", "-r", "100", path, tmp_path / "page")
    first = np.asarray(Image.open(tmp_path / "page-1.pgm"), float)
    left, right = first[:, : first.shape[1] // 2], first[:, first.shape[1] // 2 :]
    # the film is dark, the table black on white; bars are gray, dots black
    assert (left < 60).mean() > 0.1 * (1.0 if count == 1 else 0.5)
    assert (right > 240).mean() > 0.6 and ((right > 190) & (right < 230)).mean() > 0.003
    assert len(re.findall(r"image ", run("pdfimages", "-list", path))) == count


class _Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.sources, self.texts = [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.sources += [value for name, value in attributes if name in ("src", "href", "action", "data")]

    def handle_data(self, data):
        self.texts.append(data)


def test_html_holds_all_of_itself(film, found):
    odd = replace(found, film="<script>alert(1)</script>.dcm")
    page = _Page()
    visits = [visit(odd, film, ENGLISH), visit(found, None, ENGLISH)]
    content = html_report([visits[:1], visits]).decode()
    page.feed(content)
    assert "script" not in page.tags and "link" not in page.tags
    assert len(page.sources) == 3 and all(source.startswith("data:image/jpeg;base64,") for source in page.sources)
    text = " ".join(" ".join(page.texts).split())
    for expected in ("<script>alert(1)</script>.dcm", "63 years, female", "Two visits side by side".lower(),
                     "The film itself was not found", "no diagnosis", "spacing < 1 & odd"):  # fmt: skip
        assert expected in text
    assert "@import" not in content and "url(" not in content
    assert page.tags.count("circle") == len(KEYS) * 3


def test_what_a_person_measured_besides_is_said_in_both(film, found, tmp_path):
    drawn = (cobb_between("T1", "T12"), Drawn("distance", None, ((200.0, 900.0), (700.0, 900.0))))
    more = replace(found, drawn=(*drawn, replace(drawn[1], points_px=((0.0, 0.0), (100.0, 0.0)))))
    said = [f"Cobb T1-T12 {found.cobb('T1', 'T12'):.1f}", "Distance 1 190.0", "Distance 2 38.0"]
    visits = [visit(more, film, ENGLISH), visit(found, film, ENGLISH)]
    (tmp_path / "report.pdf").write_bytes(pdf_report([visits]))
    printed = " ".join(run("pdftotext", "-layout", tmp_path / "report.pdf", "-").split())
    page = html_report([visits]).decode()
    assert all(text in printed and text in page for text in ("Further measurements", "First: Cobb", *said))
    assert "Further measurements" not in html_report([visits[1:]]).decode()


def test_many_warnings_and_long_names_find_room(film, found, tmp_path):
    warnings = tuple(
        f"warning {i}: " + "a long text that says what is the matter and what to do about it " * 2 for i in range(15)
    )
    parameters = to_json(found)["parameters"]
    parameters["SVA"] = {"value": None, "unit": "mm", "reason": "C7_C is off the film"}
    extra = {**found.extra, "parameters": parameters}
    odd = replace(found, film="x" * 200 + ".dcm", warnings=warnings, models=("network",) * 40, extra=extra)
    for paper in PAPERS:
        for pages in (
            [[visit(odd, film, ENGLISH)]],
            [[visit(odd, film, ENGLISH, True), visit(odd, film, ENGLISH, True)]],
        ):
            (tmp_path / "f.pdf").write_bytes(pdf_report(pages, paper))
            text = " ".join(run("pdftotext", tmp_path / "f.pdf", "-").split())
            assert all(f"warning {i}:" in text for i in range(15)) and "C7_C is off the film" in text
            assert "Warnings: 15, see the next page" in text


def test_names_in_other_scripts(film, found, tmp_path):
    named = replace(found, film="側面_全脊柱_ß.dcm", warnings=("Zürich → Basel",))
    (tmp_path / "f.pdf").write_bytes(pdf_report([[visit(named, film, ENGLISH)]]))
    assert "側面_全脊柱_ß.dcm" in run("pdftotext", tmp_path / "f.pdf", "-")
    assert "Zürich" in run("pdftotext", tmp_path / "f.pdf", "-")


def test_ratios_have_the_digits_of_the_viewer(found):
    seen = visit(found, None, ENGLISH)
    row = next(row for row in seen.rows if row.parameter.key == "Barrey")
    low, high = row.value - 4, row.value + 5
    assert (row.text, row.interval(ENGLISH)) == (f"{row.value:.2f}", f"{low:.2f} to {high:.2f}")
    reading = next(reading for reading in seen.readings if reading.key == "Barrey ratio")
    assert reading_value(reading, ENGLISH).startswith(f"{row.value:.2f}")


def test_reasons_name_what_a_surgeon_knows(found):
    points = found.points_px.copy()
    points[[INDEX[name] for name in ("FH_1", "FH_2", "S1_A")]] = np.nan
    seen = visit(replace(found.with_points(points), extra={}), None, ENGLISH)
    (tilt,) = (row for row in seen.rows if row.parameter.key == "PT")
    assert tilt.reason == "not on the film: S1, femoral heads"
    assert "PT is not measurable: not on the film: S1, femoral heads" in not_computable((seen,))
    assert reason_text("not on the film: S1_A, FH_2") == "not on the film: S1, a femoral head"


def test_nothing_is_below_zero_by_rounding(found):
    row = next(row for row in visit(found, None, ENGLISH).rows if row.parameter.unit == "deg")
    small = replace(row, value=-0.04, low=-0.049, high=0.04)
    assert (small.text, small.interval(ENGLISH)) == ("0.0\N{DEGREE SIGN}", "0.0 to 0.0")


def test_differences_have_their_sign(film, found):
    one, other = (visit(a, film, ENGLISH) for a in (found, found.with_points(found.points_px * [[1.0, 1.02]])))
    for first, second in zip(one.rows, other.rows, strict=True):
        change = second.value - first.value
        assert change_text(first, second).startswith("+" if change > 0 else "-" if round(change, 2) < 0 else "")
    assert change_text(one.rows[0], replace(other.rows[0], value=float("nan"))) == ""


def test_a_comparison_marks_the_norms_of_patients(film, found):
    page = html_report([[visit(found, film, ENGLISH, True)] * 2]).decode()
    assert "<b>GT*</b>" in page and "<b>PI</b>" in page
    assert "<b>GT</b>" in html_report([[visit(found, film, ENGLISH)]]).decode()


def test_a_dot_stands_where_its_value_is_on_the_bar(film, found):
    seen = visit(found, film, ENGLISH)
    rows = [replace(row, value=row.norm.usual[number % 2]) for number, row in enumerate(seen.rows)]
    page = html_report([[replace(seen, rows=tuple(rows))]]).decode()
    bars = re.findall(r'<rect x="([\d.]+)" y="3" width="([\d.]+)".*?<circle cx="([\d.]+)"', page)
    assert len(bars) == len(KEYS)
    for number, (low, width, dot) in enumerate((float(a), float(b), float(c)) for a, b, c in bars):
        assert dot == pytest.approx(low + (number % 2) * width, abs=0.11)


def test_inputs_of_readings_have_the_digits_of_the_table(found):
    shown = {reading.key: inputs_text(reading) for reading in readings_of(found)}
    assert shown["Barrey ratio"] == f"Barrey {found.parameters()['Barrey']:.2f}"
    assert shown["SRS-Schwab PT"] == f"PT {found.parameters()['PT']:.1f}"


def test_another_language_is_another_table_of_words(film, found):
    terms = {"pelvic incidence": "Beckeneinfall", "aligned": "im Lot"}
    german = replace(
        ENGLISH, language="de", judgment="Keine Diagnose.", span="{low} bis {high}", either=" oder ", terms=terms
    )
    text = html_report([[visit(found, film, german)]], german).decode()
    assert 'lang="de"' in text and "Keine Diagnose." in text and "Beckeneinfall" in text
    assert "pelvic incidence" not in text and "no diagnosis" not in text
    assert " oder " in text and "im Lot" in text and not re.search(r"\d to -?\d+(?!.*healthy adults)", text)


def test_command_line(tmp_path, capsys):
    shutil.copy(RESULT, tmp_path / "film.json")
    assert main(["report", str(tmp_path / "film.json"), "-o", str(tmp_path / "out" / "r.pdf")]) == 0
    assert "The film itself was not found" in run("pdftotext", tmp_path / "out" / "r.pdf", "-")
    write_annotation(replace(read_annotation(RESULT), film="film.png"), tmp_path / "film.json")
    # a film that was a PNG itself has the name of its result's picture, which is none
    (tmp_path / "film.png").write_bytes(png_bytes(read_film(SAMPLE_FILM), read_annotation(RESULT)))
    assert main(["report", str(tmp_path / "film.json"), "-o", str(tmp_path / "png.pdf")]) == 0
    assert "The film itself was not found" in run("pdftotext", tmp_path / "png.pdf", "-")
    shutil.copy(RESULT, tmp_path / "film.json")
    both = ["report", str(RESULT), str(tmp_path / "film.json"), "--films", str(SAMPLE_FILM.parent)]
    assert main([*both, "-o", str(tmp_path / "two.html"), "--compare"]) == 0
    assert (tmp_path / "two.html").read_bytes().count(b"data:image/jpeg") == 2
    assert main([*both, "-o", str(tmp_path / "both.pdf"), "--paper", "letter"]) == 0
    assert re.search(r"Pages: +4\n", run("pdfinfo", tmp_path / "both.pdf"))
    capsys.readouterr()
    write_annotation(replace(read_annotation(RESULT), size_px=(100, 200)), tmp_path / "small.json")
    wrong = {
        "a report ends in": ["report", str(RESULT), "-o", str(tmp_path / "r.doc")],
        "of two results": ["report", str(RESULT), "-o", str(tmp_path / "r.pdf"), "--compare"],
        "no such film": ["report", str(RESULT), "-o", str(tmp_path / "r.pdf"), "--films", str(tmp_path)],
        "none.json": ["report", str(tmp_path / "none.json"), "-o", str(tmp_path / "r.pdf")],
        "was measured on 100 x 200": [
            *("report", str(tmp_path / "small.json"), "-o", str(tmp_path / "r.pdf"), "--films", str(SAMPLE_FILM.parent))
        ],
    }
    for reason, command in wrong.items():
        assert main(command) == (2 if reason in ("a report ends in", "of two results") else 1)
        error = capsys.readouterr().err
        assert reason in error and len(error.splitlines()) == 1
    assert not (tmp_path / "r.pdf").exists()


def test_the_film_of_a_result_is_found_by_content(tmp_path, capsys):
    for name in "abc":
        (tmp_path / name).mkdir()
    one, other = (dicom(tmp_path / name / "IM1", pattern() - i) for i, name in enumerate("ab"))
    here = replace(read_annotation(RESULT), film="IM1", size_px=read_film(other).size_px)
    write_annotation(replace(here, film_sha256=read_film(other).sha256), tmp_path / "r.json")
    found = film_of(read_annotation(tmp_path / "r.json"), tmp_path / "r.json", tmp_path)
    assert found is not None and np.array_equal(found.pixels, read_film(other).pixels)
    command = ["report", str(tmp_path / "r.json"), "-o", str(tmp_path / "r.html"), "--films"]
    for films in (one, one.parent):
        assert main([*command, str(films)]) == 1
        assert "another film than" in capsys.readouterr().err
    assert main([*command, str(tmp_path / "c")]) == 1 and "no such film" in capsys.readouterr().err
    shutil.copy(one, tmp_path / "IM1")
    assert main([*command[:-1]]) == 1 and "another film than" in capsys.readouterr().err
    (tmp_path / "IM1").unlink()
    write_annotation(here, tmp_path / "r.json")  # it does not say which
    assert main([*command, str(tmp_path)]) == 1 and "2 films there are called IM1" in capsys.readouterr().err
    assert main([*command, str(one)]) == 0


def test_a_film_that_was_measured_against_its_tags_is_reported(tmp_path):
    film = dicom(tmp_path / "ap.dcm", pattern(), ViewPosition="AP")
    size = read_film(film, force=True).size_px
    write_annotation(replace(read_annotation(RESULT), film="ap.dcm", size_px=size), tmp_path / "ap.json")
    assert main(["report", str(tmp_path / "ap.json"), "-o", str(tmp_path / "r.html")]) == 0
    assert b"data:image/jpeg" in (tmp_path / "r.html").read_bytes()


def test_command_line_takes_age_and_sex(tmp_path, capsys):
    told = ["--age", "71", "--sex", "M"]
    assert main(["report", str(RESULT), "-o", str(tmp_path / "r.html"), *told]) == 0
    text = (tmp_path / "r.html").read_text()
    assert "71 years, male" in text and "GAP (age unknown)" not in text
    assert main(["measure", str(RESULT), "-o", str(tmp_path), *told]) == 0
    assert main(["report", str(tmp_path / RESULT.name), "-o", str(tmp_path / "r.html"), "--sex", "F"]) == 0
    assert "71 years, female" in (tmp_path / "r.html").read_text()
    capsys.readouterr()
    assert main(["report", str(RESULT), str(RESULT), "-o", str(tmp_path / "n.html"), "--compare", *told]) == 2
    assert "one patient" in capsys.readouterr().err and not (tmp_path / "n.html").exists()
    for age in ("150", "-3"):
        with pytest.raises(SystemExit):
            main(["report", str(RESULT), "-o", str(tmp_path / "n.html"), "--age", age])
        assert "is none of a person" in capsys.readouterr().err


def test_detection_writes_its_report(tmp_path):
    assert main(["detect", str(SAMPLE_FILM), "-o", str(tmp_path), "--report", "--age", "63"]) == 0
    text = run("pdftotext", tmp_path / f"{SAMPLE_FILM.stem}.pdf", "-")
    assert "63 years" in text and "was not found" not in text
