"""Films and results on their way, as files: what a crash leaves is where the next start goes on.

    received/KEY.dcm        a film that its sender was told is safe
    results/KEY.sr.dcm ...  what is to be sent
    done/KEY                the film is done, or why it or some results cannot be; its results are final from here on
    refused/KEY.sr.dcm ...  what the archive does not take; offered again at the next start

A film's key is made of its SOP Instance UID, which names no patient and is the same when the film comes again.
"""

import hashlib
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.results.files import make_folder, remove_left, write_files

_KEY_DIGITS: Final[int] = 32


def key_of(sop_instance_uid: str) -> str:
    """What a film is called on the disk and in the log."""
    return hashlib.sha256(sop_instance_uid.strip(" \0").encode()).hexdigest()[:_KEY_DIGITS]


class FilmQueue:
    """The films of a node.

    Raises:
        ResultError: the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._received, self._results, self._done, self._refused = (
            folder / name for name in ("received", "results", "done", "refused")
        )
        for place in (self._received, self._results, self._done, self._refused):
            make_folder(place)
            remove_left(place)
        # a film whose mark was written, but which the crash came too early to remove
        for film in self.waiting():
            if self.knows_done(film.stem):
                film.unlink(missing_ok=True)
        for result in self._refused.glob("*.dcm"):
            result.replace(self._results / result.name)
        self.changed = threading.Condition()

    def take(self, key: str, content: bytes) -> bool:
        """Keep a film; on return it is on the disk.

        Returns:
            False when it is there, or done, already.

        Raises:
            ResultError: it cannot be written, as on a full disk.
        """
        if self.knows_done(key) or self._film(key).exists():
            return False
        write_files({self._film(key): content})
        _keep_names(self._received)
        with self.changed:
            self.changed.notify_all()
        return True

    def waiting(self) -> list[Path]:
        """Films that are not done, those that came first in front."""
        return sorted(self._received.glob("*.dcm"), key=_age)

    def finish(self, key: str, files: Mapping[str, bytes], reason: str = "") -> None:
        """A film is done: its results, ending to content, and why there are none, or not all that were asked for.

        Results of an earlier try, which never became final and were never sent, are replaced.

        Raises:
            ResultError: they cannot be written; the film waits on.
        """
        write_files({self._results / f"{key}{ending}": content for ending, content in files.items()})
        write_files({self._done / key: f"{reason or 'done'}\n".encode()})
        self._film(key).unlink(missing_ok=True)
        with self.changed:
            self.changed.notify_all()

    def to_send(self) -> list[Path]:
        """Results that are final and not yet in the archive."""
        found = sorted(self._results.glob("*.dcm"), key=_age)
        return [path for path in found if self.knows_done(path.name.split(".")[0])]

    def sent(self, path: Path) -> None:
        """The archive has it."""
        path.unlink(missing_ok=True)

    def refused(self, path: Path) -> None:
        """The archive does not take it: out of the way of the others."""
        path.replace(self._refused / path.name)

    def knows_done(self, key: str) -> bool:
        """Whether a film is done, or cannot be."""
        return (self._done / key).exists()

    def _film(self, key: str) -> Path:
        return self._received / f"{key}.dcm"


def _keep_names(folder: Path) -> None:
    """Have the names in a folder on the disk too: a power cut after a file was renamed may else lose it."""
    # not every system lets a folder be opened, nor every file system written out
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _age(path: Path) -> tuple[float, str]:
    try:
        return path.stat().st_mtime, path.name
    except FileNotFoundError:
        return 0.0, path.name


def uid_of(path: Path) -> str:
    """The SOP Instance UID of a film's file.

    Raises:
        ResultError: not a DICOM object.
    """
    import pydicom

    from SpineAlignmentLib.film.dicom_dataset import looks_like_dicom, values

    with path.open("rb") as stream:
        if not looks_like_dicom(stream.read(512)):
            raise ResultError(f"{path}: not a DICOM file")
    try:
        data = pydicom.dcmread(path, force=True, stop_before_pixels=True, specific_tags=["SOPInstanceUID"])
    except OSError:
        raise
    # damaged files raise whatever the parser happens on
    except Exception as error:
        raise ResultError(f"{path}: damaged: {type(error).__name__}") from error
    uid = "".join(values(data, "SOPInstanceUID")[:1])
    if not uid:
        raise ResultError(f"{path}: no SOPInstanceUID in it")
    return uid
