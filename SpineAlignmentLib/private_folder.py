"""A process's own folder for copies of films: private, held by a lock, and removed when its process is gone.

The lock ends with the process that holds it, however that ends; a folder whose lock can be had is of a process that was
killed, and the next one that makes such a folder removes it.
"""

import os
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

VIEWER: Final[str] = "SpineAlignmentViewer"
"""How folders of the viewer begin: uploads, and temporary files of its processes."""
UNPACKED: Final[str] = "SpineAlignmentUnpacked"
"""And those of films from zip files."""
_LOCK: Final[str] = "in-use"
_UNLOCKED_S: Final[float] = 3600.0
"""A folder without a lock is just being made, or of a process that was killed in that moment so long ago."""


class PrivateFolder:
    """A folder that only this user can read, held until `close`; its name begins with `prefix`.

    Those of the same prefix whose processes were killed are removed.
    """

    def __init__(self, prefix: str) -> None:
        _remove_left_over(prefix)
        self.path = Path(tempfile.mkdtemp(prefix=prefix))
        self._lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        _take(self._lock)

    def new(self) -> Path:
        """A folder in it; both are made anew when someone cleaned up the system's temporary files."""
        if not (self.path / _LOCK).exists():
            os.close(self._lock)
            self.path.mkdir(mode=0o700, exist_ok=True)
            self._lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
            _take(self._lock)
        return Path(tempfile.mkdtemp(dir=self.path))

    def close(self) -> None:
        """Remove it."""
        with suppress(OSError):
            os.close(self._lock)
        shutil.rmtree(self.path, ignore_errors=True)


def _remove_left_over(prefix: str) -> None:
    """Remove the folders of processes that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        if _is_ours(folder) and _is_abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)


def leave(folder: Path) -> None:
    """Remove the viewer's folder that `folder` was in, when the viewer is gone and no other session's is there."""
    root = folder.parent
    with suppress(OSError):
        if not any(path.is_dir() for path in root.iterdir()) and _is_abandoned(root):
            shutil.rmtree(root, ignore_errors=True)


def _is_ours(folder: Path) -> bool:
    try:
        known = folder.lstat()
    except OSError:
        return False
    return folder.is_dir() and not folder.is_symlink() and (not hasattr(os, "getuid") or known.st_uid == os.getuid())


def _is_abandoned(folder: Path) -> bool:
    lock = folder / _LOCK
    try:
        handle = os.open(lock, os.O_RDWR)
    except FileNotFoundError:
        return time.time() - folder.stat().st_mtime > _UNLOCKED_S
    except OSError:
        return False
    try:
        return _take(handle)
    finally:
        os.close(handle)


def _take(handle: int) -> bool:
    """Lock a file without waiting; False when another process has it."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
