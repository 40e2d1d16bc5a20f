"""Landmarks of a film in the scene, and everything that follows them."""

from dataclasses import replace

import numpy as np
import pytest
import slicer

from SpineAlignmentLib.clinical.norms import unusual
from SpineAlignmentLib.measurement.constructions import constructions
from SpineAlignmentLib.measurement.landmarks import COUNT, INDEX, NAMES
from SpineAlignmentLib.measurement.parameters import KEYS, spinopelvic_parameters
from SpineAlignmentLib.mrml import drawing, landmark_list, results_table
from SpineAlignmentLib.mrml.film_facts import FROM_VOLUME
from SpineAlignmentLib.mrml.spine_scene import SpineScene
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.frame import film_points
from SpineAlignmentLib.results.numbering import Numbering, OtherNumbering
from SpineAlignmentLib.results.renumbering import shifted
from Testing.host import subject
from Testing.host.films import add_film


def expected_parameters(points_px):
    film = Annotation("film", subject.SIZE_PX, points_px, spacing_mm=subject.SPACING_MM, anterior="left")
    return film.parameters()


def move(alignment, name, dx, dy):
    """Move a landmark as a drag does: through its markup."""
    i = INDEX[name]
    r, a, s = alignment.landmarks.GetNthControlPointPosition(i)
    alignment.landmarks.SetNthControlPointPosition(i, r + dx, a + dy, s)


def test_a_new_list_waits_for_its_landmarks(spine, film):
    alignment = spine.create(film)
    assert [alignment.landmarks.GetNthControlPointLabel(i) for i in range(COUNT)] == list(NAMES)
    assert alignment.states() == ["not placed"] * COUNT
    assert all(np.isnan(v) for v in alignment.parameters.values())
    assert spine.create(film) is alignment


def test_parameters_and_table_are_those_of_the_library(alignment):
    expected = {k: float(v) for k, v in spinopelvic_parameters(subject.upright_mm()).items()}
    assert alignment.parameters == pytest.approx(expected, abs=1e-9)
    assert results_table.read_values(alignment.table) == pytest.approx(expected, abs=1e-9)


def test_the_table_says_what_is_usual(alignment):
    table = alignment.table.GetTable()
    row = KEYS.index("PI")
    cells = {name: table.GetValueByName(row, name).ToString() for name in results_table.COLUMNS}
    assert (cells["Parameter"], cells["Unit"], cells["Norm mean"], cells["Norm of"]) == (
        "PI",
        "deg",
        "52",
        "healthy adults",
    )
    low, high = float(cells["Usual from"]), float(cells["Usual to"])
    assert (low, high) == pytest.approx((52.0 - 2 * 10.7, 52.0 + 2 * 10.7))
    assert [unusual("PI", v) for v in (low - 1, low + 1, high - 1, high + 1)] == [True, False, False, True]


@pytest.mark.parametrize("name", ["S1_A", "FH_1", "C7_C", "T5_PI", "C2_D"])
def test_a_moved_landmark_takes_everything_along(alignment, name):
    alignment.show(KEYS)
    before = alignment.parameters
    move(alignment, name, 5.0, -3.0)
    points = subject.upright_px()
    points[INDEX[name]] += np.array([-5.0, 3.0]) / subject.SPACING_MM
    assert alignment.points_px == pytest.approx(points)
    assert alignment.parameters == pytest.approx(expected_parameters(points))
    assert alignment.parameters != before
    assert_drawn(alignment)


def assert_drawn(alignment):
    """Every corner and arc end of every construction is a control point of one of its measurement's nodes."""
    annotation = alignment.annotation
    built = constructions(annotation.points_mm())
    for node_key, construction in built.items():
        nodes = [
            n for n in alignment.drawn_nodes
            if n.GetAttribute(drawing.MEASUREMENT_ATTRIBUTE) == node_key and n.GetDisplayVisibility()
        ]  # fmt: skip
        drawn = np.concatenate([slicer.util.arrayFromMarkupsControlPoints(n) for n in nodes])
        wanted = [p for s in construction.segments for p in (s.start, s.end)] + [construction.label.anchor]
        if construction.arc is not None:
            wanted += [construction.arc.start, construction.arc.end]
        px = film_points(np.array(wanted), annotation.spacing_mm, annotation.anterior)
        ras = px * [-subject.SPACING_MM[0], -subject.SPACING_MM[1]]
        gaps = np.abs(drawn[None, :, :2] - ras[:, None]).max(axis=2).min(axis=1)
        assert gaps.max() < 1e-6, node_key
        labels = [n.GetNthControlPointLabel(0) for n in nodes if n.IsA("vtkMRMLMarkupsFiducialNode")]
        assert labels == [construction.label.text]


