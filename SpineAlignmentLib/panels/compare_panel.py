"""Two films side by side in a table: values of both and their difference."""

from typing import Any

import numpy as np

from SpineAlignmentLib.constructions import value_text
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.panels.tables import Cells
from SpineAlignmentLib.parameters import KEYS, PARAMETERS


class ComparePanel:
    """The comparison table."""

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self._table = ui.compareTable
        self._cells = Cells(self._table, ("Measurement", "This film", "Other film", "Difference"), len(PARAMETERS))
        for row, key in enumerate(KEYS):
            self._cells.put(row, 0, key)

    def refresh(self, this: FilmAlignment | None, other: FilmAlignment | None, note: str) -> None:
        """Show both films; `note` says what is missing for a comparison."""
        self._ui.compareLabel.text = note
        both = this is not None and other is not None
        first = this.parameters if this is not None and both else {}
        second = other.parameters if other is not None and both else {}
        for row, key in enumerate(KEYS):
            a, b = first.get(key, np.nan), second.get(key, np.nan)
            cells = (value_text(key, a), value_text(key, b), signed_text(key, b - a)) if both else ("", "", "")
            for column, text in enumerate(cells, 1):
                self._cells.put(row, column, text)

    def text(self) -> str:
        """The table for the clipboard."""
        return self._cells.text()


def signed_text(key: str, difference: float) -> str:
    """A difference with its sign; none when it shows as zero."""
    text = value_text(key, abs(difference))
    shown = text.rstrip("\N{DEGREE SIGN} m")
    if not np.isfinite(difference) or float(shown) == 0:
        return text
    return ("+" if difference > 0 else "-") + text
