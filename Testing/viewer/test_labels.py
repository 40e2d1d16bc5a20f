"""Texts of measurements in a slice view."""

import numpy as np
import pytest
import slicer
import vtk
from hypothesis import given
from hypothesis import strategies as st

from SpineAlignmentLib.film import read_film
from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.measurement.parameters import KEYS
from SpineAlignmentLib.mrml.film_volume import add_film, facts_of
from SpineAlignmentLib.mrml.label_places import FONT_PX, LabelPlaces, text_size
from SpineAlignmentLib.mrml.spine_scene import SpineScene
from SpineAlignmentLib.mrml.view import positions_world, structure_corners
from SpineAlignmentLib.mrml.volume_film import volume_geometry
from SpineAlignmentLib.results import read_annotation
from SpineAlignmentLib.viewer.command import SAMPLE_FILM
from SpineAlignmentLib.viewer.film_view import FOOT_PX, TOOLS_PX, over_the_view
from SpineAlignmentLib.viewer.workplace import slicer_core

PLACE_MM = st.tuples(st.floats(-80, 80), st.floats(-80, 80))
VIEW_PX = (600, 800)
SCALE = 2.6


@pytest.fixture(scope="module")
def scene():
    return slicer.vtkMRMLScene()


@pytest.fixture(scope="module")
def view(scene):
    node = slicer.vtkMRMLSliceNode()
    node.SetLayoutName("Labels")
    scene.AddNode(node)
    node.SetDimensions(*VIEW_PX, 1)
    node.SetFieldOfView(600, 800, 1)
    node.UpdateMatrices()
    return node


def text(scene, words, at):
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    node.AddControlPoint(vtk.vtkVector3d(*at, 0), words)
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetTextScale(SCALE)
    return node


def line(scene, *ends):
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsLineNode")
    for end in ends:
        node.AddControlPoint(vtk.vtkVector3d(*end, 0))
    node.CreateDefaultDisplayNodes()
    return node


def place(node):
    return np.array(node.GetNthControlPointPosition(0))


def apart(nodes, view):
    """Whether texts that are equally long lie clear of one another; a pixel is a millimeter."""
    box = np.array(text_size(nodes[0].GetNthControlPointLabel(0), int(FONT_PX * SCALE)))
    at = [place(node)[:2] for node in nodes]
    return all((np.abs(a - b) >= box - 1e-6).any() for i, a in enumerate(at) for b in at[:i])


@given(st.lists(PLACE_MM, min_size=1, max_size=8))
def test_texts_never_lie_on_one_another_and_the_first_stays(scene, view, places):
    nodes = [text(scene, "PI 45.2", at) for at in places]
    labels = LabelPlaces(view, True, over_the_view)
    labels.spread(nodes)
    assert np.allclose(place(nodes[0])[:2], places[0])
    assert apart(nodes, view)
    before = [place(node) for node in nodes]
    labels.spread(nodes)
    assert np.allclose(before, [place(node) for node in nodes])
    for node in nodes:
        scene.RemoveNode(node)


def test_texts_leave_lines_and_come_back_when_those_are_gone(scene, view):
    label, across = text(scene, "SVA 53.4", (0, 0)), line(scene, (-100, 2), (100, 2))
    labels = LabelPlaces(view, True, over_the_view)
    labels.spread([across, label])
    assert np.abs(place(label)).max() > 2
    across.SetDisplayVisibility(False)
    labels.spread([across, label])
    assert np.allclose(place(label), 0)


def test_a_text_far_from_its_place_is_tied_to_it(scene, view):
    lines = [line(scene, (-100, y), (100, y)) for y in range(-60, 61, 6)]
    label = text(scene, "SVA 53.4", (0, 0))
    labels = LabelPlaces(view, True, over_the_view)
    before = scene.GetNumberOfNodesByClass("vtkMRMLMarkupsLineNode")
    labels.spread([*lines, label])
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsLineNode") == before + 1
    tie = scene.GetNthNodeByClass(before, "vtkMRMLMarkupsLineNode")
    ends = np.array([tie.GetNthControlPointPosition(i) for i in range(2)])
    assert np.allclose(ends[0], 0) and 18 < np.hypot(*ends[1][:2]) <= np.hypot(*place(label)[:2]) + 20
    assert tie.GetDisplayNode().GetSelectedColor() == label.GetDisplayNode().GetSelectedColor()
    assert not tie.GetSaveWithScene() and tie.GetHideFromEditors()
    for node in lines:
        node.SetDisplayVisibility(False)
    labels.spread([*lines, label])
    assert not tie.GetDisplayVisibility() and np.allclose(place(label), 0)
    labels.spread([])
    assert tie.GetScene() is None
    for node in (*lines, label):
        scene.RemoveNode(node)


