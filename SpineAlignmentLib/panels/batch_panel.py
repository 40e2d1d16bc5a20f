"""Many films in the panel: a folder or DICOM studies, progress, cancel, and what failed."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from SpineAlignmentLib.errors import SpineAlignmentError
from SpineAlignmentLib.film.paths import film_files
from SpineAlignmentLib.jobs.batch import Batch


class BatchPanel:
    """The batch section.

    Args:
        ui: the panel's widgets by name.
        start: called with files, output folder, progress and end functions; returns the batch.
        chosen_files: the film files of the studies that are chosen in the DICOM browser.
        ready: whether detections can start now; tells or asks the user what is in the way.
    """

    def __init__(
        self,
        ui: Any,
        start: Callable[..., Batch],
        chosen_files: Callable[[], Sequence[str]],
        ready: Callable[[], bool],
    ) -> None:
        self._ui = ui
        self._start = start
        self._chosen_files = chosen_files
        self._ready = ready
        self.batch: Batch | None = None
        ui.batchFolderButton.clicked.connect(lambda *_: self.measure_folder())
        ui.batchDicomButton.clicked.connect(lambda *_: self.measure_studies())
        ui.batchCancelButton.clicked.connect(lambda *_: self.cancel())
        ui.batchCancelButton.enabled = False

    def measure_folder(self) -> None:
        """Measure every film of the chosen folder."""
        folder = self._ui.batchInputEdit.currentPath
        if not folder or not Path(folder).is_dir():
            slicer.util.errorDisplay(
                _("{folder}: choose a folder that exists").format(folder=folder or _("Folder of films"))
            )
            return
        self._measure(film_files(Path(folder)), _("{folder}: no film files in this folder").format(folder=folder))

    def measure_studies(self) -> None:
        """Measure the films of the studies that are chosen in the DICOM browser."""
        text = _("Choose one or more studies in the DICOM module first; no radiographs are chosen there")
        self._measure([Path(f) for f in self._chosen_files()], text)

    def cancel(self) -> None:
        """Stop; the films that are done stay done."""
        if self.batch is not None and not self.batch.finished:
            self.batch.cancel()
            self._on_done(_("Cancelled"))

    def _measure(self, files: Sequence[Path], none_text: str) -> None:
        output = self._ui.batchOutputEdit.currentPath
        if not files:
            slicer.util.errorDisplay(none_text)
        elif not output:
            slicer.util.errorDisplay(_("Choose a folder for the results"))
        elif self._ready():
            self._ui.batchFailuresEdit.plainText = ""
            self._ui.batchProgressBar.value = 0
            self._ui.batchLabel.text = _("{done} of {count} films").format(done=0, count=len(files))
            try:
                self.batch = self._start(files, output, self._on_progress, self._on_done)
            except SpineAlignmentError as error:
                slicer.util.errorDisplay(str(error))
                return
            self._set_running(not self.batch.finished)

    def _on_progress(self, done: int, count: int) -> None:
        self._ui.batchProgressBar.value = int(100 * done / count)
        self._ui.batchLabel.text = _("{done} of {count} films").format(done=done, count=count)
        if self.batch is not None:
            said = {**self.batch.kept, **self.batch.failures}
            lines = [f"{path.name}: {text.removeprefix(f'{path}: ')}" for path, text in said.items()]
            self._ui.batchFailuresEdit.plainText = "\n".join(lines)

    def _on_done(self, how: str = "") -> None:
        self._set_running(False)
        if self.batch is not None:
            measured, failed = len(self.batch.done), len(self.batch.failures)
            text = _("{how}: {measured} films measured, {failed} failed; results in {folder}")
            self._ui.batchLabel.text = text.format(
                how=how or _("Done"), measured=measured, failed=failed, folder=self.batch.output
            )

    def _set_running(self, running: bool) -> None:
        self._ui.batchFolderButton.enabled = not running
        self._ui.batchDicomButton.enabled = not running
        self._ui.batchCancelButton.enabled = running
