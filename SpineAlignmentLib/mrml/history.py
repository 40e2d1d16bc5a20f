"""Undo and redo of a film's landmarks."""

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

UNDO_LIMIT: Final[int] = 100


class History:
    """Earlier and later states of the landmarks, each of shape (45, 2) in film pixels."""

    def __init__(self) -> None:
        self._undo: deque[FloatArray] = deque(maxlen=UNDO_LIMIT)
        self._redo: deque[FloatArray] = deque(maxlen=UNDO_LIMIT)

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier state."""
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        """Whether there is a later state."""
        return bool(self._redo)

    def remember(self, points_px: FloatArray) -> None:
        """Keep the state before a change; what was undone cannot be done again any more."""
        if not self._undo or not np.array_equal(self._undo[-1], points_px, equal_nan=True):
            self._undo.append(points_px.copy())
        self._redo.clear()

    def back(self, points_px: FloatArray) -> FloatArray | None:
        """The state before this one; None when there is none."""
        if not self._undo:
            return None
        self._redo.append(points_px.copy())
        return self._undo.pop()

    def forth(self, points_px: FloatArray) -> FloatArray | None:
        """The state that `back` left; None when there is none."""
        if not self._redo:
            return None
        self._undo.append(points_px.copy())
        return self._redo.pop()