def test_everything_is_drawn_where_the_library_says(alignment):
    alignment.show(KEYS)
    assert_drawn(alignment)
    for node in alignment.drawn_nodes:
        assert node.GetLocked()
        assert not node.GetSaveWithScene()


def test_measurements_are_shown_and_hidden_one_by_one(alignment):
    alignment.show(["LL"], curve=False)
    shown = {n.GetAttribute(drawing.MEASUREMENT_ATTRIBUTE) for n in alignment.drawn_nodes if n.GetDisplayVisibility()}
    assert shown == {"LL"}
    alignment.show(["PI", "PT"], curve=False)
    shown = {n.GetAttribute(drawing.MEASUREMENT_ATTRIBUTE) for n in alignment.drawn_nodes if n.GetDisplayVisibility()}
    assert shown == {"PI", "PT"}
    with pytest.raises(ValueError, match="unknown measurements: XX"):
        alignment.show(["XX"])


def test_a_missing_landmark_hides_what_needs_it(alignment):
    alignment.show(KEYS)
    alignment.set_point("FH_1", None)
    assert alignment.state("FH_1") == "missing"
    values = alignment.parameters
    unmeasurable = {key for key, value in values.items() if np.isnan(value)}
    assert unmeasurable == {"PI", "PT", "LPA", "GT", "TPA", "Barrey", "OD-HA"}
    shown = {n.GetAttribute(drawing.MEASUREMENT_ATTRIBUTE) for n in alignment.drawn_nodes if n.GetDisplayVisibility()}
    assert not shown & unmeasurable
    alignment.undo()
    assert not any(np.isnan(v) for v in alignment.parameters.values())
    assert_drawn(alignment)


def test_undo_and_redo_of_edits_and_drags(alignment):
    start = alignment.points_px
    alignment.landmarks.InvokeEvent(slicer.vtkMRMLMarkupsNode.PointStartInteractionEvent)
    for _ in range(10):
        move(alignment, "S1_A", 1.0, 0.0)
    dragged = alignment.points_px
    alignment.set_point("C7_C", (100, 200))
    alignment.undo()
    assert alignment.points_px == pytest.approx(dragged)
    alignment.undo()
    assert alignment.points_px == pytest.approx(start)
    alignment.redo()
    assert alignment.points_px == pytest.approx(dragged)
    assert alignment.can_redo
    alignment.set_point("C7_C", (1, 2))
    assert not alignment.can_redo


def test_detection_confidence_and_reset(spine, film):
    alignment = spine.create(film)
    with pytest.raises(ValueError, match="nothing was detected"):
        alignment.reset()
    alignment.set_detection(subject.detection())
    assert alignment.annotation.anterior == "left"
    assert alignment.state("FH_2") == "low confidence"
    assert not alignment.landmarks.GetNthControlPointSelected(INDEX["FH_2"])
    assert alignment.landmarks.GetNthControlPointSelected(INDEX["FH_1"])
    measurement = alignment.landmarks.GetMeasurement("confidence")
    assert measurement.GetControlPointValues().GetValue(INDEX["FH_2"]) == pytest.approx(0.2)
    move(alignment, "FH_2", 3, 3)
    move(alignment, "S1_A", 3, 3)
    assert alignment.state("FH_2") == "adjusted"
    assert alignment.landmarks.GetNthControlPointSelected(INDEX["FH_2"])
    assert np.isnan(alignment.annotation.confidence[INDEX["FH_2"]])
    alignment.reset("FH_2")
    assert alignment.state("FH_2") == "low confidence"
    assert alignment.state("S1_A") == "adjusted"
    alignment.reset()
    assert alignment.points_px == pytest.approx(subject.upright_px(), abs=1e-3)
    assert alignment.annotation.models == ("m",)


