"""The module's panel in the stand-in host: real code, real .ui file, real slice view and markups."""

import time
import unittest
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import slicer
from PySide6 import QtCore, QtWidgets

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.measurement.landmarks import COUNT, INDEX
from SpineAlignmentLib.measurement.parameters import KEYS
from SpineAlignmentLib.mrml.spine_scene import SpineScene
from SpineAlignmentLib.panels import dicom_studies
from Testing.benchmarks.drag import mouse, screen_position
from Testing.host import subject
from Testing.host.films import add_film
from Testing.module.scene_files import load, save


def wait_until(condition, seconds=60.0):
    """Let Qt work until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        QtWidgets.QApplication.processEvents()
        time.sleep(0.01)


def settle():
    for _ in range(5):
        QtWidgets.QApplication.processEvents()


def cell(table, row, column):
    return table.item(row, column).text()


@pytest.fixture
def detected(module, models, film):
    """The module after a click on Detect landmarks, with a real child process and network."""
    module.logic.models = models
    # the small network sees the same spine either way
    module.logic.alignment(film).set_anterior("left")
    module.ui.detectButton.click()
    wait_until(lambda: not module.logic.queue.busy)
    return module


def test_detect_drag_and_see_everything_follow(host, film, detected):
    ui, alignment = detected.ui, detected.logic.alignment(film)
    # the small network finds a spine of one size in every view, so the views disagree at both ends
    low = sum(cell(ui.landmarksTable, row, 1) == "low confidence" for row in range(COUNT))
    assert ui.statusLabel.text.startswith(f"Landmarks found. Those of low confidence ({low}) are marked")
    found = alignment.points_px
    # FH_2, which the network is unsure of, goes where the shape of spines has it: there it is the front one
    off = np.delete(found - subject.upright_px(), [INDEX["FH_1"], INDEX["FH_2"]], axis=0)
    assert np.abs(off).max() < 6
    assert cell(ui.landmarksTable, INDEX["FH_2"], 1) == "low confidence"
    row = KEYS.index("SS")
    assert cell(ui.measurementsTable, row, 1) == f"{alignment.parameters['SS']:.1f}\N{DEGREE SIGN}"
    detected.onShownMeasurements(["SS"])
    detected.unveiling.finish()
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
        detected.unveiling.finish()
        settle()
        return np.frombuffer(bytes(host.slice.grab().toImage().constBits()), np.uint8)

    detected.onShownMeasurements(list(KEYS))
    everything = picture()
    detected.onShownMeasurements([])
    nothing = picture()
    assert np.count_nonzero(everything != nothing) > 10_000


def test_measurements_by_row_and_by_group(detected):
    ui, alignment = detected.ui, detected.logic.spine.alignments[0]
    ui.mainButton.click()
    detected.unveiling.finish()
    assert alignment.shown == {"PI", "SS", "PT", "LL", "GTK", "SVA"}
    ui.measurementsTable.item(KEYS.index("CL"), 0).setCheckState(QtCore.Qt.CheckState.Checked)
    detected.unveiling.finish()
    assert "CL" in alignment.shown
    ui.pelvisCheckBox.click()
    assert alignment.shown == {"LL", "GTK", "SVA", "CL"}
    ui.globalCheckBox.click()
    detected.unveiling.finish()
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
    clicks = [(200, 400), (230, 380)]
    for x, y in clicks:
        mouse(host, "move", x, y)
        mouse(host, "press", x, y)
        mouse(host, "release", x, y)
        settle()
    alignment = module.logic.alignment(film)
    for name, (x, y) in zip(("S1_A", "S1_P"), clicks, strict=True):
        assert alignment.state(name) == "placed"
        assert screen_position(host, alignment.landmarks, INDEX[name]) == pytest.approx((x, y), abs=1.5)
    assert np.isfinite(alignment.parameters["SS"])
    assert "FH_1" in ui.statusLabel.text
    ui.undoButton.click()
    assert alignment.state("S1_P") == "missing"
    assert alignment.state("S1_A") == "placed"
    ui.redoButton.click()
    assert alignment.state("S1_P") == "placed"
    ui.placeButton.click()
    interaction = slicer.mrmlScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    assert interaction.GetCurrentInteractionMode() == slicer.vtkMRMLInteractionNode.ViewTransform


def test_spacing_side_and_calibration(module, film, caplog):
    ui = module.ui
    assert "0.45 mm (spacing of the volume)" in ui.spacingLabel.text
    ui.spacingSpinBox.value = 0.2
    ui.spacingButton.click()
    assert ui.spacingLabel.text == "0.2 mm (typed)"
    ui.flipButton.click()
    side = ui.facingLabel.text
    ui.flipButton.click()
    assert ui.facingLabel.text != side
    ui.calibrateButton.click()
    assert "draw a line over an object" in caplog.text
    ui.calibrationButton.click()
    line = module._parameterNode.calibrationLine
    for position in ((-90.0, -90.0, 0.0), (-90.0, -135.0, 0.0)):
        line.AddControlPoint(position)
    ui.calibrationSpinBox.value = 25
    ui.calibrateButton.click()
    assert "0.25 mm (calibrated on an object of 25 mm)" in ui.spacingLabel.text


def test_two_films_side_by_side(module, film, models, scene):
    module.logic.models = models
    after = add_film(scene, subject.film_pixels(), subject.SPACING_MM, "after")
    module.logic.detect(film)
    module.onParameterNodeModified()
    module._parameterNode.otherFilm = after
    assert "no landmarks yet" in module.ui.compareLabel.text
    other = module.logic.detect(after)
    x, y = other.points_px[INDEX["S1_A"]]
    other.set_point("S1_A", (x, y + 30))
    module.onParameterNodeModified()
    row = KEYS.index("SS")
    difference = module.logic.parameters(after)["SS"] - module.logic.parameters(film)["SS"]
    assert cell(module.ui.compareTable, row, 3) == f"+{difference:.1f}\N{DEGREE SIGN}"
    module._parameterNode.film = after
    assert other.landmarks.GetDisplayVisibility()
    assert not module.logic.alignment(film).landmarks.GetDisplayVisibility()


def test_export_and_copy(detected, tmp_path):
    from SpineAlignmentLib.results.result_file import read_annotation

    alignment = detected.logic.spine.alignments[0]
    for name in ("film.json", "film.csv", "film.mrk.json", "film.png"):
        detected.exportPanel.export(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 200
        assert detected.ui.statusLabel.text == f"Saved {name}."
    again = read_annotation(tmp_path / "film.json")
    assert again.parameters() == pytest.approx(alignment.parameters, abs=1e-2)
    loaded = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    storage = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsJsonStorageNode")
    storage.SetFileName(str(tmp_path / "film.mrk.json"))
    assert storage.ReadData(loaded)
    assert loaded.GetNthControlPointPosition(3) == pytest.approx(alignment.landmarks.GetNthControlPointPosition(3))
    detected.ui.copyButton.click()
    text = QtWidgets.QApplication.clipboard().text()
    assert text.splitlines()[1].startswith("PI\t")
    detected.exportPanel.export(tmp_path / "nowhere" / "film.json")
    assert not (tmp_path / "nowhere").exists()


def test_cancel_is_quick_and_the_next_detection_works(module, models, film):
    module.logic.models = models
    module.ui.detectButton.click()
    process = module.logic.queue.process
    wait_until(lambda: process.running)
    pid = process.pid
    start = time.monotonic()
    module.ui.cancelButton.click()
    assert time.monotonic() - start < 1.0
    assert not Path(f"/proc/{pid}").exists()
    assert module.ui.statusLabel.text == "Cancelled."
    module.ui.detectButton.click()
    wait_until(lambda: not module.logic.queue.busy)
    assert module.logic.alignment(film).detection is not None


def test_a_killed_child_gives_a_message_and_the_next_detection_works(module, models, film, caplog):
    import os
    import signal

    module.logic.models = models
    module.ui.detectButton.click()
    wait_until(lambda: module.logic.queue.process.running)
    os.kill(module.logic.queue.process.pid, signal.SIGKILL)
    wait_until(lambda: not module.logic.queue.busy)
    assert "ended unexpectedly" in module.ui.statusLabel.text
    module.ui.detectButton.click()
    wait_until(lambda: not module.logic.queue.busy)
    assert module.logic.alignment(film).detection is not None


def test_a_film_removed_during_its_detection(module, models, film):
    module.logic.models = models
    module.ui.detectButton.click()
    slicer.mrmlScene.RemoveNode(film)
    wait_until(lambda: not module.logic.queue.busy)
    assert "removed" in module.ui.statusLabel.text
    assert not module.ui.detectButton.enabled


def test_a_film_deleted_while_its_measurements_appear(detected, scene, film):
    detected.onShownMeasurements(list(KEYS))
    scene.RemoveNode(film)
    detected.unveiling.finish()
    settle()
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsCurveNode") == 0
    assert cell(detected.ui.measurementsTable, 0, 1) == ""


def test_missing_models_give_a_clear_line(module, film, tmp_path):
    module.logic.models = tmp_path / "none"
    module.ui.detectButton.click()
    wait_until(lambda: not module.logic.queue.busy)
    assert "no models there" in module.ui.statusLabel.text
    assert module.ui.detectButton.enabled


def test_a_volume_that_is_no_film(module, scene):
    thick = add_film(scene, np.zeros((40, 40), np.uint8), (1, 1), "CT")
    slicer.util.updateVolumeFromArray(thick, np.zeros((5, 40, 40), np.uint8))
    module._parameterNode.film = thick
    assert "5 slices" in module.ui.spacingLabel.text
    assert not module.ui.detectButton.enabled


def test_a_film_that_gets_bent_and_straight_again(detected, scene, film):
    ui = detected.ui
    before = detected.logic.parameters(film)
    bend = scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "bend")
    film.SetAndObserveTransformNodeID(bend.GetID())
    assert "bend, which bends the film" in ui.spacingLabel.text
    assert not ui.detectButton.enabled
    with pytest.raises(FilmError, match="bends the film"):
        detected.logic.detect(film)
    film.SetAndObserveTransformNodeID(None)
    assert "0.45 mm" in ui.spacingLabel.text
    assert ui.detectButton.enabled
    assert detected.logic.parameters(film) == pytest.approx(before)


def test_reload_of_the_scene_restores_film_and_choices(host, detected, film, tmp_path):
    other = add_film(slicer.mrmlScene, subject.film_pixels(), subject.SPACING_MM, "other")
    choices = detected.logic.getParameterNode()
    choices.otherFilm, choices.engine = other, "onnx"
    choices.showPoints, choices.showNames, choices.showCurve = False, True, False
    detected.onShownMeasurements(["LL", "CL"])
    alignment = detected.logic.alignment(film)
    alignment.set_point("C3_C", (123.456789012, 234.567890123))
    detected.ui.flipButton.click()
    points, parameters, side = alignment.points_px, alignment.parameters, alignment.annotation.anterior
    save(slicer.mrmlScene, tmp_path / "saved")
    slicer.mrmlScene.Clear()
    assert not detected.ui.detectButton.enabled
    load(slicer.mrmlScene, tmp_path / "saved")
    detected.unveiling.finish()
    choices = detected.logic.getParameterNode()
    assert (choices.film.GetName(), choices.otherFilm.GetName(), choices.engine) == ("film", "other", "onnx")
    assert (choices.showPoints, choices.showNames, choices.showCurve) == (False, True, False)
    assert list(choices.shownMeasurements) == ["LL", "CL"]
    again = detected.logic.alignment(choices.film)
    assert np.abs(again.points_px - points).max() * subject.SPACING_MM[0] < 1e-6
    assert again.parameters == pytest.approx(parameters, abs=1e-6)
    assert again.annotation.anterior == side
    assert again.shown == {"LL", "CL"}
    assert not again.landmarks.GetDisplayVisibility()
    assert cell(detected.ui.landmarksTable, INDEX["C3_C"], 1) == "adjusted"
    assert detected.ui.engineComboBox.currentText == "onnx"


def test_the_chosen_dicom_studies(module, models, tmp_path, monkeypatch):
    """The DICOM module's window is Slicer's own; what the panel asks of it is given here."""
    from PIL import Image

    Image.fromarray((subject.film_pixels() // 16).astype(np.uint8)).save(tmp_path / "a.png")
    files = {"series": [str(tmp_path / "a.png")], "CT": ["b.dcm"]}
    monkeypatch.setattr(
        slicer,
        "dicomDatabase",
        SimpleNamespace(
            seriesForStudy=lambda study: {"study": ["series", "CT"]}[study],
            filesForSeries=lambda series: files[series],
            fileValue=lambda file, _tag: "CT" if file == "b.dcm" else "DX",
            fileForInstance=lambda _uid: "",
        ),
        raising=False,
    )
    module.logic.models = models
    module.ui.batchOutputEdit.currentPath = str(tmp_path / "out")
    module.ui.batchDicomButton.click()
    assert not (tmp_path / "out").exists()
    manager = SimpleNamespace(currentStudiesSelection=lambda: ["study"])
    browser = SimpleNamespace(dicomBrowser=SimpleNamespace(dicomTableManager=lambda: manager))
    monkeypatch.setattr(slicer.modules, "DICOMWidget", SimpleNamespace(browserWidget=browser), raising=False)
    module.ui.batchDicomButton.click()
    wait_until(lambda: not module.logic.queue.busy)
    assert module.ui.batchLabel.text.startswith("Done: 1 films measured, 0 failed")
    browser.useVisualDICOMBrowser = True
    patients = SimpleNamespace(selectedSeriesInstanceUIDs=lambda: ["CT"])
    browser.dicomVisualBrowser = SimpleNamespace(patientView=lambda: patients)
    assert dicom_studies.chosen_films() == []
    patients.selectedSeriesInstanceUIDs = lambda: ["series"]
    assert dicom_studies.chosen_films() == files["series"]


def test_films_are_not_measured_during_a_detection(module, models, film, tmp_path, caplog):
    from PIL import Image

    module.logic.models = models
    Image.fromarray((subject.film_pixels() // 16).astype(np.uint8)).save(tmp_path / "a.png")
    module.ui.batchInputEdit.currentPath = str(tmp_path)
    module.ui.batchOutputEdit.currentPath = str(tmp_path / "out")
    module.ui.detectButton.click()
    module.ui.batchFolderButton.click()
    assert "A detection is under way" in caplog.text
    assert module.batchPanel.batch is None
    wait_until(lambda: not module.logic.queue.busy)
    assert module.logic.alignment(film).detection is not None


def test_many_films(module, models, tmp_path):
    from PIL import Image

    module.logic.models = models
    films = tmp_path / "films"
    films.mkdir()
    pixels = (subject.film_pixels() // 16).astype(np.uint8)
    for name in ("a.png", "b.png"):
        Image.fromarray(pixels).save(films / name)
    (films / "bad.dcm").write_bytes(b"not a film at all")
    module.ui.batchInputEdit.currentPath = str(films)
    module.ui.batchOutputEdit.currentPath = str(tmp_path / "out")
    module.ui.batchFolderButton.click()
    wait_until(lambda: not module.logic.queue.busy)
    assert module.ui.batchLabel.text.startswith("Done: 2 films measured, 1 failed")
    assert module.ui.batchFailuresEdit.plainText.startswith("bad.dcm: ")
    rows = (tmp_path / "out" / "results.csv").read_text().splitlines()
    assert len(rows) == 3
    assert (tmp_path / "out" / "a.json").exists()
    assert module.ui.batchFolderButton.enabled
    module.ui.batchInputEdit.currentPath = str(tmp_path / "none")
    module.ui.batchFolderButton.click()
    assert module.ui.batchFolderButton.enabled


def test_scene_close_and_module_reload_leave_nothing_behind(host, module, models, film):
    module.logic.models = models
    module.logic.detect(film)
    module.onParameterNodeModified()
    slicer.mrmlScene.Clear()
    assert module.logic.spine.alignments == []
    film = add_film(slicer.mrmlScene, subject.film_pixels(), subject.SPACING_MM)
    module.logic.detect(film)
    process = module.logic.queue.process
    host.close_module()
    assert not process.running
    assert SpineScene._scenes == []
    module = host.open_module()
    alignment = module.logic.spine.alignment(film)
    assert alignment is not None
    assert cell(module.ui.measurementsTable, 0, 1) != ""
    module.unveiling.finish()
    assert len({n.GetName() for n in alignment.drawn_nodes}) > 3


def test_the_window_never_blocks_while_detecting(module, models, film):
    module.logic.models = models
    gaps, last = [], time.monotonic()
    module.ui.detectButton.click()
    while module.logic.queue.busy:
        QtWidgets.QApplication.processEvents()
        now = time.monotonic()
        gaps.append(now - last)
        last = now
        time.sleep(0.002)
    # waiting for the child never takes a slot; the median says so on a busy machine too
    assert np.median(gaps) < 0.1


def test_the_module_tests_itself(host, module):
    """`SpineAlignmentTest`, which is for a real Slicer, with the shipped ensemble."""
    result = unittest.TestResult()
    host.module.SpineAlignmentTest("runTest").run(result)
    assert result.testsRun == 1
    assert not result.skipped
    assert result.wasSuccessful(), "".join(text for _, text in result.errors + result.failures)
