"""The module's panel in the stand-in host: real code, real .ui file, real slice view and markups."""

import shutil
import unittest

import numpy as np
import pytest
import slicer
from PySide6 import QtCore

from SpineAlignmentLib.measurement.landmarks import COUNT, INDEX
from SpineAlignmentLib.measurement.parameters import KEYS
from Testing.benchmarks.drag import mouse, screen_position
from Testing.host import subject
from Testing.host.application import ROOT
from Testing.module.window import cell, settle


def test_detect_drag_and_see_everything_follow(host, film, detected):
    ui, alignment = detected.ui, detected.logic.alignment(film)
    # a pixel of the small network is 8.7 of the film, and the shape of spines pulls at its evenly spaced one
    low = sum(cell(ui.landmarksTable, row, 1) == "low confidence" for row in range(COUNT))
    assert ui.statusLabel.text.startswith(f"Landmarks found. Those of low confidence ({low}) are marked")
    found = alignment.points_px
    # FH_2, which the network is unsure of, goes where the shape of spines has it: there it is the front one
    off = np.delete(found - subject.upright_px(), [INDEX["FH_1"], INDEX["FH_2"]], axis=0)
    assert np.abs(off).max() < 8.7
    assert cell(ui.landmarksTable, INDEX["FH_2"], 1) == "low confidence"
    row = KEYS.index("SS")
    assert cell(ui.measurementsTable, row, 1) == f"{alignment.parameters['SS']:.1f}\N{DEGREE SIGN}"
    detected.panel.draw(["SS"])
    detected.panel.unveiling.finish()
    settle()
    lines = [n for n in alignment.drawn_nodes if n.IsA("vtkMRMLMarkupsCurveNode") and n.GetDisplayVisibility()]
    before = [slicer.util.arrayFromMarkupsControlPoints(n) for n in lines]
    text, value = cell(ui.measurementsTable, row, 1), alignment.parameters["SS"]

    x, y = screen_position(host, alignment.landmarks, INDEX["S1_A"])
    mouse(host, "move", x, y)
    settle()
    mouse(host, "press", x, y)
    for step in range(1, 9):
        mouse(host, "move", x, y + 2 * step)
    mouse(host, "release", x, y + 16)
    settle()

    moved = alignment.points_px - found
    assert moved[INDEX["S1_A"], 1] > 10
    assert np.abs(np.delete(moved, INDEX["S1_A"], axis=0)).max() < 1e-6
    assert alignment.parameters["SS"] > value + 5
    assert cell(ui.measurementsTable, row, 1) != text
    assert cell(ui.landmarksTable, INDEX["S1_A"], 1) == "adjusted"
    after = [slicer.util.arrayFromMarkupsControlPoints(n) for n in lines]
    assert any(not np.allclose(a, b) for a, b in zip(before, after, strict=True))
    ui.undoButton.click()
    assert alignment.points_px == pytest.approx(found)
    assert cell(ui.measurementsTable, row, 1) == text


def test_the_view_shows_landmarks_and_measurements(host, detected):
    def picture():
        detected.panel.unveiling.finish()
        settle()
        return np.frombuffer(bytes(host.slice.grab().toImage().constBits()), np.uint8)

    detected.panel.draw(list(KEYS))
    everything = picture()
    detected.panel.draw([])
    nothing = picture()
    assert np.count_nonzero(everything != nothing) > 10_000


def test_measurements_by_row_and_by_group(detected):
    ui, alignment = detected.ui, detected.logic.spine.alignments[0]
    ui.mainButton.click()
    detected.panel.unveiling.finish()
    assert alignment.shown == {"PI", "SS", "PT", "LL", "GTK", "SVA"}
    ui.measurementsTable.item(KEYS.index("CL"), 0).setCheckState(QtCore.Qt.CheckState.Checked)
    detected.panel.unveiling.finish()
    assert "CL" in alignment.shown
    ui.pelvisCheckBox.click()
    assert alignment.shown == {"LL", "GTK", "SVA", "CL"}
    ui.globalCheckBox.click()
    detected.panel.unveiling.finish()
    assert {"TPA", "OD-HA", "SVA"} <= alignment.shown
    ui.curveCheckBox.checked = False
    assert not any(n.GetDisplayVisibility() for n in alignment.drawn_nodes if n.GetName().startswith("Spine curve"))
    ui.pointsCheckBox.checked = False
    assert not alignment.landmarks.GetDisplayVisibility()
    ui.namesCheckBox.checked = True
    assert alignment.landmarks.GetDisplayNode().GetPointLabelsVisibility()


def test_next_previous_and_jump(host, detected):
    ui, alignment = detected.ui, detected.logic.spine.alignments[0]
    ui.landmarksTable.setCurrentCell(INDEX["S1_A"], 0)
    ui.nextButton.click()
    assert ui.landmarksTable.currentRow() == INDEX["S1_P"]
    x, y = screen_position(host, alignment.landmarks, INDEX["S1_P"])
    assert (x, y) == pytest.approx((host.slice.width / 2, host.slice.height / 2), abs=2)
    ui.previousButton.click()
    assert ui.landmarksTable.currentRow() == INDEX["S1_A"]
    assert alignment.landmarks.GetDisplayNode().GetActiveControlPoint() == INDEX["S1_A"]


