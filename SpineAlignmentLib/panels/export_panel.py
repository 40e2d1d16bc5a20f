"""Results out of the panel: to the clipboard, to files, and as a picture of the view."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import qt
import slicer

from SpineAlignmentLib.errors import SpineAlignmentError
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.export import export_results, save_picture
from SpineAlignmentLib.panels import red_view

KINDS: Final[str] = (
    "Results (*.json);;Table (*.csv);;Landmarks (*.mrk.json);;Report (*.pdf);;Report (*.html);;Picture (*.png)"
)


class ExportPanel:
    """The buttons Copy and Export.

    Args:
        ui: the panel's widgets by name.
        tables: clipboard button to the function that gives the text of its table.
        before_picture: called before a picture is taken, so that everything is on it.
        report: called with a line of text for the user.
    """

    def __init__(
        self,
        ui: Any,
        tables: dict[str, Callable[[], str]],
        before_picture: Callable[[], None],
        report: Callable[[str], None],
    ) -> None:
        self._ui = ui
        self._before_picture = before_picture
        self._report = report
        self._alignment: FilmAlignment | None = None
        for button, text in tables.items():
            getattr(ui, button).clicked.connect(lambda *_, text=text: self.copy(text()))
        ui.exportButton.clicked.connect(lambda *_: self.ask())

    def refresh(self, alignment: FilmAlignment | None) -> None:
        """The film that is exported."""
        self._alignment = alignment
        self._ui.exportButton.enabled = self._ui.copyButton.enabled = alignment is not None

    def copy(self, text: str) -> None:
        """Put a table on the clipboard."""
        slicer.app.clipboard().setText(text)
        self._report("Copied.")

    def ask(self) -> None:
        """Ask for a file and write it."""
        name = self._alignment.volume.GetName() if self._alignment is not None else ""
        path = qt.QFileDialog.getSaveFileName(None, "Export results", name, KINDS)
        if path:
            self.export(Path(path))

    def export(self, path: Path) -> None:
        """Save results, or a picture of the view, by the ending of the path; .json where it has none."""
        if self._alignment is None:
            return
        path = path if path.suffix else path.with_suffix(".json")
        try:
            if path.suffix.lower() == ".png":
                self._before_picture()
                save_picture(red_view.render_window(), path)
            else:
                export_results(self._alignment, path)
        except SpineAlignmentError as error:
            slicer.util.errorDisplay(str(error))
            return
        self._report(f"Saved {path.name}.")