def test_no_text_lies_on_a_point_or_its_name(scene, view):
    label, points = text(scene, "cSVA 14.3 mm", (0, 0)), text(scene, "C7_P", (20, 4))
    labels = LabelPlaces(view, True, over_the_view)
    labels.spread([label], points=[points])
    box = np.array(text_size("cSVA 14.3 mm", int(FONT_PX * SCALE)))
    name = np.array(text_size("C7_P", int(FONT_PX * SCALE)))
    low, high = place(label)[:2], place(label)[:2] + box
    assert (low >= np.array([20, 4]) + name).any() or (high <= (20 - 6, 4 - 6)).any()
    for node in (label, points):
        scene.RemoveNode(node)


def test_texts_stay_in_the_view_and_off_its_buttons(scene, view):
    for at in ((-298, 390), (295, -398), (0, -399), (298, 0)):
        label = text(scene, "GT 8.1 deg", at)
        LabelPlaces(view, True, over_the_view).spread([label])
        x, y = place(label)[:2] + np.array(VIEW_PX) / 2
        width, height = text_size("GT 8.1 deg", int(FONT_PX * SCALE))
        assert x >= 0 and x + width <= VIEW_PX[0] and y >= FOOT_PX and y + height <= VIEW_PX[1]
        assert x > TOOLS_PX[0] or y + height < VIEW_PX[1] - TOOLS_PX[1]
        scene.RemoveNode(label)


def test_a_text_that_its_measurement_moves_follows(scene, view):
    first, second = text(scene, "PT 9.3", (0, 0)), text(scene, "PT 9.3", (0, 0))
    labels = LabelPlaces(view, True, over_the_view)
    labels.spread([first, second])
    second.SetNthControlPointPosition(0, 50, 50, 0)
    labels.spread([first, second])
    assert np.allclose(place(second), (50, 50, 0))


# The sample film with everything drawn, in the page's view at two sizes of the window


@pytest.fixture(scope="module")
def drawn_film():
    """The sample film with all its measurements."""
    scene = slicer_core().scene
    film = SpineScene(scene).create(add_film(scene, read_film(SAMPLE_FILM)), facts_of(read_film(SAMPLE_FILM)))
    film.set_detection(read_annotation(SAMPLE_FILM.with_suffix(".json")))
    film.show(KEYS)
    return film


@pytest.mark.parametrize("size", [(576, 760), (710, 860)])
@pytest.mark.parametrize(
    ("middle", "closer"), [(None, 1.0), ("S1_A", 4.0), ("T8_C", 3.0), ("C5_C", 4.0), ("L3_C", 2.0)]
)
def test_no_text_on_another_or_on_a_landmark_whatever_is_looked_at(drawn_film, size, middle, closer):
    scene = drawn_film.volume.GetScene()
    view = slicer.vtkMRMLSliceNode()
    view.SetLayoutName(f"Sample {size} {middle}")
    scene.AddNode(view)
    view.SetOrientation("Axial")
    view.SetDimensions(*size, 1)
    film = drawn_film.annotation
    scale = film.size_px[1] * film.spacing_mm[1] / size[1] / closer
    view.SetFieldOfView(size[0] * scale, size[1] * scale, 1)
    at = np.array(film.size_px) / 2 if middle is None else film.points_px[INDEX[middle]]
    ras = volume_geometry(drawn_film.volume).to_ras(at[None])[0]
    for row in range(3):
        view.GetSliceToRAS().SetElement(row, 3, ras[row])
    view.UpdateMatrices()
    labels = LabelPlaces(view, True, over_the_view)
    labels.spread(drawn_film.drawn_nodes, structure_corners(drawn_film), [drawn_film.landmarks])
    matrix = view.GetXYToRAS()
    to_xy = np.linalg.inv([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])

    def xy(position):
        return (to_xy @ [*position, 1.0])[:2]

    landmarks = np.array([xy(position) for position in positions_world(drawn_film)])
    boxes = []
    for node in drawn_film.drawn_nodes:
        if node.IsA("vtkMRMLMarkupsFiducialNode") and node.GetDisplayVisibility():
            font = node.GetDisplayNode().GetTextProperty()
            extent = np.array(text_size(node.GetNthControlPointLabel(0), int(FONT_PX * 2.6)))
            low = xy(place(node)) - extent * (font.GetJustification(), font.GetVerticalJustification()) / 2
            if (low + extent > 0).all() and (low < size).all():
                boxes.append((node.GetName(), low, low + extent))
    assert len(boxes) >= (18 if middle is None else 2)
    for i, (name, low, high) in enumerate(boxes):
        assert not ((landmarks > low - 4) & (landmarks < high + 4)).all(axis=1).any(), name
        for other, its_low, its_high in boxes[:i]:
            assert (high <= its_low).any() or (its_high <= low).any(), (name, other)
    labels.spread([])
    scene.RemoveNode(view)
