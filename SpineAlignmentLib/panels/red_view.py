"""Slicer's Red slice view, where films are shown: they are axial images to Slicer, whatever they show."""

from typing import Any, Final

import slicer

from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.view import show_film, show_spine

NAME: Final[str] = "Red"


def show(volume: Any, alignment: FilmAlignment | None) -> None:
    """Show a film alone: its spine when landmarks are known, else all of it; nothing without a main window."""
    layout = slicer.app.layoutManager()
    if layout is None:
        return
    layout.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView)
    logic = layout.sliceWidget(NAME).sliceLogic()
    if alignment is None:
        show_film(logic, volume)
    else:
        show_spine(logic, alignment)


def render_window() -> Any:
    """What the view is drawn in."""
    return slicer.app.layoutManager().sliceWidget(NAME).sliceView().renderWindow()
