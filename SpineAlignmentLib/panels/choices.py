"""A combo box whose entries are changed only where they differ, so that it can follow a drag."""

from collections.abc import Sequence
from typing import Any

Widget = Any


class Choices:
    """The entries of a combo box; the chosen one stays chosen while it is among them."""

    def __init__(self, box: Widget) -> None:
        self._box = box
        self._offered: list[str] = []

    @property
    def chosen(self) -> str:
        """The text of the chosen entry; "" where there is none."""
        return str(self._box.currentText)

    def choose(self, text: str) -> None:
        """Choose an entry; nothing happens when it is not among them."""
        if text in self._offered:
            self._box.setCurrentIndex(self._offered.index(text))

    def offer(self, texts: Sequence[str]) -> None:
        """Offer other entries."""
        if list(texts) == self._offered:
            return
        chosen = self.chosen
        self._offered = list(texts)
        blocked = self._box.blockSignals(True)
        self._box.clear()
        self._box.addItems(self._offered)
        self.choose(chosen)
        self._box.blockSignals(blocked)
