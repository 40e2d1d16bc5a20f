"""A Qt table whose cells are changed only where they differ, so that it can follow a drag."""

from collections.abc import Sequence
from typing import Any, Final

import qt

Widget = Any

MARKED: Final[str] = "#c62828"
"""Color of what needs the surgeon's eye."""


class Cells:
    """The cells of a table widget with fixed rows and columns."""

    def __init__(self, table: Widget, headers: Sequence[str], rows: int) -> None:
        self._table = table
        self._headers = list(headers)
        self._shown = {(row, column): ("", False) for row in range(rows) for column in range(len(headers))}
        table.setColumnCount(len(headers))
        table.setHorizontalHeaderLabels(self._headers)
        table.setRowCount(rows)
        for row, column in self._shown:
            table.setItem(row, column, qt.QTableWidgetItem(""))
        table.horizontalHeader().setStretchLastSection(True)

    def put(self, row: int, column: int, text: str, marked: bool = False) -> None:
        """Put a text into a cell; marked ones stand out."""
        if self._shown[row, column] == (text, marked):
            return
        self._shown[row, column] = (text, marked)
        item = self._table.item(row, column)
        item.setText(text)
        item.setForeground(qt.QBrush(qt.QColor(MARKED)) if marked else qt.QBrush())

    def explain(self, row: int, column: int, text: str) -> None:
        """Say more about a cell while the pointer is on it: its text may be cut off."""
        item = self._table.item(row, column)
        if item.toolTip() != text:
            item.setToolTip(text)

    def text(self) -> str:
        """The whole table as tab-separated text, as a spreadsheet takes it from the clipboard."""
        columns = range(len(self._headers))
        rows = range(len(self._shown) // len(self._headers))
        lines = [self._headers, *([self._shown[row, column][0] for column in columns] for row in rows)]
        return "\n".join("\t".join(line) for line in lines) + "\n"
