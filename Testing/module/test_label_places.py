"""Texts of measurements in a slice view."""

import numpy as np
import pytest
import slicer
import vtk
from hypothesis import given
from hypothesis import strategies as st

from SpineAlignmentLib.mrml.label_places import LETTER, LabelPlaces

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
    size = np.hypot(*VIEW_PX) * SCALE / 100
    box = np.array([LETTER[0] * size * len(nodes[0].GetNthControlPointLabel(0)), LETTER[1] * size])
    at = [place(node)[:2] for node in nodes]
    return all((np.abs(a - b) >= box - 1e-6).any() for i, a in enumerate(at) for b in at[:i])


@given(st.lists(PLACE_MM, min_size=1, max_size=8))
def test_texts_never_lie_on_one_another_and_the_first_stays(scene, view, places):
    nodes = [text(scene, "PI 45.2", at) for at in places]
    labels = LabelPlaces(view)
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
    labels = LabelPlaces(view)
    labels.spread([across, label])
    assert np.abs(place(label)).max() > 2
    across.SetDisplayVisibility(False)
    labels.spread([across, label])
    assert np.allclose(place(label), 0)


def test_a_text_that_its_measurement_moves_follows(scene, view):
    first, second = text(scene, "PT 9.3", (0, 0)), text(scene, "PT 9.3", (0, 0))
    labels = LabelPlaces(view)
    labels.spread([first, second])
    second.SetNthControlPointPosition(0, 50, 50, 0)
    labels.spread([first, second])
    assert np.allclose(place(second), (50, 50, 0))
