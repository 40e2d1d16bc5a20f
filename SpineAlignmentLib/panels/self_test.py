"""What the module's own test checks inside a running Slicer, on the sample film; see `SpineAlignmentTest`."""

import math
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any, Final

import numpy as np
import slicer
import vtk

from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.measurement.parameters import KEYS
from SpineAlignmentLib.mrml.drawing import MEASUREMENT_ATTRIBUTE
from SpineAlignmentLib.panels import red_view
from SpineAlignmentLib.panels.engine_install import engine_missing
from SpineAlignmentLib.panels.sample_data import load_sample_film

PATIENCE_S: Final[float] = 120.0


def load_sample(resources: Path) -> Any:
    """The sample film as a volume; the test is skipped where no engine is installed."""
    missing = engine_missing("auto")
    if missing is not None:
        raise unittest.SkipTest(f"the engine {missing} is not installed")
    return load_sample_film(resources)


def check_script(logic: Any, film: Any) -> None:
    """Detect, read, correct, undo and export without the panel."""
    alignment = logic.detect(film)
    found, before = logic.landmarks(film), logic.parameters(film)
    assert len(found) > 40
    assert all(math.isfinite(before[key]) for key in ("PI", "LL", "SVA"))
    alignment.show(KEYS)
    assert alignment.made
    x, y = found["S1_A"]
    alignment.set_point("S1_A", (x, y + 20))
    assert abs(before["SS"] - logic.parameters(film)["SS"]) > 1
    alignment.undo()
    assert abs(before["SS"] - logic.parameters(film)["SS"]) < 1e-6
    with tempfile.TemporaryDirectory() as folder:
        logic.export(film, Path(folder) / "film.json")
        assert (Path(folder) / "film.json").is_file()
    logic.cancel()


def opened_module() -> Any:
    """The module's widget, opened as a user opens it where there is a main window."""
    if slicer.util.mainWindow() is not None:
        slicer.util.selectModule("SpineAlignment")
    return slicer.modules.spinealignment.widgetRepresentation().self()


def check_panel(widget: Any, film: Any) -> None:
    """Click Detect landmarks, drag a landmark with the mouse, see lines and table follow, undo."""
    widget.logic.getParameterNode().film = film
    widget.panel.draw(list(KEYS))
    widget.ui.detectButton.click()
    end = time.monotonic() + PATIENCE_S
    while widget.logic.queue.busy and time.monotonic() < end:
        slicer.app.processEvents()
        time.sleep(0.01)
    alignment = widget.logic.alignment(film)
    assert alignment.detection is not None, widget.ui.statusLabel.text
    widget.panel.unveiling.finish()
    lines = [node for node in alignment.drawn_nodes if node.GetAttribute(MEASUREMENT_ATTRIBUTE) == "SS"]
    drawn = [slicer.util.arrayFromMarkupsControlPoints(node) for node in lines]
    cell = widget.ui.measurementsTable.item(KEYS.index("SS"), 1)
    shown, before = cell.text(), alignment.points_px
    drag(alignment.landmarks, INDEX["S1_A"], 12)
    assert np.abs(alignment.points_px - before)[INDEX["S1_A"]].max() > 5
    assert cell.text() != shown
    moved = [slicer.util.arrayFromMarkupsControlPoints(node) for node in lines]
    assert any(not np.allclose(a, b) for a, b in zip(moved, drawn, strict=True))
    widget.ui.undoButton.click()
    assert cell.text() == shown


def drag(landmarks: Any, index: int, pixels: int) -> None:
    """Drag a control point so many pixels down the view with the mouse."""
    view = slicer.app.layoutManager().sliceWidget(red_view.NAME)
    position = [0.0, 0.0, 0.0]
    landmarks.GetNthControlPointPositionWorld(index, position)
    to_xy = vtk.vtkMatrix4x4()
    vtk.vtkMatrix4x4.Invert(view.mrmlSliceNode().GetXYToRAS(), to_xy)
    x, y = (round(value) for value in to_xy.MultiplyPoint([*position, 1.0])[:2])
    # a markup takes only a press on what a move before told it is below the mouse
    slicer.util.clickAndDrag(view, button="None", start=(x, y), end=(x, y), steps=1)
    slicer.util.clickAndDrag(view, start=(x, y), end=(x, y - pixels), steps=6)
