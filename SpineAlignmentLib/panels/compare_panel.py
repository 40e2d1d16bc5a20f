"""Two films side by side in a table: values of both and their difference."""

from typing import Any

import numpy as np
from slicer.i18n import tr as _

from SpineAlignmentLib.measurement.constructions import value_text
from SpineAlignmentLib.measurement.parameters import KEYS, PARAMETERS
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.spine_scene import SpineScene
from SpineAlignmentLib.panels.tables import Cells
from SpineAlignmentLib.results.comparison import signed_text


class ComparePanel:
    """The comparison table."""

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self._table = ui.compareTable
        self._cells = Cells(
            self._table, (_("Measurement"), _("This film"), _("Other film"), _("Difference")), len(PARAMETERS)
        )
        for row, key in enumerate(KEYS):
            self._cells.put(row, 0, key)

    def refresh(self, spine: SpineScene, film: Any, other_film: Any) -> None:
        """Show two films (volumes, or None), and bring their comparison table in the scene up to date."""
        this, other = spine.alignment(film), spine.alignment(other_film)
        self._ui.compareLabel.text = self._missing(this, other, other_film)
        both = this is not None and other is not None and this is not other
        if both:
            spine.compare(film, other_film)
        first = this.parameters if this is not None and both else {}
        second = other.parameters if other is not None and both else {}
        for row, key in enumerate(KEYS):
            a, b = first.get(key, np.nan), second.get(key, np.nan)
            cells = (value_text(key, a), value_text(key, b), signed_text(key, b - a)) if both else ("", "", "")
            for column, text in enumerate(cells, 1):
                self._cells.put(row, column, text)

    @staticmethod
    def _missing(this: FilmAlignment | None, other: FilmAlignment | None, other_film: Any) -> str:
        """What is missing for a comparison."""
        text = ""
        if other_film is not None and other is None:
            text = _("The other film has no landmarks yet; choose it above and detect.")
        elif other_film is not None and this is None:
            text = _("The chosen film has no landmarks yet.")
        elif other_film is not None and this is other:
            text = _("This is the same film.")
        return text

    def text(self) -> str:
        """The table for the clipboard."""
        return self._cells.text()
