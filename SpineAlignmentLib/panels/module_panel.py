"""The module's panel as a whole: it shows what the logic holds and hands clicks on."""

from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from SpineAlignmentLib.errors import SpineAlignmentError
from SpineAlignmentLib.jobs.batch import Batch
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.volume_film import CHANGES
from SpineAlignmentLib.panels import dicom_studies
from SpineAlignmentLib.panels.batch_panel import BatchPanel
from SpineAlignmentLib.panels.clear_labels import ClearLabels
from SpineAlignmentLib.panels.compare_panel import ComparePanel
from SpineAlignmentLib.panels.detection_panel import DetectionPanel
from SpineAlignmentLib.panels.engine_install import engine_ready
from SpineAlignmentLib.panels.export_panel import ExportPanel
from SpineAlignmentLib.panels.film_panel import FilmPanel
from SpineAlignmentLib.panels.further_panel import FurtherPanel
from SpineAlignmentLib.panels.handles_panel import HandlesPanel
from SpineAlignmentLib.panels.landmarks_panel import LandmarksPanel
from SpineAlignmentLib.panels.levels_panel import LevelsPanel
from SpineAlignmentLib.panels.measurements_panel import MeasurementsPanel
from SpineAlignmentLib.panels.patient_panel import PatientPanel
from SpineAlignmentLib.panels.review_panel import ReviewPanel
from SpineAlignmentLib.panels.unveiling import Unveiling
from SpineAlignmentLib.results.annotation import Annotation


