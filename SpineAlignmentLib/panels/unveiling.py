"""What is drawn on the chosen film. New measurements appear a few at a time: the window stays alive.

Slicer takes a few milliseconds for each node that is made, and all measurements together have some fifty.
"""

import math
import time
from collections.abc import Callable, Collection
from typing import Any, Final

import qt

from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.spine_scene import SpineScene

MOMENT_S: Final[float] = 0.03
"""How long the window may wait; a block is felt from about 0.1 s."""


class Unveiling:
    """Shows one film's landmarks, curve and measurements, and hides those of all others.

    Args:
        on_shown: called when something new is drawn.
    """

    def __init__(self, on_shown: Callable[[], None] = lambda: None) -> None:
        self._on_shown = on_shown
        self._alignment: FilmAlignment | None = None
        self._waiting: list[str] = []
        self._parts: dict[str, bool] = {}
        self._timer = qt.QTimer()
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._some)

    def show(self, spine: SpineScene, film: Any, keys: Collection[str], **parts: bool) -> None:
        """Show the film with its measurements; those whose nodes exist at once, the others soon.

        Args:
            spine: the films of the scene.
            film: the volume to show; None to show none.
            keys: the measurements.
            parts: "points", "curve" and "names", as `FilmAlignment.show` takes them.
        """
        self._alignment, self._parts = spine.alignment(film), parts
        made = self._alignment.made if self._alignment is not None else frozenset()
        self._waiting = [key for key in keys if key not in made]
        spine.show_only(film, made & frozenset(keys), **parts)
        self.go_on()

    def go_on(self) -> None:
        """Take up measurements that could not be measured before."""
        if self._ready() is not None:
            self._timer.start()

    def finish(self) -> None:
        """Show at once what is still waiting."""
        while self._next():
            continue

    def stop(self) -> None:
        """Show nothing more, and forget the film."""
        self._timer.stop()
        self._alignment = None
        self._waiting.clear()

    def _ready(self) -> str | None:
        """The next measurement that has a value."""
        if self._alignment is None or not self._waiting:
            return None
        values = self._alignment.parameters
        return next((key for key in self._waiting if math.isfinite(values[key])), None)

    def _some(self) -> None:
        """Show as many as fit into a moment; views are drawn between two moments."""
        end = time.monotonic() + MOMENT_S
        while self._next():
            if time.monotonic() > end:
                return
        self._timer.stop()

    def _next(self) -> bool:
        """Show one more; False when none is left."""
        key = self._ready()
        if self._alignment is None or key is None:
            return False
        self._waiting.remove(key)
        self._alignment.show(self._alignment.shown | {key}, **self._parts)
        self._on_shown()
        return True
