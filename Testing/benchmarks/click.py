"""From a click on Detect landmarks to points on the film, with the shipped ensemble and the sample film: `python -m
Testing.benchmarks.click`.

Cold: the child process starts for it. Warm: the child is kept from the detection before. The longest time in which the
window did not react is measured as well, from the click until all 18 measurements are drawn; rendering is not in it,
since the view is rendered in software here.
"""

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import slicer
from PySide6 import QtWidgets

from SpineAlignmentLib.measurement.parameters import KEYS
from Testing.benchmarks.detection import SAMPLE
from Testing.host import application
from Testing.host.films import load_film

COLD_LIMIT_S = 2.0
WARM_LIMIT_S = 1.0
BLOCK_LIMIT_S = 0.1


@dataclass(frozen=True)
class ClickFigures:
    """Seconds."""

    to_points: float
    longest_block: float
    """Wall time; other programs on the machine lengthen it."""
    longest_cpu: float
    """Processor time of the same thread: what the block would be on a machine that does nothing else."""


def click(host: application.Host) -> ClickFigures:
    """Click, and let Qt work until the points are there, then until everything is drawn."""
    alignment = None
    start = time.perf_counter()
    to_points = 0.0
    walls, cpus = [], []

    def step(work: Callable[[], object]) -> None:
        wall, cpu = time.perf_counter(), time.thread_time()
        work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.thread_time() - cpu)

    step(host.widget.ui.detectButton.click)
    while alignment is None or alignment.made != set(KEYS):
        step(QtWidgets.QApplication.processEvents)
        if alignment is None and not host.widget.logic.queue.busy:
            to_points = time.perf_counter() - start
            (alignment,) = host.widget.logic.spine.alignments
        time.sleep(0.002)
    return ClickFigures(to_points, max(walls), max(cpus))


def new_host() -> application.Host:
    """The module open on the sample film, with all measurements ticked."""
    host = application.Host()
    load_film(slicer.mrmlScene, SAMPLE)
    host.open_module()
    host.widget.panel.draw(list(KEYS))
    QtWidgets.QApplication.processEvents()
    return host


def main() -> int:
    """Print the figures; status 1 when a bar is missed."""
    application.install()
    host = new_host()
    missed = False
    for name, limit, clicks in (("cold", COLD_LIMIT_S, 1), ("warm", WARM_LIMIT_S, 5)):
        figures = [click(host) for _ in range(clicks)]
        seconds = statistics.median(f.to_points for f in figures)
        block, cpu = max(f.longest_block for f in figures), max(f.longest_cpu for f in figures)
        missed |= seconds > limit or block > BLOCK_LIMIT_S
        print(
            f"{name} {seconds:.2f} s (bar {limit:.0f} s), window blocked for at most {block:.3f} s "
            f"(processor {cpu:.3f} s; bar {BLOCK_LIMIT_S} s)"
        )
    host.finish()
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
