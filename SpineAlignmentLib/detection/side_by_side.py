"""Two pieces of one detection at a time: a network seldom keeps more than one core busy, and NumPy never does."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Answer = TypeVar("Answer")


class SideBySide:
    """Calls made two at a time; what is called makes no such calls itself, or it would wait for its own end."""

    def __init__(self, threads: int | None) -> None:
        """Args:
        threads: of one network run, see `Detector`; 1: one call after the other.
        """
        self._pool = None if threads == 1 else ThreadPoolExecutor(2, "detection")

    def __call__(self, calls: Sequence[Callable[[], Answer]]) -> list[Answer]:
        """The answers in the order of the calls, which begin in that order; what one of them raises is raised."""
        if self._pool is None or len(calls) < 2:
            return [call() for call in calls]
        return list(self._pool.map(lambda call: call(), calls))
