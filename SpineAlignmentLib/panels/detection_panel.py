"""Detection in the panel: the button, its progress, cancel, and what to tell the user when it ends."""

from collections.abc import Callable
from typing import Any, Final

import qt
import slicer
from slicer.i18n import tr as _

from SpineAlignmentLib.errors import SpineAlignmentError, by_hand
from SpineAlignmentLib.jobs.detection_job import DetectionQueue
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.results.reviewing import LOW_WARNING

POLL_MS: Final[int] = 50


class DetectionPanel:
    """Detect, cancel and the progress bar; it also keeps the queue going for batches.

    Args:
        ui: the panel's widgets by name.
        queue: where detections wait.
        start: starts the detection on the chosen film; called with functions for its end, failure and progress.
        cancel: drops every film in the queue.
        ended: called when a detection ended, in whatever way.
    """

    def __init__(
        self,
        ui: Any,
        queue: DetectionQueue,
        start: Callable[..., bool],
        cancel: Callable[[], None],
        ended: Callable[[], None],
    ) -> None:
        self._ui = ui
        self._queue = queue
        self._start = start
        self._cancel = cancel
        self._ended = ended
        self._timer = qt.QTimer()
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._on_timer)
        ui.detectButton.clicked.connect(lambda *_: self.detect())
        ui.cancelButton.clicked.connect(lambda *_: self.cancel())
        self._show_running(False)

    def detect(self) -> None:
        """Detect on the chosen film."""
        try:
            started = self._start(self._on_done, self._on_failed, self._on_progress)
        except SpineAlignmentError as error:
            slicer.util.errorDisplay(str(error))
            return
        if started:
            self._show_running(True)
            self.report(_("Detecting landmarks ..."))
            self.keep_going()

    def keep_going(self) -> None:
        """Take over answers until the queue is empty."""
        self._timer.start()

    def cancel(self) -> None:
        """Stop everything that is under way."""
        if self._queue.busy:
            self._cancel()
            self._show_running(False)
            self.report(_("Cancelled."))
            self._ended()

    def close(self) -> None:
        """Stop for good."""
        self._timer.stop()
        self._queue.cancel()

    def report(self, text: str) -> None:
        """Tell the user something in the panel."""
        self._ui.statusLabel.text = text

    def allow(self, usable: bool) -> None:
        """Whether there is a film to detect on."""
        self._ui.detectButton.enabled = usable and not self._queue.busy

    def _on_timer(self) -> None:
        self._queue.poll()
        if not self._queue.busy:
            self._timer.stop()

    def _on_done(self, alignment: FilmAlignment) -> None:
        self._show_running(False)
        self._ended()
        low = alignment.states().count("low confidence")
        texts = [_("Landmarks found.")]
        if low:
            texts.append(_("Those of low confidence ({count}) are marked red: check them.").format(count=low))
        told = [by_hand(text) for text in alignment.annotation.warnings if not text.startswith(LOW_WARNING)]
        if told:
            texts.append(_("Note: {warnings}.").format(warnings="; ".join(told)))
        self.report(" ".join(texts))

    def _on_failed(self, text: str) -> None:
        self._show_running(False)
        self._ended()
        self.report(text)
        slicer.util.errorDisplay(text)

    def _on_progress(self, share: float, stage: str) -> None:
        self._ui.progressBar.value = int(100 * share)
        self.report(f"{stage} ...")

    def _show_running(self, running: bool) -> None:
        self._ui.progressBar.visible = running
        self._ui.progressBar.value = 0
        self._ui.cancelButton.enabled = running
        if running:
            self._ui.detectButton.enabled = False
