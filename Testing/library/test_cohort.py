"""Visits in order, differences between them, and the page."""

import csv
import re

import pytest

pd = pytest.importorskip("pandas")
pytest.importorskip("seaborn")

from SpineAlignmentLib.clinical.norms import HEALTHY_ADULTS, norm  # noqa: E402
from SpineAlignmentLib.cohort import figures  # noqa: E402
from SpineAlignmentLib.cohort.corrected import counted_once  # noqa: E402
from SpineAlignmentLib.cohort.outliers import outliers  # noqa: E402
from SpineAlignmentLib.cohort.page import changes  # noqa: E402
from SpineAlignmentLib.cohort.visits import differences, read_results, visits  # noqa: E402
from SpineAlignmentLib.command_line import main  # noqa: E402
from SpineAlignmentLib.measurement.parameters import PARAMETERS  # noqa: E402
from SpineAlignmentLib.results.store import Entry, Source, Store  # noqa: E402
from SpineAlignmentLib.results.table import label  # noqa: E402


def write(out, films, intervals=True):
    """A folder of results: (file, patient, day, change of LL, change of PI, lowest confidence), or (file, reason)."""
    films_folder = out.parent / "films"
    with Store(out) as store:
        for film in films:
            source = Source(films_folder / film[0], film[0])
            name = store.name(source, film[0].split(".")[0])
            if len(film) == 2:
                store.put(Entry(source, name, "", "s", {}, film[1]))
                continue
            _, patient, day, lordosis, incidence, sure = film
            row = {label(p): p.mean for p in PARAMETERS} | {"patient": patient, "lowest_confidence": sure}
            row[label(PARAMETERS[3])] += lordosis
            row[label(PARAMETERS[0])] += incidence
            if intervals:
                row |= {label(p, "low"): row[label(p)] - 3 for p in PARAMETERS}
                row |= {label(p, "high"): row[label(p)] + 3 for p in PARAMETERS}
            store.put(Entry(source, name, "f", "s", row, "", patient, None if day is None else 5000 + day))


FILMS = [
    ("a3.png", "aa", 400, 20.0, 0.0, 0.9),
    ("a1.png", "aa", 0, 0.0, 0.0, 0.9),
    ("a1b.png", "aa", 0, 50.0, 0.0, 0.6),
    ("a2.png", "aa", 30, 3.0, 1.0, 0.9),
    ("b1.png", "bb", 100, 0.0, 0.0, 0.9),
    ("b2.png", "bb", 110, 0.0, 15.0, 0.9),
    ("c1.png", "cc", 5, 0.0, 60.0, 0.2),
    ("d<b>.png", None, None, 0.0, 0.0, 0.9),
    ("bad.png", "an empty file"),
]


@pytest.fixture
def out(tmp_path):
    write(tmp_path / "out", FILMS)
    return tmp_path / "out"


def test_visits_are_put_in_order(out):
    found = visits(read_results(out / "results.csv"))
    assert found[["patient", "visit", "day", "file", "films"]].values.tolist() == [
        ["aa", 1, 0, "a1.png", 2],
        ["aa", 2, 30, "a2.png", 1],
        ["aa", 3, 400, "a3.png", 1],
        ["bb", 1, 0, "b1.png", 1],
        ["bb", 2, 10, "b2.png", 1],
        ["cc", 1, 0, "c1.png", 1],
    ]
    assert set(found["state"]) == {""}


def test_a_corrected_film_counts_once(tmp_path):
    films = [(name, "p", 0, 0.0, 0.0, 0.9) for name in ("x.png", "y.png", "x.json", "x_2.mrk.json", "z.json")]
    write(tmp_path / "out", films)
    table = read_results(tmp_path / "out" / "results.csv")
    results = {"x.png": "x", "y.png": "y", "x.json": "x_2", "x_2.mrk.json": "x_2_2", "z.json": "z"}
    assert dict(zip(table["file"], table["result"], strict=True)) == results
    assert set(counted_once(table)["file"]) == {"y.png", "x_2.mrk.json", "z.json"}


