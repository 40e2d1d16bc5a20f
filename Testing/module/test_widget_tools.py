"""The panel's tools for correcting: names of vertebrae, intervals, what is measured besides, and the patient."""

import json
from dataclasses import replace

import numpy as np
import pytest
import slicer

from SpineAlignmentLib.clinical.norms import norm, norm_text
from SpineAlignmentLib.measurement.landmarks import COUNT, INDEX, NAMES, VERTEBRAE
from SpineAlignmentLib.measurement.parameters import KEYS
from SpineAlignmentLib.measurement.vertebrae import LEVELS
from SpineAlignmentLib.mrml.film_facts import film_facts
from SpineAlignmentLib.mrml.handles import NAMES as HANDLES
from SpineAlignmentLib.mrml.landmark_list import read_facts
from SpineAlignmentLib.mrml.volume_film import volume_geometry
from SpineAlignmentLib.results.drawn import cobb_between
from SpineAlignmentLib.results.measured import interval_text
from SpineAlignmentLib.results.numbering import Numbering, OtherNumbering
from SpineAlignmentLib.results.renumbering import shifted
from SpineAlignmentLib.results.result_file import read_annotation
from Testing.benchmarks.drag import mouse
from Testing.host import subject
from Testing.host.films import add_film, load_film
from Testing.library.films import dicom, pattern
from Testing.module.test_drawn import drag
from Testing.module.window import cell, settle


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
    ui.levelLowerButton.click()
    assert ui.levelsLabel.text == "22 vertebrae, C3 to L5; named by hand"
    assert alignment.points_px[INDEX["L2_C"]] == pytest.approx(before[INDEX["L1_C"]])
    ui.undoButton.click()
    assert alignment.points_px == pytest.approx(before)
    assert ui.levelComboBox.currentText == "C2"

    ui.levelRunComboBox.setCurrentIndex(2)
    ui.levelComboBox.setCurrentText("T12")
    ui.levelHigherButton.click()
    assert ui.statusLabel.text.startswith("T11: the vertebra called so until now has no name any more")
    assert ui.levelComboBox.currentText == "T11"
    # the same body stays at hand, whatever it is called
    ui.undoButton.click()
    assert ui.levelComboBox.currentText == "T12"
    ui.redoButton.click()
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
    assert ui.statusLabel.text == "L5 left out; 33 landmarks move"
    ui.undoButton.click()
    assert alignment.points_px == pytest.approx(found.points_px)


