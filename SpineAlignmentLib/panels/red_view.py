"""Slicer's Red slice view, where films are shown: they are axial images to Slicer, whatever they show."""

from typing import Any, Final

import slicer

from SpineAlignmentLib.mrml import view
from SpineAlignmentLib.mrml.alignment import FilmAlignment

NAME: Final[str] = "Red"


def show(volume: Any, alignment: FilmAlignment | None) -> None:
    """Show a film alone: its spine when landmarks are known, else all of it; nothing without a main window."""
    layout = slicer.app.layoutManager()
    if layout is None:
        return
    layout.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView)
    logic = layout.sliceWidget(NAME).sliceLogic()
    if alignment is None:
        view.show_film(logic, volume)
    else:
        view.show_spine(logic, alignment)


def look_closer(alignment: FilmAlignment) -> None:
    """Zoom in on the middle of the view; nothing without a main window."""
    layout = slicer.app.layoutManager()
    if layout is not None:
        view.look_closer(layout.sliceWidget(NAME).sliceLogic(), alignment)


def slice_node() -> Any:
    """The node that says what the view shows."""
    return slicer.app.layoutManager().sliceWidget(NAME).mrmlSliceNode()


def render_window() -> Any:
    """What the view is drawn in."""
    return slicer.app.layoutManager().sliceWidget(NAME).sliceView().renderWindow()
