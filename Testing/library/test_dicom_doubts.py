"""What can hardly be on a film, as an archive's users read it in structured report and presentation state."""

from dataclasses import replace

import numpy as np
import pydicom
import pytest

from SpineAlignmentLib.dicom.film_header import film_header
from SpineAlignmentLib.dicom.gsps_writing import DESCRIPTION, presentation_state
from SpineAlignmentLib.dicom.sr_reading import read_structured_report
from SpineAlignmentLib.dicom.sr_writing import structured_report
from SpineAlignmentLib.dicom.vocabulary import parameter_label, plain
from SpineAlignmentLib.measurement.landmarks import INDEX, NAMES
from SpineAlignmentLib.measurement.parameters import KEYS
from SpineAlignmentLib.results.doubts import doubts
from SpineAlignmentLib.results.numbering import Numbering, OtherNumbering
from SpineAlignmentLib.results.result_file import read_annotation
from Testing.library.films import SAMPLE_FILM
from Testing.library.test_dicom_results import run

FILM = read_annotation(SAMPLE_FILM.with_suffix(".json"))


def with_swapped_plates():
    """Two doubts of landmarks, none of the side, and a PI with its degree sign."""
    points = FILM.points_px.copy()
    for ends in (("L4_AS", "L4_PS"), ("T5_AI", "T5_PI")):
        rows = [INDEX[name] for name in ends]
        points[rows] = points[rows[::-1]]
    points[[INDEX["FH_1"], INDEX["FH_2"]]] = points[INDEX["S1_P"]] + np.array([350.0, 100.0])
    return FILM.with_points(points)


DOUBTED = {
    "wrong side": FILM.facing("right" if FILM.anterior == "left" else "left", "set by hand"),
    "swapped plates": with_swapped_plates(),
    "huge pixels": FILM.calibrated((2.0, 2.0), "typed"),
    "no doubt": FILM,
}


@pytest.mark.parametrize("kind", DOUBTED)
def test_doubts_are_read_where_the_values_are(tmp_path, kind):
    found = DOUBTED[kind]
    lines = [plain(line) for line in doubts(found)]
    assert bool(lines) is (kind != "no doubt")
    header = film_header(SAMPLE_FILM)
    structured_report(found, header).save_as(tmp_path / "f.sr.dcm")
    presentation_state(found, header).save_as(tmp_path / "f.gsps.dcm")
    for name in ("f.sr.dcm", "f.gsps.dcm"):
        done = run("dciodvfy", tmp_path / name)
        assert [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")] == []
    told = run("dsrdump", "+Pl", tmp_path / "f.sr.dcm")
    assert told.returncode == 0
    assert all(line in told.stdout.replace("\\", "") for line in lines)
    assert ("Qualitative Evaluations" in told.stdout) is bool(lines)
    # with the wrong side no value is right, but the landmarks are where they are
    assert any(parameter_label(key) in told.stdout for key in KEYS) is (kind != "wrong side")
    back = read_structured_report(tmp_path / "f.sr.dcm")
    assert np.allclose(back.points_px, found.points_px, atol=0.01)
    assert doubts(replace(back, vertebrae_px=found.vertebrae_px)) == doubts(found)

    state = pydicom.dcmread(tmp_path / "f.gsps.dcm")
    layers = {layer.GraphicLayer: layer for layer in state.GraphicAnnotationSequence}
    texts = [text.UnformattedTextValue for text in layers["DOUBTS"].TextObjectSequence] if lines else []
    assert texts == lines and ("DOUBTS" in layers) is bool(lines)
    assert (state.ContentDescription == DESCRIPTION) is not bool(lines)
    assert ("PELVIS" in layers) is (kind != "wrong side")
    assert len(layers["LANDMARKS"].GraphicObjectSequence) == len(NAMES)
    boxes = [
        (*text.BoundingBoxTopLeftHandCorner, *text.BoundingBoxBottomRightHandCorner)
        for layer in layers.values()
        for text in layer.get("TextObjectSequence", [])
    ]
    for i, a in enumerate(boxes):
        assert all(a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1] for b in boxes[:i])


def test_a_report_that_is_measured_again_gives_and_withholds_the_same(tmp_path):
    confidence, deviation = np.full(len(NAMES), 0.9), np.full(len(NAMES), 3.0)
    confidence[[INDEX["FH_1"], INDEX["C2_AI"]]] = 0.4
    deviation[INDEX["T5_PI"]] = 120.0
    numbering = Numbering(24, ("C2", "L5"), 0.4, OtherNumbering("another", FILM.points_px, confidence))
    found = replace(
        FILM,
        confidence=confidence,
        deviation_px=deviation,
        interval_factors=dict.fromkeys(KEYS, 1.6),
        numbering=numbering,
        reviewed=frozenset({"C2_AI"}),
    )
    reasons = found.reasons()
    assert "FH_1" in reasons["PI"] and "too uncertain" in reasons["PTK"] and "CL" not in reasons
    structured_report(found, film_header(SAMPLE_FILM)).save_as(tmp_path / "f.sr.dcm", enforce_file_format=True)
    back = read_structured_report(tmp_path / "f.sr.dcm")
    assert back.reasons().keys() == reasons.keys()
    for key, ends in found.intervals().items():
        assert back.intervals()[key] == pytest.approx(ends, abs=0.01, nan_ok=True), key
    assert (back.numbering.sure, back.numbering.levels, back.reviewed) == (0.4, ("C2", "L5"), found.reviewed)
    assert not back.extra