def test_a_head_is_sized_by_its_rim(host, measured, film, scene):
    ui, alignment = measured.ui, measured.logic.alignment(film)

    def circles():
        curves = slicer.util.getNodesByClass("vtkMRMLMarkupsCurveNode", scene)
        return [node for node in curves if node.GetName().startswith("Femoral head") and node.GetDisplayVisibility()]

    assert circles() == []
    height = host.slice.mrmlSliceNode().GetFieldOfView()[1]
    ui.headsCheckBox.click()
    assert len(circles()) == 2
    # they are looked at closely
    assert host.slice.mrmlSliceNode().GetFieldOfView()[1] < height / 3
    (handles,) = (n for n in slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode") if n.GetName() == "Handles")
    drag(alignment, handles, 0, (9.0, 7.0))
    radius = alignment.annotation.head_radius_px
    assert radius[0] > 10 and np.isnan(radius[1])
    ui.headsCheckBox.click()
    assert len(circles()) == 1
    ui.undoButton.click()
    assert circles() == []


def test_a_cobb_angle_is_kept_with_the_rest_and_follows(host, measured, film, tmp_path):
    ui, alignment = measured.ui, measured.logic.alignment(film)
    ui.upperComboBox.setCurrentText("T5")
    ui.lowerComboBox.setCurrentText("T12")
    ui.cobbButton.click()
    kyphosis = alignment.annotation.cobb("T5", "T12")
    assert ui.furtherList.item(0).text() == f"Cobb T5-T12: {kyphosis:.1f}\N{DEGREE SIGN}"
    x, y = alignment.points_px[INDEX["T12_AI"]]
    alignment.set_point("T12_AI", (x, y + 6))
    assert alignment.annotation.cobb("T5", "T12") != pytest.approx(kyphosis, abs=1)
    assert ui.furtherList.item(0).text() != f"Cobb T5-T12: {kyphosis:.1f}\N{DEGREE SIGN}"
    measured.panel.export.export(tmp_path / "film.json")
    assert read_annotation(tmp_path / "film.json").drawn == (cobb_between("T5", "T12"),)
    ui.takeAwayButton.click()
    assert ui.furtherList.count == 0 and not ui.takeAwayButton.enabled
    ui.undoButton.click()
    assert ui.furtherList.count == 1
    # another film has its own, and nothing is left behind
    other = add_film(slicer.mrmlScene, subject.film_pixels(), subject.SPACING_MM, "other")
    measured._parameterNode.film = other
    assert ui.furtherList.count == 0 and not ui.cobbButton.enabled
    measured._parameterNode.film = film
    assert ui.furtherList.count == 1


def test_a_distance_is_drawn_by_two_clicks(host, measured, film):
    ui, alignment = measured.ui, measured.logic.alignment(film)
    ui.distanceButton.click()
    settle()
    for x, y in ((150, 200), (150, 300)):
        for kind in ("move", "press", "release"):
            mouse(host, kind, x, y)
        settle()
    (drawn,) = alignment.annotation.drawn
    assert drawn.kind == "distance" and alignment.annotation.drawn_value(drawn) > 10
    assert ui.furtherList.item(0).text().startswith("Distance 1: ")
    ui.distanceButton.click()
    settle()
    for kind in ("move", "press", "release", "press", "release"):
        mouse(host, kind, 150, 250)
        settle()
    assert len(alignment.annotation.drawn) == 1
    assert ui.statusLabel.text.startswith("no distance: both clicks are on one spot")
    # left before the second click: nothing is measured and clicks mean what they meant
    ui.angleButton.click()
    measured.exit()
    interaction = slicer.mrmlScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    assert interaction.GetCurrentInteractionMode() == slicer.vtkMRMLInteractionNode.ViewTransform
    assert len(alignment.annotation.drawn) == 1
    host.close_module()
    assert not [n for n in slicer.util.getNodesByClass("vtkMRMLMarkupsLineNode") if n.GetName() == "Drawn line"]


def test_norms_readings_and_report_are_those_of_the_patient(measured, film, tmp_path):
    ui, alignment, row = measured.ui, measured.logic.alignment(film), KEYS.index("SVA")
    adult = cell(ui.measurementsTable, row, 3)
    assert "the patient's age is not known" in ui.normsLabel.text
    ui.ageSpinBox.setValue(75)
    ui.sexComboBox.setCurrentIndex(1)
    assert cell(ui.measurementsTable, row, 3) == norm_text("SVA", 75) != adult
    assert ui.normsLabel.text == "Norms: adults of either sex, from 65 on where norms differ by age."
    measured.panel.export.export(tmp_path / "film.json")
    saved = json.loads((tmp_path / "film.json").read_text())
    assert saved["patient"] == {"age": 75.0, "sex": "F", "source": "given"}
    assert saved["norms"]["SVA"]["mean"] == norm("SVA", 75).mean
    assert slicer.util.arrayFromTableColumn(alignment.table, "Norm mean")[row] == norm("SVA", 75).mean
    measured.panel.export.export(tmp_path / "film.html")
    assert "75" in (tmp_path / "film.html").read_text()
    # a child has no norms, and what was typed stays with the scene
    ui.ageSpinBox.setValue(12)
    assert cell(ui.measurementsTable, row, 3) == ""
    known = read_facts(alignment.landmarks)
    assert known["extra"]["patient"]["age"] == 12
    assert film_facts(film, known=known).extra["patient"]["sex"] == "F"


def test_age_and_sex_come_from_the_films_tags(host, scene, tmp_path):
    file = dicom(tmp_path / "film.dcm", pattern(), PatientAge="018M", PatientSex="M")
    film = load_film(scene, str(file))
    module = host.open_module()
    assert module.ui.ageSpinBox.value == -1
    module.ui.patientTagsButton.click()
    assert (module.ui.ageSpinBox.value, module.ui.sexComboBox.currentIndex) == (1, 2)
    patient = module.logic.alignment(film).annotation.extra["patient"]
    assert patient == {"age": 1.5, "sex": "M", "source": "DICOM tags"}
    module.ui.sexComboBox.setCurrentIndex(1)
    assert module.logic.alignment(film).annotation.extra["patient"] == {"age": 1.5, "sex": "F", "source": "given"}
    assert module.ui.statusLabel.text == ""


def test_an_age_that_contradicts_the_birth_date_is_said(host, scene, tmp_path):
    file = dicom(tmp_path / "film.dcm", pattern(), PatientAge="000Y", StudyDate="20200101")
    load_film(scene, str(file))
    module = host.open_module()
    module.ui.patientTagsButton.click()
    assert module.ui.ageSpinBox.value == 69
    assert "PatientAge (0010,1010)" in module.ui.statusLabel.text


def test_uncertain_landmarks_are_looked_at_one_by_one_and_the_film_is_done(host, measured, film):
    ui, alignment = measured.ui, measured.logic.alignment(film)
    sure = np.full(COUNT, 0.9)
    sure[[INDEX["C7_AI"], INDEX["FH_2"]]] = 0.3
    alignment.set_detection(replace(subject.detection(), confidence=sure))
    node = host.slice.mrmlSliceNode()
    height = node.GetFieldOfView()[1]
    assert ui.nextUncertainButton.text == "Next uncertain (2)" and not ui.reviewedCheckBox.checked
    ui.nextUncertainButton.click()
    assert ui.landmarksTable.currentRow() == INDEX["C7_AI"]
    assert node.GetFieldOfView()[1] < height / 3
    ui.nextUncertainButton.click()
    assert ui.landmarksTable.currentRow() == INDEX["FH_2"]
    ui.acceptButton.click()
    assert cell(ui.landmarksTable, INDEX["FH_2"], 1) == "reviewed"
    # this detection says nothing of its own error, so that no interval got wider
    assert ui.statusLabel.text == ""
    assert ui.nextUncertainButton.text == "Next uncertain (1)"
    x, y = alignment.points_px[INDEX["C7_AI"]]
    alignment.set_point("C7_AI", (x + 3, y))
    assert not ui.nextUncertainButton.enabled and not ui.reviewedCheckBox.checked
    ui.reviewedCheckBox.click()
    assert ui.reviewedCheckBox.checked
    assert alignment.annotation.reviewed == frozenset(NAMES)
    ui.undoButton.click()
    assert not ui.reviewedCheckBox.checked and alignment.annotation.reviewed == {"FH_2"}


def test_what_is_moved_after_the_review_is_not_reviewed_any_more(measured, film):
    ui, alignment = measured.ui, measured.logic.alignment(film)
    alignment.set_detection(subject.detection())
    ui.reviewedCheckBox.click()
    node, row = alignment.landmarks, INDEX["S1_A"]
    # as a drag does
    node.InvokeEvent(slicer.vtkMRMLMarkupsNode.PointStartInteractionEvent)
    r, a, s = node.GetNthControlPointPosition(row)
    for step in (1, 2, 3):
        node.SetNthControlPointPosition(row, r + step, a, s)
    assert alignment.annotation.reviewed == frozenset(NAMES) - {"S1_A"}
    assert not ui.reviewedCheckBox.checked and ui.reviewedCheckBox.text == "Changed since reviewed"
    ui.undoButton.click()
    assert ui.reviewedCheckBox.checked and ui.reviewedCheckBox.text == "Reviewed"
    ui.flipButton.click()
    assert not ui.reviewedCheckBox.checked and alignment.annotation.reviewed == frozenset(NAMES)
    ui.reviewedCheckBox.click()
    assert ui.reviewedCheckBox.checked
    alignment.set_marks(replace(alignment.annotation, reviewed=frozenset(), whole_reviewed=None))
    assert ui.reviewedCheckBox.text == "Reviewed"


def nodes_named(name):
    nodes = slicer.util.getNodesByClass("vtkMRMLMarkupsNode")
    return [node for node in nodes if node.GetName() == name and node.GetDisplayVisibility()]


def test_vertebrae_are_named_beside_the_spine(host, measured, film):
    ui, alignment = measured.ui, measured.logic.alignment(film)
    assert ui.levelsCheckBox.checked
    (names,) = nodes_named("Level names")

    def place(level):
        ras = names.GetNthControlPointPosition(LEVELS.index(level))
        return volume_geometry(film).to_pixels(np.array([ras]))[0]

    assert [names.GetNthControlPointLabel(i) for i in range(25)] == list(LEVELS)
    x, y = alignment.points_px[INDEX["L3_C"]]
    # the patient faces left: behind is to the right, at the height of the body
    assert place("L3")[0] > x + 20 and place("L3")[1] == pytest.approx(y, abs=0.01)
    alignment.set_point("L3_C", (x, y + 7))
    assert place("L3")[1] == pytest.approx(y + 7, abs=0.01)
    ui.levelsCheckBox.click()
    assert nodes_named("Level names") == []
    ui.levelsCheckBox.click()
    # of the film on screen alone
    other = add_film(slicer.mrmlScene, subject.film_pixels(), subject.SPACING_MM, "other")
    measured._parameterNode.film = other
    assert nodes_named("Level names") == []


def test_the_corners_of_the_vertebra_at_hand_are_dragged(host, measured, film):
    ui, alignment = measured.ui, measured.logic.alignment(film)
    corners = alignment.annotation.vertebrae_px.copy()
    row = VERTEBRAE.index("L3")
    corners[row] = alignment.points_px[INDEX["L3_C"]] + np.array([(-20, -14), (20, -14), (-20, 14), (20, 14)])
    alignment.set_marks(replace(alignment.annotation, vertebrae_px=corners))
    assert nodes_named("Handles") == []
    height = host.slice.mrmlSliceNode().GetFieldOfView()[1]
    ui.levelComboBox.setCurrentText("L3")
    ui.cornersCheckBox.click()
    assert host.slice.mrmlSliceNode().GetFieldOfView()[1] < height / 3
    (handles,) = nodes_named("Handles")
    before = alignment.annotation.cobb("L3", "L3")
    drag(alignment, handles, HANDLES.index("PI"), (0.0, 8.0))
    assert alignment.annotation.vertebrae_px[row, 3] == pytest.approx(corners[row, 3] + (0, 8), abs=0.01)
    assert abs(alignment.annotation.cobb("L3", "L3") - before) > 5
    ui.undoButton.click()
    assert alignment.annotation.vertebrae_px[row] == pytest.approx(corners[row])
    # the same body under another name stays at hand
    ui.levelLowerButton.click()
    assert ui.levelComboBox.currentText == "L4"
    at = volume_geometry(film).to_pixels(np.array([handles.GetNthControlPointPosition(HANDLES.index("PI"))]))[0]
    assert at == pytest.approx(corners[row, 3], abs=0.01)
    ui.cornersCheckBox.click()
    assert handles.GetNumberOfDefinedControlPoints() == 0
