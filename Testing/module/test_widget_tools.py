"""The panel's tools for correcting: names of vertebrae, and what is measured besides the 18 parameters."""

from dataclasses import replace

import numpy as np
import pytest

from SpineAlignmentLib.measurement.landmarks import COUNT, INDEX
from SpineAlignmentLib.measurement.parameters import KEYS
from SpineAlignmentLib.results.measured import interval_text
from SpineAlignmentLib.results.numbering import Numbering, OtherNumbering
from SpineAlignmentLib.results.renumbering import shifted
from Testing.host import subject
from Testing.module.window import cell


@pytest.fixture
def measured(module, film):
    """The module on a film with landmarks that a detector could have found."""
    module.logic.alignment(film).set_detection(subject.detection())
    module.onParameterNodeModified()
    return module


def test_values_have_intervals_or_a_reason(measured, film):
    table, alignment = measured.ui.measurementsTable, measured.logic.alignment(film)
    sizes = {"interval_factors": dict.fromkeys(KEYS, 1.6), "deviation_px": np.full(COUNT, 4.0)}
    alignment.set_detection(replace(subject.detection(), **sizes))
    found = alignment.annotation.measurements()["SS"]
    row = KEYS.index("SS")
    assert found.half_width > 0.5
    assert cell(table, row, 2) == interval_text("SS", found)
    assert cell(table, row, 3).startswith("3") and table.item(row, 2).toolTip() == ""
    alignment.set_point("S1_A", None)
    assert cell(table, row, 1) == "n/a"
    assert cell(table, row, 2) == table.item(row, 2).toolTip() == "not on the film: S1_A"
    alignment.undo()
    doubtful = np.full(COUNT, 0.9)
    doubtful[INDEX["S1_P"]] = 0.1
    alignment.set_detection(replace(subject.detection(), confidence=doubtful, **sizes))
    assert cell(table, row, 2) == "not sure enough until someone looks: S1_P"


def test_vertebrae_get_the_names_of_their_neighbors(measured, film):
    ui, alignment = measured.ui, measured.logic.alignment(film)
    before = alignment.points_px
    assert ui.levelsLabel.text == "23 vertebrae, C2 to L5"
    assert not ui.levelComboBox.enabled
    ui.levelLowerButton.click()
    assert ui.levelsLabel.text == "22 vertebrae, C3 to L5; named by hand"
    assert alignment.points_px[INDEX["L2_C"]] == pytest.approx(before[INDEX["L1_C"]])
    ui.undoButton.click()
    assert alignment.points_px == pytest.approx(before)

    ui.levelRunComboBox.setCurrentIndex(2)
    ui.levelComboBox.setCurrentText("T12")
    assert ui.levelComboBox.enabled
    ui.levelHigherButton.click()
    assert ui.levelComboBox.currentText == "T11"
    assert alignment.points_px[INDEX["T11_C"]] == pytest.approx(before[INDEX["T12_C"]])
    assert alignment.points_px[INDEX["T10_C"]] == pytest.approx(before[INDEX["T10_C"]])
    ui.levelRunComboBox.setCurrentIndex(1)
    ui.levelLowerButton.click()
    assert alignment.points_px[INDEX["C3_C"]] == pytest.approx(before[INDEX["C2_C"]])
    assert alignment.points_px[INDEX["L4_C"]] == pytest.approx(before[INDEX["L5_C"]])
    ui.undoButton.click()
    ui.undoButton.click()
    assert alignment.points_px == pytest.approx(before)


def test_the_other_numbering_is_taken_and_given_back(measured, film):
    ui, alignment = measured.ui, measured.logic.alignment(film)
    assert not ui.otherNumberingButton.enabled
    found = alignment.annotation
    higher = shifted(found, -1, "T1")
    other = OtherNumbering("all levels from T1 down one higher", higher.points_px, np.full(COUNT, 0.4))
    alignment.set_detection(replace(found, numbering=Numbering(24, ("C2", "L5"), 0.45, other)))
    assert ui.levelsLabel.text == "23 vertebrae, C2 to L5; 24 above the sacrum with C1; right at 45 %, not sure"
    assert ui.otherNumberingButton.text.endswith(": all levels from T1 down one higher")
    ui.otherNumberingButton.click()
    assert alignment.points_px == pytest.approx(higher.points_px, nan_ok=True)
    assert "right at 55 %" in ui.levelsLabel.text
    ui.undoButton.click()
    assert alignment.points_px == pytest.approx(found.points_px)
