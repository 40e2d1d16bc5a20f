"""Waiting for the panel, and reading it."""

import time

from PySide6 import QtWidgets


def wait_until(condition, seconds=60.0):
    """Let Qt work until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        QtWidgets.QApplication.processEvents()
        time.sleep(0.01)


def settle():
    for _ in range(5):
        QtWidgets.QApplication.processEvents()


def cell(table, row, column):
    return table.item(row, column).text()
