"""What a person looked at, in the panel: the next uncertain landmark closely, accepting it, and the whole film."""

from collections.abc import Callable
from typing import Any, Final

import qt
from slicer.i18n import tr as _

from SpineAlignmentLib.measurement.landmarks import NAMES
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.panels import red_view
from SpineAlignmentLib.panels.landmarks_panel import LandmarksPanel
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.reviewing import (
    accepted,
    next_uncertain,
    review_turned,
    reviewed,
    uncertain,
    widened_text,
)

NEXT_KEYS: Final[str] = "Ctrl+Shift+Right"
ACCEPT_KEYS: Final[str] = "Ctrl+Shift+Return"


class ReviewPanel:
    """The row of buttons for reviewing; all of it can be undone as other edits are.

    Args:
        ui: the panel's widgets by name.
        widget: the widget that has the keys.
        landmarks: the table whose chosen landmark is meant.
        report: called with a line of text for the user.
    """

    def __init__(self, ui: Any, widget: Any, landmarks: LandmarksPanel, report: Callable[[str], None]) -> None:
        self._ui = ui
        self._report = report
        self._landmarks = landmarks
        self._alignment: FilmAlignment | None = None
        ui.nextUncertainButton.clicked.connect(lambda *_: self.go_on())
        ui.acceptButton.clicked.connect(lambda *_: self.accept())
        ui.reviewedCheckBox.clicked.connect(lambda *_: self._mark(review_turned))
        self._shortcuts = []
        for keys, action in ((NEXT_KEYS, self.go_on), (ACCEPT_KEYS, self.accept)):
            shortcut = qt.QShortcut(qt.QKeySequence(keys), widget)
            shortcut.activated.connect(lambda action=action: action())
            self._shortcuts.append(shortcut)

    def refresh(self, alignment: FilmAlignment | None, film: Annotation | None) -> None:
        """Show what is left to look at.

        Args:
            alignment: the film's; None without landmarks.
            film: what it holds.
        """
        self._alignment = alignment
        left = len(uncertain(film)) if film is not None else 0
        there = film is not None and bool(film.landmarks())
        self._ui.nextUncertainButton.enabled = left > 0
        self._ui.nextUncertainButton.text = _("Next uncertain") + (f" ({left})" if left else "")
        self._ui.acceptButton.enabled = self._ui.reviewedCheckBox.enabled = there
        self._ui.reviewedCheckBox.checked = film is not None and reviewed(film)
        lapsed = film is not None and film.whole_reviewed is False
        self._ui.reviewedCheckBox.text = _("Changed since reviewed") if lapsed else _("Reviewed")

    def go_on(self) -> None:
        """Go to the next uncertain landmark below the chosen one, and look at it closely."""
        if self._alignment is None:
            return
        name = next_uncertain(self._alignment.annotation, NAMES[self._landmarks.row] if self._landmarks.chosen else "")
        if name is not None:
            self._landmarks.go_to(NAMES.index(name))
            red_view.look_closer(self._alignment)

    def accept(self) -> None:
        """The chosen landmark is right where it is."""
        if self._landmarks.chosen:
            name = NAMES[self._landmarks.row]
            self._mark(lambda film: accepted(film, name))

    def _mark(self, how: Callable[[Annotation], Annotation]) -> None:
        if self._alignment is not None:
            before = self._alignment.annotation
            self._alignment.set_marks(how(before))
            self._report(widened_text(before, self._alignment.annotation))
