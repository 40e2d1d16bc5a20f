"""The film in the panel: how large its pixels are, which side the patient faces, where both are known from."""

from collections.abc import Callable
from typing import Any

import slicer

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.mrml.film_facts import SIDE_UNKNOWN
from SpineAlignmentLib.results import Annotation


class FilmPanel:
    """What is known about the film, and the buttons that put it right.

    Args:
        ui: the panel's widgets by name.
        change: called with a function of the logic that changes the chosen film; shows errors.
    """

    def __init__(self, ui: Any, change: Callable[[str], None]) -> None:
        self._ui = ui
        ui.spacingButton.clicked.connect(lambda *_: change("spacing"))
        ui.calibrationButton.clicked.connect(lambda *_: change("calibration line"))
        ui.calibrateButton.clicked.connect(lambda *_: change("calibrate"))
        ui.flipButton.clicked.connect(lambda *_: change("side"))

    def refresh(self, film: Annotation | FilmError | None) -> None:
        """Show what is known, or why the volume is not a film."""
        usable = isinstance(film, Annotation)
        for name in ("spacingButton", "calibrationButton", "calibrateButton", "flipButton"):
            getattr(self._ui, name).enabled = usable
        if not isinstance(film, Annotation):
            self._ui.spacingLabel.text = "" if film is None else str(film)
            self._ui.facingLabel.text = ""
            return
        self._ui.spacingLabel.text = spacing_text(film)
        self._ui.facingLabel.text = facing_text(film)


def spacing_text(film: Annotation) -> str:
    """The size of a pixel as a person reads it."""
    if film.spacing_mm is None:
        return "unknown: angles are right, distances cannot be given. Set the size or calibrate."
    x, y = film.spacing_mm
    size = f"{x:.4g} mm" if abs(x - y) < 1e-6 * x else f"{x:.4g} x {y:.4g} mm"
    return f"{size} ({film.spacing_source})"


def facing_text(film: Annotation) -> str:
    """The facing side as a person reads it."""
    if film.anterior_source == SIDE_UNKNOWN:
        return "not known yet; found with the landmarks"
    return f"{film.anterior} ({film.anterior_source})"


def start_calibration_line(scene: Any, known: Any) -> Any:
    """A line to draw over an object of known length, ready to be placed with two clicks."""
    line = known or scene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", "Calibration")
    line.RemoveAllControlPoints()
    line.CreateDefaultDisplayNodes()
    selection = scene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
    selection.SetReferenceActivePlaceNodeClassName("vtkMRMLMarkupsLineNode")
    selection.SetActivePlaceNodeID(line.GetID())
    interaction = scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    interaction.SetPlaceModePersistence(0)
    interaction.SetCurrentInteractionMode(slicer.vtkMRMLInteractionNode.Place)
    return line
