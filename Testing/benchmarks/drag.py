"""How long the scene takes to follow a dragged landmark with all 18 measurements shown: `python -m
Testing.benchmarks.drag`.

Measured from the mouse event in the embedded slice view to updated nodes, table node and panel; rendering is not in it.
"""

import sys
import time
from dataclasses import dataclass

import numpy as np
import slicer
from PySide6 import QtCore, QtGui

from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.measurement.parameters import KEYS
from Testing.host import application, subject
from Testing.host.films import add_film

LIMIT_MS = 16.0


@dataclass(frozen=True)
class DragFigures:
    """Milliseconds a mouse move, and growth over the drag."""

    median_ms: float
    median_cpu_ms: float
    """Processor time of the same moves: what the median would be on a machine that does nothing else."""
    p95_ms: float
    new_nodes: int
    new_observers: int


def drag(host: application.Host, name: str, moves: int) -> DragFigures:
    """Drag one landmark of the shown film with the mouse, so many moves, and let go."""
    alignment = host.widget.logic.alignment(slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode"))
    x, y = screen_position(host, alignment.landmarks, INDEX[name])
    mouse(host, "move", x, y)
    mouse(host, "press", x, y)
    mouse(host, "move", x + 1, y)
    nodes = slicer.mrmlScene.GetNumberOfNodes()
    observers = observer_count(alignment)
    counted = 3 + len(alignment.drawn_nodes)
    times, cpu_times = [], []
    for i in range(moves):
        angle = 2 * np.pi * i / 90
        dx, dy = 6 * np.sin(angle), 6 * np.sin(2 * angle)
        start, cpu_start = time.perf_counter(), time.thread_time()
        mouse(host, "move", x + dx, y + dy)
        times.append(1000 * (time.perf_counter() - start))
        cpu_times.append(1000 * (time.thread_time() - cpu_start))
    mouse(host, "release", x, y)
    return DragFigures(
        float(np.median(times)),
        float(np.median(cpu_times)),
        float(np.percentile(times, 95)),
        slicer.mrmlScene.GetNumberOfNodes() - nodes,
        observer_count(alignment) - observers - counted,
    )


def screen_position(host: application.Host, node: object, index: int) -> tuple[float, float]:
    """Where a control point is shown in the slice widget, in Qt's pixels."""
    world = [0.0, 0.0, 0.0]
    node.GetNthControlPointPositionWorld(index, world)  # type: ignore[attr-defined]
    matrix = slicer.util.arrayFromVTKMatrix(host.slice.mrmlSliceNode().GetXYToRAS())
    x, y = (np.linalg.inv(matrix) @ [*world, 1])[:2]
    return float(x), float(host.slice.size.height() - 1 - y)  # type: ignore[attr-defined]


def mouse(host: application.Host, what: str, x: float, y: float) -> None:
    """Send one mouse event of Qt to the slice widget."""
    kinds = {
        "move": QtCore.QEvent.Type.MouseMove,
        "press": QtCore.QEvent.Type.MouseButtonPress,
        "release": QtCore.QEvent.Type.MouseButtonRelease,
    }
    left = QtCore.Qt.MouseButton.LeftButton
    button = QtCore.Qt.MouseButton.NoButton if what == "move" else left
    point = QtCore.QPointF(x, y)
    event = QtGui.QMouseEvent(kinds[what], point, point, button, left, QtCore.Qt.KeyboardModifier.NoModifier)
    QtCore.QCoreApplication.sendEvent(host.slice, event)


def observer_count(alignment: object) -> int:
    """How often a film's nodes were observed so far: VTK numbers observers in rising order and never again."""
    count = 0
    for node in [alignment.volume, alignment.landmarks, alignment.table, *alignment.drawn_nodes]:  # type: ignore[attr-defined]
        tag = node.AddObserver("NoEvent", lambda *_: None)
        node.RemoveObserver(tag)
        count += tag
    return count


def prepared_host() -> application.Host:
    """The module open on a film with landmarks and all measurements shown."""
    qt_application = application.install()
    host = application.Host()
    film = add_film(slicer.mrmlScene, subject.film_pixels(), subject.SPACING_MM)
    host.show()
    widget = host.open_module()
    widget.logic.alignment(film).set_points(subject.upright_px())
    widget.panel.draw(list(KEYS))
    widget.panel.unveiling.finish()
    for _ in range(5):
        qt_application.processEvents()
    return host


def main() -> int:
    """Print the figures; status 1 when a bar is missed."""
    host = prepared_host()
    missed = False
    for name, moves in (("S1_A", 1000), ("C7_C", 200), ("FH_1", 200), ("L3_C", 200)):
        figures = drag(host, name, moves)
        grown = figures.new_nodes + figures.new_observers
        missed |= figures.median_ms > LIMIT_MS or grown > 0
        print(
            f"{name}: median {figures.median_ms:.1f} ms (processor {figures.median_cpu_ms:.1f} ms), 95 % "
            f"{figures.p95_ms:.1f} ms a move (bar {LIMIT_MS:.0f} ms); {moves} moves left {grown} nodes or observers"
        )
    host.finish()
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