def test_missing_reset_and_reset_all(detected):
    ui, alignment = detected.ui, detected.logic.spine.alignments[0]
    start = alignment.points_px
    ui.landmarksTable.setCurrentCell(INDEX["FH_1"], 0)
    ui.missingButton.click()
    assert cell(ui.landmarksTable, INDEX["FH_1"], 1) == "missing"
    assert cell(ui.measurementsTable, KEYS.index("PT"), 1) == "n/a"
    ui.resetPointButton.click()
    assert alignment.points_px == pytest.approx(start)
    alignment.set_points(start + 7)
    ui.resetAllButton.click()
    assert alignment.points_px == pytest.approx(start)
    ui.undoButton.click()
    assert alignment.points_px == pytest.approx(start + 7)
    ui.redoButton.click()
    assert alignment.points_px == pytest.approx(start)


def test_place_landmarks_by_hand(host, module, film):
    ui = module.ui
    ui.landmarksTable.setCurrentCell(INDEX["S1_A"], 0)
    ui.placeButton.click()
    settle()
    assert "S1_A" in ui.statusLabel.text
    # measurements appear while the last ones are placed, and new nodes must not take the clicks
    clicks = {"S1_A": (200, 400), "S1_P": (230, 380), "FH_1": (210, 470), "FH_2": (215, 500), "C2_C": (150, 40)}
    for x, y in clicks.values():
        mouse(host, "move", x, y)
        mouse(host, "press", x, y)
        mouse(host, "release", x, y)
        settle()
    alignment = module.logic.alignment(film)
    for name, (x, y) in clicks.items():
        assert alignment.state(name) == "placed"
        assert screen_position(host, alignment.landmarks, INDEX[name]) == pytest.approx((x, y), abs=1.5)
    assert np.isfinite(alignment.parameters["SS"])
    assert "C3_C" in ui.statusLabel.text
    ui.undoButton.click()
    assert alignment.state("C2_C") == "missing"
    assert alignment.state("FH_2") == "placed"
    ui.redoButton.click()
    assert alignment.state("C2_C") == "placed"
    ui.placeButton.click()
    interaction = slicer.mrmlScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    assert interaction.GetCurrentInteractionMode() == slicer.vtkMRMLInteractionNode.ViewTransform


def test_place_what_is_missing_at_the_first_press(host, detected):
    ui, alignment = detected.ui, detected.logic.spine.alignments[0]
    interaction = slicer.mrmlScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    for name in ("FH_1", "L3_C"):
        alignment.set_point(name, None)
    ui.landmarksTable.setCurrentCell(INDEX["FH_1"], 0)
    ui.placeButton.click()
    settle()
    assert ui.placeButton.checked
    assert interaction.GetCurrentInteractionMode() == slicer.vtkMRMLInteractionNode.Place
    assert ui.statusLabel.text == "Click on FH_1 on the film."
    for kind in ("move", "move", "press", "release"):
        mouse(host, kind, 210, 420)
    settle()
    assert alignment.state("FH_1") == "adjusted"
    ui.placeButton.click()
    assert alignment.state("L3_C") == "missing"
    assert interaction.GetCurrentInteractionMode() == slicer.vtkMRMLInteractionNode.ViewTransform


def run_self_test(host):
    """`SpineAlignmentTest`, which is for a real Slicer, with the shipped ensemble."""
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(host.module.SpineAlignmentTest).run(result)
    assert result.testsRun == 4
    return result


def test_the_module_tests_itself(host, module):
    result = run_self_test(host)
    assert not result.skipped
    assert result.wasSuccessful(), "".join(text for _, text in result.errors + result.failures)


def test_without_an_engine_only_the_detection_is_skipped(host, module, monkeypatch):
    monkeypatch.setattr("SpineAlignmentLib.panels.engine_install.available_engines", lambda: ())
    result = run_self_test(host)
    assert [test.id().split(".")[-1] for test, _ in result.skipped] == ["test_Detection"]
    assert result.wasSuccessful(), "".join(text for _, text in result.errors + result.failures)


def test_the_self_test_fails_where_a_file_is_missing(host, module, monkeypatch, tmp_path):
    shutil.copytree(ROOT / "SpineAlignment" / "Resources", tmp_path / "Resources")
    (tmp_path / "Resources" / "Models" / "pelvis" / "model.onnx").unlink()
    monkeypatch.setattr(host.module, "RESOURCES", tmp_path / "Resources")
    monkeypatch.setattr("SpineAlignmentLib.panels.engine_install.available_engines", lambda: ())
    result = run_self_test(host)
    assert "model file missing" in "".join(text for _, text in result.errors)
    (tmp_path / "Resources" / "SampleData" / "sample_film.json").unlink()
    assert len(run_self_test(host).errors) == 3
