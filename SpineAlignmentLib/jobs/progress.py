"""How far along a long job is: a bar for a terminal, lines of JSON for another program, a log file."""

import json
import logging
import re
import sys
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from SpineAlignmentLib.errors import ResultError

BAR_WIDTH: Final[int] = 30
_REDRAW_S: Final[float] = 0.1
_PACE_FILMS: Final[int] = 100
"""The pace is that of the last so many films."""


@dataclass
class Progress:
    """What is said of the films of a run as they are done.

    With `style` "json" standard output gets one object a line and nothing else: `{"event": "start" | "problem" |
    "film" | "end", "total", "done", "failed", "before", "films_per_minute", "seconds_left"}`, of a film its "file",
    "status" ("done", "failed", also with a "result" where files besides it cannot be made, or "before", when an earlier
    run has done it), "result" and "reason", and of what was named and could not be opened the "reason". With "bar" a
    line says it on a terminal, with "quiet" nothing does.
    Films that fail are named on standard error in every style.
    """

    total: int
    style: str = "bar"
    log: Path | None = None
    done: int = 0
    """Done in this run."""
    failed: int = 0
    before: int = 0
    """Done by an earlier run."""
    _ends: deque[float] = field(default_factory=lambda: deque([time.monotonic()], maxlen=_PACE_FILMS + 1))
    _drawn: float = -_REDRAW_S
    _logger: logging.Logger | None = None

    def start(self) -> None:
        """Say that the run begins.

        Raises:
            ResultError: the log file cannot be written.
        """
        if self.log is not None:
            self._logger = _log_file(self.log)
            self._logger.info("start: %d films", self.total)
        self._event("start")
        self._draw()

    def film_done(self, file: str, result: str) -> None:
        """A film is done."""
        self.done += 1
        self._film(file, "done", result=result)

    def film_failed(self, file: str, message: str, reason: str) -> None:
        """A film failed: `message` names its path, `reason` does not."""
        self.failed += 1
        self._clear()
        print(f"spine-alignment: {_shown(message)}", file=sys.stderr)
        self._film(file, "failed", reason=reason)

    def film_partly(self, file: str, result: str, message: str, reason: str) -> None:
        """A film is measured, and something else that was asked for of it failed: it counts as failed."""
        self.failed += 1
        self._clear()
        print(f"spine-alignment: {_shown(message)}", file=sys.stderr)
        self._film(file, "failed", result=result, reason=reason)

    def kept(self, message: str) -> None:
        """Results went beside a file that a person changed; said in every style, or they would be looked for there."""
        self._clear()
        print(f"spine-alignment: {_shown(message)}", file=sys.stderr)
        if self._logger is not None:
            self._logger.info("kept: %s", _shown(message))

    def problem(self, message: str) -> None:
        """What was named could not be opened; whoever looked for films has said so to eyes."""
        if self._logger is not None:
            self._logger.info("failed: %s", _shown(message))
        self._event("problem", reason=message)

    def film_before(self, file: str, result: str) -> None:
        """A film was done by an earlier run."""
        self.before += 1
        self._film(file, "before", result=result)

    def say(self, text: str) -> None:
        """Print a result for the user's eyes."""
        self._clear()
        if self.style == "bar":
            print(text)

    def end(self, how: str = "end") -> None:
        """Say that the run is over."""
        self._clear()
        self._event("end")
        if self._logger is not None:
            self._logger.info("%s: %s", how, self.text())
            for handler in list(self._logger.handlers):
                self._logger.removeHandler(handler)
                # what could not be written has been told
                with suppress(OSError):
                    handler.close()

    def text(self) -> str:
        """How far the run is, in words."""
        counts = f"{self.done + self.before + self.failed}/{self.total} films"
        failed = f", {self.failed} failed" if self.failed else ""
        pace = self.films_per_minute
        if pace is None or self.seconds_left is None:
            return f"{counts}{failed}"
        return f"{counts}{failed}, {pace:.3g} a minute, {_duration(self.seconds_left)} left"

    @property
    def films_per_minute(self) -> float | None:
        """The pace of the last films; None before there is one."""
        took = self._ends[-1] - self._ends[0]
        return 60 * (len(self._ends) - 1) / took if took > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at this pace; None while there is none."""
        pace = self.films_per_minute
        return None if pace is None else 60 * (self.total - self.done - self.before - self.failed) / pace

    def _film(self, file: str, status: str, **more: str) -> None:
        if status != "before":
            self._ends.append(time.monotonic())
        if self._logger is not None:
            said = f"{file}: {more['reason']}" if "reason" in more else file
            self._logger.info("%s: %s", status, _shown(said))
        self._event("film", file=file, status=status, **more)
        self._draw()

    def _event(self, event: str, **more: str) -> None:
        if self.style != "json":
            return
        counts = {"total": self.total, "done": self.done, "failed": self.failed, "before": self.before}
        content: dict[str, Any] = {"event": event, **more, **counts}
        content |= {"films_per_minute": _rounded(self.films_per_minute), "seconds_left": _rounded(self.seconds_left)}
        print(json.dumps(content), flush=True)

    @property
    def _watched(self) -> bool:
        return self.style == "bar" and self.total > 1 and sys.stderr.isatty()

    def _draw(self) -> None:
        if self._watched and time.monotonic() - self._drawn >= _REDRAW_S:
            self._drawn = time.monotonic()
            full = BAR_WIDTH * (self.done + self.before + self.failed) // max(self.total, 1)
            sys.stderr.write(f"\r\033[K[{'#' * full}{'.' * (BAR_WIDTH - full)}] {self.text()}")
            sys.stderr.flush()

    def _clear(self) -> None:
        if self._watched:
            self._drawn = -_REDRAW_S
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()


class _LogFile(logging.FileHandler):
    """A log whose disk may fill up on the way: said once, and the run goes on, since results may lie elsewhere."""

    _told = False

    def handleError(self, record: logging.LogRecord) -> None:
        """Say what is wrong in one line, where logging would print a traceback for every line."""
        error = sys.exc_info()[1]
        if not self._told:
            self._told = True
            why = (error.strerror if isinstance(error, OSError) else None) or error
            told = f"{self.baseFilename}: cannot write: {why}; lines are missing in it"
            print(f"spine-alignment: {told}", file=sys.stderr)


def _log_file(path: Path) -> logging.Logger:
    try:
        if path.exists() and not _is_log(path):
            raise ResultError(f"{path}: no log of an earlier run; it would be appended to: choose another name")
        handler = _LogFile(path, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise ResultError(f"{path}: cannot write: {error.strerror or error}") from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%dT%H:%M:%S%z"))
    logger = logging.Logger("spine-alignment", logging.INFO)
    logger.addHandler(handler)
    return logger


def _is_log(path: Path) -> bool:
    """Whether a file is empty or begins as our logs do, with a date."""
    if not path.is_file():
        # a terminal or a pipe of the user's choice
        return not path.is_dir()
    with path.open("rb") as stream:
        head = stream.read(11)
    return not head or re.fullmatch(rb"\d{4}-\d\d-\d\dT", head) is not None


def _shown(text: str) -> str:
    """Text of file names without what would begin another line or steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{round(seconds)} s"
    return f"{minutes} min" if minutes < 120 else f"{round(minutes / 60)} h"
