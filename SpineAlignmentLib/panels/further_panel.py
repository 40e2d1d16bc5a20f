"""What is measured besides the 18 parameters: Cobb angles between any levels, distances and angles of drawn lines."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Literal

import numpy as np
import qt
import slicer
from slicer.i18n import tr as _

from SpineAlignmentLib.errors import FilmError, ResultError
from SpineAlignmentLib.measurement.vertebrae import LEVELS, all_corners
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.drawn_lines import DrawnLines
from SpineAlignmentLib.panels.choices import Choices
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.drawn import cobb_between
from SpineAlignmentLib.results.drawn_shapes import drawn_texts

_DRAWN: Final[tuple[Literal["distance", "angle"], ...]] = ("distance", "angle")


class FurtherPanel:
    """The section More measurements, for one film at a time: lines of others are not in the scene.

    Args:
        ui: the panel's widgets by name.
        report: called with a line of text for the user.
        leave_modes: called before clicks on the film draw something.
    """

    def __init__(self, ui: Any, report: Callable[[str], None], leave_modes: Callable[[], None]) -> None:
        self._ui = ui
        self._report = report
        self._leave_modes = leave_modes
        self._alignment: FilmAlignment | None = None
        self._film: Annotation | None = None
        self._lines: DrawnLines | None = None
        self._shown: list[str] = []
        self._soon = qt.QTimer()
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._go_on)
        self._upper, self._lower = Choices(ui.upperComboBox), Choices(ui.lowerComboBox)
        ui.cobbButton.clicked.connect(lambda *_: self._measure_cobb())
        for kind in _DRAWN:
            getattr(ui, f"{kind}Button").clicked.connect(lambda *_, kind=kind: self._draw(kind))
        ui.takeAwayButton.clicked.connect(lambda *_: self._take_away())

    def refresh(self, alignment: FilmAlignment | None, film: Annotation | None) -> None:
        """Show what is measured on a film, and let lines follow its landmarks.

        Args:
            alignment: the film's; None without landmarks.
            film: what it holds.
        """
        if alignment is not self._alignment:
            self.let_go()
            self._alignment = alignment
            self._lines = None if alignment is None else DrawnLines(alignment, self._on_placed)
        self._film = film
        self._follow()
        upper, lower = plates_known(film) if film is not None else ([], [])
        self._upper.offer(upper)
        self._lower.offer(lower)
        self._ui.cobbButton.enabled = bool(upper and lower)
        for kind in _DRAWN:
            getattr(self._ui, f"{kind}Button").enabled = alignment is not None
        self._list(film)

    @property
    def drawn_nodes(self) -> list[Any]:
        """What is drawn of it."""
        return [] if self._lines is None else self._lines.drawn_nodes

    def _list(self, film: Annotation | None) -> None:
        shown = [f"{name}: {value}" for name, value in drawn_texts(film)] if film else []
        if shown != self._shown:
            row = int(self._ui.furtherList.currentRow)
            self._shown = shown
            self._ui.furtherList.clear()
            self._ui.furtherList.addItems(shown)
            self._ui.furtherList.setCurrentRow(min(max(row, 0), len(shown) - 1))
        self._ui.takeAwayButton.enabled = bool(shown)

    def _follow(self) -> None:
        """Bring lines to what the film has; a film that is bent keeps them where they are."""
        if self._alignment is None or self._lines is None:
            return
        with suppress(FilmError):
            if (self._film and self._film.drawn) or self._lines.drawn_nodes:
                self._lines.follow()

    def let_go(self) -> None:
        """Take lines out of the scene; what was measured stays with the film."""
        self.stop_drawing()
        if self._lines is not None:
            self._lines.remove()
        self._alignment = self._film = self._lines = None

    # Clicks

    def _measure_cobb(self) -> None:
        if self._lines is None:
            return
        try:
            self._lines.add(cobb_between(self._upper.chosen, self._lower.chosen))
        except ValueError as error:
            slicer.util.errorDisplay(str(error))

    def _take_away(self) -> None:
        if self._lines is not None:
            self._lines.take_away(int(self._ui.furtherList.currentRow))

    def _draw(self, kind: Literal["distance", "angle"]) -> None:
        if self._lines is not None:
            self._leave_modes()
            self._lines.start(kind)
            self._report(_("Click both ends of the line on the film."))

    def stop_drawing(self) -> None:
        """Leave off drawing; a line that is not complete goes."""
        self._soon.stop()
        if self._lines is not None:
            with suppress(FilmError):
                self._lines.stop()

    def _on_placed(self) -> None:
        # not now: this is the very click that placed the point
        self._soon.start()

    def _go_on(self) -> None:
        if self._lines is None:
            return
        try:
            self._lines.go_on()
            self._report(_("Click both ends of the second line.") if self._lines.placing else "")
        except ResultError as error:
            self._report(str(error))


def plates_known(film: Annotation) -> tuple[list[str], list[str]]:
    """The levels whose upper and those whose lower endplate is known, S1 among both by its upper one."""
    known = np.isfinite(all_corners(film.vertebrae_px, film.points_px)).all(axis=2)
    upper, lower = known[:, :2].all(axis=1), known[:, 2:].all(axis=1)
    lower[-1] = upper[-1]
    return [level for level, there in zip(LEVELS, upper, strict=True) if there], [
        level for level, there in zip(LEVELS, lower, strict=True) if there
    ]
