"""A film that lies on its side or upside down in the scene: measured, drawn, seen, saved and reopened as it stands."""

from dataclasses import replace

import numpy as np
import pytest
import slicer

from SpineAlignmentLib.measurement.landmarks import COUNT, INDEX
from SpineAlignmentLib.measurement.parameters import KEYS
from SpineAlignmentLib.mrml.drawn_lines import DrawnLines
from SpineAlignmentLib.mrml.export import export_results
from SpineAlignmentLib.mrml.handles import Handles
from SpineAlignmentLib.mrml.level_names import LevelNames
from SpineAlignmentLib.mrml.reopening import reopen
from SpineAlignmentLib.mrml.view import show_film, show_spine, structure_corners
from SpineAlignmentLib.mrml.volume_film import volume_geometry
from SpineAlignmentLib.results.drawn import Drawn, cobb_between
from SpineAlignmentLib.results.turning import as_stored, turned_points
from Testing.benchmarks.drag import screen_position
from Testing.host import subject
from Testing.host.films import add_film
from Testing.module.scene_files import load, save

TURNS = (1, 2, 3)
DRAWN = (Drawn("distance", None, ((100, 200), (300, 900))), cobb_between("T5", "T12"))


def marked():
    return replace(subject.detection(), drawn=DRAWN, head_radius_px=np.array([40.0, 50.0]))


def lying_film(scene, turns, name="lying"):
    return add_film(scene, np.rot90(subject.film_pixels(), -turns), subject.SPACING_MM, name)


@pytest.fixture(params=TURNS)
def lying(request, scene, spine):
    """A film in the scene that is set upright by quarter turns, with a detection that says so."""
    alignment = spine.create(lying_film(scene, request.param))
    alignment.set_detection(as_stored(marked(), request.param))
    return alignment


@pytest.fixture
def standing(scene, spine):
    alignment = spine.create(add_film(scene, subject.film_pixels(), subject.SPACING_MM, "standing"))
    alignment.set_detection(marked())
    return alignment


def places(alignment, nodes):
    """Where control points are on the film set upright."""
    film, ras, defined = alignment.annotation, [], slicer.vtkMRMLMarkupsNode.PositionDefined
    for node in nodes:
        there = [node.GetNthControlPointPositionStatus(i) == defined for i in range(node.GetNumberOfControlPoints())]
        ras += [node.GetNthControlPointPosition(int(i)) for i in np.flatnonzero(there)]
    found = volume_geometry(alignment.volume).to_pixels(np.array(ras))
    return turned_points(found, film.size_px, film.quarter_turns)


def test_it_measures_what_it_measures_upright(lying, standing):
    assert lying.parameters == pytest.approx(standing.parameters, abs=1e-9)
    film = lying.annotation
    assert [film.drawn_value(one) for one in film.drawn] == pytest.approx(
        [standing.annotation.drawn_value(one) for one in standing.annotation.drawn]
    )


def test_all_that_is_drawn_lies_on_the_same_bones(scene, lying, standing):
    drawn = []
    for alignment in (lying, standing):
        alignment.show(KEYS)
        lines, names, handles = DrawnLines(alignment), LevelNames(alignment), Handles(alignment)
        lines.follow()
        names.show(True)
        handles.show(heads=True)
        # the newest come last
        circles = slicer.util.getNodesByClass("vtkMRMLMarkupsCurveNode", scene)
        rims = [node for node in circles if node.GetName() == "Femoral head"][-2:]
        drawn.append([alignment.landmarks, *alignment.drawn_nodes, *lines.drawn_nodes, names.node, *rims])
    assert [n.GetClassName() for n in drawn[0]] == [n.GetClassName() for n in drawn[1]]
    for mine, other in zip(*drawn, strict=True):
        one, same = places(lying, [mine]), places(standing, [other])
        if mine.GetName() == "Femoral head":  # its points begin elsewhere on the rim
            one, same = (np.array([p.min(axis=0), p.max(axis=0)]) for p in (one, same))
        assert np.allclose(one, same, atol=0.5), mine.GetName()


def test_the_view_shows_it_upright(host, lying, standing):
    logic = host.slice.sliceLogic()
    seen = []
    for alignment in (standing, lying):
        show_film(logic, alignment.volume, alignment.annotation.quarter_turns)
        assert logic.GetSliceNode().GetFieldOfView()[1] == pytest.approx(1600 * 0.45, rel=0.01)
        show_spine(logic, alignment)
        seen.append([screen_position(host, alignment.landmarks, INDEX[name]) for name in ("C2_C", "S1_A", "S1_P")])
    assert np.allclose(seen[0], seen[1], atol=1.5)
    show_spine(logic, standing)
    assert np.allclose(screen_position(host, standing.landmarks, INDEX["C2_C"]), seen[0][0], atol=1.5)


def test_texts_keep_off_the_same_structures(lying, standing):
    extents = [np.ptp(structure_corners(alignment), axis=1) for alignment in (lying, standing)]
    sideways = lying.annotation.quarter_turns % 2
    assert np.allclose(np.abs(extents[0][:, [1, 0]] if sideways else extents[0][:, :2]), np.abs(extents[1][:, :2]))


def test_undo_takes_the_turn_back(lying):
    turns, said = lying.annotation.quarter_turns, lying.parameters
    lying.undo()
    assert lying.annotation.quarter_turns == 0
    lying.redo()
    assert lying.annotation.quarter_turns == turns and lying.parameters == pytest.approx(said, nan_ok=True)


def test_a_side_that_the_user_said_stays_and_the_turn_is_taken(scene, spine):
    alignment = spine.create(lying_film(scene, 1))
    alignment.set_anterior("right")
    alignment.set_detection(as_stored(marked(), 1))
    assert (alignment.annotation.anterior, alignment.annotation.quarter_turns) == ("right", 1)


def test_save_and_reload_keep_it(scene, spine, lying, tmp_path):
    turns, said = lying.annotation.quarter_turns, lying.parameters
    save(scene, tmp_path / "saved")
    scene.Clear()
    load(scene, tmp_path / "saved")
    (restored,) = spine.alignments
    assert restored.annotation.quarter_turns == restored.detection.quarter_turns == turns
    assert restored.parameters == pytest.approx(said, abs=1e-6, nan_ok=True)


@pytest.mark.parametrize("kind", ["json", "mrk.json"])
def test_saved_landmarks_bring_the_turn_back(scene, spine, lying, tmp_path, kind):
    export_results(lying, tmp_path / f"film.{kind}")
    again = spine.create(lying_film(scene, lying.annotation.quarter_turns, "again"))
    again.set_anterior("left")
    reopen(again, tmp_path / f"film.{kind}")
    assert again.annotation.quarter_turns == lying.annotation.quarter_turns
    assert again.parameters == pytest.approx(lying.parameters, abs=0.05, nan_ok=True)
    again.undo()
    assert again.annotation.quarter_turns == 0 and np.isnan(again.points_px).all()


def test_the_module_shows_a_reopened_film_upright(host, scene, spine):
    lying_film(scene, 1)
    module = host.open_module()
    volume = slicer.util.getNode("lying")
    module.logic.alignment(volume).set_detection(as_stored(marked(), 1))
    xy = [screen_position(host, module.logic.alignment(volume).landmarks, INDEX[n]) for n in ("C2_C", "S1_A")]
    assert abs(xy[0][0] - xy[1][0]) < abs(xy[0][1] - xy[1][1]) and xy[0][1] < xy[1][1]
    assert len(module.logic.alignment(volume).states()) == COUNT
