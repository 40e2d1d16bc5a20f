"""Detection for the page: the child process, its progress and its answer."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from SpineAlignmentLib.jobs.child_process import ChildProcess
from SpineAlignmentLib.jobs.detection_job import DetectionQueue, FilmRequest
from SpineAlignmentLib.mrml.alignment import SIDE_BY_HAND, FilmAlignment
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.viewer.open_page import OpenPage

POLL_S: Final[float] = 0.05


class Detecting:
    """One detection at a time, beside everything else.

    Args:
        page: shows progress and what went wrong.
        models: folder with ensemble.json; None for the ensemble that ships.
    """

    def __init__(self, page: OpenPage, models: Path | None) -> None:
        self._page = page
        self._models = models
        self._process = ChildProcess()
        self._queue = DetectionQueue(self._process)
        self._polling: asyncio.Task[None] | None = None
        self._film: FilmAlignment | None = None

    def warm(self) -> None:
        """Start the child ahead of the first detection."""
        self._process.start()

    def start(self, alignment: FilmAlignment, path: Path, on_done: Callable[[Annotation], None]) -> None:
        """Find the landmarks of a film; `on_done` takes them over."""
        film = alignment.annotation
        request = FilmRequest(
            name=film.film,
            path=path,
            spacing_mm=film.spacing_mm,
            spacing_source=film.spacing_source,
            anterior=film.anterior if alignment.anterior_known else "auto",
            anterior_source=film.anterior_source,
            force=film.anterior_source == SIDE_BY_HAND,
            models=self._models,
        )

        def done(detection: Annotation) -> None:
            self._page.state.busy = None
            on_done(detection)

        def failed(text: str) -> None:
            self._page.state.busy = None
            self._page.complain(text.replace(str(path), film.film))

        self._film = alignment
        self._progress(0.0, "starting")
        self._queue.submit(request, done, failed, self._progress)
        if self._polling is None or self._polling.done():
            self._polling = asyncio.get_running_loop().create_task(self._poll())

    def _progress(self, share: float, stage: str) -> None:
        self._page.state.busy = {"percent": round(100 * share), "stage": stage}

    async def _poll(self) -> None:
        while self._queue.busy:
            self._queue.poll()
            self._page.state.flush()
            await asyncio.sleep(POLL_S)

    def cancel(self) -> None:
        """Stop the detection."""
        self._queue.cancel()
        self._page.state.busy = None

    def drop(self, alignment: FilmAlignment) -> None:
        """Stop a detection on this film: it is closed and its file may go, or saved landmarks take their place."""
        if self._queue.busy and alignment is self._film:
            self.cancel()

    def finish(self) -> None:
        """End the child process."""
        self._queue.cancel()
