"""Two films side by side in a table: values of both, their difference, and whether it may be chance."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from slicer.i18n import tr as _

from SpineAlignmentLib.measurement.constructions import value_text
from SpineAlignmentLib.measurement.parameters import KEYS, PARAMETERS
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.same_patient import SamePatient
from SpineAlignmentLib.mrml.spine_scene import SpineScene
from SpineAlignmentLib.panels.tables import Cells
from SpineAlignmentLib.results.comparison import differences, signed_text

WIDTHS: Final[tuple[int, ...]] = (56, 66, 66, 66)
"""Of all columns but the last, which takes what is left."""


class ComparePanel:
    """The comparison table.

    Args:
        ui: the panel's widgets by name.
        file_of: the file of a volume, where it is at hand.
    """

    def __init__(self, ui: Any, file_of: Callable[[Any], Path | None]) -> None:
        self._ui = ui
        self._patients = SamePatient(lambda alignment: file_of(alignment.volume))
        self._table = ui.compareTable
        headers = ("", _("This film"), _("Other film"), _("Difference"), _("90 % interval"))
        self._cells = Cells(self._table, headers, len(PARAMETERS))
        for column, width in enumerate(WIDTHS):
            self._table.setColumnWidth(column, width)
        for row, key in enumerate(KEYS):
            self._cells.put(row, 0, key)

    def refresh(self, spine: SpineScene, film: Any, other_film: Any) -> None:
        """Show two films (volumes, or None), and bring their comparison table in the scene up to date."""
        this, other = spine.alignment(film), spine.alignment(other_film)
        self._ui.compareLabel.text = self._said(this, other, other_film)
        if this is None or other is None or this is other:
            for row in range(len(KEYS)):
                for column in range(1, len(WIDTHS) + 1):
                    self._cells.put(row, column, "")
            return
        spine.compare(film, other_film)
        for row, one in enumerate(differences(this.annotation, other.annotation)):
            self._cells.put(row, 1, value_text(one.key, one.first))
            self._cells.put(row, 2, value_text(one.key, one.second))
            self._cells.put(row, 3, signed_text(one.key, one.value), bool(one.beyond))
            self._cells.put(row, 4, one.interval_text)

    def _said(self, this: FilmAlignment | None, other: FilmAlignment | None, other_film: Any) -> str:
        """What is missing for a comparison, or how it is read."""
        text = ""
        if other_film is not None and other is None:
            text = _("The other film has no landmarks yet; choose it above and detect.")
        elif other_film is not None and this is None:
            text = _("The chosen film has no landmarks yet.")
        elif other_film is not None and this is other:
            text = _("This is the same film.")
        elif other_film is not None:
            text = _("Red: larger than what both measurements may be off.")
            if this is not None and other is not None:
                text = " ".join(filter(None, (self._patients.doubt(this, other), text)))
        return text

    def text(self) -> str:
        """The table for the clipboard."""
        return self._cells.text()
