"""Which files of a folder of results a run may replace: those that are as a run wrote them.

What a person corrected since, reviewed, or brought there is kept. Which is which is known by content: of each file the
store keeps the fingerprint. Of a file that it knows nothing of, as after an earlier version or without its store, the
file's own words decide.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.results.files import write_files
from SpineAlignmentLib.results.markups import read_landmarks

WRITTEN_SCHEMA: Final[str] = (
    "CREATE TABLE IF NOT EXISTS written (file TEXT, content TEXT, PRIMARY KEY (file, content)) WITHOUT ROWID"
)
_NAMES: Final[int] = 1000
"""Names that are tried; where none is free something else is wrong, as a folder that nobody may read."""
_MARK: Final[bytes] = b"SpineAlignment"
"""In every picture, report and DICOM object that is made of a result."""


@dataclass(frozen=True)
class Written:
    """What runs wrote to a folder, as its store keeps it."""

    folder: Path
    base: sqlite3.Connection

    def write(self, files: Mapping[str, bytes], source: Path, name: str, free: Iterator[str]) -> tuple[str, str]:
        """Write results under a name, or under the first free one where something that is to be kept is in the way.

        Args:
            files: ending of each file to its content.
            source: what the results are of.
            name: of the results, without ending.
            free: other names that they may have.

        Returns:
            Their name, and a line that says what was kept; "" when nothing was.

        Raises:
            ResultError: the folder cannot be written.
            sqlite3.Error: the store cannot.
        """
        kept = self._kept(name, files, source)
        if kept is not None:
            others = (other for other in islice(free, _NAMES) if self._kept(other, files, source) is None)
            name = next(others, "")
            if not name:
                raise ResultError(f"{kept}: {_why(kept, source)}, and no name is free for new results")
        named = {f"{name}{ending}": content for ending, content in files.items()}
        self._note(named)
        write_files({self.folder / file: content for file, content in named.items()})
        return name, "" if kept is None else f"{kept}: {_why(kept, source)}; new results: {next(iter(named))}"

    def _kept(self, name: str, endings: Iterable[str], source: Path) -> Path | None:
        """The first of the files of this name that is to be kept; None for none."""
        paths = (self.folder / f"{name}{ending}" for ending in endings)
        return next((path for path in paths if not self._is_own(path, source)), None)

    def _note(self, files: Mapping[str, bytes]) -> None:
        """Keep what is about to be written; what is there now stays known too: a killed run leaves either."""
        known = {(name, _fingerprint(content)) for name, content in files.items()}
        for name in files:
            with suppress(OSError):  # not there, or soon found out by writing
                known.add((name, _fingerprint((self.folder / name).read_bytes())))
        self.base.execute("BEGIN")
        try:
            self.base.executemany("DELETE FROM written WHERE file = ?", [(name,) for name in files])
            self.base.executemany("INSERT INTO written VALUES (?, ?)", sorted(known))
            self.base.execute("COMMIT")
        except sqlite3.Error:
            if self.base.in_transaction:
                self.base.execute("ROLLBACK")
            raise

    def _is_own(self, path: Path, source: Path) -> bool:
        """Whether a file is not there, or as a run wrote it and not what results are made of.

        Raises:
            ResultError: nobody can tell.
        """
        try:
            content = path.read_bytes()
            if _same_file(path, source):
                return False
        except FileNotFoundError:
            return True
        except (IsADirectoryError, PermissionError):
            return False
        except OSError as error:
            raise ResultError(f"{path}: cannot read: {error.strerror or error}") from error
        known = {row[0] for row in self.base.execute("SELECT content FROM written WHERE file = ?", (path.name,))}
        return _fingerprint(content) in known if known else _is_detection(path, content)


def _same_file(path: Path, source: Path) -> bool:
    return source.exists() and path.samefile(source)


def _why(kept: Path, source: Path) -> str:
    """Why a file is kept."""
    if _same_file(kept, source):
        return "kept, since it is the file that was measured"
    return "kept, since it may have been corrected or be another file (not as a run wrote it)"


def _fingerprint(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _is_detection(path: Path, content: bytes) -> bool:
    """Whether a file is made of a detection that nobody corrected or looked at, by its own words."""
    if path.suffix.lower() != ".json":
        return _MARK in content
    try:
        found = read_landmarks(path)
    except ResultError:
        return False
    by_person = found.by_person() & np.isfinite(found.points_px).all(axis=1)
    return not by_person.any() and found.whole_reviewed is None and not found.drawn