def put(out, file, fingerprint, **more):
    """One more row of a folder of results, with values of its own."""
    with Store(out) as store:
        source = Source(out.parent / file, file)
        name = store.name(source, file.split("/")[-1].split(".")[0])
        row = {label(p): p.mean for p in PARAMETERS} | {"lowest_confidence": 0.9}
        store.put(Entry(source, name, fingerprint, "s", row | more, "", None, more.pop("day", None)))


def test_a_corrected_film_counts_once_under_any_name_and_no_other_for_it(tmp_path):
    out = tmp_path / "out"
    put(out, "a/x.png", "1" * 64, patient="p")
    put(out, "b/x.png", "2" * 64, patient="q")
    put(out, "c/x.png", "2" * 64, patient="q")
    put(out, "x.json", "f", film_sha256="2" * 64)
    put(out, "y.json", "f", film_sha256="2" * 64)
    put(out, "v.mhd", "a" * 64, film_sha256="3" * 64)  # the film is what the header names
    put(out, "v.json", "f", film_sha256="3" * 64)
    table = read_results(out / "results.csv").set_index("file", drop=False)
    assert table["result"].to_dict()["a/x.png"] == "x"
    assert set(counted_once(table)["file"]) == {"a/x.png", "v.json", "x.json", "y.json"}
    assert table.loc[["x.json", "y.json"], "patient"].tolist() == ["q", "q"]


def test_corrected_landmarks_of_named_patients_are_in_their_visits(tmp_path):
    out = tmp_path / "out"
    for i, change in enumerate((0.0, 15.0)):
        row = {label(PARAMETERS[0]): PARAMETERS[0].mean + change, "patient_id": "P 1"}
        put(out, f"{i}.png", f"{i}" * 64, **row, patient="P 1", day=700 + i)
    put(out, "1.json", "f", film_sha256="1" * 64)
    assert main(["cohort", str(out)]) == 0
    with (out / "cohort" / "visits.csv").open() as stream:
        rows = [(row["file"], row["day"], row["films"], row["PI (deg)"]) for row in csv.DictReader(stream)]
    mean = str(PARAMETERS[0].mean)
    assert rows == [("0.png", "0", "1", mean), ("1.json", "1", "1", mean)]


@pytest.mark.parametrize("name", ["z.mrk.json", "z.json", "z.sr.dcm", "z.fcsv", "z.csv", "z.TSV"])
def test_corrected_landmarks_count_before_detected_ones(tmp_path, name):
    films = [("a.dcm", "aa", 0, 0.0, 0.0, 0.9), (name, "aa", 0, 5.0, 0.0, 0.9)]
    write(tmp_path / "out", films)
    assert visits(read_results(tmp_path / "out" / "results.csv"))["file"].tolist() == [name]


@pytest.mark.parametrize("name", ["x.mrk.json", "x.sr.dcm", "x.fcsv"])
def test_a_film_and_its_landmarks_in_any_file_are_one(tmp_path, name):
    put(tmp_path, "x.png", "1" * 64)
    put(tmp_path, name, "f", film_sha256="1" * 64)
    table = read_results(tmp_path / "results.csv")
    assert counted_once(table)["file"].tolist() == [name]


