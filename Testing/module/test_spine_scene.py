"""Several films in a scene, saving and loading, deleting, closing."""

import json

import numpy as np
import pytest
import slicer
import vtk

from SpineAlignmentLib.measurement.parameters import KEYS
from SpineAlignmentLib.mrml import landmark_list
from SpineAlignmentLib.mrml.folder import FOLDER_ATTRIBUTE
from SpineAlignmentLib.mrml.spine_scene import SpineScene
from SpineAlignmentLib.results.comparison import differences
from Testing.host import subject
from Testing.host.films import add_film, load_film
from Testing.library.films import dicom, pattern
from Testing.module.scene_files import add, load, save


def test_save_and_reload_restore_everything(scene, spine, film, tmp_path):
    alignment = spine.create(film)
    alignment.set_detection(subject.detection())
    alignment.set_point("C3_C", (123.456789012, 234.567890123))
    alignment.set_point("T9_C", None)
    alignment.set_spacing((0.31, 0.32), "typed")
    alignment.set_anterior("right")
    alignment.show(KEYS)
    points, parameters, states = alignment.points_px, alignment.parameters, alignment.states()
    save(scene, tmp_path / "saved")
    assert not list((tmp_path / "saved").glob("*Line*"))
    scene.Clear()
    assert spine.alignments == []
    load(scene, tmp_path / "saved")
    (restored,) = spine.alignments
    assert np.nanmax(np.abs(restored.points_px - points)) * 0.45 < 1e-6
    assert np.array_equal(np.isnan(restored.points_px), np.isnan(points))
    for key, value in restored.parameters.items():
        assert value == pytest.approx(parameters[key], abs=1e-6, nan_ok=True), key
    assert restored.states() == states
    assert restored.annotation.spacing_mm == (0.31, 0.32)
    assert restored.annotation.spacing_source == "typed"
    assert restored.annotation.anterior == "right"
    assert restored.annotation.models == ("m",)
    restored.reset("C3_C")
    assert restored.state("C3_C") == "detected"
    lists = slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode", scene)
    assert [landmark_list.is_landmark_list(n) for n in lists].count(True) == 1
    assert scene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 1
    restored.show(["LL"])
    assert restored.drawn_nodes


def test_a_saved_scene_knows_what_the_films_own_file_says(scene, spine, tmp_path):
    film = load_film(scene, dicom(tmp_path / "film.dcm", pattern(), PixelSpacing=None, ImagerPixelSpacing=[0.2, 0.2]))
    alignment, own = spine.create(film), spine.own_facts(film)
    assert own.spacing_source.startswith("ImagerPixelSpacing") and own.warnings
    alignment.set_spacing((0.15, 0.15), "typed")
    save(scene, tmp_path / "saved")
    scene.Clear()
    load(scene, tmp_path / "saved")
    (restored,) = spine.alignments
    again = spine.own_facts(restored.volume)
    assert (again.spacing_mm, again.spacing_source) == (own.spacing_mm, own.spacing_source)
    assert again.warnings == own.warnings
    restored.set_spacing_of(again)
    assert set(own.warnings) <= set(restored.annotation.warnings)


def test_two_films_are_compared(scene, spine, alignment):
    after = add_film(scene, subject.film_pixels(), subject.SPACING_MM, "after")
    with pytest.raises(ValueError, match="after: no landmarks"):
        spine.compare(alignment.volume, after)
    second = spine.create(after)
    second.set_anterior("left")
    points = subject.upright_px()
    points[:23] += 30
    second.set_points(points)
    assert alignment.points_px == pytest.approx(subject.upright_px())
    table = spine.compare(alignment.volume, after)
    assert spine.compare(alignment.volume, after) is table
    difference = table.GetTable().GetColumnByName("Difference")
    for row, key in enumerate(KEYS):
        assert difference.GetValue(row) == pytest.approx(second.parameters[key] - alignment.parameters[key])
    low, high, beyond = (table.GetTable().GetColumnByName(name) for name in ("From", "To", "Beyond intervals"))
    for row, found in enumerate(differences(alignment.annotation, second.annotation)):
        assert low.GetValue(row) < difference.GetValue(row) < high.GetValue(row)
        assert beyond.GetValue(row) == ("yes" if found.beyond else "no")
    assert {beyond.GetValue(row) for row in range(18)} == {"yes", "no"}
    spine.show_only(after, frozenset(["LL"]))
    assert not alignment.landmarks.GetDisplayVisibility()
    assert second.landmarks.GetDisplayVisibility()


