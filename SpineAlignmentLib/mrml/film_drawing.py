"""Everything that is drawn from one film's landmarks: the chosen measurements and the spine curve."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.measurement.constructions import spine_curve
from SpineAlignmentLib.measurement.landmarks import CENTERS, INDEX
from SpineAlignmentLib.measurement.parameters import KEYS
from SpineAlignmentLib.measurement.shapes import Construction
from SpineAlignmentLib.mrml import drawing
from SpineAlignmentLib.mrml.volume_film import VolumeGeometry
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.colors import CURVE, unit

Node = Any
FloatArray = NDArray[np.float64]


class FilmDrawing:
    """The drawn nodes of one film, under its transform."""

    def __init__(self, scene: Node, volume: Node) -> None:
        self.shown: frozenset[str] = frozenset()
        """The measurements that are drawn when they are measurable."""
        self.curve_visible = True
        self._scene = scene
        self._volume = volume
        self._curve_centers = np.empty((0, 2))
        self._frame: tuple[Any, ...] = ()
        self._drawn: dict[str, tuple[Construction, bool]] = {}
        self._measurements = {key: drawing.MeasurementDrawing(scene, key, self._put_along) for key in KEYS}
        self._curve = drawing.MarkupPool(scene, "vtkMRMLMarkupsCurveNode", "Spine curve", unit(CURVE))

    @property
    def nodes(self) -> list[Node]:
        """Every node that is drawn from the landmarks."""
        return [node for m in self._measurements.values() for node in m.nodes] + self._curve.nodes

    @property
    def made(self) -> frozenset[str]:
        """The measurements whose nodes exist, shown or not; those of others are made when they are first drawn."""
        return frozenset(key for key, measurement in self._measurements.items() if measurement.nodes)

    def draw(self, film: Annotation, geometry: VolumeGeometry) -> None:
        """Bring every node up to date with the landmarks of an annotation; what stays as it was is not touched."""
        points_mm = film.points_mm()
        frame = (film.pixel_size, film.anterior, film.quarter_turns)
        if frame != self._frame:
            self._frame = frame
            self.draw_anew()

        def to_ras(points: FloatArray) -> FloatArray:
            return geometry.to_ras(film.from_frame(points))

        for key, construction in film.constructions().items():
            wanted = construction, key in self.shown
            if self._drawn.get(key) != wanted:
                self._measurements[key].show(construction, to_ras, wanted[1], film.anterior == "right")
                self._drawn[key] = wanted
        self._draw_curve(points_mm, to_ras)

    def _draw_curve(self, points_mm: FloatArray, to_ras: drawing.ToRas) -> None:
        centers = points_mm[[INDEX[name] for name in CENTERS]] if self.curve_visible else np.empty((0, 2))
        if np.array_equal(centers, self._curve_centers, equal_nan=True):
            return
        self._curve_centers = centers
        curve = spine_curve(points_mm, samples_per_level=2) if self.curve_visible else np.empty((0, 2))
        for node in self._curve.show([to_ras(curve)] if len(curve) > 1 else []):
            self._put_along(node)

    def draw_anew(self) -> None:
        """Draw everything next time even where its landmarks stay: the film lies elsewhere, or nodes are gone."""
        self._curve_centers = np.empty((0, 2))
        self._drawn.clear()

    def _put_along(self, node: Node) -> None:
        node.SetAndObserveTransformNodeID(self._volume.GetTransformNodeID())

    def forget(self, node: Node) -> None:
        """Let go of a node that is being deleted by someone else; it comes back when it is needed."""
        if self._curve.forget(node) or any(m.forget(node) for m in self._measurements.values()):
            self.draw_anew()

    def remove(self) -> None:
        """Delete the nodes from the scene."""
        for measurement in self._measurements.values():
            measurement.remove()
        for node in list(self._curve.nodes):
            self._curve.forget(node)
            self._scene.RemoveNode(node)
        self.draw_anew()
