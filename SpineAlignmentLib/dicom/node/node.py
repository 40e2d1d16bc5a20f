"""The node: films in, results out, whatever happens in between.

Three things go on at once: films are received (threads of the network library), done (worker processes, see
`jobs.workers`), and results sent (a thread). They share nothing but the files of `film_queue`. The log names films by
their keys, never patients.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from SpineAlignmentLib.dicom.node.film_queue import FilmQueue
from SpineAlignmentLib.dicom.node.peers import Peer, RefusedError, Sending, Tls
from SpineAlignmentLib.dicom.node.receiving import WatchedFolder, started_server
from SpineAlignmentLib.dicom.results import dicom_capture, dicom_drawing, dicom_report, require_highdicom
from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.jobs.film_task import FilmOutcome, FilmSettings, FilmTask
from SpineAlignmentLib.jobs.workers import cores, outcomes

POLL_S: Final[float] = 1.0
FIRST_WAIT_S, LONGEST_WAIT_S = 2.0, 300.0
"""Before the archive is tried again: doubled each time."""
_DICOM: Final[str] = ".dcm"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NodeSettings:
    """How a node is reached and what it does."""

    folder: Path
    """Where it keeps films and results on their way."""
    send_to: Peer
    title: str = "SPINE"
    host: str = "127.0.0.1"
    port: int | None = 11112
    """None for no server."""
    allowed: tuple[str, ...] = ()
    """Calling titles; empty for all."""
    watch: Path | None = None
    tls: Tls | None = None
    models: Path | None = None
    workers: int = 1
    capture: bool = False
    """Whether the picture goes to the archive too."""


@dataclass
class Node:
    """A node at work between `start` and `stop`."""

    settings: NodeSettings
    _stopping: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _failure: Exception | None = None

    def start(self) -> None:
        """Begin.

        Raises:
            ResultError: the folder, the address or the certificates cannot be used, or highdicom is missing.
            ModelError: the models are not right.
        """
        require_highdicom()
        chosen = self.settings
        further = (dicom_report, dicom_drawing, *((dicom_capture,) if chosen.capture else ()))
        self._film_settings = FilmSettings(models=chosen.models, pictures=False, further=further)
        self._film_settings.hash()
        self._queue = FilmQueue(chosen.folder)
        self._server = None
        if chosen.port is not None:
            security = None if chosen.tls is None else chosen.tls.context(server=True)
            address = (chosen.host, chosen.port)
            self._server = started_server(self._queue, chosen.title, address, chosen.allowed, security)
        for work in (self._do_films, self._send_results, self._watch_folder):
            thread = threading.Thread(target=self._guarded, args=(work,), daemon=True, name=work.__name__)
            thread.start()
            self._threads.append(thread)
        log.info("%d films wait, %d results are to be sent", len(self._queue.waiting()), len(self._queue.to_send()))

    def wait(self) -> None:
        """Until it is stopped, or cannot go on.

        Raises:
            Exception: what it cannot go on from.
        """
        while not self._stopping.wait(POLL_S):
            pass
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """End; films and results on their way stay in the folder."""
        self._stopping.set()
        if self._server is not None:
            self._server.shutdown()
        for thread in self._threads:
            thread.join(timeout=30)

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            self._failure = error
            self._stopping.set()

    def _do_films(self) -> None:
        threads = max(1, cores() // self.settings.workers)
        while not self._stopping.is_set():
            with closing(outcomes(self._tasks(threads), self.settings.workers)) as done:
                for task, outcome in done:
                    self._keep(task, outcome)
                    if self._stopping.is_set():
                        return
            self._rest()

    def _tasks(self, threads: int) -> Iterator[FilmTask | None]:
        """Films that are waiting; None while there are none."""
        in_hand: set[Path] = set()
        while not self._stopping.is_set():
            waiting = self._queue.waiting()
            in_hand &= set(waiting)
            film = next((path for path in waiting if path not in in_hand), None)
            if film is not None:
                in_hand.add(film)
            yield None if film is None else FilmTask(film, self._film_settings, threads)

    def _keep(self, task: FilmTask, outcome: FilmOutcome) -> None:
        key = task.path.stem
        reason = (outcome.reason or outcome.missing).removeprefix(f"{task.path}: ").replace(task.path.name, "the film")
        files = {ending: content for ending, content in outcome.files.items() if ending.endswith(_DICOM)}
        try:
            self._queue.finish(key, files, reason)
        except ResultError as error:
            log.error("film %s waits: %s", key, error)
            self._stopping.wait(FIRST_WAIT_S)
            return
        lacks = "is done, but not all of it" if files else "has no result"
        log.info("film %s %s", key, f"{lacks}: {reason}" if reason else "is done")

    def _send_results(self) -> None:
        pause = FIRST_WAIT_S
        while not self._stopping.is_set():
            waiting = self._queue.to_send()
            if not waiting:
                self._rest()
                continue
            try:
                self._send(waiting)
                pause = FIRST_WAIT_S
            except ResultError as error:
                log.warning("%s; tried again in %g s, %d results wait", error, pause, len(waiting))
                self._stopping.wait(pause)
                pause = min(2 * pause, LONGEST_WAIT_S)

    def _send(self, waiting: list[Path]) -> None:
        sending = Sending(self.settings.title, self.settings.send_to, self.settings.tls)
        try:
            for path in waiting:
                if self._stopping.is_set():
                    return
                try:
                    sending.send(path)
                except RefusedError as error:
                    self._queue.refused(path)
                    log.error("%s; offered again at the next start", error)
                    continue
                self._queue.sent(path)
                log.info("sent %s", path.name)
        finally:
            sending.close()

    def _watch_folder(self) -> None:
        if self.settings.watch is None:
            return
        folder = WatchedFolder(self.settings.watch, self._queue)
        while not self._stopping.wait(POLL_S):
            folder.look()

    def _rest(self) -> None:
        with self._queue.changed:
            self._queue.changed.wait(POLL_S)


def run_node(settings: NodeSettings) -> None:
    """Run a node until it is interrupted.

    Raises:
        ResultError: it cannot start.
        ModelError: the models are not right.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.Formatter.converter = time.gmtime
    # what it has to say is said here, with the films' keys
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
    node = Node(settings)
    node.start()
    place = "a folder" if settings.port is None else f"{settings.title} at {settings.host}:{settings.port}"
    log.info("ready: %s, results go to %s", place, settings.send_to)
    try:
        node.wait()
    finally:
        node.stop()
