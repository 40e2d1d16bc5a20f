"""Worker processes on this machine: each does one film at a time, and one that dies costs that film alone.

A worker ends with its parent, however that ends: its pipe closes. Nothing heavy is imported here, so that a worker can
be started first and load its libraries while its parent loads its own.
"""

import multiprocessing
import os
import signal
import warnings
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Final

from SpineAlignmentLib.errors import ModelError

if TYPE_CHECKING:
    from SpineAlignmentLib.jobs.film_task import FilmOutcome, FilmTask

TRIES: Final[int] = 2
"""A film whose worker died is tried again, once: another film's hunger for memory may have killed it."""

MAX_WORKERS: Final[int] = 8
"""Unless more are asked for; each takes a few hundred MB."""


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def outcomes(
    tasks: "Iterable[FilmTask | None]", workers: int, started: "Sequence[Worker]" = ()
) -> "Generator[tuple[FilmTask, FilmOutcome], None, None]":
    """Do films in worker processes; their outcomes in the order in which they are done.

    Tasks are taken one by one, as workers become free; None says that there is none just now. It ends when no film is
    in hand and none comes. When the iterator is closed, films in hand are dropped.

    Args:
        tasks: the films.
        workers: how many there are.
        started: those of them that are started already; they are stopped with the others.

    Raises:
        ModelError: the models or the engine are not right.
    """
    waiting = iter(tasks)
    idle = list(started)
    busy: dict[Connection, Worker] = {}

    def hand_out() -> None:
        while len(busy) < workers and (task := next(waiting, None)) is not None:
            worker = idle.pop() if idle else Worker()
            worker.begin(task)
            busy[worker.connection] = worker

    try:
        while True:
            hand_out()
            if not busy:
                return
            ready = set(wait(list(busy)))
            done = []
            try:
                for worker in [w for c, w in busy.items() if c in ready]:
                    del busy[worker.connection]
                    outcome = worker.outcome()
                    if outcome is None:
                        again = worker.again()
                        busy[again.connection] = again
                    else:
                        if worker.alive:
                            idle.append(worker)
                        done.append((worker.task, outcome))
                # workers go on while the results of their last films are written
                hand_out()
            finally:
                # they are written, too, when the run ends here
                yield from done
    finally:
        for worker in (*idle, *busy.values()):
            worker.stop()


class Worker:
    """A worker process and the film in its hands."""

    task: "FilmTask"

    def __init__(self) -> None:
        """Start the process."""
        # no fork: the parent may hold locks of libraries, and a worker must not hold the pipes of the others
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs,), name="spine-alignment worker")
        self._tries = 0
        self.alive = True
        with _interrupts_held():
            self._process.start()
        theirs.close()

    def begin(self, task: "FilmTask") -> None:
        """Hand it a film."""
        self.task, self._tries = task, 1
        self._send()

    def outcome(self) -> "FilmOutcome | None":
        """What became of the film; None when the worker died and the film should be tried again.

        Raises:
            ModelError: the models or the engine are not right.
        """
        from SpineAlignmentLib.jobs.film_task import FilmOutcome

        try:
            answer = self.connection.recv()
        except (EOFError, OSError):
            self.stop()
            if self._tries < TRIES:
                return None
            how = "its worker process died twice (it may need more memory than there is, or be made to do harm)"
            return FilmOutcome(f"{self.task.path}: {how}")
        if isinstance(answer, ModelError):
            # it is in nobody's hands any more, and the program would wait for it at its end
            self.stop()
            raise answer
        assert isinstance(answer, FilmOutcome)
        return answer

    def again(self) -> "Worker":
        """A new worker with the film of this one, which died."""
        worker = Worker()
        worker.task, worker._tries = self.task, self._tries + 1
        worker._send()
        return worker

    def stop(self) -> None:
        """End it; once more does no harm."""
        self.alive = False
        self._process.kill()
        self._process.join()
        self.connection.close()

    def _send(self) -> None:
        # one that died just now is found out when its answer is read
        with suppress(OSError):
            self.connection.send(self.task)


def serve(connection: Connection) -> None:
    """The worker: do the films that come until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # what libraries warn of helps nobody at a terminal; what concerns a film stands in its result
    warnings.simplefilter("ignore")
    from SpineAlignmentLib.jobs.film_task import do_film, load_libraries

    load_libraries()
    while True:
        try:
            task = connection.recv()
        except (EOFError, OSError):
            # the parent has gone; by an error where it left an answer unread
            return
        try:
            answer: FilmOutcome | ModelError = do_film(task)
        except ModelError as error:
            answer = error
        try:
            connection.send(answer)
        except OSError:
            # the parent has gone
            return


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl+C goes to all processes of a terminal; one that is starting would answer with a traceback."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # multiprocessing starts this helper with the first worker and then lets interrupts through again
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