def test_a_side_set_by_hand_survives_a_detection(spine, film):
    alignment = spine.create(film)
    alignment.set_anterior("right")
    alignment.set_detection(subject.detection())
    assert alignment.annotation.anterior == "right"


def test_the_other_side_mirrors_the_signs(alignment):
    before = alignment.parameters
    alignment.set_anterior("right")
    assert alignment.parameters["SVA"] == pytest.approx(-before["SVA"])


def test_calibration_changes_distances_only(alignment):
    before = alignment.parameters
    alignment.set_spacing((0.9, 0.9), "typed")
    after = alignment.parameters
    assert after["SVA"] == pytest.approx(2 * before["SVA"])
    assert after["LL"] == pytest.approx(before["LL"])
    alignment.set_spacing(None, "unknown")
    assert np.isnan(alignment.parameters["SVA"])
    assert alignment.parameters["LL"] == pytest.approx(before["LL"])
    with pytest.raises(ValueError, match="positive"):
        alignment.set_spacing((0.0, 1.0), "typed")


def test_points_deleted_by_hand_come_back_unplaced(alignment):
    alignment.landmarks.SetFixedNumberOfControlPoints(False)
    alignment.landmarks.RemoveNthControlPoint(INDEX["L3_C"])
    assert landmark_list.is_whole(alignment.landmarks)
    assert alignment.state("L3_C") == "not placed"
    assert alignment.state("L4_C") == "placed"
    alignment.landmarks.SetFixedNumberOfControlPoints(False)
    alignment.landmarks.RemoveAllControlPoints()
    assert landmark_list.is_whole(alignment.landmarks)
    assert alignment.states() == ["not placed"] * COUNT
    alignment.set_points(subject.upright_px())
    assert alignment.parameters["LL"] == pytest.approx(expected_parameters(subject.upright_px())["LL"])


def test_landmarks_stay_on_their_pixels_when_the_film_moves(alignment, scene, film):
    alignment.show(KEYS)
    before = alignment.parameters
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = np.eye(4)
    matrix[:3, 3] = 10, 20, 0
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    film.SetAndObserveTransformNodeID(transform.GetID())
    world = [0.0, 0.0, 0.0]
    alignment.landmarks.GetNthControlPointPositionWorld(0, world)
    expected = subject.upright_px()[0] * [-0.45, -0.45] + [10, 20]
    assert world[:2] == pytest.approx(expected)
    assert alignment.parameters == pytest.approx(before)
    film.HardenTransform()
    alignment.landmarks.GetNthControlPointPositionWorld(0, world)
    assert world[:2] == pytest.approx(expected)
    assert alignment.points_px == pytest.approx(subject.upright_px())


def test_a_spacing_put_right_in_slicer_is_followed_where_nothing_else_says_one(alignment, film):
    before = alignment.parameters
    film.SetSpacing(0.9, 0.9, 1)
    assert alignment.points_px == pytest.approx(subject.upright_px())
    assert (alignment.annotation.spacing_mm, alignment.annotation.spacing_source) == ((0.9, 0.9), FROM_VOLUME)
    assert alignment.parameters["SVA"] == pytest.approx(2 * before["SVA"])
    film.SetSpacing(1, 1, 1)
    assert np.isnan(alignment.parameters["SVA"]) and alignment.parameters["LL"] == pytest.approx(before["LL"])
    film.SetSpacing(0.45, 0.45, 1)
    assert alignment.parameters == pytest.approx(before)
    alignment.set_spacing((0.3, 0.3), "typed")
    film.SetSpacing(0.9, 0.9, 1)
    assert (alignment.annotation.spacing_mm, alignment.annotation.spacing_source) == ((0.3, 0.3), "typed")


def test_drags_leave_nothing_behind(alignment, scene):
    alignment.show(KEYS)
    alignment.landmarks.InvokeEvent(slicer.vtkMRMLMarkupsNode.PointStartInteractionEvent)
    nodes = scene.GetNumberOfNodes()
    tags = [n.AddObserver("NoEvent", lambda *_: None) for n in [alignment.landmarks, *alignment.drawn_nodes]]
    for i in range(150):
        move(alignment, "FH_2", 2 * np.cos(i), 2 * np.sin(i))
    assert scene.GetNumberOfNodes() == nodes
    again = [n.AddObserver("NoEvent", lambda *_: None) for n in [alignment.landmarks, *alignment.drawn_nodes]]
    # VTK numbers observers in rising order and never again: nobody was added in between
    assert [b - a for a, b in zip(tags, again, strict=True)] == [1] * len(tags)


