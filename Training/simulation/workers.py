"""Worker processes that render, each on one core."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.pool import Pool

import cv2

_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Of NumPy: the workers fill the cores, more threads would fight for them."""


def _start() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches all of them; the first process ends the others
    cv2.setNumThreads(1)


@contextmanager
def render_pool(workers: int) -> Iterator[Pool]:
    """A pool of processes that keep to one thread each."""
    for name in _THREADS:
        os.environ.setdefault(name, "1")
    with multiprocessing.get_context("spawn").Pool(workers, _start) as pool:
        yield pool
