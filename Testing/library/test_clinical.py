"""Clinical readings: worked examples from the published formulas, their borders, intervals and identities."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from SpineAlignmentLib.clinical.constants import HEALTHY, SUMS
from SpineAlignmentLib.clinical.norms import HEALTHY_ADULTS, PATIENTS, norm, norm_text, unusual
from SpineAlignmentLib.clinical.patient import Patient
from SpineAlignmentLib.clinical.quantities import quantities
from SpineAlignmentLib.clinical.readings import readings
from SpineAlignmentLib.clinical.result import readings_of
from SpineAlignmentLib.clinical.sources import SOURCES
from SpineAlignmentLib.clinical.spine_shape import Lordosis, lordosis
from SpineAlignmentLib.clinical.text_table import reading_text
from SpineAlignmentLib.measurement.landmarks import COUNT, INDEX
from SpineAlignmentLib.measurement.parameters import KEYS, spinopelvic_parameters
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.frame import film_points
from Testing.library.conftest import upright_spine

USUAL = {
    "PI": 52, "SS": 38, "PT": 14, "LL": 57, "SVA": 10, "CL": 2, "T1S": 23, "cSVA": 19, "GTK": 40, "PTK": 12, "MTK": 30,
    "L4SL": 36, "LPA": 6, "SSA": 130, "GT": 12, "TPA": 9, "Barrey": 0.2, "OD-HA": 0,
}  # fmt: skip


def read(age=None, shape=None, intervals=None, **values):
    """Readings by key of a person who is usual but for some values; None is not measurable."""
    given = USUAL | {key.replace("OD_HA", "OD-HA"): value for key, value in values.items()}
    entries = {key: {"value": value} for key, value in given.items()}
    for key, (low, high) in (intervals or {}).items():
        entries[key] |= {"low": low, "high": high}
    found = quantities(entries, np.full((COUNT, 2), np.nan))
    return {reading.key: reading for reading in readings(found, age, shape)}


WORKED = [
    # SRS-Schwab: < 10 "0", 10 to 20 "+", > 20 "++"; signed
    ("SRS-Schwab PI-LL", {"PI": 50, "LL": 40.1}, 9.9, "0"),
    ("SRS-Schwab PI-LL", {"PI": 50, "LL": 40}, 10, "+"),
    ("SRS-Schwab PI-LL", {"PI": 60, "LL": 40}, 20, "+"),
    ("SRS-Schwab PI-LL", {"PI": 60, "LL": 39.9}, 20.1, "++"),
    ("SRS-Schwab PI-LL", {"PI": 40, "LL": 70}, -30, "0"),
    ("SRS-Schwab PT", {"PT": 19.9}, 19.9, "0"),
    ("SRS-Schwab PT", {"PT": 20}, 20, "+"),
    ("SRS-Schwab PT", {"PT": 30}, 30, "+"),
    ("SRS-Schwab PT", {"PT": 37}, 37, "++"),
    ("SRS-Schwab SVA", {"SVA": 39.9}, 39.9, "0"),
    ("SRS-Schwab SVA", {"SVA": 95}, 95, "+"),
    ("SRS-Schwab SVA", {"SVA": 119}, 119, "++"),
    ("SRS-Schwab", {}, 0, "aligned"),
    ("SRS-Schwab", {"PT": 31, "SVA": 41}, 3, "moderate"),
    ("SRS-Schwab", {"PT": 31, "SVA": 119}, 4, "severe"),
    # GAP: SS - (0.59 PI + 9), LL - (0.62 PI + 29), 100 L4SL / LL, GT - (0.48 PI - 15)
    ("GAP RPV", {"PI": 50, "SS": 23.4}, -15.1, "severe retroversion"),
    ("GAP RPV", {"PI": 50, "SS": 23.5}, -15, "moderate retroversion"),
    ("GAP RPV", {"PI": 50, "SS": 31.4}, -7.1, "moderate retroversion"),
    ("GAP RPV", {"PI": 50, "SS": 31.5}, -7, "aligned"),
    ("GAP RPV", {"PI": 50, "SS": 43.5}, 5, "aligned"),
    ("GAP RPV", {"PI": 50, "SS": 43.6}, 5.1, "anteversion"),
    ("GAP RLL", {"PI": 50, "LL": 34}, -26, "severe hypolordosis"),
    ("GAP RLL", {"PI": 50, "LL": 35}, -25, "moderate hypolordosis"),
    ("GAP RLL", {"PI": 50, "LL": 45.9}, -14.1, "moderate hypolordosis"),
    ("GAP RLL", {"PI": 50, "LL": 46}, -14, "aligned"),
    ("GAP RLL", {"PI": 50, "LL": 71.1}, 11.1, "hyperlordosis"),
    ("GAP LDI", {"L4SL": 19, "LL": 50}, 38, "severe hypolordotic maldistribution"),
    ("GAP LDI", {"L4SL": 20, "LL": 50}, 40, "moderate hypolordotic maldistribution"),
    ("GAP LDI", {"L4SL": 25, "LL": 50}, 50, "aligned"),
    ("GAP LDI", {"L4SL": 40, "LL": 50}, 80, "aligned"),
    ("GAP LDI", {"L4SL": 41, "LL": 50}, 82, "hyperlordotic maldistribution"),
    ("GAP RSA", {"PI": 50, "GT": 27.5}, 18.5, "severe positive malalignment"),
    ("GAP RSA", {"PI": 50, "GT": 27}, 18, "moderate positive malalignment"),
    ("GAP RSA", {"PI": 50, "GT": 19}, 10, "aligned"),
    ("GAP RSA", {"PI": 50, "GT": 2}, -7, "aligned"),
    ("GAP RSA", {"PI": 50, "GT": 1.9}, -7.1, "negative malalignment"),
    ("GAP", {"age": 59}, 0, "proportioned"),
    ("GAP", {"age": 60}, 1, "proportioned"),
    # RPV -16.5: 3, RLL -20: 2, LDI 40: 1, RSA 11: 1
    ("GAP", {"PI": 50, "SS": 22, "LL": 40, "L4SL": 16, "GT": 20, "age": 40}, 7, "severely disproportioned"),
    ("GAP", {"PI": 50, "SS": 31, "LL": 55, "L4SL": 24, "GT": 12, "age": 40}, 3, "moderately disproportioned"),
    # the others
    ("PI-LL", {"PI": 40, "LL": 55}, -15, "usual"),
    ("PI-LL", {"PI": 40, "LL": 67}, -27, "below usual"),
    ("PI-LL", {"PI": 57, "LL": 40}, 17, "above usual"),
    ("L1PA target", {"PI": 52, "LPA": 8}, 3, ""),
    ("Lenke", {"MTK": 9.9}, 9.9, "-"),
    ("Lenke", {"MTK": 10}, 10, "N"),
    ("Lenke", {"MTK": 40}, 40, "N"),
    ("Lenke", {"MTK": 40.1}, 40.1, "+"),
    ("cSVA limit", {"cSVA": 40}, 40, "up to 40 mm"),
    ("cSVA limit", {"cSVA": 40.1}, 40.1, "above 40 mm"),
    ("T1S-CL", {"T1S": 25, "CL": 8}, 17, "matched"),
    ("T1S-CL", {"T1S": 25, "CL": -8}, 33, "mismatched"),
    ("CL expected", {"T1S": 30, "CL": 10}, 1.5, ""),
    ("PT target", {"PT": 25, "age": 55}, 5, ""),
    ("PT target", {"PT": 25, "age": 70}, 0, ""),
    ("PI-LL target", {"PI": 50, "LL": 40, "age": 65}, 2, ""),
    ("SVA target", {"SVA": 60, "age": 70}, 5, ""),
    ("LL target", {"PI": 50, "MTK": 40, "age": 60, "LL": 30}, 12, ""),
    ("LL expected (Japan)", {"PI": 50, "age": 60, "LL": 50}, 0.9, ""),
    ("LL expected", {"PI": 50, "MTK": 30, "LL": 50, "age": 28}, -4.4, ""),
    ("LL expected", {"PI": 50, "MTK": 30, "LL": 50, "age": 29}, -3.9, ""),
    ("LL expected", {"PI": 50, "MTK": 30, "LL": 50, "age": 50.9}, -1.8, ""),
    ("LL expected", {"PI": 50, "MTK": 30, "LL": 50, "age": 64}, -0.4, ""),
    ("LL expected", {"PI": 50, "MTK": 30, "LL": 50, "age": 65}, 4.6, ""),
    ("Barrey ratio", {"Barrey": 1}, 1, "up to 1"),
    ("Barrey ratio", {"Barrey": 1.3}, 1.3, "above 1"),
]


@pytest.mark.parametrize(("key", "values", "value", "label"), WORKED)
def test_worked_examples(key, values, value, label):
    reading = read(**values)[key]
    assert reading.reason == ""
    assert reading.value == pytest.approx(value, abs=1e-9)
    assert reading.label == label


@pytest.mark.parametrize(
    ("values", "shape", "label"),
    [
        ({"SS": 34.9}, Lordosis("L5", "L3"), "1"),
        ({"SS": 34.9}, Lordosis("L4", "T11"), "2"),
        ({"SS": 34.9}, None, "1 or 2"),
        ({"SS": 35, "PT": 12}, None, "3"),
        ({"SS": 45, "PT": 12}, None, "3"),
        ({"SS": 45.1, "PT": 12}, None, "4"),
        ({"SS": 42, "PI": 46, "PT": 4}, None, "3 anteverted"),
        ({"SS": 30, "PI": 34, "PT": 4}, Lordosis("L5", "L3"), "1"),
    ],
)
def test_roussouly_types(values, shape, label):
    assert read(shape=shape, **values)["Roussouly"].label == label


def test_a_class_that_the_interval_does_not_settle_names_all():
    found = read(age=62, PT=29, intervals={"PT": (25, 33)})
    assert found["SRS-Schwab PT"].label == "+ or ++"
    assert (found["SRS-Schwab PT"].low, found["SRS-Schwab PT"].high) == (25, 33)
    intervals = {key: (USUAL[key] - 3, USUAL[key] + 3) for key in KEYS}
    found = read(age=62, intervals=intervals, SS=29)
    # RPV lies between -13.7 - 3 * 1.59 and -13.7 + 3 * 1.59
    assert found["GAP RPV"].low == pytest.approx(35 - (0.59 * 55 + 9))
    assert read(intervals={"PI": (50, 54)}, PI=52)["PI-LL"].low != 50
    assert math.isnan(read(intervals={"PI": (50, 54)})["PI-LL"].low)
    settled = read(PT=25, intervals={"PT": (21, 29)})["SRS-Schwab PT"]
    assert settled.label == "+"
    assert read(SS=34, intervals={"SS": (30, 40)})["Roussouly"].label == "1 or 2 or 3"


def test_scores_carry_what_their_parts_leave_open():
    intervals = {key: (USUAL[key], USUAL[key]) for key in KEYS} | {"PT": (18, 33), "SVA": (30, 120)}
    severity = read(PT=25, SVA=50, intervals=intervals)["SRS-Schwab"]
    assert (severity.value, severity.low, severity.high) == (2, 0, 4)
    assert severity.label == "aligned or moderate or severe"
    intervals |= {"GT": (12, 45)}
    gap = read(age=70, intervals=intervals)["GAP"]
    assert (gap.value, gap.low, gap.high, gap.label) == (1, 1, 4, "proportioned or moderately disproportioned")


def test_what_is_missing_is_named():
    found = read(LL=None)
    assert found["GAP RLL"].reason == found["GAP LDI"].reason == "LL is not measurable"
    assert found["PI-LL"].reason == "LL is not measurable"
    assert found["SRS-Schwab"].reason == "PI-LL is not measurable"
    assert found["GAP"].reason == "RLL: LL is not measurable"
    assert read()["GAP"].reason == read()["PT target"].reason == "age unknown"
    assert read()["LL expected"].reason == "age unknown"
    assert read(age=12)["LL expected"].reason == "the formula is one of adults"
    assert read(age=12)["GAP"].reason == "the score is one of adults"
    assert read(LL=0)["GAP LDI"].reason == "LL is not above zero"
    of_points = ("T4PA", "C2PA", "T4-L1PA", "T4-T12", "T2-T5", "Slip", "Height loss")
    assert {r.key for r in read(age=63).values() if not r.computable} == set(of_points)
    assert read()["T4-T12"].reason == "T4-T12 is not measurable: corners unknown"
    assert read()["Slip"].reason == read()["Height loss"].reason == "corners of the vertebrae unknown"
    entries = {key: {"value": v} for key, v in USUAL.items()} | {"PI": {"value": None, "reason": "hips off the film"}}
    found = {r.key: r for r in readings(quantities(entries, np.full((COUNT, 2), np.nan)))}
    assert found["L1PA target"].reason == "PI is not measurable: hips off the film"
    assert math.isnan(found["L1PA target"].value)


def annotation(points_mm, spacing=0.2, **options):
    points = film_points(points_mm - [[120, 700]], (spacing, spacing), "left")
    return Annotation("f.dcm", (2000, 4500), points, spacing_mm=(spacing, spacing), **options)


def test_pelvic_angles_come_from_the_body_centers(upright):
    found = {r.key: r for r in readings_of(annotation(upright))}
    hips = (upright[INDEX["FH_1"]] + upright[INDEX["FH_2"]]) / 2
    pt = float(spinopelvic_parameters(upright)["PT"])
    for key, center in (("T4PA", "T4_C"), ("C2PA", "C2_C")):
        x, y = upright[INDEX[center]] - hips
        assert found[key].value == pytest.approx(pt + math.degrees(math.atan2(x, y)))
    difference = found["T4PA"].value - float(spinopelvic_parameters(upright)["LPA"])
    assert found["T4-L1PA"].value == pytest.approx(difference)
    assert found["T4-L1PA"].label == (
        "aligned" if abs(difference) <= 4 else "T4 in front" if difference > 0 else "T4 behind"
    )


def test_a_hip_axis_behind_the_sacrum_is_flagged(upright):
    for name in ("FH_1", "FH_2"):
        upright[INDEX[name], 0] = upright[INDEX["S1_P"], 0] - 15
    barrey = {r.key: r for r in readings_of(annotation(upright))}["Barrey ratio"]
    assert barrey.label == ""
    assert "sacro-femoral distance below zero" in barrey.notes[0]


def test_lordosis_of_a_known_curve(upright):
    found = lordosis(upright)
    assert found is not None
    lumbar = upright[[INDEX[f"L{i}_C"] for i in range(1, 6)], 0]
    assert found.apex == f"L{1 + int(np.argmax(lumbar))}"
    assert found.inflection in ("T10", "T11", "T12", "L1")
    upright[INDEX["L3_C"]] = np.nan
    assert lordosis(upright) is None


@given(st.floats(0.1, 5.0), st.sampled_from(["left", "right"]), st.floats(18, 95))
def test_readings_of_angles_do_not_depend_on_size_or_side(scale, side, age):
    points = upright_spine()
    one = Annotation("a", (1, 1), film_points(points, None, "left"), anterior="left")
    other = Annotation("a", (1, 1), film_points(points * scale, None, side), anterior=side)
    for a, b in zip(readings_of(one, Patient(age)), readings_of(other, Patient(age)), strict=True):
        assert (a.key, a.label, a.reason) == (b.key, b.label, b.reason)
        assert a.value == pytest.approx(b.value, abs=1e-6, nan_ok=True)
        assert a.unit != "mm" or a.reason


@given(st.fixed_dictionaries({key: st.floats(-150, 150) for key in KEYS}), st.floats(0, 120))
def test_identities(values, age):
    found = read(age=age, **{k.replace("-", "_"): v for k, v in values.items()})
    assert found["PI-LL"].value == pytest.approx(values["PI"] - values["LL"])
    assert found["SRS-Schwab PI-LL"].value == found["PI-LL"].value
    assert found["GAP RPV"].value + found["GAP RPV"].target == pytest.approx(values["SS"])
    # with PI = PT + SS relative version is 0.41 SS - 0.59 PT - 9, whatever PI is called
    assert found["GAP RPV"].value == pytest.approx(values["SS"] - 0.59 * values["PI"] - 9)
    assert found["GAP RLL"].value == pytest.approx(0.38 * values["PI"] - 29 - found["PI-LL"].value)
    assert found["GAP RSA"].target == pytest.approx(0.48 * values["PI"] - 15)
    if found["GAP"].computable:
        assert 0 <= found["GAP"].value <= 13
        assert found["GAP"].value == int(found["GAP"].value)
    assert 0 <= found["SRS-Schwab"].value <= 6


@given(
    st.fixed_dictionaries({key: st.tuples(st.floats(-90, 90), st.floats(0, 20)) for key in KEYS}), st.integers(18, 90)
)
def test_every_value_within_the_intervals_has_a_class_that_is_named(spread, age):
    middle = {k.replace("-", "_"): v for k, (v, _) in spread.items()}
    wide = read(age=age, intervals={k: (v - d, v + d) for k, (v, d) in spread.items()}, **middle)
    for share in (-1.0, -0.4, 0.7, 1.0):
        moved = read(age=age, **{k.replace("-", "_"): v + share * d for k, (v, d) in spread.items()})
        for key, reading in moved.items():
            if reading.computable and wide[key].computable and key != "GAP LDI" and reading.label:
                assert set(reading.label.split(" or ")) <= set(wide[key].label.split(" or ")), key


def test_every_constant_has_its_source():
    assert {row.source for row in HEALTHY} | {formula.source for formula in SUMS} <= set(SOURCES)
    assert all(r.source in SOURCES for r in read(age=50).values())
    assert "not read in the original" in read(age=50)["GAP"].to_json()["source"]
    assert "not read in the original" not in read(age=50)["PI-LL"].to_json()["source"]


def test_healthy_norms_mark_what_patients_norms_let_pass():
    for key, value in (("PT", 37), ("SVA", 119), ("TPA", 37)):
        assert norm(key).cohort == HEALTHY_ADULTS
        assert unusual(key, value) and not unusual(key, norm(key).mean)
        assert not unusual(key, math.nan)
    assert norm("SVA", 70).mean == 17.0 and norm("SVA", 30).mean == 3.1
    assert norm("GT").cohort == PATIENTS and norm_text("GT").endswith("patients")
    assert norm_text("PT") == "12.5 ± 7.3°"
    assert norm("PT", 12) is None and not unusual("PT", 80, 12)
    pi = norm("PI")
    assert pi.usual == pytest.approx((52 - 21.4, 52 + 21.4))
    assert pi.deviation(62.7) == pytest.approx(1)


def test_readings_as_text():
    assert reading_text(read()["GAP"]) == "not computable: age unknown"
    assert reading_text(read(age=55, PT=25)["PT target"]) == "+5.0° against 20.0°"


def test_the_documentation_names_every_publication_and_reading():
    text = (Path(__file__).parents[2] / "docs" / "clinical.md").read_text()
    assert [source.doi for source in SOURCES.values() if source.doi not in text] == []
    assert [key for key in read(age=50) if f"`{key}`" not in text] == []
    for row in HEALTHY:
        assert f"{row.mean:.1f} ± {row.sd:.1f}" in text
