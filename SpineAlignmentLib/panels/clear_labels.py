"""The texts of measurements kept off one another in Slicer's view, as the film is zoomed and landmarks are moved."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import qt
import slicer
import vtk

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.label_places import LabelPlaces
from SpineAlignmentLib.mrml.view import structure_corners
from SpineAlignmentLib.panels import red_view

Node = Any


class ClearLabels:
    """Moves the texts of the film on screen soon after something changed: once for many changes, before they are seen.

    Args:
        further: gives what is drawn besides the measurements.
        names: gives the lists of texts that stay where they are.
    """

    def __init__(self, further: Callable[[], Iterable[Node]], names: Callable[[], Iterable[Node]]) -> None:
        self._further = further
        self._names = names
        self._alignment: FilmAlignment | None = None
        self._places: LabelPlaces | None = None
        self._view: Node | None = None
        self._tag = 0
        self._scale: tuple[float, ...] = ()
        self._soon = qt.QTimer()
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self.spread)

    def follow(self, alignment: FilmAlignment | None) -> None:
        """Keep the texts of this film clear from now on; of none without landmarks."""
        self._alignment = alignment
        if alignment is not None and self._view is None and slicer.app.layoutManager() is not None:
            self._view = red_view.slice_node()
            self._places = LabelPlaces(self._view)
            self._tag = self._view.AddObserver(vtk.vtkCommand.ModifiedEvent, self._on_view_changed)
        self.ask()

    def ask(self) -> None:
        """Something that is drawn has changed."""
        if self._alignment is not None:
            self._soon.start()

    def spread(self) -> None:
        """Move the texts now."""
        if self._alignment is None or self._places is None:
            return
        with suppress(FilmError):
            nodes = [*self._alignment.drawn_nodes, *self._further()]
            self._places.spread(nodes, structure_corners(self._alignment), self._names())

    def stop(self) -> None:
        """Follow nothing more."""
        self._soon.stop()
        if self._view is not None:
            self._view.RemoveObserver(self._tag)
        self._alignment = self._places = self._view = None

    def _on_view_changed(self, *_: Any) -> None:
        """Texts have the same size at every zoom, so that only the scale counts."""
        scale = (*self._view.GetFieldOfView()[:2], *self._view.GetDimensions()[:2]) if self._view is not None else ()
        if scale != self._scale:
            self._scale = scale
            self.ask()
