"""The store of a folder of results: what is known of each film, kept through crashes, and the table made from it.

`results.sqlite` is the truth: a row a film, each written in a transaction of its own, so that a crash, a kill or a full
disk loses at most the film in hand. `results.csv` is written from it, whole, while the run goes on and at its end. The
store is held by one process at a time, by SQLite's own lock, which ends with the process that holds it.
"""

import hashlib
import hmac
import json
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from SpineAlignmentLib import SOFTWARE
from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.results.files import fingerprint_of, make_folder, remove_left, write_files
from SpineAlignmentLib.results.table import Value, columns_of, csv_lines
from SpineAlignmentLib.results.written import WRITTEN_SCHEMA, Written

STORE: Final[str] = "results.sqlite"
TABLE: Final[str] = "results.csv"
COHORT: Final[str] = "cohort"
"""Folder of what is made of the table, see `cohort`."""
AT_WORK: Final[str] = "results.lock"
"""Says who holds the store; it is the store's lock that counts, not this file."""

TABLE_WAIT_S: Final[float] = 2.0
TABLE_SHARE: Final[float] = 0.05
"""The table is written anew no more often than this, in seconds and as a share of the run's time."""

_SCHEMA: Final[str] = """
CREATE TABLE IF NOT EXISTS films (
    place TEXT PRIMARY KEY, file TEXT NOT NULL, name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    size INTEGER, modified INTEGER, fingerprint TEXT NOT NULL, settings TEXT NOT NULL, done INTEGER NOT NULL,
    patient TEXT, day INTEGER, row TEXT NOT NULL
) WITHOUT ROWID
"""
_VERSION: Final[int] = 2
"""2: with what was written, which a version that does not keep it would contradict."""


@dataclass(frozen=True)
class Source:
    """A file of a run."""

    path: Path
    file: str
    """Its path relative to the folder that the user gave, with forward slashes; its name, when the user gave itself."""
    packed: Path | None = None
    """Where it is for the user, when `path` is a copy for the time of the run: in a zip file."""

    @property
    def shown(self) -> Path:
        """How messages call it."""
        return self.packed or self.path

    @property
    def place(self) -> str:
        """What tells it from every other file of this computer; a hash, since folders may be named after people."""
        return hashlib.sha256(os.path.abspath(self.shown).encode(errors="surrogateescape")).hexdigest()[:32]  # noqa: PTH100


@dataclass(frozen=True)
class Entry:
    """What became of a file."""

    source: Source
    name: str
    """Of its results, without ending."""
    fingerprint: str
    """`fingerprint_of` its content; empty when it could not be read."""
    settings: str
    """What, besides the file, decides the result; a hash."""
    row: Mapping[str, Value]
    reason: str = ""
    """Why it failed; empty when it is done."""
    patient: str | None = None
    day: int | None = None
    """Day of the study, on a calendar of the patient's own."""
    missing: str = ""
    """Why files that were asked for are not among its results; it is done, and is tried again all the same."""


