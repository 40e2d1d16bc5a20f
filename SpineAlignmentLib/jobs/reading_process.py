"""Films read in a process of their own: a decoder of another library that ends its process costs one film.

The process stays warm from one film to the next and is started anew when it has ended.
"""

import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.film.film import Film
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.jobs.child_process import ChildProcess, python_executable, worker_command
from SpineAlignmentLib.jobs.sealing import is_asked_for
from SpineAlignmentLib.results.placement import Placement

WAIT_S: Final[float] = 120.0
"""A film that takes longer to read is given up."""
_POLL_S: Final[float] = 0.002
_WORKER: Final[str] = "SpineAlignmentLib.jobs.read_worker"


class ReadingProcess:
    """Reads one film at a time; may be shared by threads."""

    def __init__(self) -> None:
        self.process = ChildProcess([*worker_command(python_executable())[:-1], _WORKER])
        self._lock = threading.Lock()
        self._count = 0

    def start(self) -> None:
        """Start the process ahead of the first film."""
        self.process.start()

    def stop(self) -> None:
        """End the process."""
        self.process.stop()

    def read(self, path: Path, pixels: bool = True) -> Film:
        """Read a film.

        Args:
            path: its file.
            pixels: whether its pixels are wanted; without them they are all zero.

        Raises:
            FilmError: it cannot be read, or reading it ended the process.
        """
        with self._lock, tempfile.TemporaryDirectory(prefix="SpineAlignment", ignore_cleanup_errors=True) as folder:
            self._count += 1
            place = Path(folder) / "pixels.npy"
            try:
                self.process.send({"id": self._count, "path": str(path), "pixels": str(place) if pixels else None})
            except OSError as error:
                if is_asked_for():
                    reason = error.strerror or error
                    raise FilmError(f"{path}: no process can be started to read it: {reason}") from error
                # no process can be started here: better read at some risk than not at all
                return read_film(path)
            answer = self._answer(path)
            if "error" in answer:
                raise FilmError(str(answer["error"]))
            facts = dict(answer["film"])
            width, height = facts.pop("size_px")
            image = np.load(place, allow_pickle=False) if pixels else np.broadcast_to(np.uint8(0), (height, width))
        return _film(facts, image)

    def _answer(self, path: Path) -> dict[str, Any]:
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            alive = self.process.running
            for message in self.process.poll():
                if message["id"] == self._count:
                    return message
            if not alive:
                raise FilmError(f"{path}: reading it ended the reading process: damaged, or made to do harm")
            time.sleep(_POLL_S)
        self.process.stop()
        raise FilmError(f"{path}: not read within {WAIT_S:.0f} s; given up")


def _film(facts: dict[str, Any], pixels: Any) -> Film:
    """A film from what the process says of it."""
    spacing, sha256 = facts.pop("spacing_mm"), str(facts.pop("sha256"))
    place = {key: tuple(values) for key, values in facts.pop("placement").items()}
    return Film(
        pixels=pixels,
        spacing_mm=None if spacing is None else (spacing[0], spacing[1]),
        placement=Placement(**place),
        warnings=tuple(facts.pop("warnings")),
        fingerprint=lambda: sha256,
        **facts,
    )


_shared = ReadingProcess()


def read_apart(path: Path, pixels: bool = True) -> Film:
    """Read a film in the process that this program shares; see `ReadingProcess.read`."""
    return _shared.read(path, pixels)
