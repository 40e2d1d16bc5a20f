"""Results out of the panel: to the clipboard, to files, and as a picture of the view."""

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import qt
import slicer
from slicer.i18n import tr as _

from SpineAlignmentLib.errors import SpineAlignmentError
from SpineAlignmentLib.film.paths import legal_name
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.export import save_picture
from SpineAlignmentLib.panels import red_view
from SpineAlignmentLib.panels.package_install import package_ready

KINDS: Final[dict[str, str]] = {
    "Results (*.json)": ".json",
    "Table (*.csv)": ".csv",
    "Landmarks (*.mrk.json)": ".mrk.json",
    "Report to print (*.pdf)": ".pdf",
    "Report as a page (*.html)": ".html",
    "Picture (*.png)": ".png",
    "DICOM structured report (*.sr.dcm)": ".sr.dcm",
    "DICOM presentation state (*.gsps.dcm)": ".gsps.dcm",
}
"""What the dialog calls the kinds of file, and their endings."""


NEEDS: Final[dict[str, tuple[str, str]]] = {
    ".pdf": ("reportlab", "requirements-report.txt"),
    ".dcm": ("highdicom", "requirements-dicom.txt"),
}
"""Last part of an ending to the package that writes such files, and what pip installs for it."""

LEAST_PYDICOM: Final[int] = 3
"""What highdicom needs; Slicer 5.10 has an older one."""


class ExportPanel:
    """The buttons Copy and Export.

    Args:
        ui: the panel's widgets by name.
        export: writes the results of a volume by the ending of the path.
        tables: clipboard button to the function that gives the text of its table.
        before_picture: called before a picture is taken, so that everything is on it.
        report: called with a line of text for the user.
    """

    def __init__(
        self,
        ui: Any,
        export: Callable[[Any, Path], None],
        tables: dict[str, Callable[[], str]],
        before_picture: Callable[[], None],
        report: Callable[[str], None],
    ) -> None:
        self._ui = ui
        self._export = export
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
        self._report(_("Copied."))

    def ask(self) -> None:
        """Ask for a file and write it."""
        if self._alignment is None:
            return
        dialog = qt.QFileDialog(slicer.util.mainWindow(), _("Export results"))
        dialog.setAcceptMode(qt.QFileDialog.AcceptSave)
        dialog.setNameFilters(list(KINDS))
        dialog.selectFile(legal_name(self._alignment.volume.GetName()))
        if dialog.exec_():
            path = with_ending(dialog.selectedFiles()[0], dialog.selectedNameFilter())
            # the dialog asked about the name that was typed, not about the one with its ending
            if str(path) in dialog.selectedFiles() or not path.exists() or self._may_replace(path):
                self.export(path)

    def _may_replace(self, path: Path) -> bool:
        question = _("{name} is there already. Replace it?").format(name=path.name)
        return bool(slicer.util.confirmOkCancelDisplay(question))

    def export(self, path: Path) -> None:
        """Save results, or a picture of the view, by the ending of the path."""
        suffix = path.suffix.lower()
        if self._alignment is None or not self._ready(suffix):
            return
        try:
            if suffix == ".png":
                self._before_picture()
                save_picture(red_view.render_window(), path)
            else:
                self._export(self._alignment.volume, path)
        except SpineAlignmentError as error:
            slicer.util.errorDisplay(str(error))
            return
        self._report(_("Saved {name}.").format(name=path.name))

    @staticmethod
    def _ready(suffix: str) -> bool:
        """Whether such files can be written; asks to install what is missing, and tells the user why not."""
        if suffix == ".dcm" and int(version("pydicom").split(".")[0]) < LEAST_PYDICOM:
            # pip would put another one in the place of Slicer's own
            slicer.util.errorDisplay(_("DICOM results need Slicer 5.12 or later."))
            return False
        return suffix not in NEEDS or package_ready(*NEEDS[suffix])


def with_ending(path: str, kind: str) -> Path:
    """A path with the ending of the kind of file that was chosen in the dialog, whatever it has now.

    Some systems add an ending by themselves, of .mrk.json the last part.
    """
    has = next(
        (ending for ending in sorted(KINDS.values(), key=len, reverse=True) if path.lower().endswith(ending)), ""
    )
    return Path(path[: len(path) - len(has)] + KINDS[kind])
