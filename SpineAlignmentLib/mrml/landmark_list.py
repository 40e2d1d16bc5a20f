"""The 45 landmarks of a film as one markups fiducial list, and what the list remembers about its film.

The list always has 45 control points in the order and with the labels of `landmarks.NAMES`. A landmark that is not on
the film has the position status "missing", one that is still to be placed "undefined". Facts about the film that no
other node holds (spacing, side, the detection to go back to) are attributes of the list, so that they are saved with
the scene.
"""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from SpineAlignmentLib import results
from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.measurement.landmarks import COUNT, NAMES
from SpineAlignmentLib.mrml.volume_film import volume_geometry
from SpineAlignmentLib.results.annotation import MARKS
from SpineAlignmentLib.results.colors import SELECTED, SURE, UNSURE, unit
from SpineAlignmentLib.results.markups import film_mark, scale_mark

Node = Any
FloatArray = NDArray[np.float64]

FILM_ROLE: Final[str] = "SpineAlignment.film"
"""Node reference role from the list to its volume; it also tells our lists from others."""
TABLE_ROLE: Final[str] = "SpineAlignment.table"

CHANGES: Final[tuple[int, ...]] = (
    slicer.vtkMRMLMarkupsNode.PointModifiedEvent,
    slicer.vtkMRMLMarkupsNode.PointPositionDefinedEvent,
    slicer.vtkMRMLMarkupsNode.PointPositionUndefinedEvent,
    slicer.vtkMRMLMarkupsNode.PointPositionMissingEvent,
    slicer.vtkMRMLMarkupsNode.PointRemovedEvent,
)
"""Events of the list after which its positions have to be read again."""

FACTS: Final[str] = "SpineAlignment.film"
"""Attribute of the list: JSON of what `write_facts` remembers."""
DETECTION: Final[str] = "SpineAlignment.detection"
"""Attribute of the list: the detection as a result file holds it."""
_OWN: Final[str] = "SpineAlignment.own"
"""Attribute of the list: what the film's file said when the list was made, as a result file holds it."""
MARKED: Final[str] = "marks"
"""Key of `FACTS`: the film and what lies on it as a result file holds them, without the size of a pixel."""
_CONFIDENCE: Final[str] = "confidence"
_KEPT: Final[tuple[str, ...]] = ("patient",)
"""Further keys of a result that are facts, not what follows from them."""


def create(scene: Node, volume: Node) -> Node:
    """A list of 45 landmarks, none placed yet, for a film."""
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", f"{volume.GetName()} landmarks")
    fill(node)
    node.SetNodeReferenceID(FILM_ROLE, volume.GetID())
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetSelectedColor(*unit(SURE))
    display.SetColor(*unit(UNSURE))
    display.SetActiveColor(*unit(SELECTED))
    display.SetGlyphTypeFromString("CrossDot2D")
    display.SetGlyphScale(1.8)
    display.SetTextScale(2.0)
    display.SetPointLabelsVisibility(False)
    return node


def is_landmark_list(node: Node) -> bool:
    """Whether a node is one of our landmark lists."""
    return bool(node.IsA("vtkMRMLMarkupsFiducialNode") and node.GetNodeReferenceID(FILM_ROLE))


def is_whole(node: Node) -> bool:
    """Whether the list still has the 45 control points in their order."""
    return node.GetNumberOfControlPoints() == COUNT and all(
        node.GetNthControlPointLabel(i) == name for i, name in enumerate(NAMES)
    )


def fill(node: Node) -> None:
    """Bring the list back to its 45 control points, for example after some were deleted; known positions stay."""
    known = {}
    film = node.GetNthControlPointDescription(0) if node.GetNumberOfControlPoints() else ""
    for i in range(node.GetNumberOfControlPoints()):
        if node.GetNthControlPointPositionStatus(i) == slicer.vtkMRMLMarkupsNode.PositionDefined:
            known[node.GetNthControlPointLabel(i)] = node.GetNthControlPointPositionVector(i)
    with slicer.util.NodeModify(node):
        node.SetFixedNumberOfControlPoints(False)
        node.RemoveAllControlPoints()
        for i, name in enumerate(NAMES):
            node.AddControlPoint(known.get(name, vtk.vtkVector3d(0, 0, 0)), name)
            if name not in known:
                node.UnsetNthControlPointPosition(i)
        _describe(node, film)
        node.SetFixedNumberOfControlPoints(True)


def _describe(node: Node, text: str) -> None:
    """Say of every landmark what film it belongs to, where markups files keep it."""
    if node.GetNumberOfControlPoints() and node.GetNthControlPointDescription(0) != text:
        with slicer.util.NodeModify(node):
            for i in range(node.GetNumberOfControlPoints()):
                node.SetNthControlPointDescription(i, text)


