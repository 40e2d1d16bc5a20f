"""Files appear whole or not at all, and are known by their content."""

import errno
import hashlib
import os
import re
import secrets
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from SpineAlignmentLib.errors import ResultError

RESULT_MARK: Final[str] = "SpineAlignment result"
"""Keyword of the text in a result's picture by which it is told from a film."""

_PART: Final[re.Pattern[str]] = re.compile(r"\.[0-9a-f]{16}\.part")
"""What a file is called until it is whole."""

_BLOCK: Final[int] = 1 << 20


def write_files(contents: Mapping[Path, bytes | Iterable[bytes]]) -> None:
    """Write several files so that all of them appear, or none changes when the disk is full or not writable.

    Every file is first written beside its place under a temporary name, and on the disk, then renamed.

    Raises:
        ResultError: names the place and the reason.
    """
    waiting: dict[Path, Path] = {}
    try:
        for path, content in contents.items():
            # not the file's own name with something added: that may be as long as names can be
            part = path.with_name(f".{secrets.token_hex(8)}.part")
            waiting[path] = part
            with part.open("wb") as stream:
                stream.writelines([content] if isinstance(content, bytes) else content)
                stream.flush()
                # the name must not be on the disk before the content is, or a power cut leaves an empty file
                os.fsync(stream.fileno())
        for path, part in waiting.items():
            part.replace(path)
    except OSError as error:
        raise ResultError(f"{path}: cannot write: {error.strerror or error}") from error
    finally:
        for part in waiting.values():
            _discard(part)


def remove_left(folder: Path) -> None:
    """Remove what killed processes left of files that they were writing to a folder where nobody else writes now."""
    for part in folder.glob(".*.part"):
        if _PART.fullmatch(part.name):
            _discard(part)


def make_folder(folder: Path) -> None:
    """Create an output folder and check that files can be written there.

    Raises:
        ResultError: names the folder and the reason.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ResultError(f"{folder}: cannot write there: {error.strerror or error}") from error


def fingerprint_of(path: Path) -> str:
    """SHA-256 of a file's content, as 64 hexadecimal digits.

    Raises:
        OSError: it cannot be read, or is a pipe or a device, which may never end.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "a device or a pipe, not a file", str(path))
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def readable(name: str) -> str:
    """A file's name whose bytes are no text, as text."""
    return name.encode(errors="backslashreplace").decode()


def _discard(part: Path) -> None:
    try:
        part.unlink(missing_ok=True)
    except OSError:
        # the folder itself is gone or read-only: nothing was left there, and the first error is the one to report
        return
