"""A progress bar for a terminal."""

import sys
from dataclasses import dataclass
from typing import Final, TextIO

BAR_WIDTH: Final[int] = 30


@dataclass
class ProgressBar:
    """A line that says how far along a long job is; silent where nobody watches (not a terminal)."""

    total: int
    stream: TextIO = sys.stderr
    done: int = 0

    @property
    def _watched(self) -> bool:
        return self.total > 1 and self.stream.isatty()

    def step(self) -> None:
        """One more is done."""
        self.done += 1
        self.show()

    def show(self) -> None:
        """Draw the bar."""
        if self._watched:
            full = BAR_WIDTH * self.done // max(self.total, 1)
            self.stream.write(f"\r[{'#' * full}{'.' * (BAR_WIDTH - full)}] {self.done}/{self.total} films")
            self.stream.flush()

    def clear(self) -> None:
        """Remove the bar, so that a line can be printed in its place."""
        if self._watched:
            self.stream.write("\r\033[K")
            self.stream.flush()