@pytest.mark.parametrize(
    "listed",
    [
        "patient,day\naa,30\n",
        "file\na3.png\n",
        "\ufeffPatient; Day\r\naa;30\r\n",
        "patient\tday\tnote\naa\t30\tR\xfcckenschmerz, 2 Tage\n",
    ],
)
def test_pairs_across_surgery(tmp_path, out, listed):
    encoding = "utf-8" if listed.startswith("\ufeff") else "cp1252"
    (tmp_path / "surgery.csv").write_bytes(listed.encode(encoding))
    assert main(["cohort", str(out), "--surgery", str(tmp_path / "surgery.csv")]) == 0
    with (out / "cohort" / "differences.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["parameter"] == "LL" and row["patient"] == "aa"]
    assert [(r["from_day"], r["to_day"], r["kind"]) for r in rows] == [
        ("0", "30", "next visit"),
        ("30", "400", "surgery, first visit after"),
    ]
    assert [r["marked"] for r in rows] == ["False", "True"]
    assert [float(r["difference"]) for r in rows] == pytest.approx([3.0, 17.0])
    assert float(rows[0]["interval"]) == pytest.approx(3 * 2**0.5, abs=1e-3)


@pytest.mark.parametrize(
    ("listed", "stray"), [("patient,day\naa,30\nzz,5\n", "zz"), ("file\na3.png\nq.png\n", "q.png")]
)
def test_surgeries_that_fit_no_film_are_named(tmp_path, out, capsys, listed, stray):
    file = tmp_path / "surgery.csv"
    file.write_text(listed)
    assert main(["cohort", str(out), "--surgery", str(file)]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"{file}: 1 of its entries in no row of the table: {stray}"
    file.write_text(listed.replace("aa,30\n", "").replace("a3.png\n", ""))
    assert main(["cohort", str(out), "--surgery", str(file)]) == 1
    assert stray in capsys.readouterr().err


def test_the_last_visit_after_surgery_is_a_pair_of_its_own(tmp_path):
    write(tmp_path / "out", [(f"{i}.png", "p", 100 * i, 10.0 * i, 0.0, 0.9) for i in range(4)])
    listed = pd.DataFrame({"patient": ["p"], "day": [0]})
    table = differences(visits(read_results(tmp_path / "out" / "results.csv"), listed))
    pairs = table[table["parameter"] == "LL"][["from_day", "to_day", "kind", "difference"]].values.tolist()
    assert pairs == [
        [0, 100, "surgery, first visit after", 10.0],
        [0, 300, "surgery, last visit after", 30.0],
        [100, 200, "next visit", 10.0],
        [200, 300, "next visit", 10.0],
    ]


def test_without_intervals_nothing_is_marked(tmp_path):
    write(tmp_path / "out", FILMS, intervals=False)
    table = differences(visits(read_results(tmp_path / "out" / "results.csv")))
    assert len(table) == 3 * len(PARAMETERS)
    assert table["marked"].isna().all() and table["difference"].notna().all()


def test_what_to_look_at_first(out):
    table = read_results(out / "results.csv")
    found = visits(table)
    odd = outliers(table, differences(found), found).set_index("file")["why"]
    assert odd.index[0] == "c1.png"
    assert "PI 112 deg, 4.6 SD above the mean" in odd["c1.png"] and "lowest confidence 0.20" in odd["c1.png"]
    assert odd["b2.png"] == "PI differs by +15 deg from that of day 0"
    assert set(odd.index) == {"c1.png", "b2.png"}


def test_the_page_stands_alone(out, capsys):
    assert main(["cohort", str(out)]) == 0
    text = (out / "cohort" / "cohort.html").read_text()
    assert str(out / "cohort" / "cohort.html") in capsys.readouterr().out
    assert not re.findall(r'(?:src|href)="(?!data:)', text)
    assert text.count("data:image/png;base64,") == 2
    assert "Films measured: 8, failed: 1. Patients: 3, visits:" in text
    assert "an empty file" in text and "1 film is in no visit, since its patient" in text
    assert "<b>" not in text


def test_changes_have_the_digits_of_their_parameters_and_no_sign_at_zero(tmp_path):
    write(tmp_path / "out", [("a.png", "p", 0, 0.0, 0.0, 0.9), ("b.png", "p", 9, -0.02, 1.26, 0.9)])
    table = differences(visits(read_results(tmp_path / "out" / "results.csv")))
    shown = {row["parameter"]: (row["median"], row["quartiles"]) for row in changes(table)}
    assert shown["PI"] == ("+1.3°", "+1.3° to +1.3°") and shown["LL"] == ("0.0°", "0.0° to 0.0°")
    assert shown["Barrey"] == ("0.00", "0.00 to 0.00") and shown["SVA"][0] == "0.0 mm"


def test_the_page_says_whose_the_bands_are(out):
    assert main(["cohort", str(out)]) == 0
    text = " ".join((out / "cohort" / "cohort.html").read_text().split())
    assert norm("LL").cohort == HEALTHY_ADULTS
    assert "deviations of healthy adults, under 65 where norms differ by age; those of PTK, MTK" in text
    assert "and OD-HA are of the patients of Yeh 2021." in text
    assert "standard deviations from the mean of the patients of Yeh 2021" in text


def test_figures_of_few_films_can_be_read(out):
    table = read_results(out / "results.csv")
    found = visits(table)
    assert min(figures.trends(found).axes[0].collections[-1].get_sizes()) > 20
    assert all(float(tick).is_integer() for axes in figures.distributions(table).axes for tick in axes.get_yticks())


@pytest.mark.filterwarnings("error")
def test_a_table_of_many_columns_makes_no_library_complain(out):
    films = out.parent / "films"
    with Store(out) as store:
        for day in range(3):
            source = Source(films / f"wide{day}.png", f"wide{day}.png")
            row = {label(p): p.mean for p in PARAMETERS} | {f"reading {i}": "text" for i in range(300)}
            row |= {f"angle {i} (deg)": 1.5 for i in range(300)} | {"patient": "ww"}
            store.put(Entry(source, f"wide{day}", "f", "s", row, "", "ww", day))
    assert main(["cohort", str(out)]) == 0


def test_films_of_unknown_patients_are_a_cohort_without_visits(tmp_path, capsys):
    write(tmp_path / "out", [("x.png", None, None, 0.0, 0.0, 0.9), ("y.png", None, None, 0.0, 0.0, 0.9)])
    assert main(["cohort", str(tmp_path / "out")]) == 0
    assert "2 films are in no visit" in (tmp_path / "out" / "cohort" / "cohort.html").read_text()
    assert len((tmp_path / "out" / "cohort" / "visits.csv").read_text().splitlines()) == 1


def test_patients_and_films_may_have_names_that_tables_take_for_nothing(tmp_path, capsys):
    write(tmp_path / "out", [(f"{name}.png", name, 0, 0.0, 0.0, 0.9) for name in ("NA", "NULL", "None", "nan")])
    table = read_results(tmp_path / "out" / "results.csv")
    assert sorted(table["result"]) == sorted(visits(table)["patient"]) == ["NA", "NULL", "None", "nan"]
    (tmp_path / "s.csv").write_text("patient,day\nNA,-1\nnull,5\n")
    assert main(["cohort", str(tmp_path / "out"), "--surgery", str(tmp_path / "s.csv")]) == 0
    assert "1 of its entries in no row of the table: null" in capsys.readouterr().out


def test_a_table_that_was_edited_into_words_is_told_in_one_line(out, capsys):
    table = out / "results.csv"
    table.write_text(table.read_text().replace(",0.9,", ",sure,", 1))
    assert main(["cohort", str(out)]) == 1
    error = capsys.readouterr().err
    assert "not a number in column lowest_confidence" in error and "sure" in error and len(error.splitlines()) == 1


def test_no_results_there(tmp_path, capsys):
    assert main(["cohort", str(tmp_path)]) == 1
    assert "results.csv: cannot read" in capsys.readouterr().err
    (tmp_path / "results.csv").write_text("a,b\n1,2\n")
    assert main(["cohort", str(tmp_path)]) == 1
    assert "not a table of results" in capsys.readouterr().err
    write(tmp_path / "out", FILMS)
    (tmp_path / "s.csv").write_text("file,day\na3.png,3\n")
    assert main(["cohort", str(tmp_path / "out"), "--surgery", str(tmp_path / "s.csv")]) == 0
    (tmp_path / "s.csv").write_text("who\nx\n")
    assert main(["cohort", str(tmp_path / "out"), "--surgery", str(tmp_path / "s.csv")]) == 1
    assert "patient and day, or the column file" in capsys.readouterr().err
