"""More measurements on the page: Cobb angles between any levels, lines and angles by clicks, heads by their rims."""

import asyncio
from collections.abc import Callable
from typing import Any

import slicer

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.drawn_lines import DrawnLines
from SpineAlignmentLib.mrml.handles import Handles
from SpineAlignmentLib.mrml.level_names import LevelNames
from SpineAlignmentLib.results.drawn import cobb_between
from SpineAlignmentLib.results.drawn_shapes import drawn_texts
from SpineAlignmentLib.results.heads import middle_of_heads
from SpineAlignmentLib.viewer.film_view import FilmView
from SpineAlignmentLib.viewer.open_page import OpenPage

Node = Any


class _FilmTools:
    """Handles and drawn lines of one film."""

    def __init__(self, alignment: FilmAlignment, on_placed: Callable[[], None]) -> None:
        self.handles = Handles(alignment)
        self.lines = DrawnLines(alignment, on_placed)
        self.names = LevelNames(alignment)

    @property
    def dragged_nodes(self) -> list[Node]:
        return [self.handles.node, *self.lines.handles]


class Measuring:
    """What the page measures besides the 18 parameters.

    Args:
        page: the page.
        view: shows what is at hand.
        leave_modes: called before clicks on the film draw something.
        follow: called when the page has to be told.
    """

    def __init__(
        self, page: OpenPage, view: FilmView, leave_modes: Callable[[], None], follow: Callable[[], None]
    ) -> None:
        self._page = page
        self._view = view
        self._leave_modes = leave_modes
        self._follow = follow
        self._films: dict[FilmAlignment, _FilmTools] = {}

    @property
    def _tools(self) -> _FilmTools | None:
        return None if self._page.film is None else self._films.get(self._page.film)

    # Films

    def opened(self, alignment: FilmAlignment) -> None:
        """A film was opened."""
        self._films[alignment] = _FilmTools(alignment, self._on_placed)

    def follow(self) -> None:
        """Bring what is drawn on the film on screen to where its landmarks are."""
        if self._tools is not None:
            for part in (self._tools.handles, self._tools.lines, self._tools.names):
                part.follow()

    def closed(self, alignment: FilmAlignment) -> None:
        """A film is being closed."""
        tools = self._films.pop(alignment)
        tools.handles.remove()
        tools.lines.remove()
        tools.names.remove()

    def shown(self) -> None:
        """Another film is on screen."""
        self._page.state.level = ""
        for alignment, tools in self._films.items():
            mine = alignment is self._page.film
            tools.lines.show(mine)
            tools.handles.show(heads=mine and bool(self._page.state.heads), visible=mine)

    def name_levels(self, visible: bool) -> None:
        """Show the names of vertebrae beside the film on screen, or not; those of other films are hidden."""
        for alignment, tools in self._films.items():
            tools.names.show(visible and alignment is self._page.film)

    @property
    def nodes(self) -> list[Node]:
        """What is drawn on the film on screen."""
        return [] if self._tools is None else self._tools.lines.drawn_nodes

    @property
    def names(self) -> list[Node]:
        """The list of names of vertebrae of the film on screen, once it was shown."""
        return [] if self._tools is None or self._tools.names.node is None else [self._tools.names.node]

    @property
    def pointed(self) -> bool:
        """Whether the pointer is on something that can be dragged."""
        nodes = [] if self._tools is None else self._tools.dragged_nodes
        none = slicer.vtkMRMLMarkupsDisplayNode.ComponentNone
        return any(node.GetDisplayNode().GetActiveComponentType() != none for node in nodes)

    # Heads and corners

    def size_heads(self) -> None:
        """Look closely at the femoral heads with their rims, or offer these no longer."""
        self._page.state.heads = not self._page.state.heads
        self.show_corners(self._page.state.level)
        if self._page.film is not None and self._page.state.heads:
            # keys would go on moving a landmark that is out of sight
            self._page.state.selected = self._page.state.pointed = ""
            self._view.look_at(middle_of_heads(self._page.film.annotation))

    def show_corners(self, level: str) -> None:
        """Offer the corners of a vertebra; of none when empty."""
        if self._tools is not None:
            self._tools.handles.show(level if level != "S1" else "", bool(self._page.state.heads))

    # Cobb angles, lines and angles

    def measure_cobb(self, upper: str, lower: str) -> None:
        """Measure the angle between two levels.

        Raises:
            ValueError: the upper one does not lie above the lower one.
        """
        if self._tools is not None:
            self._tools.lines.add(cobb_between(upper, lower))

    def draw_line(self, kind: str) -> None:
        """Let clicks draw a "distance" or an "angle"."""
        if self._tools is not None and kind in ("distance", "angle"):
            self._leave_modes()
            self._page.dismiss()
            self._tools.lines.start("distance" if kind == "distance" else "angle")
            self._page.state.drawing = kind
            self._follow()

    def stop_drawing(self) -> None:
        """Leave off."""
        self._page.state.drawing = ""
        for tools in self._films.values():
            tools.lines.stop()

    def take_away(self, number: int) -> None:
        """Measure one of the drawn things no longer."""
        if self._tools is not None:
            self._tools.lines.take_away(int(number))

    def _on_placed(self) -> None:
        # not now: this is the very click that placed the point
        asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        if self._tools is not None:
            try:
                self._tools.lines.go_on()
            except ResultError as error:
                self._leave_modes()
                self._page.complain(str(error))
            self._page.state.drawing = self._tools.lines.placing or ""
            self._page.state.flush()


def state(alignment: FilmAlignment | None) -> list[dict[str, str]]:
    """Name and value of everything that was drawn on a film."""
    if alignment is None:
        return []
    film = alignment.annotation
    return [{"name": name, "value": value} for name, value in drawn_texts(film)]
