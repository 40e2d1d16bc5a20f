"""What a person draws and drags besides the landmarks, through the markups that a view moves."""

from dataclasses import replace

import numpy as np
import pytest
import slicer

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.measurement.landmarks import INDEX, VERTEBRAE
from SpineAlignmentLib.mrml.drawn_lines import DrawnLines
from SpineAlignmentLib.mrml.handles import NAMES, Handles
from SpineAlignmentLib.mrml.level_names import LevelNames
from SpineAlignmentLib.mrml.volume_film import volume_geometry
from SpineAlignmentLib.results.drawn import Drawn, cobb_between, names
from SpineAlignmentLib.results.heads import head_centers, head_radii
from Testing.host import subject


def drag(alignment, node, i, by_px):
    """Move a control point as a view does, by film pixels, and let it go."""
    geometry = volume_geometry(alignment.volume)
    at = geometry.to_pixels(np.array([node.GetNthControlPointPosition(i)]))[0]
    node.SetNthControlPointPosition(i, *geometry.to_ras(np.array([at + by_px]))[0].tolist())
    node.InvokeEvent(slicer.vtkMRMLMarkupsNode.PointEndInteractionEvent)
    return at


def test_a_head_is_sized_by_its_rim_and_follows_its_center(alignment):
    handles = Handles(alignment)
    handles.show(heads=True)
    usual = head_radii(alignment.annotation, offered=True)
    at = drag(alignment, handles.node, NAMES.index("FH_1 rim"), (6.0, 4.0))
    radius = alignment.annotation.head_radius_px
    center = head_centers(alignment.annotation)[0]
    assert np.isnan(radius[1]) and radius[0] == pytest.approx(np.hypot(*(at + (6, 4) - center)), abs=0.1)
    assert radius[0] > usual[0]
    alignment.set_point("FH_1", center + (10, 0))
    handles.follow()
    again = volume_geometry(alignment.volume).to_pixels(np.array([handles.node.GetNthControlPointPosition(0)]))[0]
    assert np.hypot(*(again - center - (10, 0))) == pytest.approx(radius[0], abs=0.1)
    alignment.undo()
    alignment.undo()
    assert np.isnan(alignment.annotation.head_radius_px).all()
    count = alignment.volume.GetScene().GetNumberOfNodes()
    handles.remove()
    assert alignment.volume.GetScene().GetNumberOfNodes() < count


def test_corners_that_are_no_landmarks_are_dragged(alignment):
    corners = alignment.annotation.vertebrae_px.copy()
    row = VERTEBRAE.index("L1")
    corners[row] = alignment.points_px[INDEX["L1_C"]] + np.array([(-20, -14), (20, -14), (-20, 14), (20, 14)])
    alignment.set_marks(replace(alignment.annotation, vertebrae_px=corners))
    handles = Handles(alignment)
    handles.show(level="L1")
    defined = [n for i, n in enumerate(NAMES) if handles.node.GetNthControlPointPositionStatus(i) == 2]
    assert defined == ["AI", "PI"]
    before = alignment.annotation.cobb("L1", "L1")
    drag(alignment, handles.node, NAMES.index("PI"), (0.0, 8.0))
    assert alignment.annotation.vertebrae_px[row, 3] == pytest.approx(corners[row, 3] + (0, 8), abs=0.01)
    assert abs(alignment.annotation.cobb("L1", "L1") - before) > 5
    handles.remove()


def test_lines_are_drawn_moved_and_taken_away(alignment):
    lines = DrawnLines(alignment)
    geometry = volume_geometry(alignment.volume)
    lines.start("distance")
    for x, y in ((100.0, 200.0), (130.0, 240.0)):
        lines.handles[-1].AddControlPoint(geometry.to_ras(np.array([[x, y]]))[0].tolist())
    lines.go_on()
    assert lines.placing is None and len(alignment.annotation.drawn) == 1
    lines.follow()
    length = alignment.annotation.drawn_value(alignment.annotation.drawn[0])
    assert length == pytest.approx(float(np.hypot(*(np.array((30, 40)) * subject.SPACING_MM))))
    drag(alignment, lines.handles[0], 1, (30.0, 40.0))
    assert alignment.annotation.drawn_value(alignment.annotation.drawn[0]) == pytest.approx(2 * length)
    lines.add(cobb_between("T1", "T12"))
    lines.follow()
    texts = [n.GetNthControlPointLabel(0) for n in lines.drawn_nodes if n.IsA("vtkMRMLMarkupsFiducialNode")]
    value = alignment.parameters["GTK"]
    assert f"T1-T12 {value:.1f}°" in texts and any(text.startswith("Distance") for text in texts)
    lines.take_away(0)
    lines.follow()
    assert names(alignment.annotation.drawn) == ["Cobb T1-T12"] and not lines.handles
    alignment.undo()
    assert len(alignment.annotation.drawn) == 2
    lines.remove()
    assert not lines.drawn_nodes


