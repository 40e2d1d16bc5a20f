"""Results as text for a terminal: the table of parameters, and a progress bar."""

import sys
from dataclasses import dataclass
from typing import Final, TextIO

from SpineAlignmentLib.constructions import value_text
from SpineAlignmentLib.parameters import PARAMETERS
from SpineAlignmentLib.results import Annotation

BAR_WIDTH: Final[int] = 30


def parameter_table(annotation: Annotation) -> str:
    """The 18 parameters beside the population's mean and standard deviation, and how the film was read."""
    values = annotation.parameters()
    lines = [f"  {'':7}{'':36}{'value':>10}   population"]
    for p in PARAMETERS:
        usual = f"{p.mean:.1f} ({p.sd:.1f})"
        lines.append(f"  {p.key:7}{p.name:36}{value_text(p.key, values[p.key]):>10}   {usual}")
    spacing = annotation.spacing_mm
    size = "unknown" if spacing is None else f"{spacing[0]:g} x {spacing[1]:g} mm, {annotation.spacing_source}"
    lines.append(f"  pixel {size}; facing {annotation.anterior}, {annotation.anterior_source}")
    lines += [f"  warning: {text}" for text in annotation.warnings]
    return "\n".join(lines)


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
