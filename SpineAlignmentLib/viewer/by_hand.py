"""Landmarks that a click on the film places, one after the other."""

from SpineAlignmentLib.measurement.landmarks import COUNT, NAMES
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.placing import PlaceMode


class Placing:
    """Slicer's place mode for the landmarks of one film that have no place yet, while it is wanted."""

    def __init__(self) -> None:
        self._mode: PlaceMode | None = None

    @property
    def asked(self) -> str:
        """The landmark that the next click places; empty when none is asked for."""
        row = self._mode.next_row if self._mode is not None and self._mode.active else None
        return "" if row is None else NAMES[row]

    def start(self, alignment: FilmAlignment) -> None:
        """Ask for the first landmark that has no place."""
        self.stop()
        self._mode = PlaceMode(alignment)
        self._mode.start()

    def skip(self) -> None:
        """Leave the landmark that is asked for without a place and ask for the next one."""
        if self._mode is None or self._mode.next_row is None:
            return
        now = self._mode.next_row
        for row in (*range(now + 1, COUNT), *range(now)):
            self._mode.ask_for(row)
            if self._mode.next_row == row:
                return

    def stop_when_done(self) -> None:
        """Leave place mode when every landmark has a place."""
        if not self.asked:
            self.stop()

    def stop(self) -> None:
        """Leave place mode."""
        if self._mode is not None:
            self._mode.stop()
            self._mode = None
