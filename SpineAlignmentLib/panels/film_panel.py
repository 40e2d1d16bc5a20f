"""The film in the panel: how large its pixels are, which side the patient faces, where both are known from."""

from collections.abc import Callable
from typing import Any, Final

import slicer
from slicer.i18n import tr as _

from SpineAlignmentLib.errors import SpineAlignmentError, by_hand
from SpineAlignmentLib.mrml.calibration import set_by_hand, set_pixel_size
from SpineAlignmentLib.mrml.film_facts import SIDE_UNKNOWN
from SpineAlignmentLib.results.annotation import SPACING_WARNING, Annotation
from SpineAlignmentLib.results.doubts import doubts

UNKNOWN_SIZE: Final[float] = 0.0
"""What the field for the size of a pixel has where it is not known."""


class FilmPanel:
    """What is known about the film, and the buttons that put it right.

    Args:
        ui: the panel's widgets by name.
        logic: the module's logic.
        choices: gives the module's parameter node.
        changed: called after every change.
    """

    def __init__(self, ui: Any, logic: Any, choices: Callable[[], Any], changed: Callable[[], None]) -> None:
        self._ui = ui
        self._logic = logic
        self._choices = choices
        self._changed = changed
        self._spacing: float | None = None
        ui.spacingButton.clicked.connect(lambda *_: self._change(self._set_spacing))
        ui.ownSpacingButton.clicked.connect(lambda *_: self._change(self._own_spacing))
        ui.calibrationButton.clicked.connect(lambda *_: self._change(self._draw_line))
        ui.calibrateButton.clicked.connect(lambda *_: self._change(self._calibrate))
        ui.flipButton.clicked.connect(lambda *_: self._change(self._flip))

    def refresh(self, film: Annotation | SpineAlignmentError | None) -> None:
        """Show what is known, or why the volume is not a film."""
        usable = isinstance(film, Annotation)
        for name in ("spacingButton", "calibrationButton", "calibrateButton", "flipButton"):
            getattr(self._ui, name).enabled = usable
        if not isinstance(film, Annotation):
            self._ui.spacingLabel.text = "" if film is None else str(film)
            self._ui.facingLabel.text = ""
            self._doubt("")
            self._ui.ownSpacingButton.enabled = False
            return
        self._ui.spacingLabel.text = spacing_text(film)
        self._ui.ownSpacingButton.enabled = set_by_hand(film)
        self._show_spacing(film)
        self._ui.facingLabel.text = facing_text(film)
        self._doubt("\n".join(doubts(film)))

    def _doubt(self, text: str) -> None:
        """Say what can hardly be; the line is there only then."""
        self._ui.doubtLabel.text = text
        self._ui.doubtLabel.visible = bool(text)

    def _show_spacing(self, film: Annotation) -> None:
        """Show the size in use where another one is typed; what is being typed stays until it is set."""
        x = UNKNOWN_SIZE if film.spacing_mm is None else film.spacing_mm[0]
        if x != self._spacing:
            self._spacing = x
            self._ui.spacingSpinBox.setValue(x)

    def _change(self, change: Callable[[], None]) -> None:
        try:
            change()
        except (SpineAlignmentError, ValueError) as error:
            slicer.util.errorDisplay(str(error))
            self._spacing = None
        self._changed()

    def _set_spacing(self) -> None:
        set_pixel_size(self._logic.alignment(self._choices().film), self._ui.spacingSpinBox.value)

    def _own_spacing(self) -> None:
        film = self._choices().film
        self._logic.alignment(film).set_spacing_of(self._logic.spine.own_facts(film))

    def _draw_line(self) -> None:
        choices = self._choices()
        choices.calibrationLine = start_calibration_line(choices.film.GetScene(), choices.calibrationLine)

    def _calibrate(self) -> None:
        choices = self._choices()
        self._logic.calibrate(choices.film, choices.calibrationLine, self._ui.calibrationSpinBox.value)

    def _flip(self) -> None:
        alignment = self._logic.alignment(self._choices().film)
        alignment.set_anterior("right" if alignment.annotation.anterior == "left" else "left")


def spacing_text(film: Annotation) -> str:
    """The size of a pixel as a person reads it."""
    if film.spacing_mm is None:
        unknown: str = _("unknown: angles are right, distances cannot be given. Set the size or calibrate.")
        return unknown
    x, y = film.spacing_mm
    size = f"{x:.4g} mm" if abs(x - y) < 1e-6 * x else f"{x:.4g} x {y:.4g} mm"
    warnings = [by_hand(text) for text in film.warnings if text.startswith(SPACING_WARNING)]
    return "; ".join([f"{size} ({film.spacing_source})", *warnings])


def facing_text(film: Annotation) -> str:
    """The facing side as a person reads it."""
    if film.anterior_source == SIDE_UNKNOWN:
        unknown: str = _("not known yet; found with the landmarks")
        return unknown
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
