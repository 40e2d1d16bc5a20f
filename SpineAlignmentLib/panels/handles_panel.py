"""Handles in the panel: the rims of the femoral heads, and the corners of the vertebra at hand."""

from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.handles import Handles
from SpineAlignmentLib.mrml.view import jump_to_pixel
from SpineAlignmentLib.panels import red_view
from SpineAlignmentLib.panels.levels_panel import LevelsPanel
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.heads import middle_of_heads
from SpineAlignmentLib.results.renumbering import center_of


class HandlesPanel:
    """Offers handles on one film at a time: those of others are not in the scene.

    Args:
        ui: the panel's widgets by name.
        levels: knows the vertebra at hand.
    """

    def __init__(self, ui: Any, levels: LevelsPanel) -> None:
        self._ui = ui
        self._levels = levels
        self._alignment: FilmAlignment | None = None
        self._film: Annotation | None = None
        self._handles: Handles | None = None
        ui.headsCheckBox.clicked.connect(lambda *_: self._look_at_heads())
        ui.cornersCheckBox.clicked.connect(lambda *_: self._look())
        ui.levelComboBox.currentIndexChanged.connect(lambda *_: self._look())

    def refresh(self, alignment: FilmAlignment | None, film: Annotation | None) -> None:
        """Let the handles follow a film's landmarks.

        Args:
            alignment: the film's; None without landmarks.
            film: what it holds.
        """
        if alignment is not self._alignment:
            self.let_go()
            self._alignment = alignment
        self._film = film
        self._ui.headsCheckBox.enabled = alignment is not None
        self._ui.cornersCheckBox.enabled = bool(self._levels.at_hand)
        self._follow()

    def _follow(self) -> None:
        """Bring the handles to what the film has; a film that is bent keeps them where they are."""
        if self._alignment is None or self._film is None:
            return
        heads = bool(self._ui.headsCheckBox.checked)
        level = self._levels.at_hand if self._ui.cornersCheckBox.checked else ""
        with suppress(FilmError):
            if self._handles is None and (heads or level or np.isfinite(self._film.head_radius_px).any()):
                self._handles = Handles(self._alignment)
            if self._handles is not None:
                self._handles.show(level, heads)

    def _look(self) -> None:
        """Show the corners of the vertebra at hand, closely."""
        self._follow()
        level = self._levels.at_hand
        if self._alignment is None or self._film is None or not level or not self._ui.cornersCheckBox.checked:
            return
        self._look_at(center_of(self._film, level))

    def _look_at_heads(self) -> None:
        """Show the femoral heads with their rims, closely."""
        self._follow()
        if self._film is not None and self._ui.headsCheckBox.checked:
            self._look_at(middle_of_heads(self._film))

    def _look_at(self, place: NDArray[np.float64]) -> None:
        if self._alignment is not None and np.isfinite(place).all():
            with suppress(FilmError):
                jump_to_pixel(self._alignment, place)
                red_view.look_closer(self._alignment)

    def let_go(self) -> None:
        """Take the handles out of the scene; what they were dragged to stays with the film."""
        if self._handles is not None:
            self._handles.remove()
        self._alignment = self._film = self._handles = None
