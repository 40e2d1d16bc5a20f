"""What is drawn on the chosen film. New measurements appear one after another, so that the window stays alive.

Slicer takes a few milliseconds for each node that is made, and all measurements together have some fifty.
"""

import math
from collections.abc import Collection
from typing import Any

import qt

from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.spine_scene import SpineScene


class Unveiling:
    """Shows one film's landmarks, curve and measurements, and hides those of all others."""

    def __init__(self) -> None:
        self._alignment: FilmAlignment | None = None
        self._waiting: list[str] = []
        self._parts: dict[str, bool] = {}
        self._timer = qt.QTimer()
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._next)

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
        while self._ready() is not None:
            self._next()

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

    def _next(self) -> None:
        key = self._ready()
        if self._alignment is None or key is None:
            self._timer.stop()
            return
        self._waiting.remove(key)
        self._alignment.show(self._alignment.shown | {key}, **self._parts)