class ModulePanel:
    """All sections of the panel, for the film that the module's parameter node names.

    Args:
        ui: the panel's widgets by name.
        widget: the widget that holds them.
        logic: the module's logic.
    """

    def __init__(self, ui: Any, widget: Any, logic: Any) -> None:
        self.choices: Any = None
        """The module's parameter node; None while there is none, or another module is open."""
        self._ui = ui
        self._logic = logic
        self._shown: FilmAlignment | None = None
        self._turns = 0
        self._shown_film_id: str | None = None
        self._watched: Any = None
        self._tags: list[int] = []
        self._soon = qt.QTimer()
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._on_film_changed)
        self.labels = ClearLabels(lambda: self.further.drawn_nodes, lambda: self.levels.name_nodes)
        self.unveiling = Unveiling(self.labels.ask)
        self.film = FilmPanel(ui, logic, lambda: self.choices, self.show_choices)
        self.detection = DetectionPanel(ui, logic.queue, self._start_detection, self._cancel, self.refresh)
        self.patient = PatientPanel(ui, logic, lambda: self.choices.film, self.detection.report)
        self.landmarks = LandmarksPanel(ui, widget, self.detection.report, self._start_placing)
        self.review = ReviewPanel(ui, widget, self.landmarks, self.detection.report)
        self.levels = LevelsPanel(ui, self.detection.report)
        self.handles = HandlesPanel(ui, self.levels)
        self.measurements = MeasurementsPanel(ui, self.draw)
        self.further = FurtherPanel(ui, self.detection.report, self.landmarks.stop_placing)
        self.compare = ComparePanel(ui, lambda volume: logic.spine.file_of(volume))
        tables = {"copyButton": self.measurements.text, "copyComparisonButton": self.compare.text}
        self.export = ExportPanel(ui, logic.export, tables, self._show_all, self.detection.report)
        self.batch = BatchPanel(ui, self._start_batch, dicom_studies.chosen_films, self._ready_for_batch)

    # Life

    def leave(self) -> None:
        """The user opens another module: clicks on the film mean what they meant before."""
        self.landmarks.stop_placing()
        self.further.stop_drawing()
        self._watch(None)

    def scene_closes(self) -> None:
        """Stop everything that works on the scene's films."""
        self.detection.cancel()
        self.unveiling.stop()
        self._let_go()
        self._watch(None)
        # the next scene's films have the same names for nodes
        self._shown_film_id = None

    def close(self) -> None:
        """Stop for good."""
        self.leave()
        self._soon.stop()
        self.detection.close()
        self.unveiling.stop()
        self._let_go()
        self._logic.spine.release()

    def _let_go(self) -> None:
        """Take what only this panel draws out of the scene."""
        self.labels.stop()
        for part in (self.levels, self.handles, self.further):
            part.let_go()

    # The chosen film

    def show_choices(self) -> None:
        """Show the chosen film with the chosen measurements."""
        film = self.choices.film
        self.measurements.show(list(self.choices.shownMeasurements))
        self._show_measurements()
        self._watch(film)
        self._follow_alignment()
        self._show_film()

    def draw(self, keys: list[str]) -> None:
        """Choose the measurements that are drawn."""
        if self.choices is not None:
            self.choices.shownMeasurements = list(keys)

    def _show_measurements(self) -> None:
        """Draw what was chosen on the chosen film, and nothing on the others."""
        choices = self.choices
        parts = {"points": choices.showPoints, "curve": choices.showCurve, "names": choices.showNames}
        self.unveiling.show(self._logic.spine, choices.film, list(choices.shownMeasurements), **parts)
        self.levels.name(choices.showLevels)

    def _watch(self, film: Any) -> None:
        """Follow the film itself as well: before it has landmarks it may still be being loaded."""
        if film is self._watched:
            return
        for tag in self._tags:
            self._watched.RemoveObserver(tag)
        self._watched = film
        # a reader tells of image, spacing and attributes one by one
        self._tags = [film.AddObserver(event, lambda *_: self._soon.start()) for event in CHANGES] if film else []

    def _on_film_changed(self) -> None:
        self._show_film()
        self.refresh()

    def _show_film(self) -> None:
        """Show the chosen film in the view, once it has an image."""
        film = self.choices.film if self.choices else None
        film_id = film.GetID() if film is not None and film.GetImageData() is not None else None
        if film_id != self._shown_film_id:
            self._shown_film_id = film_id
            if not self._logic.queue.busy:
                self.detection.report("")
            if film is not None and film_id is not None:
                self._logic.showFilm(film)

    def _keep_upright(self, known: Annotation | None) -> None:
        """Show the chosen film anew when it turns out to lie another way."""
        film, turns = self.choices and self.choices.film, 0 if known is None else known.quarter_turns
        if film is not None and turns != self._turns:
            self._turns = turns
            self._logic.showFilm(film)

    def _follow_alignment(self) -> None:
        """Listen to the landmarks of the chosen film and bring the panel up to date."""
        alignment = self._logic.spine.alignment(self.choices.film) if self.choices else None
        if alignment is not self._shown:
            if self._shown is not None and self.refresh in self._shown.on_changed:
                self._shown.on_changed.remove(self.refresh)
            self._shown = alignment
            self.unveiling.stop()
            if alignment is not None:
                alignment.on_changed.append(self.refresh)
                self._show_measurements()
        if self._follow_alignment not in self._logic.spine.on_changed:
            self._logic.spine.on_changed.append(self._follow_alignment)
        self.refresh()

    def refresh(self) -> None:
        """Bring the panel up to date with the chosen film and its landmarks."""
        choices = self.choices
        film = choices.film if choices else None
        alignment = self._shown
        facts: Annotation | SpineAlignmentError | None
        try:
            facts = self._logic.spine.facts(film) if film else None
        except SpineAlignmentError as error:
            facts = error
        self.film.refresh(facts)
        known = alignment.annotation if alignment is not None else None
        self._keep_upright(known)
        self.patient.refresh(facts)
        self.landmarks.refresh(alignment)
        self.review.refresh(alignment, known)
        self.levels.refresh(alignment, known)
        self.handles.refresh(alignment, known)
        self.measurements.refresh(alignment, known)
        self.further.refresh(alignment, known)
        usable = isinstance(facts, Annotation)
        self.detection.allow(usable)
        self._ui.placeButton.enabled = usable
        self.export.refresh(alignment)
        self.compare.refresh(self._logic.spine, film, choices.otherFilm if choices else None)
        self.unveiling.go_on()
        self.labels.follow(alignment)

    def _show_all(self) -> None:
        """Have everything in the view at once, as it is to be seen."""
        self.unveiling.finish()
        self.labels.spread()

    # Clicks

    def _start_detection(self, on_done: Any, on_failed: Any, on_progress: Any) -> bool:
        """Begin to detect on the chosen film; False when there is none or the engine was not installed."""
        film = self.choices.film if self.choices else None
        if film is None or not engine_ready(self.choices.engine):
            return False
        self.landmarks.stop_placing()

        def done(alignment: FilmAlignment) -> None:
            on_done(alignment)
            if self.choices is not None and self.choices.film is alignment.volume:
                self._logic.showFilm(alignment.volume)
            else:
                self.detection.report(f"{alignment.volume.GetName()}: {self._ui.statusLabel.text}")

        self._logic.startDetection(film, done, on_failed, on_progress, self.choices.engine)
        self.show_choices()
        return True

    def _cancel(self) -> None:
        self.batch.cancel()
        self._logic.cancel()

    def _start_placing(self) -> FilmAlignment:
        """The landmarks to place by hand, made when the chosen film has none."""
        alignment: FilmAlignment = self._logic.alignment(self.choices.film)
        self.show_choices()
        return alignment

    def _ready_for_batch(self) -> bool:
        """Whether films can be measured now; tells the user why not."""
        if self._logic.queue.busy:
            slicer.util.errorDisplay(_("A detection is under way; wait for its end or cancel it."))
            return False
        return engine_ready(self.choices.engine)

    def _start_batch(self, files: Any, output: Any, on_progress: Any, on_done: Any) -> Batch:
        def done() -> None:
            on_done()
            self.refresh()

        batch: Batch = self._logic.startBatch(files, output, on_progress, done, self.choices.engine)
        self._ui.detectButton.enabled = False
        self.detection.keep_going()
        return batch
