"""How films come in: by C-STORE from allowed peers, and from a watched folder."""

import logging
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from SpineAlignmentLib.dicom.node.film_queue import FilmQueue, key_of, uid_of
from SpineAlignmentLib.errors import ResultError

SUCCESS, OUT_OF_RESOURCES = 0x0000, 0xA700
"""Status of C-STORE (PS3.4 B.2.3)."""
FILM_CLASSES: Final[tuple[str, ...]] = (
    *("ComputedRadiographyImageStorage", "SecondaryCaptureImageStorage", "XRayRadiofluoroscopicImageStorage"),
    *("DigitalXRayImageStorageForPresentation", "DigitalXRayImageStorageForProcessing"),
)
"""SOP classes that are taken, by their names in PS3.4 B.5."""
MAX_ASSOCIATIONS: Final[int] = 16

log = logging.getLogger(__name__)


def started_server(
    queue: FilmQueue, title: str, address: tuple[str, int], allowed: Sequence[str], security: ssl.SSLContext | None
) -> Any:
    """A server that stores films into the queue and answers C-ECHO, in threads of its own; `shutdown()` ends it.

    Raises:
        ResultError: the address cannot be used.
    """
    from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, evt
    from pynetdicom import sop_class as kinds

    entity = AE(ae_title=title)
    entity.maximum_associations = MAX_ASSOCIATIONS
    entity.require_calling_aet = list(allowed)
    entity.add_supported_context(getattr(kinds, "Verification"))  # noqa: B009 (not known to type checkers)
    for name in FILM_CLASSES:
        entity.add_supported_context(getattr(kinds, name), ALL_TRANSFER_SYNTAXES)

    def store(event: Any) -> int:
        key = key_of(str(event.request.AffectedSOPInstanceUID))
        try:
            new = queue.take(key, event.encoded_dataset())
        except ResultError as error:
            log.error("film %s refused: %s", key, error)
            return OUT_OF_RESOURCES
        log.info("film %s %s", key, "received" if new else "came again; it is done once")
        return SUCCESS

    def refused(event: Any) -> None:
        caller = event.assoc.requestor
        log.warning("association refused: calling title %s from %s", caller.ae_title, caller.address)

    handlers: list[Any] = [(evt.EVT_C_STORE, store), (evt.EVT_REJECTED, refused)]
    try:
        return entity.start_server(address, block=False, evt_handlers=handlers, ssl_context=security)
    except OSError as error:
        raise ResultError(f"{address[0]}:{address[1]}: cannot listen there: {error.strerror or error}") from error


class WatchedFolder:
    """A folder into which films are put; they stay there."""

    def __init__(self, folder: Path, queue: FilmQueue) -> None:
        self._folder = folder
        self._queue = queue
        self._seen: dict[Path, tuple[int, int]] = {}
        self._taken: dict[Path, tuple[int, int]] = {}
        self._said: dict[Path, tuple[tuple[int, int], str]] = {}

    def look(self) -> None:
        """Take the files that have not changed since the last look, so that none is taken half written."""
        now: dict[Path, tuple[int, int]] = {}
        for path in sorted(p for p in self._folder.rglob("*") if p.is_file() and not p.name.startswith(".")):
            try:
                known = path.stat()
            except OSError:
                continue
            now[path] = state = known.st_size, known.st_mtime_ns
            if self._seen.get(path) == state and self._taken.get(path) != state:
                self._take(path, state)
        self._seen = now

    def _take(self, path: Path, state: tuple[int, int]) -> None:
        try:
            key = key_of(uid_of(path))
            content = path.read_bytes()
        except OSError as error:
            self._say_once(path, state, f"cannot be read: {error.strerror or type(error).__name__}; tried again")
            return
        except ResultError:
            self._say_once(path, state, "is no DICOM film; it is left there")
            self._taken[path] = state
            return
        try:
            if self._queue.take(key, content):
                log.info("film %s taken from the watched folder", key)
        except ResultError as error:
            self._say_once(path, state, f"waits: {error}")
            return
        self._taken[path] = state

    def _say_once(self, path: Path, state: tuple[int, int], what: str) -> None:
        """What is wrong with a file that is looked at every second, without its name, which may be a patient's."""
        if self._said.get(path) != (state, what):
            self._said[path] = state, what
            log.warning("a file of the watched folder %s", what)
