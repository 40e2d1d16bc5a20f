"""Films in the module's panel: their facts, two of them, results of them, and their coming and going."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import slicer
import vtk

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.film import NO_SPACING
from SpineAlignmentLib.measurement.landmarks import COUNT, INDEX
from SpineAlignmentLib.measurement.parameters import KEYS
from SpineAlignmentLib.mrml.drawing import MEASUREMENT_ATTRIBUTE
from SpineAlignmentLib.mrml.spine_scene import SpineScene
from SpineAlignmentLib.panels import red_view
from SpineAlignmentLib.results.comparison import differences
from SpineAlignmentLib.results.reviewing import review_turned
from Testing.host import subject
from Testing.host.application import ROOT
from Testing.host.films import add_film, load_film
from Testing.library.films import dicom, pattern
from Testing.module.scene_files import load, save
from Testing.module.window import cell, settle, wait_until


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


SAMPLE = ROOT / "SpineAlignment" / "Resources" / "SampleData" / "sample_film.dcm"


@pytest.fixture
def samples(host, monkeypatch):
    """What Slicer's Sample Data module is told of; the clicks there are Slicer's own."""
    sources = []
    logic = SimpleNamespace(registerCustomSampleDataSource=lambda **source: sources.append(source))
    monkeypatch.setitem(sys.modules, "SampleData", SimpleNamespace(SampleDataLogic=logic))
    host.module.registerSampleData()
    return sources


@pytest.fixture
def sample_film(samples):
    """The film that a click on the first one loads."""
    return samples[0]["customDownloader"](samples[0])


def test_every_sample_film_is_there_with_its_thumbnail(samples):
    assert len({source["sampleName"] for source in samples}) == 2
    for source in samples:
        assert Path(source["thumbnailFileName"]).is_file()
        assert source["customDownloader"](source).GetStorageNode().GetFileName().endswith(source["fileNames"])


def test_the_sample_film_says_that_it_is_not_calibrated(sample_film, host):
    module = host.open_module()
    text = module.ui.spacingLabel.text
    assert text.startswith("0.38 mm (ImagerPixelSpacing (0018,1164)); pixel spacing is that of the detector")
    alignment = module.logic.alignment(sample_film)
    assert "pixel spacing is that of the detector, not calibrated to the patient" in alignment.annotation.warnings
    module.ui.spacingSpinBox.value = 0.33
    module.ui.spacingButton.click()
    assert module.ui.spacingLabel.text == "0.33 mm (typed)"
    assert alignment.annotation.warnings == ()


def test_a_film_without_spacing_is_calibrated_without_contradiction(host, scene, models, tmp_path):
    film = add_film(scene, subject.film_pixels(), (1.0, 1.0))
    module = host.open_module()
    module.logic.models = models
    module.logic.alignment(film).set_anterior("left")
    alignment = module.logic.detect(film)
    assert NO_SPACING in alignment.annotation.warnings
    alignment.set_spacing((0.45, 0.45), "typed")
    assert NO_SPACING not in alignment.annotation.warnings
    module.logic.export(film, tmp_path / "film.json")
    assert "spacing unknown" not in (tmp_path / "film.json").read_text()
    save(scene, tmp_path / "saved")
    scene.Clear()
    load(scene, tmp_path / "saved")
    (again,) = module.logic.spine.alignments
    assert again.annotation.warnings == alignment.annotation.warnings


def test_nothing_happens_while_another_module_is_open(host, module, film, scene, models, tmp_path, monkeypatch):
    shown = []
    module.logic.models = models
    module.logic.alignment(film).set_anterior("left")
    monkeypatch.setattr(red_view, "show", lambda volume, *_: shown.append(volume.GetName()))
    module.ui.detectButton.click()
    host.leave_module()
    wait_until(lambda: not module.logic.queue.busy)
    assert module.logic.spine.alignment(film).detection is not None
    scene.Clear()
    scene.RemoveNode(module.logic.getParameterNode().parameterNode)
    add_film(scene, np.zeros((40, 30), np.uint8), (1, 1), "other")
    save(scene, tmp_path / "saved")
    scene.Clear()
    load(scene, tmp_path / "saved")
    scene.Clear()
    add_film(scene, np.zeros((40, 30), np.uint8), (1, 1), "after")
    settle()
    assert scene.GetSingletonNode("SpineAlignment", "vtkMRMLScriptedModuleNode") is None
    assert shown == []
    host.return_to_module()
    assert module._parameterNode.film.GetName() == "after"
    assert shown == ["after"]


def test_the_panel_follows_a_film_that_is_still_being_loaded(host, scene):
    film = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "film")
    module = host.open_module()
    module._parameterNode.film = film
    assert "has no image" in module.ui.spacingLabel.text
    assert not module.ui.detectButton.enabled
    storage = scene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    storage.SetFileName(str(SAMPLE))
    storage.SetSingleFile(True)
    assert storage.ReadData(film)
    settle()
    assert module.ui.detectButton.enabled
    height_mm = film.GetImageData().GetDimensions()[1] * film.GetSpacing()[1]
    assert host.slice.mrmlSliceNode().GetFieldOfView()[1] == pytest.approx(height_mm, rel=0.1)
    film.SetAndObserveStorageNodeID(storage.GetID())
    # a storage node alone is no event of a volume; its attributes, which readers set last, are one
    film.SetAttribute("DICOM.instanceUIDs", "1.2.3")
    settle()
    assert "ImagerPixelSpacing" in module.ui.spacingLabel.text
    slicer.util.updateVolumeFromArray(film, np.zeros((5, 40, 40), np.uint8))
    settle()
    assert "5 slices" in module.ui.spacingLabel.text


def test_the_first_film_is_chosen_not_the_first_volume(host, scene):
    thick = add_film(scene, np.zeros((40, 40), np.uint8), (1, 1), "CT")
    slicer.util.updateVolumeFromArray(thick, np.zeros((5, 40, 40), np.uint8))
    film = add_film(scene, np.zeros((40, 30), np.uint8), (1, 1))
    assert host.open_module()._parameterNode.film is film


def test_two_films_side_by_side(module, film, models, scene):
    from SpineAlignmentLib.panels.tables import MARKED

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
    table = module.ui.compareTable
    assert cell(table, row, 3) == f"+{difference:.1f}\N{DEGREE SIGN}"
    assert cell(table, row, 4) == "" and table.item(row, 3).foreground().color().name() != MARKED
    # what both may be off is known once both were looked at
    for one in module.logic.spine.alignments:
        one.set_marks(review_turned(one.annotation))
    module.onParameterNodeModified()
    shown = {row.key: row for row in differences(module.logic.alignment(film).annotation, other.annotation)}
    low, high = (float(word) for word in cell(table, row, 4).split(" to "))
    assert low == pytest.approx(difference - shown["SS"].half_width, abs=0.6) and 0 < low < difference < high
    marked = {key for i, key in enumerate(KEYS) if table.item(i, 3).foreground().color().name() == MARKED}
    assert marked == {key for key, row in shown.items() if row.beyond} and {"SS"} <= marked < set(KEYS)
    assert module.ui.compareLabel.text.startswith("Red: ")
    module._parameterNode.film = after
    assert other.landmarks.GetDisplayVisibility()
    assert not module.logic.alignment(film).landmarks.GetDisplayVisibility()


def test_films_of_different_patients_are_compared_with_a_warning(host, scene, tmp_path):
    films = [
        load_film(scene, str(dicom(tmp_path / f"{name}.dcm", pattern(), PatientID=name))) for name in ("one", "other")
    ]
    module = host.open_module()
    for film in films:
        module.logic.alignment(film).set_points(np.full((COUNT, 2), 20.0))
    module._parameterNode.film, module._parameterNode.otherFilm = films
    said = module.ui.compareLabel.text
    assert "different patients" in said and "one" not in said.split() and "SECRET" not in said
    same = load_film(scene, str(dicom(tmp_path / "again.dcm", pattern(), PatientID="one")))
    module.logic.alignment(same).set_points(np.full((COUNT, 2), 20.0))
    module._parameterNode.otherFilm = same
    assert module.ui.compareLabel.text.startswith("Red: ")


def test_a_film_deleted_while_its_measurements_appear(detected, scene, film):
    detected.panel.draw(list(KEYS))
    scene.RemoveNode(film)
    detected.panel.unveiling.finish()
    settle()
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsCurveNode") == 0
    assert cell(detected.ui.measurementsTable, 0, 1) == ""


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
    detected.panel.draw(["LL", "CL"])
    alignment = detected.logic.alignment(film)
    alignment.set_point("C3_C", (123.456789012, 234.567890123))
    detected.ui.flipButton.click()
    points, parameters, side = alignment.points_px, alignment.parameters, alignment.annotation.anterior
    save(slicer.mrmlScene, tmp_path / "saved")
    slicer.mrmlScene.Clear()
    assert not detected.ui.detectButton.enabled
    load(slicer.mrmlScene, tmp_path / "saved")
    detected.panel.unveiling.finish()
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


@pytest.mark.parametrize("open_module", [True, False])
def test_the_films_of_a_scene_are_chosen_again_whichever_came_first(host, scene, tmp_path, open_module):
    # the module is open before any film is there, and so is its parameter node
    module = host.open_module()
    films = [add_film(scene, np.zeros((40, 30), np.uint8), (1, 1), name) for name in ("one", "two", "three")]
    module._parameterNode.film, module._parameterNode.otherFilm = films[2], films[1]
    save(scene, tmp_path / "saved")
    scene.Clear()
    if not open_module:
        host.leave_module()
    load(scene, tmp_path / "saved")
    if not open_module:
        host.return_to_module()
    choices = module.logic.getParameterNode()
    assert (choices.film.GetName(), choices.otherFilm.GetName()) == ("three", "two")
    assert module.ui.filmSelector.currentNode().GetName() == "three"


def test_a_detection_of_another_film_says_so(host, module, film, models, scene):
    module.logic.models = models
    module.logic.alignment(film).set_anterior("left")
    other = add_film(scene, np.zeros((40, 30), np.uint8), (1, 1), "other")
    module.ui.detectButton.click()
    module._parameterNode.film = other
    wait_until(lambda: not module.logic.queue.busy)
    assert module.ui.statusLabel.text.startswith("film: Landmarks found.")
    assert host.slice.sliceLogic().GetSliceCompositeNode().GetBackgroundVolumeID() == other.GetID()
    module._parameterNode.film = film
    assert module.ui.statusLabel.text == ""


def test_drawings_are_left_out_of_slicers_lists(alignment):
    alignment.show(KEYS)
    assert all(node.GetHideFromEditors() for node in alignment.drawn_nodes)
    assert not alignment.landmarks.GetHideFromEditors()


def test_a_detection_logs_no_error(alignment):
    window = vtk.vtkStringOutputWindow()
    before = vtk.vtkOutputWindow.GetInstance()
    vtk.vtkOutputWindow.SetInstance(window)
    vtk.vtkObject.GlobalWarningDisplayOn()
    try:
        alignment.set_detection(subject.detection())
    finally:
        vtk.vtkObject.GlobalWarningDisplayOff()
        vtk.vtkOutputWindow.SetInstance(before)
    assert window.GetOutput() == ""


def test_scene_close_and_module_reload_leave_nothing_behind(host, module, models, film):
    module.logic.models = models
    module.logic.detect(film)
    module.onParameterNodeModified()
    slicer.mrmlScene.Clear()
    assert module.logic.spine.alignments == []
    film = add_film(slicer.mrmlScene, subject.film_pixels(), subject.SPACING_MM)
    module.logic.detect(film)
    module.panel.unveiling.finish()
    process = module.logic.queue.process
    host.close_module()
    assert not process.running
    assert SpineScene._scenes == []
    ghosts = [n for n in slicer.util.getNodesByClass("vtkMRMLMarkupsNode") if n.GetAttribute(MEASUREMENT_ATTRIBUTE)]
    assert ghosts == []
    module = host.open_module()
    alignment = module.logic.spine.alignment(film)
    assert alignment is not None
    assert cell(module.ui.measurementsTable, 0, 1) != ""
    module.panel.unveiling.finish()
    assert len({n.GetName() for n in alignment.drawn_nodes}) > 3
