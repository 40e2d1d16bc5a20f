"""Cells of a Qt table, changed only where they differ, so that a table can follow a drag."""

from collections.abc import Sequence
from typing import Any, Final

import qt

Widget = Any

MARKED: Final[str] = "#c62828"
"""Color of what needs the surgeon's eye."""


def set_up(table: Widget, headers: Sequence[str], rows: int) -> None:
    """Give a table its columns, and empty cells in every row."""
    table.setColumnCount(len(headers))
    table.setHorizontalHeaderLabels(list(headers))
    table.setRowCount(rows)
    for row in range(rows):
        for column in range(len(headers)):
            table.setItem(row, column, qt.QTableWidgetItem(""))
    table.horizontalHeader().setStretchLastSection(True)


def set_text(table: Widget, row: int, column: int, text: str, marked: bool = False) -> None:
    """Put a text into a cell; marked ones stand out."""
    item = table.item(row, column)
    if item.text() == text and bool(item.data(qt.Qt.UserRole)) == marked:
        return
    item.setText(text)
    item.setData(qt.Qt.UserRole, marked)
    item.setForeground(qt.QBrush(qt.QColor(MARKED)) if marked else qt.QBrush())


def as_text(table: Widget) -> str:
    """The whole table as tab-separated text, as a spreadsheet takes it from the clipboard."""
    columns, rows = table.columnCount, table.rowCount
    lines = ["\t".join(table.horizontalHeaderItem(column).text() for column in range(columns))]
    lines += ["\t".join(table.item(row, column).text() for column in range(columns)) for row in range(rows)]
    return "\n".join(lines) + "\n"