def test_the_key_delete_takes_no_end_and_no_handle_away(alignment):
    # as vtkSlicerMarkupsWidget does with the point under the pointer
    lines = DrawnLines(alignment)
    drawn = [Drawn("distance", None, ((100.0, y), (130.0, y + 40.0))) for y in (200.0, 300.0)]
    for one in drawn:
        lines.add(one)
    lines.follow()
    lines.handles[0].RemoveNthControlPoint(1)
    drag(alignment, lines.handles[1], 1, (30.0, 40.0))
    assert alignment.annotation.drawn[0] == drawn[0]
    assert alignment.annotation.drawn[1].points_px[1] == pytest.approx((160.0, 380.0))
    lines.remove()
    handles = Handles(alignment)
    handles.show(heads=True)
    handles.node.RemoveNthControlPoint(NAMES.index("FH_1 rim"))
    drag(alignment, handles.node, NAMES.index("FH_2 rim"), (6.0, 4.0))
    radius = alignment.annotation.head_radius_px
    assert np.isnan(radius[0]) and np.isfinite(radius[1])
    handles.remove()


def test_names_of_levels_that_someone_deleted_come_back(alignment, scene):
    level_names = LevelNames(alignment)
    level_names.show(True)
    scene.RemoveNode(level_names.node)
    alignment.set_point("L3_C", alignment.points_px[INDEX["L3_C"]] + 5)
    level_names.follow()
    assert level_names.node.GetScene() is not None
    assert level_names.node.GetNumberOfDefinedControlPoints() > 20
    level_names.remove()


@pytest.mark.parametrize("kind", ["distance", "angle"])
def test_two_clicks_on_one_spot_are_no_line(alignment, kind):
    lines = DrawnLines(alignment)
    geometry = volume_geometry(alignment.volume)
    lines.start(kind)
    for x, y in ((100.0, 200.0), (101.0, 200.5)):
        lines.handles[-1].AddControlPoint(geometry.to_ras(np.array([[x, y]]))[0].tolist())
    with pytest.raises(ResultError, match=f"no {kind}: both clicks are on one spot"):
        lines.go_on()
    assert lines.placing is None and not lines.handles and not alignment.annotation.drawn
    # nor does an end stay where the other one is
    lines.add(Drawn("distance", None, ((100.0, 200.0), (130.0, 240.0))))
    lines.follow()
    drag(alignment, lines.handles[0], 1, (-30.0, -40.0))
    assert alignment.annotation.drawn[0].points_px[1] == (130.0, 240.0)
    assert geometry.to_pixels(np.array([lines.handles[0].GetNthControlPointPosition(1)]))[0] == pytest.approx(
        (130, 240)
    )
    lines.remove()


def test_an_angle_asks_for_two_lines(alignment):
    lines = DrawnLines(alignment)
    geometry = volume_geometry(alignment.volume)
    lines.start("angle")
    for x, y in ((100.0, 200.0), (200.0, 200.0), (100.0, 300.0), (200.0, 400.0)):
        lines.handles[-1].AddControlPoint(geometry.to_ras(np.array([[x, y]]))[0].tolist())
        if lines.handles[-1].GetNumberOfControlPoints() == 2:
            lines.go_on()
    (angle,) = alignment.annotation.drawn
    step = subject.SPACING_MM
    assert alignment.annotation.drawn_value(angle) == pytest.approx(np.degrees(np.arctan2(step[1], step[0])))
    lines.start("distance")
    lines.stop()
    assert len(alignment.annotation.drawn) == 1 and len(lines.handles) == 2
    lines.remove()
