"""Facts about the film that the page puts right: facing side, size of a pixel, the patient's age and sex."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from SpineAlignmentLib.clinical.patient import Patient, checked_age
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.calibration import set_pixel_size
from SpineAlignmentLib.mrml.patient_tags import patient_in
from SpineAlignmentLib.mrml.spine_scene import SpineScene
from SpineAlignmentLib.viewer.calibration_line import CalibrationLine
from SpineAlignmentLib.viewer.open_page import OpenPage


class FilmFacts:
    """What the page does to the facts of the film on screen.

    Args:
        page: the page.
        spine: the films, in the scene where a calibration line is drawn.
        file_of: the file of an open film.
        leave_modes: called before clicks on the film draw a line.
    """

    def __init__(
        self,
        page: OpenPage,
        spine: SpineScene,
        file_of: Callable[[FilmAlignment], Path | None],
        leave_modes: Callable[[], None],
    ) -> None:
        self._page = page
        self._spine = spine
        self._file_of = file_of
        self._leave_modes = leave_modes
        self._line = CalibrationLine(spine.scene, self._line_changed)

    def set_anterior(self, side: str) -> None:
        """Correct the side the patient faces."""
        if self._page.film:
            self._page.film.set_anterior(side)

    def set_spacing(self, text: str) -> None:
        """Type the size of a pixel in mm.

        Raises:
            ValueError: not a number.
            SpineAlignmentError: not a size that a film has.
        """
        if self._page.film is not None:
            set_pixel_size(self._page.film, _number(text, "a size in mm such as 0.179"))

    def own_spacing(self) -> None:
        """Go back to the size of a pixel that the film's file has."""
        if self._page.film is not None:
            self._page.film.set_spacing_of(self._spine.own_facts(self._page.film.volume))

    def set_patient(self, age: str, sex: str) -> None:
        """Type the age in years on the day of the film and choose the sex, either "" where it is not known.

        Raises:
            ValueError: not a number.
            SpineAlignmentError: no person's age.
        """
        if self._page.film:
            years = checked_age(_number(age, "an age in years such as 63")) if age.strip() else None
            self._page.film.set_patient(Patient(years, sex or None))

    async def patient_tags(self) -> None:
        """Take age and sex from the tags of the film's file.

        Raises:
            SpineAlignmentError: it does not say, or nothing that can be.
        """
        film = self._page.film
        if film is not None:
            patient, told = await asyncio.to_thread(patient_in, self._file_of(film))
            film.set_patient(patient)
            self._page.tell("".join(f"{text}. " for text in told))

    @property
    def pointed(self) -> bool:
        """Whether the pointer is on an end of the calibration line."""
        return self._line.pointed

    def calibrate(self) -> None:
        """Begin to draw a line over an object of known length."""
        if self._page.film:
            self._page.dismiss()
            self._leave_modes()
            self._line.start()
            self._page.state.calibrating = "draw"

    def _line_changed(self) -> None:
        if self._line.complete:
            self._page.state.calibrating = "length"
            self._page.state.flush()

    def calibrated(self, length_mm: str) -> None:
        """Take the size of a pixel from the line, given the object's length.

        Raises:
            ValueError: not a number, or the line has not got two ends.
            SpineAlignmentError: not a size that a film has.
        """
        if self._page.film is None:
            return
        self._line.calibrate(self._page.film, _number(length_mm, "a length in mm such as 25"))
        self.stop_calibrating()

    def stop_calibrating(self) -> None:
        """Put the line away."""
        self._line.stop()
        self._page.state.calibrating = ""


def _number(text: str, kind: str) -> float:
    try:
        return float(str(text).replace(",", "."))
    except ValueError:
        raise ValueError(f"{text!r} is not {kind}") from None
