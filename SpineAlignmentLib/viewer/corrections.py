"""Landmarks put right on the page: the selected one, one after the other, by click, by keys, and back again."""

from collections.abc import Callable

import numpy as np
import slicer

from SpineAlignmentLib.measurement.landmarks import INDEX, NAMES
from SpineAlignmentLib.mrml.view import jump_to
from SpineAlignmentLib.results.reviewing import next_uncertain, uncertain
from SpineAlignmentLib.results.turning import turned_points
from SpineAlignmentLib.viewer.by_hand import Placing
from SpineAlignmentLib.viewer.film_view import FilmView
from SpineAlignmentLib.viewer.open_page import OpenPage


class Corrections:
    """What the page does to the landmarks of the film on screen.

    Args:
        page: the page.
        view: shows the selected landmark.
        leave_modes: called before clicks on the film place landmarks.
        follow: called when the page has to be told.
    """

    def __init__(
        self, page: OpenPage, view: FilmView, leave_modes: Callable[[], None], follow: Callable[[], None]
    ) -> None:
        self._page = page
        self._view = view
        self._leave_modes = leave_modes
        self._follow = follow
        self.placing = Placing()

    def undo(self) -> None:
        """Take back the last change, and what was said of it."""
        if self._page.film:
            self._page.dismiss()
            self._page.film.undo()

    def redo(self) -> None:
        """Do it again."""
        if self._page.film:
            self._page.film.redo()

    def reset(self) -> None:
        """Put every landmark back to where it was detected."""
        if self._page.film:
            self._page.film.reset()

    # The selected landmark

    @property
    def low(self) -> list[str]:
        """The landmarks of low confidence."""
        return uncertain(self._page.film.annotation) if self._page.film else []

    def next_low(self) -> None:
        """Go to the next landmark of low confidence."""
        film = self._page.film
        name = film and next_uncertain(film.annotation, self._page.state.selected)
        if name:
            self.select(name)
            self._view.look_closer()

    def select(self, name: str) -> None:
        """Bring a landmark to the middle of the view."""
        if self._page.film and name in INDEX and jump_to(self._page.film, name):
            self._view.left_fitted()
            self._page.state.selected = name
            self._page.state.pointed = self._described(name)

    def unselect(self) -> None:
        """Choose no landmark."""
        self._page.state.selected = self._page.state.pointed = ""

    def step(self, by: int) -> None:
        """Go to the next landmark that has a place, or with -1 to the one before."""
        if self._page.film is None:
            return
        finite = np.isfinite(self._page.film.points_px).all(axis=1)
        placed = [name for name, there in zip(NAMES, finite, strict=True) if there]
        if placed:
            selected = self._page.state.selected
            self.select(placed[(placed.index(selected) + by if selected in placed else 0) % len(placed)])

    def nudge(self, dx: float, dy: float) -> None:
        """Move the selected landmark by so many film pixels, as the film is seen."""
        film, name = self._page.film, self._page.state.selected
        if film and name in INDEX:
            step = turned_points((float(dx), float(dy)), (1, 1), -film.annotation.quarter_turns)
            film.set_point(name, film.points_px[INDEX[name]] + step)

    def missing(self) -> None:
        """Say that the selected landmark is not on the film."""
        if self._page.film and self._page.state.selected in INDEX:
            self._page.film.set_point(self._page.state.selected, None)
            self._page.state.selected = ""

    # The pointer

    @property
    def pointed_row(self) -> int | None:
        """The landmark that the pointer is on."""
        if self._page.film is None:
            return None
        landmarks = self._page.film.landmarks
        display = landmarks.GetDisplayNode()
        point = display.GetActiveComponentType() == slicer.vtkMRMLMarkupsDisplayNode.ComponentControlPoint
        if not point or not self._view.pointer_on(landmarks):
            return None
        return int(display.GetActiveComponentIndex())

    def pointer_moved(self, pressed: bool) -> None:
        """Tell what the pointer is on; a landmark that is pressed is selected."""
        row = self.pointed_row
        if row is not None and 0 <= row < len(NAMES):
            self._page.state.pointed = self._described(NAMES[row])
            if pressed:
                self._page.state.selected = NAMES[row]
        elif not self._page.state.selected:
            self._page.state.pointed = ""

    def describe_anew(self) -> None:
        """Say what the landmark in the line below the film is now, after something else than the pointer changed it."""
        name = self._page.state.pointed.partition(":")[0]
        if name in INDEX:
            self._page.state.pointed = self._described(name)

    def _described(self, name: str) -> str:
        if self._page.film is None:
            return ""
        sure = self._page.film.annotation.confidence[INDEX[name]]
        confidence = f", confidence {sure:.2f}" if np.isfinite(sure) else ""
        return f"{name}: {self._page.film.state(name)}{confidence}"

    # By click

    def place(self) -> None:
        """Let clicks on the film place the landmarks that have no place."""
        if self._page.film:
            self._leave_modes()
            self.placing.start(self._page.film)
            self._follow()

    def skip(self) -> None:
        """Ask for another landmark than the one that is asked for."""
        self.placing.skip()
        self._follow()

    def stop_placing(self) -> None:
        """Let clicks move the film again."""
        self.placing.stop()
        self._follow()