@dataclass
class Store:
    """The store of an output folder, opened by `with`; it writes the table when it is left, however that happens."""

    folder: Path
    key: bytes = field(default=b"", repr=False)
    """Under which times of change are kept: many a film's says when it was taken."""
    _base: sqlite3.Connection = field(init=False, repr=False)
    _columns: dict[str, None] = field(default_factory=dict, init=False, repr=False)
    _numbers: dict[str, int] = field(default_factory=dict, init=False, repr=False)
    _given: dict[str, str] = field(default_factory=dict, init=False, repr=False)
    _date: str = field(init=False, repr=False)
    _file: tuple[int, int] = field(init=False, repr=False)
    """Device and number of the store's file."""
    _changed: bool = field(default=False, init=False, repr=False)
    _next_table: float = field(default=0.0, init=False, repr=False)

    def __enter__(self) -> Self:
        return self.opened()

    def opened(self) -> Self:
        """Make the folder and take its lock.

        Raises:
            ResultError: the folder cannot be written, or another process is at work there.
        """
        make_folder(self.folder)
        self._date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        try:
            self._base = sqlite3.connect(self.folder / STORE, timeout=0.0, isolation_level=None)
            try:
                self._open()
            except BaseException:
                self._base.close()
                raise
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise ResultError(
                    f"{self.folder}: {self._holder()} is writing results there; "
                    "wait until it is done, or choose another folder"
                ) from error
            raise ResultError(f"{self.folder / STORE}: cannot write: {error}") from error
        except sqlite3.DatabaseError as error:
            raise ResultError(
                f"{self.folder / STORE}: not a store of results: {error}; choose another folder or remove the file"
            ) from error
        self._next_table = time.monotonic() + TABLE_WAIT_S
        known = (self.folder / STORE).stat()
        self._file = known.st_dev, known.st_ino
        return self

    def _check_there(self) -> None:
        """What SQLite does not tell: it goes on writing to a file that was removed.

        Raises:
            ResultError: the store was removed, or another stands in its place.
        """
        try:
            known = (self.folder / STORE).stat()
        except OSError:
            known = None
        if known is None or (known.st_dev, known.st_ino) != self._file:
            raise ResultError(
                f"{self.folder / STORE}: removed while results were written there; start again: films are done anew"
            )

    def _open(self) -> None:
        # the lock of the first transaction is kept until the store is closed
        self._base.execute("PRAGMA locking_mode = EXCLUSIVE")
        # what is replaced, which may name a patient, is gone from the file too
        self._base.execute("PRAGMA secure_delete = ON")
        self._base.execute("BEGIN EXCLUSIVE")
        version = self._base.execute("PRAGMA user_version").fetchone()[0]
        if version > _VERSION:
            raise ResultError(f"{self.folder / STORE}: written by a newer version; update, or choose another folder")
        self._base.execute(_SCHEMA)
        self._base.execute(WRITTEN_SCHEMA)
        self._base.execute(f"PRAGMA user_version = {_VERSION}")
        self._base.execute("COMMIT")
        for row in self.rows():
            self._columns |= dict.fromkeys(row)
        # a run that was killed may have left a table without its last rows
        self._changed = bool(self._columns)
        who = f"process {os.getpid()} on {_host()}, at work since {self._date},"
        remove_left(self.folder)
        write_files({self.folder / AT_WORK: who.encode()})

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except ResultError:
            # what is under way already says what is wrong
            if error is None:
                raise

    def close(self) -> None:
        """Write the table and release the lock.

        Raises:
            ResultError: the table cannot be written; the lock is released, and the rows are kept all the same.
        """
        try:
            self.write_table()
        finally:
            # first the note, then the lock: the next holder's note must stay
            with suppress(OSError):
                (self.folder / AT_WORK).unlink(missing_ok=True)
            self._base.close()

    def name(self, source: Source, stem: str) -> str:
        """The name of a file's results: `stem`, numbered where another file has it; the same in every run."""
        known = self._base.execute("SELECT name FROM films WHERE place = ?", (source.place,)).fetchone()
        if known is not None:
            return str(known[0])
        return next(self._free_names(source, stem))

    def _free_names(self, source: Source, stem: str) -> Iterator[str]:
        number = self._numbers.get(stem.lower(), 0)
        while True:
            number += 1
            name = stem if number == 1 else f"{stem}_{number}"
            taken = self._base.execute("SELECT 1 FROM films WHERE name = ?", (name,)).fetchone()
            if taken is None and self._given.setdefault(name.lower(), source.place) == source.place:
                self._numbers[stem.lower()] = number
                yield name

    def write(self, source: Source, name: str, stem: str, files: Mapping[str, bytes]) -> tuple[str, str]:
        """Write results of a file, and replace none that a person corrected since: they go beside it then.

        Args:
            source: the file.
            name: of its results, as `name` gave it for this `stem`.
            stem: what its results are called where nothing is in the way.
            files: ending of each result file to its content.

        Returns:
            What the results are called now, and a line that says what was kept; "" when nothing was.

        Raises:
            ResultError: the place cannot be written, or the store was removed.
        """
        self._check_there()
        free = self._free_names(source, stem)
        try:
            return Written(self.folder, self._base).write(files, source.path, name, free)
        except sqlite3.Error as error:
            raise ResultError(f"{self.folder / STORE}: cannot write: {error}") from error

    def done_before(self, source: Source, settings: str) -> str | None:
        """The name of a file's results when it is done already: same content, same settings, results in place."""
        known = self._base.execute(
            "SELECT name, size, modified, fingerprint FROM films WHERE place = ? AND settings = ? AND done",
            (source.place, settings),
        ).fetchone()
        if known is None or not (self.folder / f"{known[0]}.json").exists():
            return None
        size, modified = self._state(source.path)
        if (size, modified) == known[1:3]:
            return str(known[0])
        try:
            same = fingerprint_of(source.path) == known[3]
        except OSError:
            return None
        return str(known[0]) if same else None

    def put(self, entry: Entry) -> None:
        """Keep what became of a file; it takes the place of what was known of it.

        Raises:
            ResultError: the place cannot be written, or the store was removed.
        """
        self._check_there()
        row: dict[str, Value] = {
            "file": entry.source.file,
            "software": SOFTWARE,
            "film": entry.source.file.rsplit("/", 1)[-1],
            **entry.row,
            "result": None if entry.reason else entry.name,
            "status": "failed" if entry.reason else "done",
            "reason": entry.reason or entry.missing or None,
            "fingerprint": entry.fingerprint,
            "settings": entry.settings,
            "date": self._date,
        }
        place, state = entry.source.place, self._state(entry.source.path)
        whole = not (entry.reason or entry.missing)
        values = (place, entry.source.file, entry.name, *state, entry.fingerprint, entry.settings, whole,
                  entry.patient, entry.day, json.dumps(row, allow_nan=False))  # fmt: skip
        try:
            self._base.execute(f"INSERT OR REPLACE INTO films VALUES ({', '.join('?' * len(values))})", values)
        except sqlite3.Error as error:
            raise ResultError(f"{self.folder / STORE}: cannot write: {error}") from error
        self._columns |= dict.fromkeys((*row, *(("day",) if entry.day is not None else ())))
        self._changed = True
        if time.monotonic() >= self._next_table:
            self.write_table()

    def write_table(self) -> None:
        """Write `results.csv` as it is now, when anything changed.

        Raises:
            ResultError: the place cannot be written, or the store was removed.
        """
        if not self._changed:
            return
        self._check_there()
        start = time.monotonic()
        write_files({self.folder / TABLE: csv_lines(self.columns(), self.rows())})
        end = time.monotonic()
        self._changed = False
        self._next_table = end + max(TABLE_WAIT_S, (end - start) / TABLE_SHARE)

    def columns(self) -> list[str]:
        """The columns of the table."""
        return columns_of(self._columns)

    def rows(self) -> Iterator[dict[str, Value]]:
        """The rows of the table, by file; days are counted from the patient's first film."""
        for row, day in self._base.execute(
            "SELECT row, day - MIN(day) OVER (PARTITION BY patient) FROM films ORDER BY file, place"
        ):
            content: dict[str, Value] = json.loads(row)
            yield content if day is None else content | {"day": day}

    def _state(self, path: Path) -> tuple[int | None, int | None]:
        """Size in bytes and, under the key, the time of the last change: while both stay, so does the content."""
        try:
            known = path.stat()
        except OSError:
            return None, None
        mark = hmac.digest(self.key, str(known.st_mtime_ns).encode(), "sha256")
        return known.st_size, int.from_bytes(mark[:8], "big", signed=True)

    def _holder(self) -> str:
        try:
            return (self.folder / AT_WORK).read_text() or "another process"
        except OSError:
            return "another process"


def _host() -> str:
    import platform

    return platform.node() or "this computer"


def settings_hash(settings: Mapping[str, Any]) -> str:
    """Settings of a run, of plain JSON types, as 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
