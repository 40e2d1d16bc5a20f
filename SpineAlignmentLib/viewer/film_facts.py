"""Facts about the film that the page puts right: facing side, size of a pixel, the patient's age and sex."""

from collections.abc import Callable
from typing import Any

from SpineAlignmentLib.clinical.patient import Patient, checked_age
from SpineAlignmentLib.film.checks import checked_spacing
from SpineAlignmentLib.mrml.calibration import calibration_source
from SpineAlignmentLib.viewer.calibration_line import CalibrationLine
from SpineAlignmentLib.viewer.open_page import OpenPage


class FilmFacts:
    """What the page does to the facts of the film on screen.

    Args:
        page: the page.
        scene: where a calibration line is drawn.
        leave_modes: called before clicks on the film draw a line.
    """

    def __init__(self, page: OpenPage, scene: Any, leave_modes: Callable[[], None]) -> None:
        self._page = page
        self._leave_modes = leave_modes
        self._line = CalibrationLine(scene, self._line_changed)

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
        if self._page.film is None:
            return
        film = self._page.film.annotation
        x = _number(text, "a size in mm such as 0.179")
        aspect = film.pixel_aspect if film.spacing_mm is None else film.spacing_mm[1] / film.spacing_mm[0]
        self._page.film.set_spacing(checked_spacing((x, x * aspect), film.size_px, film.film, "typed"), "typed")

    def set_patient(self, age: str, sex: str) -> None:
        """Type the age in years on the day of the film and choose the sex, either "" where it is not known.

        Raises:
            ValueError: not a number.
            SpineAlignmentError: no person's age.
        """
        if self._page.film:
            years = checked_age(_number(age, "an age in years such as 63")) if age.strip() else None
            self._page.film.set_patient(Patient(years, sex or None))

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
        length = _number(length_mm, "a length in mm such as 25")
        film = self._page.film.annotation
        source = calibration_source(length)
        spacing = self._line.spacing(self._page.film.volume, length)
        self._page.film.set_spacing(checked_spacing(spacing, film.size_px, film.film, source), source)
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
