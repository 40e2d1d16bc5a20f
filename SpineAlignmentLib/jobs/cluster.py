"""The films of a run on a Dask cluster: the same task as on this machine, on workers that a scheduler knows.

A worker that dies costs the films in its hands, which are done elsewhere; a film that kills its worker again and again
is named (Dask's `distributed.scheduler.allowed-failures`, three, then `KilledWorker`). A scheduler that is lost is
waited for; films in hand are given to it again.
"""

import logging
import time
from collections.abc import Generator, Iterable, Iterator
from itertools import islice
from typing import Any, Final

from SpineAlignmentLib.errors import SpineAlignmentError
from SpineAlignmentLib.jobs.film_task import FilmOutcome, FilmTask, do_film

CONNECT_S: Final[float] = 30.0
PATIENCE_S: Final[float] = 600.0
"""How long a scheduler that was lost is waited for."""
AHEAD: Final[int] = 2
"""Films given to the scheduler for each thread of its workers, so that none waits for its next."""


class SchedulerError(SpineAlignmentError):
    """A Dask scheduler that cannot be reached."""


class _LostSchedulerError(Exception):
    """The scheduler went away."""


def cluster_outcomes(
    tasks: Iterable[FilmTask], address: str, send_films: bool = False
) -> Generator[tuple[FilmTask, FilmOutcome], None, None]:
    """Do films on a cluster; their outcomes in the order in which they are done.

    Args:
        tasks: taken one by one, as workers become free.
        address: of the scheduler, such as tcp://HOST:8786.
        send_films: whether the films' content travels with the task; else workers read them at the same path.

    Raises:
        SchedulerError: the scheduler cannot be reached, or is lost for long.
        ModelError: the models or the engine of a worker are not right.
    """
    waiting = iter(tasks)
    in_hand: dict[int, FilmTask] = {}
    patience = 0.0
    while True:
        with _client(address, patience) as client:
            try:
                yield from _session(client, waiting, in_hand, send_films)
                return
            except _LostSchedulerError:
                patience = PATIENCE_S


def _client(address: str, patience: float) -> Any:
    """A connection to the scheduler, tried anew for as many seconds."""
    try:
        from distributed import Client
    except ImportError as error:
        raise SchedulerError("a cluster needs Dask: pip install 'spine-alignment[cluster]'") from error
    # they tell of lost connections, which are dealt with here
    for name in ("distributed", "distributed.client", "distributed.comm", "distributed.core"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    end = time.monotonic() + patience
    while True:
        try:
            return Client(address, timeout=CONNECT_S)
        except (OSError, ValueError) as error:
            if time.monotonic() >= end:
                raise SchedulerError(f"{address}: no Dask scheduler answers there") from error
            time.sleep(1.0)


def _session(
    client: Any, waiting: Iterator[FilmTask], in_hand: dict[int, FilmTask], send_films: bool
) -> Generator[tuple[FilmTask, FilmOutcome], None, None]:
    """Films through one connection; returns when all are done.

    Raises:
        _LostSchedulerError: `in_hand` has the films that it had.
    """
    from distributed import CancelledError, wait
    from distributed.client import ClosedClientError

    futures: dict[Any, int] = {}

    def give(number: int) -> None:
        task = in_hand[number]
        futures[client.submit(do_film, task.with_content() if send_films else task, pure=False)] = number

    for number in in_hand:
        give(number)
    while True:
        try:
            room = max(1, AHEAD * sum(client.nthreads().values())) - len(futures)
            for task in islice(waiting, max(0, room)):
                number = max(in_hand, default=-1) + 1
                in_hand[number] = task
                give(number)
            if not futures:
                return
            done = wait(list(futures), return_when="FIRST_COMPLETED").done
            found = {future: _outcome(future, in_hand[futures[future]]) for future in done}
        except (CancelledError, ClosedClientError, OSError) as error:
            raise _LostSchedulerError from error
        for future, outcome in found.items():
            yield in_hand.pop(futures.pop(future)), outcome


def _outcome(future: Any, task: FilmTask) -> FilmOutcome:
    from distributed import KilledWorker

    try:
        outcome = future.result()
    except KilledWorker:
        return FilmOutcome(
            f"{task.path}: it killed every worker that tried it (it may need more memory than they have)"
        )
    assert isinstance(outcome, FilmOutcome)
    return outcome