def read_ras(node: Node) -> FloatArray:
    """Positions in the node's own space, shape (45, 3), in mm; NaN where a landmark is missing or not placed."""
    out = np.full((COUNT, 3), np.nan)
    defined = slicer.vtkMRMLMarkupsNode.PositionDefined
    for i in range(COUNT):
        if node.GetNthControlPointPositionStatus(i) == defined:
            out[i] = node.GetNthControlPointPosition(i)
    return out


def write_ras(node: Node, ras: FloatArray) -> None:
    """Set all positions, shape (45, 3); NaN becomes "missing"."""
    status = slicer.vtkMRMLMarkupsNode
    with slicer.util.NodeModify(node):
        for i, position in enumerate(ras):
            if np.isfinite(position).all():
                node.SetNthControlPointPosition(i, *(float(v) for v in position))
            elif node.GetNthControlPointPositionStatus(i) == status.PositionDefined:
                node.SetNthControlPointPositionMissing(i)


def mark(node: Node, low: NDArray[np.bool_]) -> None:
    """Give landmarks of low confidence, shape (45,), their own color."""
    for i in range(COUNT):
        if bool(node.GetNthControlPointSelected(i)) == bool(low[i]):
            node.SetNthControlPointSelected(i, not low[i])


def _scale(node: Node, film: results.Annotation) -> str:
    """How positions in the scene become mm, where the volume has another size of a pixel than is known of the film."""
    with suppress(FilmError):  # bent, or without its pixels: nothing is placed or moved on it meanwhile
        return scale_mark(film.spacing_mm, volume_geometry(node.GetNodeReference(FILM_ROLE)).spacing)
    return ""


def write_facts(node: Node, film: results.Annotation) -> None:
    """Remember the film's name and content, spacing, how it lies, warnings and patient, and what is marked on it."""
    _describe(node, "; ".join(filter(None, [_scale(node, film), film_mark(film)])))
    node.SetAttribute(
        FACTS,
        json.dumps(
            {
                "film": film.film,
                "spacing_mm": film.spacing_mm,
                "spacing_source": film.spacing_source,
                "pixel_aspect": film.pixel_aspect,
                "anterior": film.anterior,
                "anterior_source": film.anterior_source,
                "quarter_turns": film.quarter_turns,
                "film_sha256": film.film_sha256,
                "warnings": film.warnings,
                "extra": {key: film.extra[key] for key in _KEPT if key in film.extra},
                MARKED: results.to_json(replace(film, spacing_mm=None)),
            }
        ),
    )


def read_facts(node: Node) -> dict[str, Any]:
    """What `write_facts` remembered, as keyword arguments of `results.Annotation`."""
    facts: dict[str, Any] = json.loads(node.GetAttribute(FACTS) or "{}")
    if facts.get("spacing_mm"):
        facts["spacing_mm"] = tuple(facts["spacing_mm"])
    if facts:
        facts["warnings"] = tuple(facts.get("warnings", ()))
        marked = facts.pop(MARKED, None)
        if marked is not None:
            saved = results.from_json(marked, node.GetName())
            facts |= {name: getattr(saved, name) for name in MARKS}
    return facts


def write_detection(node: Node, detection: results.Annotation | None) -> None:
    """Remember a detection to go back to, and show its confidence as a static measurement of the list."""
    if detection is None:
        node.RemoveAttribute(DETECTION)
        return
    node.SetAttribute(DETECTION, json.dumps(results.to_json(detection)))
    values = vtk.vtkDoubleArray()
    values.SetName(_CONFIDENCE)
    for value in np.nan_to_num(detection.confidence, nan=0.0):
        values.InsertNextValue(float(value))
    for i in reversed(range(node.GetNumberOfMeasurements())):
        if node.GetNthMeasurement(i).GetName() == _CONFIDENCE:
            node.RemoveNthMeasurement(i)
    measurement = slicer.vtkMRMLStaticMeasurement()
    measurement.SetName(_CONFIDENCE)
    # it looks its unit up in the scene, to which the list leads
    measurement.SetInputMRMLNode(node)
    measurement.SetControlPointValues(values)
    measurement.SetValue(float(np.nan_to_num(detection.confidence, nan=0.0).min()), _CONFIDENCE)
    node.AddMeasurement(measurement)


def read_detection(node: Node) -> results.Annotation | None:
    """The remembered detection, if there is one."""
    return _annotation(node, DETECTION)


def write_own(node: Node, own: results.Annotation) -> None:
    """Remember what the film's file says: a scene is saved with a copy of the film, which says less."""
    node.SetAttribute(_OWN, json.dumps(results.to_json(own)))


def read_own(node: Node) -> results.Annotation | None:
    """What `write_own` remembered."""
    return _annotation(node, _OWN)


def _annotation(node: Node, attribute: str) -> results.Annotation | None:
    content = node.GetAttribute(attribute)
    return results.from_json(json.loads(content), node.GetName()) if content else None
