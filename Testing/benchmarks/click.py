"""From a click on Detect landmarks to points on the film, with the shipped ensemble and the sample film: `python -m
Testing.benchmarks.click`.

Cold: the child process starts for it. Warm: the child is kept from the detection before. The longest time in which the
window did not react is measured as well; drawing is not in it, since the view is rendered in software here.
"""

import sys
import time
from dataclasses import dataclass

import slicer
from PySide6 import QtWidgets

from Testing.host import application
from Testing.host.films import load_film
from Testing.host.screenshots import SAMPLE

COLD_LIMIT_S = 2.0
WARM_LIMIT_S = 1.0
BLOCK_LIMIT_S = 0.1


@dataclass(frozen=True)
class ClickFigures:
    """Seconds."""

    to_points: float
    longest_block: float


def click(host: application.Host) -> ClickFigures:
    """Click, and let Qt work until the points are there."""
    start = last = time.perf_counter()
    host.widget.ui.detectButton.click()
    longest = 0.0
    while host.widget.logic.queue.busy:
        QtWidgets.QApplication.processEvents()
        now = time.perf_counter()
        longest = max(longest, now - last)
        time.sleep(0.002)
        last = time.perf_counter()
    return ClickFigures(time.perf_counter() - start, longest)


def main() -> int:
    """Print the figures; status 1 when a bar is missed."""
    application.install()
    host = application.Host()
    load_film(slicer.mrmlScene, SAMPLE)
    host.open_module()
    cold = click(host)
    warm = min((click(host) for _ in range(5)), key=lambda figures: figures.to_points)
    host.finish()
    for name, figures, limit in (("cold", cold, COLD_LIMIT_S), ("warm", warm, WARM_LIMIT_S)):
        print(
            f"{name} {figures.to_points:.2f} s (bar {limit:.0f} s), "
            f"window blocked for at most {figures.longest_block:.3f} s"
        )
    return int(cold.to_points > COLD_LIMIT_S or warm.to_points > WARM_LIMIT_S or warm.longest_block > BLOCK_LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