def test_one_folder_for_each_film(scene, alignment):
    alignment.show(KEYS)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    folder = hierarchy.GetItemParent(hierarchy.GetItemByDataNode(alignment.landmarks))
    assert hierarchy.GetItemName(folder) == "Spine alignment of film"
    inside = vtk.vtkCollection()
    hierarchy.GetDataNodesInBranch(folder, inside)
    nodes = {inside.GetItemAsObject(i) for i in range(inside.GetNumberOfItems())}
    assert nodes == {alignment.landmarks, alignment.table}
    hierarchy.SetItemName(folder, "Mrs. A")
    alignment.set_point("S1_A", (300, 1300))
    assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(alignment.table)) == folder
    assert hierarchy.GetItemAttribute(folder, FOLDER_ATTRIBUTE)


def items(scene):
    """The names of everything in the tree of data."""
    hierarchy, ids = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene), vtk.vtkIdList()
    hierarchy.GetItemChildren(hierarchy.GetSceneItemID(), ids, True)
    return [hierarchy.GetItemName(ids.GetId(i)) for i in range(ids.GetNumberOfIds())]


@pytest.mark.parametrize("closes", [True, False])
def test_a_scene_that_is_saved_and_loaded_has_the_same_tree_of_data(scene, alignment, tmp_path, closes):
    alignment.show(KEYS)
    before = items(scene)
    assert before == ["Spine alignment of film", "film landmarks", "film parameters"]
    save(scene, tmp_path / "saved")
    scene.Clear()
    (load if closes else add)(scene, tmp_path / "saved")
    assert items(scene) == before


def test_what_is_drawn_is_hidden_before_it_is_added(scene, spine, alignment):
    seen = []

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def look(_scene, _event, node):
        # as Slicer's subject hierarchy does, once for each node
        if node.IsA("vtkMRMLMarkupsNode") and not node.GetHideFromEditors():
            seen.append(node.GetName())

    tag = scene.AddObserver(scene.NodeAddedEvent, look)
    alignment.show(KEYS)
    scene.RemoveObserver(tag)
    assert alignment.drawn_nodes
    assert seen == []


def test_deleting_the_film_takes_the_lines_and_leaves_the_work(scene, spine, alignment):
    alignment.show(KEYS)
    landmarks, table, drawn = alignment.landmarks, alignment.table, alignment.drawn_nodes
    scene.RemoveNode(alignment.volume)
    assert spine.alignments == []
    assert scene.IsNodePresent(landmarks)
    assert scene.IsNodePresent(table)
    assert not any(scene.IsNodePresent(node) for node in drawn)
    landmarks.SetNthControlPointPosition(0, 1, 2, 3)


def test_deleting_the_landmarks_lets_one_begin_again(scene, spine, alignment):
    alignment.show(KEYS)
    film, drawn = alignment.volume, alignment.drawn_nodes
    scene.RemoveNode(alignment.landmarks)
    assert spine.alignment(film) is None
    assert not any(scene.IsNodePresent(node) for node in drawn)
    assert spine.create(film).states()[0] == "not placed"


def test_remove_leaves_nothing_but_the_film(scene, spine, film):
    before = scene.GetNumberOfNodesByClass("vtkMRMLDisplayableNode")
    alignment = spine.create(film)
    alignment.set_points(subject.upright_px())
    alignment.show(KEYS)
    spine.remove(film)
    assert scene.GetNumberOfNodesByClass("vtkMRMLDisplayableNode") == before
    assert scene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 0


def test_close_and_release_leave_no_observer(scene, film):
    spine = SpineScene(scene)
    alignment = spine.create(film)
    spine.release()
    assert not alignment.volume.HasObserver(slicer.vtkMRMLTransformableNode.TransformModifiedEvent)
    # nothing listens any more: a change of the landmarks does not reach the table
    before = alignment.table.GetMTime()
    alignment.landmarks.SetNthControlPointPosition(0, 1, 2, 3)
    assert alignment.table.GetMTime() == before
    assert not alignment.landmarks.HasObserver(slicer.vtkMRMLMarkupsNode.PointStartInteractionEvent)


def test_facts_are_plain_json_in_the_scene(alignment):
    facts = json.loads(alignment.landmarks.GetAttribute("SpineAlignment.film"))
    assert facts["anterior"] == "left"
    assert facts["spacing_mm"] == pytest.approx([0.45, 0.45])
