"""Whether two films are of one patient, by the tags of their files; nobody is named."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

from SpineAlignmentLib.film.identity import Identity, of_others, read_identity
from SpineAlignmentLib.mrml.alignment import FilmAlignment

OTHER_PATIENT: Final[str] = "These are films of different patients: ID, name or date of birth in their files differ."


class SamePatient:
    """Reads each film's file once.

    Args:
        file_of: the file of a film; None where it is not at hand.
    """

    def __init__(self, file_of: Callable[[FilmAlignment], Path | None]) -> None:
        self._file_of = file_of
        self._read: WeakKeyDictionary[FilmAlignment, Identity] = WeakKeyDictionary()

    def doubt(self, one: FilmAlignment, other: FilmAlignment) -> str:
        """What is to be said when the films are of different patients; "" otherwise, or where the files do not say."""
        return OTHER_PATIENT if of_others(self._identity(one), self._identity(other)) else ""

    def _identity(self, film: FilmAlignment) -> Identity:
        if film not in self._read:
            path, known = self._file_of(film), Identity()
            if path is not None:
                with suppress(OSError):
                    known = read_identity(path)
            self._read[film] = known
        return self._read[film]