def test_deleted_lines_and_table_come_back(alignment, scene):
    alignment.show(KEYS)
    for node in [*alignment.drawn_nodes[:5], alignment.table]:
        scene.RemoveNode(node)
    move(alignment, "S1_A", 2, 2)
    alignment.show(KEYS)
    assert_drawn(alignment)
    assert results_table.read_values(alignment.table)["SS"] == pytest.approx(alignment.parameters["SS"])


@pytest.mark.parametrize("taken", ["columns", "a row"])
def test_a_table_that_lost_something_is_whole_again(alignment, taken):
    table = alignment.table
    table.RemoveRow(3) if taken == "a row" else table.RemoveAllColumns()
    move(alignment, "S1_A", 2, 2)
    assert table.GetNumberOfRows() == len(KEYS)
    assert results_table.read_values(table) == pytest.approx(alignment.parameters)


def test_non_square_pixels(spine, scene):
    film = add_film(scene, subject.film_pixels()[:, ::2], (0.9, 0.45))
    alignment = spine.create(film)
    alignment.set_anterior("left")
    alignment.set_points(subject.upright_px() * [0.5, 1])
    assert alignment.parameters == pytest.approx(expected_parameters(subject.upright_px()))


def test_renaming_levels_keeps_what_was_detected_and_can_be_undone(scene, spine, film):
    alignment = spine.create(film)
    sure = np.full(COUNT, 0.9)
    sure[INDEX["T5_C"]] = 0.2
    alignment.set_detection(Annotation("film", subject.SIZE_PX, subject.upright_px(), sure, models=("a",)))
    t5 = alignment.points_px[INDEX["T5_C"]]
    assert alignment.state("T5_C") == "low confidence"
    alignment.set_marks(
        replace(alignment.annotation, reviewed=frozenset({"T5_C"}), head_radius_px=np.array([50.0, 40]))
    )
    assert alignment.state("T5_C") == "reviewed" and alignment.annotation.head_radius_px.tolist() == [50, 40]
    alignment.renumber(lambda film: shifted(film, 1, "T1"))
    assert alignment.points_px[INDEX["T6_C"]] == pytest.approx(t5) and alignment.state("T6_C") == "low confidence"
    assert alignment.state("T5_C") == "detected" and np.isnan(alignment.points_px[INDEX["T1_C"]]).all()
    # a new observer of the scene, as after loading it
    spine.release()
    again = SpineScene(scene)
    restored = again.alignment(film)
    assert restored.annotation.head_radius_px.tolist() == [50, 40] and restored.state("T6_C") == "low confidence"
    again.release()


def test_levels_are_undone_with_their_detection(alignment):
    other = OtherNumbering("all levels one lower", alignment.points_px + 1, np.full(COUNT, 0.5))
    numbering = Numbering(24, ("C2", "L5"), 0.9, other)
    sure = np.full(COUNT, 0.9)
    alignment.set_detection(replace(alignment.annotation, confidence=sure, models=("a",), numbering=numbering))
    alignment.renumber(Annotation.renumbered)
    assert alignment.points_px == pytest.approx(other.points_px)
    alignment.renumber(Annotation.renumbered)
    before = alignment.points_px
    alignment.renumber(lambda film: shifted(film, -1))
    alignment.undo()
    assert alignment.points_px == pytest.approx(before, nan_ok=True) and set(alignment.states()) == {"detected"}
    alignment.redo()
    assert alignment.points_px[INDEX["T4_C"]] == pytest.approx(before[INDEX["T5_C"]])
    alignment.set_spacing((0.7, 0.7), "typed")
    alignment.undo()
    assert alignment.annotation.spacing_mm == subject.SPACING_MM
    alignment.redo()
    assert alignment.annotation.spacing_mm == (0.7, 0.7)
    assert alignment.points_px[INDEX["T4_C"]] == pytest.approx(before[INDEX["T5_C"]])
