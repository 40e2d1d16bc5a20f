"""What the module's own test checks inside a running Slicer, on the sample film; see `SpineAlignmentTest`.

Only the detection needs an engine, which Slicer does not have at first: everything else starts from the landmarks that
are stored beside the sample film. What has to be in the package is never skipped.
"""

import math
import tempfile
import time
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import slicer
import vtk

from SpineAlignmentLib import results
from SpineAlignmentLib.detection.models import read_models
from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.measurement.parameters import KEYS
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.drawing import MEASUREMENT_ATTRIBUTE
from SpineAlignmentLib.panels import red_view
from SpineAlignmentLib.panels.engine_install import engine_missing
from SpineAlignmentLib.panels.sample_data import WHOLE

PATIENCE_S: Final[float] = 120.0
DRAGGED_PX: Final[int] = 12
EVENT_ROUNDS: Final[int] = 10


class SelfTest:
    """The checks, each on a scene of its own.

    Args:
        resources: the folder of the module's resources.
        make_logic: makes the module's logic.
    """

    def __init__(self, resources: Path, make_logic: Callable[[], Any]) -> None:
        slicer.mrmlScene.Clear()
        self._resources = resources
        self._make_logic = make_logic
        self._film = WHOLE.load(resources)

    def package(self) -> None:
        """Every file of the networks came with the package, unaltered."""
        models = read_models(self._resources / "Models")
        assert models
        for model in models:
            for name in model.checksums:
                model.verified(name)

    def script(self) -> None:
        """Read, correct, undo and export without the panel."""
        logic = self._make_logic()
        alignment = logic.alignment(self._film)
        alignment.set_detection(self._stored())
        found, before = logic.landmarks(self._film), logic.parameters(self._film)
        assert len(found) > 40
        assert all(math.isfinite(before[key]) for key in ("PI", "LL", "SVA"))
        alignment.show(KEYS)
        assert alignment.made
        x, y = found["S1_A"]
        alignment.set_point("S1_A", (x, y + 20))
        assert abs(before["SS"] - logic.parameters(self._film)["SS"]) > 1
        alignment.undo()
        assert abs(before["SS"] - logic.parameters(self._film)["SS"]) < 1e-6
        with tempfile.TemporaryDirectory() as folder:
            logic.export(self._film, Path(folder) / "film.json")
            assert (Path(folder) / "film.json").is_file()

    def panel(self) -> None:
        """Drag a landmark with the mouse, see lines and table follow, undo."""
        widget = self._opened_module()
        alignment = widget.logic.alignment(self._film)
        alignment.set_detection(self._stored())
        widget.panel.show_choices()
        self._check_drag(widget, alignment)

    def detection(self) -> None:
        """Click Detect landmarks; the landmarks are near the stored ones."""
        missing = engine_missing("auto")
        if missing is not None:
            raise unittest.SkipTest(f"the engine {missing} is not installed")
        widget = self._opened_module()
        widget.ui.detectButton.click()
        end = time.monotonic() + PATIENCE_S
        while widget.logic.queue.busy and time.monotonic() < end:
            slicer.app.processEvents()
            time.sleep(0.01)
        alignment = widget.logic.alignment(self._film)
        assert alignment.detection is not None, widget.ui.statusLabel.text
        off = (
            np.linalg.norm(alignment.points_px - self._stored().points_px, axis=1) * alignment.annotation.spacing_mm[0]
        )
        assert np.nanmedian(off) < 5

    def _stored(self) -> results.Annotation:
        return results.read_annotation(WHOLE.landmarks(self._resources))

    def _opened_module(self) -> Any:
        """The module's widget, opened as a user opens it, on the film with all measurements."""
        if slicer.app.layoutManager() is None:
            raise unittest.SkipTest("Slicer runs without its window")
        if slicer.util.mainWindow() is not None:
            slicer.util.selectModule("SpineAlignment")
        widget = slicer.modules.spinealignment.widgetRepresentation().self()
        widget.logic.getParameterNode().film = self._film
        widget.panel.draw(list(KEYS))
        return widget

    def _check_drag(self, widget: Any, alignment: FilmAlignment) -> None:
        widget.panel.unveiling.finish()
        # the view has to be there before the mouse is
        for _ in range(EVENT_ROUNDS):
            slicer.app.processEvents()
        lines = [node for node in alignment.drawn_nodes if node.GetAttribute(MEASUREMENT_ATTRIBUTE) == "SS"]
        drawn = [slicer.util.arrayFromMarkupsControlPoints(node) for node in lines]
        cell = widget.ui.measurementsTable.item(KEYS.index("SS"), 1)
        shown, before = cell.text(), alignment.points_px
        drag(alignment.landmarks, INDEX["S1_A"], DRAGGED_PX)
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
