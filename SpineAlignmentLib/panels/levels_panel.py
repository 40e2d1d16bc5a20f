"""Which vertebra is which in the panel: how many there are, how sure that is, their names, and other names for them."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

import slicer
from slicer.i18n import tr as _

from SpineAlignmentLib.errors import FilmError, ResultError
from SpineAlignmentLib.measurement.landmarks import VERTEBRAE
from SpineAlignmentLib.measurement.vertebrae import LEVELS
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.level_names import LevelNames
from SpineAlignmentLib.panels.choices import Choices
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.renumbering import (
    counted_text,
    dropped_text,
    levels_found,
    renumbered_text,
    same_body,
    shifted,
)

_UP, _DOWN = 1, 2
_SHIFTS: Final[dict[str, int]] = {"levelHigherButton": -1, "levelLowerButton": 1}
"""Buttons to how many levels further down a body is called."""


class LevelsPanel:
    """Count, choice of vertebrae and the buttons that name them anew; all of it can be undone as other edits are.

    Args:
        ui: the panel's widgets by name.
        report: called with a line of text for the user.
    """

    def __init__(self, ui: Any, report: Callable[[str], None]) -> None:
        self._ui = ui
        self._report = report
        self._alignment: FilmAlignment | None = None
        self._film: Annotation | None = None
        self._names: LevelNames | None = None
        self._named = False
        self._levels = Choices(ui.levelComboBox)
        Choices(ui.levelRunComboBox).offer([_("All vertebrae"), _("From here up:"), _("From here down:")])
        for name, by in _SHIFTS.items():
            getattr(ui, name).clicked.connect(lambda *_, by=by: self.shift(by))
        ui.otherNumberingButton.clicked.connect(lambda *_: self._take_other())

    @property
    def at_hand(self) -> str:
        """The chosen vertebra; "" when none is known."""
        return self._levels.chosen

    def refresh(self, alignment: FilmAlignment | None, film: Annotation | None) -> None:
        """Show the vertebrae of a film.

        Args:
            alignment: the film's; None without landmarks.
            film: what it holds.
        """
        if alignment is not self._alignment:
            self.let_go()
            self._alignment = alignment
            self._names = None if alignment is None else LevelNames(alignment)
        self._name()
        found = levels_found(film) if film is not None else ()
        renamed = self._renamed_in(film)
        self._film = film
        self._levels.offer(found)
        if renamed:
            self._levels.choose(renamed)
        self._ui.levelsLabel.text = counted_text(film) if film is not None else ""
        other = film.numbering.other if film is not None and film.numbering is not None else None
        self._ui.otherNumberingButton.enabled = other is not None
        self._ui.otherNumberingButton.text = _("Take the other numbering") + (
            f": {other.text}" if other is not None else ""
        )
        for name in ("levelComboBox", *_SHIFTS):
            getattr(self._ui, name).enabled = bool(found)

    def _renamed_in(self, film: Annotation | None) -> str:
        """What the vertebra at hand is called when vertebrae got other names: it stays the same body; else nothing."""
        before = self._film
        if film is None or before is None or before.numbering is film.numbering:
            return ""
        return same_body(before, self.at_hand, film) if self.at_hand in LEVELS else ""

    def name(self, visible: bool) -> None:
        """Draw the names of the vertebrae beside them, or no longer."""
        self._named = visible
        self._name()

    @property
    def name_nodes(self) -> list[Any]:
        """The names that are drawn."""
        return [] if self._names is None or self._names.node is None else [self._names.node]

    def _name(self) -> None:
        """Bring the names to their vertebrae; on a film that is bent they stay where they are."""
        if self._names is not None:
            with suppress(FilmError):
                self._names.show(self._named)

    def let_go(self) -> None:
        """Take the names out of the scene."""
        if self._names is not None:
            self._names.remove()
        self._alignment = self._film = self._names = None

    def shift(self, by: int) -> None:
        """Call the chosen vertebrae one lower (1) or one higher (-1); the chosen one stays the same body."""
        level = self.at_hand
        if self._alignment is None or level not in VERTEBRAE:
            return
        first, last = {_UP: (VERTEBRAE[0], level), _DOWN: (level, VERTEBRAE[-1])}.get(
            int(self._ui.levelRunComboBox.currentIndex), (VERTEBRAE[0], VERTEBRAE[-1])
        )
        dropped = dropped_text(self._alignment.annotation, by, first, last)
        self._renumber(partial(shifted, by=by, first=first, last=last))
        self._report(dropped)

    def _take_other(self) -> None:
        if self._alignment is not None:
            before = self._alignment.annotation
            self._renumber(Annotation.renumbered)
            self._report(renumbered_text(before, self._alignment.annotation))

    def _renumber(self, how: Callable[[Annotation], Annotation]) -> None:
        if self._alignment is None:
            return
        try:
            self._alignment.renumber(how)
        except ResultError as error:
            slicer.util.errorDisplay(str(error))
