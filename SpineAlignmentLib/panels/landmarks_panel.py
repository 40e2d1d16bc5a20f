"""The 45 landmarks in the panel: where each stands, going from one to the next, and putting them right."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import qt
import slicer
from slicer.i18n import tr as _

from SpineAlignmentLib.errors import SpineAlignmentError
from SpineAlignmentLib.measurement.landmarks import COUNT, NAMES
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.placing import PlaceMode
from SpineAlignmentLib.mrml.view import jump_to
from SpineAlignmentLib.panels.tables import Cells

KEYS_TO_STEP: Final[dict[str, int]] = {"Ctrl+Shift+Down": 1, "Ctrl+Shift+Up": -1}
"""Keys to how many landmarks further down they go."""


class LandmarksPanel:
    """Table, buttons and keys of the landmarks.

    Args:
        ui: the panel's widgets by name.
        widget: the widget that has the keys: those of a hidden one, as after a reload of the module, are dead.
        report: called with a line of text for the user.
        to_place: gives the landmarks of the chosen film, which it makes when there are none.
    """

    def __init__(
        self, ui: Any, widget: Any, report: Callable[[str], None], to_place: Callable[[], FilmAlignment]
    ) -> None:
        self._ui = ui
        self._to_place = to_place
        self._table = ui.landmarksTable
        self._report = report
        self._alignment: FilmAlignment | None = None
        self._place: PlaceMode | None = None
        self._cells = Cells(self._table, (_("Landmark"), _("State"), _("Confidence")), COUNT)
        for row, name in enumerate(NAMES):
            self._cells.put(row, 0, name)
        self._table.setColumnWidth(1, 120)
        self._table.cellClicked.connect(self._on_cell_clicked)
        ui.previousButton.clicked.connect(lambda *_: self.step(-1))
        ui.nextButton.clicked.connect(lambda *_: self.step(1))
        ui.resetPointButton.clicked.connect(lambda *_: self._change(lambda a: a.reset(NAMES[self.row])))
        ui.resetAllButton.clicked.connect(lambda *_: self._change(lambda a: a.reset()))
        ui.missingButton.clicked.connect(lambda *_: self._change(lambda a: a.set_point(NAMES[self.row], None)))
        ui.undoButton.clicked.connect(lambda *_: self._change(lambda a: a.undo()))
        ui.redoButton.clicked.connect(lambda *_: self._change(lambda a: a.redo()))
        ui.placeButton.clicked.connect(lambda *_: self._on_place())
        self._shortcuts = []
        for keys, rows in KEYS_TO_STEP.items():
            shortcut = qt.QShortcut(qt.QKeySequence(keys), widget)
            shortcut.activated.connect(lambda rows=rows: self.step(rows))
            self._shortcuts.append(shortcut)

    @property
    def chosen(self) -> bool:
        """Whether a landmark is chosen."""
        return int(self._table.currentRow()) >= 0

    @property
    def row(self) -> int:
        """The chosen landmark."""
        return max(0, int(self._table.currentRow()))

    def refresh(self, alignment: FilmAlignment | None) -> None:
        """Show the landmarks of a film."""
        if alignment is not self._alignment:
            self.stop_placing()
        self._alignment = alignment
        confidence = alignment.annotation.confidence if alignment else np.full(COUNT, np.nan)
        states = alignment.states() if alignment else [""] * COUNT
        for row in range(COUNT):
            self._cells.put(row, 1, states[row], states[row] in ("low confidence", "not placed"))
            text = f"{confidence[row]:.2f}" if np.isfinite(confidence[row]) else ""
            self._cells.put(row, 2, text)
        detected = alignment is not None and alignment.detection is not None
        self._ui.resetPointButton.enabled = detected
        self._ui.resetAllButton.enabled = detected
        self._ui.missingButton.enabled = alignment is not None
        self._ui.undoButton.enabled = alignment is not None and alignment.can_undo
        self._ui.redoButton.enabled = alignment is not None and alignment.can_redo
        self._follow_placing()

    def step(self, rows: int) -> None:
        """Go to the landmark so many rows further down."""
        self.go_to((self.row + rows) % COUNT)

    def go_to(self, row: int) -> None:
        """Choose a landmark and bring it to the middle of the views."""
        self._table.setCurrentCell(row, 0)
        if self._alignment is not None and not jump_to(self._alignment, NAMES[row]):
            self._report(
                _("{name} has no place on the film yet; press Place by hand to set it").format(name=NAMES[row])
            )

    def _on_cell_clicked(self, row: int, _column: int) -> None:
        self.go_to(row)
        if self._place is not None:
            self._place.ask_for(row)

    def _change(self, change: Callable[[FilmAlignment], None]) -> None:
        if self._alignment is None:
            return
        try:
            change(self._alignment)
        except ValueError as error:
            slicer.util.errorDisplay(str(error))

    # Placing by hand

    def _on_place(self) -> None:
        """Every click on the film places the next missing landmark, the chosen one first."""
        if not self._ui.placeButton.checked:
            self.stop_placing()
            return
        try:
            alignment = self._to_place()
        except SpineAlignmentError as error:
            self._ui.placeButton.checked = False
            slicer.util.errorDisplay(str(error))
            return
        self._alignment = alignment
        self._place = PlaceMode(alignment)
        self._place.start(self.row)
        self._follow_placing()

    def stop_placing(self) -> None:
        """Leave the placing of landmarks; what was placed stays."""
        if self._place is not None:
            self._place.stop()
            self._place = None
            self._ui.placeButton.checked = False

    def _follow_placing(self) -> None:
        if self._place is None:
            return
        row = self._place.next_row
        if row is None or not self._place.active:
            self._report(_("Every landmark is placed.") if row is None else "")
            self.stop_placing()
            return
        self._table.setCurrentCell(row, 0)
        self._report(_("Click on {name} on the film.").format(name=NAMES[row]))
