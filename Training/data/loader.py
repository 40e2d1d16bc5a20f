"""Batches of films, prepared ahead by worker processes, the same ones however often a training is interrupted.

Film number g of a training (counted over all steps and ranks) is fixed by the seed alone: epoch g // len(source), its
place in that epoch's permutation, and its own random generator. A resumed training therefore sees what an uninterrupted
one would have seen, and ranks share a global batch without overlap.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from Training.config import SourceConfig
from Training.data.film_source import FilmSource, build_source

FloatArray = NDArray[np.float32]
Sample = tuple[FloatArray, FloatArray]

_worker_source: FilmSource | None = None


@dataclass(frozen=True)
class Request:
    """One film to prepare."""

    number: int
    """Film number over the whole training."""

    seed: int
    input_size: tuple[int, int]


@lru_cache(maxsize=2)
def _order(length: int, seed: int, epoch: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, epoch, 1]).permutation(length)


def prepare(source: FilmSource, request: Request) -> Sample:
    """The film that a request stands for: image (height, width) and landmarks (45, 2)."""
    epoch, place = divmod(request.number, len(source))
    index = int(_order(len(source), request.seed, epoch)[place])
    rng = np.random.default_rng([request.seed, request.number, 2])
    image, points = source.get(index, epoch, request.input_size, rng)
    return np.asarray(image, np.float32), np.asarray(points, np.float32)


def _start_worker(config: SourceConfig, region: str) -> None:
    global _worker_source
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches all processes; the training ends its workers.
    os.nice(5)  # The training itself goes first.
    cv2.setNumThreads(1)  # One film a worker at a time: with a thread a core in each they would fight for the cores.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker_source = build_source(config, True, region)


def _end_with_parent() -> None:
    """A worker whose training was killed must not wait for requests forever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _prepare_in_worker(request: Request) -> Sample:
    assert _worker_source is not None
    return prepare(_worker_source, request)


class BatchLoader:
    """Iterates over the batches of one rank, from a given step on, without end; a context manager.

    `waited_s` is the time in seconds that the training spent waiting for films.
    """

    def __init__(
        self,
        config: SourceConfig,
        input_size: tuple[int, int],
        batch_size: int,
        seed: int,
        *,
        workers: int = 1,
        prefetch: int = 4,
        rank: int = 0,
        ranks: int = 1,
        region: str = "",
    ) -> None:
        """`batch_size` counts the films of all ranks together and is a multiple of `ranks`; `region`: a close-up."""
        if batch_size % ranks:
            raise ValueError(f"a batch of {batch_size} films cannot be shared evenly by {ranks} ranks")
        self.input_size = input_size
        self.batch_size = batch_size
        self.seed = seed
        self.rank, self.ranks = rank, ranks
        self.prefetch = prefetch
        self.waited_s = 0.0
        self.source = build_source(config, True, region)
        self.pool: ProcessPoolExecutor | None = None
        if workers > 0:
            # Spawn, not fork: engines and graphics libraries do not survive a fork.
            context = multiprocessing.get_context("spawn")
            self.pool = ProcessPoolExecutor(
                workers, mp_context=context, initializer=_start_worker, initargs=(config, region)
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.pool is not None:
            self.pool.shutdown(wait=False, cancel_futures=True)

    @property
    def steps_per_epoch(self) -> float:
        """Steps that show every film once."""
        return len(self.source) / self.batch_size

    def requests(self, step: int) -> list[Request]:
        """The films of this rank in a step."""
        share = self.batch_size // self.ranks
        first = step * self.batch_size + self.rank * share
        return [Request(first + i, self.seed, self.input_size) for i in range(share)]

    def batches(self, first_step: int = 0) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Films (n, height, width, 1) and landmarks (n, 45, 2) of each step from `first_step` on."""
        waiting: deque[list[Future[Sample]]] = deque()
        step = first_step
        while True:
            if self.pool is None:
                start = time.monotonic()
                samples = [prepare(self.source, request) for request in self.requests(step)]
                step += 1
            else:
                while len(waiting) < self.prefetch:
                    waiting.append([self.pool.submit(_prepare_in_worker, r) for r in self.requests(step)])
                    step += 1
                start = time.monotonic()
                samples = [future.result() for future in waiting.popleft()]
            self.waited_s += time.monotonic() - start
            yield stack(samples)


def stack(samples: list[Sample]) -> tuple[FloatArray, FloatArray]:
    """Samples to a batch: films (n, height, width, 1) and landmarks (n, 45, 2)."""
    return np.stack([image for image, _ in samples])[..., None], np.stack([points for _, points in samples])


def validation_films(
    config: SourceConfig, input_size: tuple[int, int], seed: int, region: str = ""
) -> tuple[FloatArray, FloatArray]:
    """Every film of a source, not augmented: films (n, height, width, 1), landmarks (n, 45, 2)."""
    source = build_source(config, False, region)
    samples = [source.get(i, 0, input_size, np.random.default_rng([seed, i, 3])) for i in range(len(source))]
    return stack([(np.asarray(image, np.float32), np.asarray(points, np.float32)) for image, points in samples])
