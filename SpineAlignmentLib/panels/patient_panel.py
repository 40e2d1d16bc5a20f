"""Age and sex of the patient in the panel: norms, readings and report depend on them."""

from collections.abc import Callable
from typing import Any, Final

import slicer
from slicer.i18n import tr as _

from SpineAlignmentLib.clinical.patient import SEXES, Patient, patient_of
from SpineAlignmentLib.errors import SpineAlignmentError
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.patient_tags import patient_in
from SpineAlignmentLib.panels.choices import Choices
from SpineAlignmentLib.results.annotation import Annotation

UNKNOWN_AGE: Final[int] = -1
"""What the field for the age has where it is not known."""


class PatientPanel:
    """What is known of the patient, typed or taken from the film's tags when the user asks for it.

    Args:
        ui: the panel's widgets by name.
        logic: the module's logic.
        film: gives the chosen volume.
        report: shows a line of text.
    """

    def __init__(self, ui: Any, logic: Any, film: Callable[[], Any], report: Callable[[str], None]) -> None:
        self._ui = ui
        self._logic = logic
        self._film = film
        self._report = report
        self._age: float | None = None
        self._sexes = [_("sex unknown"), _("female"), _("male"), _("other")]
        Choices(ui.sexComboBox).offer(self._sexes)
        ui.ageSpinBox.valueChanged.connect(lambda *_: self._typed())
        ui.sexComboBox.currentIndexChanged.connect(lambda *_: self._typed())
        ui.patientTagsButton.clicked.connect(lambda *_: self._from_tags())

    def refresh(self, film: Annotation | SpineAlignmentError | None) -> None:
        """Show what is known, or why the volume is not a film."""
        usable = isinstance(film, Annotation)
        patient = patient_of(film.extra, film.film) if isinstance(film, Annotation) else Patient()
        self._age = patient.age
        boxes = (self._ui.ageSpinBox, self._ui.sexComboBox)
        for box in (*boxes, self._ui.patientTagsButton):
            box.enabled = usable
        blocked = [box.blockSignals(True) for box in boxes]
        self._ui.ageSpinBox.setValue(UNKNOWN_AGE if patient.age is None else int(patient.age))
        self._ui.sexComboBox.setCurrentIndex(0 if patient.sex is None else 1 + SEXES.index(patient.sex))
        for box, was in zip(boxes, blocked, strict=True):
            box.blockSignals(was)

    def _typed(self) -> None:
        years, sex = int(self._ui.ageSpinBox.value), int(self._ui.sexComboBox.currentIndex)
        age = None if years == UNKNOWN_AGE else float(years)
        if age is not None and self._age is not None and int(self._age) == years:
            # the field shows whole years
            age = self._age
        self._take(Patient(age, SEXES[sex - 1] if sex > 0 else None))

    def _from_tags(self) -> None:
        try:
            patient, told = patient_in(self._logic.spine.file_of(self._film()))
            self._take(patient)
            self._report("; ".join(told))
        except SpineAlignmentError as error:
            slicer.util.errorDisplay(str(error))

    def _take(self, patient: Patient) -> None:
        alignment: FilmAlignment = self._logic.alignment(self._film())
        alignment.set_patient(patient)
