"""Worker processes that render, each on one core and with a projector of its own."""

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.pool import Pool

import cv2

from Training.simulation.projection import Projector

_THREADS = ("LP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Of the software renderer and of NumPy: the workers fill the cores, more threads would fight for them."""

_TASKS_PER_WORKER = 200
"""A worker ends after so many tasks, and with it what its graphics driver has gathered."""

_projector: Projector | None = None


def projector() -> Projector:
    """The projector of this worker process, or of the only process."""
    global _projector
    if _projector is None:
        _projector = Projector()
    return _projector


def _start() -> None:
    cv2.setNumThreads(1)
    projector()


@contextmanager
def render_pool(workers: int) -> Iterator[Pool]:
    """A pool of processes in whose tasks `projector` is ready.

    Raises:
        GraphicsError: gVirtualXray cannot start; says what to install.
    """
    Projector.check()
    for name in _THREADS:
        os.environ.setdefault(name, "1")
    with multiprocessing.get_context("spawn").Pool(workers, _start, maxtasksperchild=_TASKS_PER_WORKER) as pool:
        yield pool
