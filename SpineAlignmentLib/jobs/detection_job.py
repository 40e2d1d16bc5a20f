"""Detections under way in a child process: requests with their answers, progress, cancel, and what a crash means.

A front end submits a film (a file, or pixels that it holds), calls `poll` from a timer and is told of progress and of
the end of each request by functions that it passed in.
"""

import tempfile
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib import results
from SpineAlignmentLib.film.film import GIVEN
from SpineAlignmentLib.jobs.child_process import Process

CRASHED: Final[str] = "the detection process ended unexpectedly (it may have run out of memory); try again"
WAIT_S: Final[float] = 0.01


@dataclass
class FilmRequest:
    """One film to detect landmarks on: `path` of a file, or `pixels` in memory with what is known about them."""

    name: str
    """How messages call the film."""
    path: Path | None = None
    pixels: NDArray[np.generic] | None = None
    """Shape (height, width), as seen on screen, bone bright."""
    spacing_mm: tuple[float, float] | None = None
    spacing_source: str = "unknown"
    anterior: str = "auto"
    """"left", "right" or "auto"."""
    anterior_source: str = GIVEN
    """Where the side is known from: what a file says of it is compared with the film."""
    force: bool = False
    """Measure even where no lateral spine is found."""
    engine: str = "auto"
    models: Path | None = None
    """Folder with ensemble.json; None for the ensemble that ships."""

    def message(self, number: int, folder: Path) -> dict[str, Any]:
        """The request as the child reads it; pixels go through a file in `folder`, which holds no patient data else."""
        message: dict[str, Any] = {
            "id": number,
            "name": self.name,
            "spacing_mm": self.spacing_mm,
            "spacing_source": self.spacing_source,
            "anterior": self.anterior,
            "anterior_source": self.anterior_source,
            "force": self.force,
            "engine": self.engine,
            "models": None if self.models is None else str(self.models),
        }
        if self.pixels is not None:
            path = folder / f"{number}.npy"
            np.save(path, np.ascontiguousarray(self.pixels))
            return message | {"pixels": str(path)}
        return message | {"path": str(self.path)}


@dataclass
class _Waiting:
    number: int
    request: FilmRequest
    on_done: Callable[[results.Annotation], None]
    on_failed: Callable[[str], None]
    on_progress: Callable[[float, str], None] | None = None
    on_dropped: Callable[[], None] | None = None


@dataclass
class DetectionQueue:
    """Films waiting for the child, one at work at a time."""

    process: Process
    _waiting: deque[_Waiting] = field(default_factory=deque)
    _at_work: _Waiting | None = None
    _count: int = 0
    _folder: "tempfile.TemporaryDirectory[str] | None" = None

    @property
    def busy(self) -> bool:
        """Whether a film is at work or waiting."""
        return self._at_work is not None or bool(self._waiting)

    def submit(
        self,
        request: FilmRequest,
        on_done: Callable[[results.Annotation], None],
        on_failed: Callable[[str], None],
        on_progress: Callable[[float, str], None] | None = None,
        on_dropped: Callable[[], None] | None = None,
    ) -> None:
        """Put a film into the queue; one of `on_done` and `on_failed` is called by a later `poll`, or `on_dropped`."""
        self._count += 1
        self._waiting.append(_Waiting(self._count, request, on_done, on_failed, on_progress, on_dropped))
        self._next()

    def poll(self) -> None:
        """Deal with what the child answered; call it every 50 ms or so while `busy`."""
        for message in self.process.poll():
            self._answer(message)
        if self._at_work is not None and not self.process.running:
            for message in self.process.poll():
                self._answer(message)
            if self._at_work is not None:
                self._end().on_failed(CRASHED)
        self._next()

    def wait(self, timeout_s: float, meanwhile: Callable[[], object]) -> None:
        """Poll until no film is left; `meanwhile` is called again and again, so that a window stays alive.

        Raises:
            TimeoutError: it took longer; the films are dropped.
        """
        end = time.monotonic() + timeout_s
        while self.busy:
            if time.monotonic() > end:
                self.cancel()
                raise TimeoutError(f"no answer after {timeout_s:.0f} s")
            self.poll()
            meanwhile()
            time.sleep(WAIT_S)

    def cancel(self) -> None:
        """Drop every film and end the child at once; only `on_dropped` of each is called."""
        dropped = [*filter(None, [self._at_work]), *self._waiting]
        self._waiting.clear()
        self._at_work = None
        self.close()
        for job in dropped:
            if job.on_dropped is not None:
                job.on_dropped()

    def close(self) -> None:
        """End the child and remove what was written for it."""
        self.process.stop()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _next(self) -> None:
        if self._at_work is not None or not self._waiting:
            return
        self._at_work = self._waiting.popleft()
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="SpineAlignment", ignore_cleanup_errors=True)
        try:
            self.process.send(self._at_work.request.message(self._at_work.number, Path(self._folder.name)))
        except OSError as error:
            self._end().on_failed(f"the detection process cannot be started: {error.strerror or error}")

    def _answer(self, message: dict[str, Any]) -> None:
        job = self._at_work
        if job is None or message.get("id") != job.number:
            return
        if "result" in message:
            annotation = results.from_json(message["result"], job.request.name)
            self._end().on_done(annotation)
        elif "error" in message:
            self._end().on_failed(str(message["error"]))
        elif job.on_progress is not None:
            job.on_progress(float(message.get("progress", 0.0)), str(message.get("stage", "")))

    def _end(self) -> _Waiting:
        job, self._at_work = self._at_work, None
        assert job is not None
        return job
