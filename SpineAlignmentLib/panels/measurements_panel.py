"""The 18 parameters in the panel: values, intervals and norms, and which of them are drawn on the film."""

from collections.abc import Callable
from typing import Any, Final

import qt
from slicer.i18n import tr as _

from SpineAlignmentLib.clinical.norms import held_for, norm_text, unusual
from SpineAlignmentLib.clinical.patient import patient_of
from SpineAlignmentLib.measurement.constructions import value_text
from SpineAlignmentLib.measurement.parameters import KEYS, PARAMETERS
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.panels.tables import Cells
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.measured import Measured, interval_text

GROUPS: Final[tuple[str, ...]] = ("pelvis", "lumbar", "thoracic", "cervical", "global")


class MeasurementsPanel:
    """The measurements table; `on_shown` is called with the keys that the user wants drawn."""

    def __init__(self, ui: Any, on_shown: Callable[[list[str]], None]) -> None:
        self._table = ui.measurementsTable
        self._norms = ui.normsLabel
        self._groups = {group: getattr(ui, f"{group}CheckBox") for group in GROUPS}
        self._on_shown = on_shown
        self._shown: list[str] = []
        headers = (_("Measurement"), _("Value"), _("90 % interval"), _("Norm"), _("Name"))
        self._cells = Cells(self._table, headers, len(PARAMETERS))
        for row, parameter in enumerate(PARAMETERS):
            self._cells.put(row, 0, parameter.key)
            self._table.item(row, 0).setCheckState(qt.Qt.Unchecked)
            self._cells.put(row, 3, norm_text(parameter.key))
            self._cells.put(row, 4, parameter.name)
        self._table.resizeColumnsToContents()
        self._table.setColumnWidth(1, 80)
        self._table.setColumnWidth(2, 90)
        self._table.cellChanged.connect(self._on_cell_changed)
        for group, box in self._groups.items():
            box.clicked.connect(self._group_clicked(group))

    def show(self, shown: list[str]) -> None:
        """Tick what is drawn."""
        self._shown = [key for key in KEYS if key in shown]
        blocked = self._table.blockSignals(True)
        for row, key in enumerate(KEYS):
            self._table.item(row, 0).setCheckState(qt.Qt.Checked if key in shown else qt.Qt.Unchecked)
        self._table.blockSignals(blocked)
        for group, box in self._groups.items():
            box.checked = all(p.key in shown for p in PARAMETERS if p.group == group)

    def refresh(self, alignment: FilmAlignment | None, film: Annotation | None) -> None:
        """Show the values of a film with their intervals, and of those that are not given the reason.

        Args:
            alignment: the film's; None without landmarks.
            film: what it holds.
        """
        measured = alignment.measurements if alignment else {}
        age = patient_of(film.extra, film.film).age if film else None
        blocked = self._table.blockSignals(True)
        for row, p in enumerate(PARAMETERS):
            found = measured.get(p.key, Measured())
            value = value_text(p.key, found.value) if alignment else ""
            self._cells.put(row, 1, value, unusual(p.key, found.value, age))
            self._cells.put(row, 2, found.reason or interval_text(p.key, found))
            self._cells.put(row, 3, norm_text(p.key, age))
            self._cells.explain(row, 2, found.reason)
        self._table.blockSignals(blocked)
        self._norms.text = _("Norms: {whom}.").format(whom=held_for(age))

    def text(self) -> str:
        """The table for the clipboard."""
        return self._cells.text()

    def _on_cell_changed(self, row: int, column: int) -> None:
        if column == 0:
            ticked = self._table.item(row, 0).checkState() == qt.Qt.Checked
            self._choose({KEYS[row]}, ticked)

    def _group_clicked(self, group: str) -> Callable[..., None]:
        def clicked(*_: Any) -> None:
            self._choose({p.key for p in PARAMETERS if p.group == group}, bool(self._groups[group].checked))

        return clicked

    def _choose(self, keys: set[str], ticked: bool) -> None:
        shown = set(self._shown) | keys if ticked else set(self._shown) - keys
        self._on_shown([key for key in KEYS if key in shown])
