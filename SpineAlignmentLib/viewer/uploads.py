"""Films that a browser sends: which are taken, and where they are kept."""

import re
import shutil
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Final

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.viewer.settings import MAX_UPLOAD_BYTES

MAX_LANDMARKS_BYTES: Final[int] = 4 * 2**20
"""Saved landmarks take some ten thousand bytes."""
MAX_FILMS: Final[int] = 20
"""Films that are open at the same time."""

_HEAD_BYTES: Final[int] = 4096
_NAME_LENGTH: Final[int] = 60


class UploadFolder:
    """A private folder for the films of one person; whoever made the folder removes it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)

    async def store(self, name: str, content: AsyncIterator[bytes]) -> Path:
        """Write a film as it arrives; nothing is left of one that is refused.

        Args:
            name: the file's name as the browser tells it.
            content: the file's bytes in pieces.

        Raises:
            FilmError: too large, empty, or not a kind of file that can be a film by itself.
        """
        path = self.place(name)
        try:
            await _write(path, path.name, content)
            check_whole(path)
        except BaseException:
            self.discard(path)
            raise
        return path

    def place(self, name: str) -> Path:
        """Where a new file of a name is kept."""
        folder = self._folder / str(next(self._numbers))
        folder.mkdir(mode=0o700)
        return folder / safe_name(name)

    def discard(self, path: Path) -> None:
        """Remove a film that was kept here; files elsewhere are left alone."""
        if path.parent.parent == self._folder:
            shutil.rmtree(path.parent, ignore_errors=True)


async def _write(path: Path, shown: str, content: AsyncIterator[bytes]) -> None:
    head, size, checked = b"", 0, False
    with path.open("xb") as stream:
        async for piece in content:
            size += len(piece)
            if is_landmarks(shown) and size > MAX_LANDMARKS_BYTES:
                raise FilmError(f"{shown}: too large for saved landmarks")
            if size > MAX_UPLOAD_BYTES:
                raise FilmError(f"{shown}: larger than {MAX_UPLOAD_BYTES // 2**20} MB, not a film")
            head += piece[: max(0, _HEAD_BYTES - len(head))]
            if not checked and len(head) == _HEAD_BYTES:
                check_head(head, shown)
                checked = True
            stream.write(piece)
    if not checked:
        check_head(head, shown)


def is_landmarks(name: str) -> bool:
    """Whether a file is one of saved landmarks, by its name: a result file or markups."""
    return name.lower().endswith(".json")


def is_scene(name: str) -> bool:
    """Whether a file is a saved scene, by its name."""
    return name.lower().endswith(".mrb")


def check_film(path: Path) -> None:
    """Refuse a file that cannot be a film by itself.

    Raises:
        FilmError: it is none.
    """
    with path.open("rb") as stream:
        check_head(stream.read(_HEAD_BYTES), path.name)
    check_whole(path)


def check_head(head: bytes, name: str) -> None:
    """Refuse what cannot be a film, from the first bytes of a file; what was saved is judged when it is read.

    Raises:
        FilmError: empty, or an unknown kind of file.
    """
    # not needed for the first page
    from SpineAlignmentLib.film.reading import reader_of

    if not head:
        raise FilmError(f"{name}: an empty file")
    if is_landmarks(name) or is_scene(name):
        return
    if reader_of(head) is None:
        raise FilmError(f"{name}: not an image that can be read; use DICOM, PNG, JPEG, TIFF, NRRD, MHA or NIfTI")


def check_whole(path: Path) -> None:
    """Refuse a header whose pixels are in another file, as our reader understands it.

    What another reader makes of it matters no more: the process that reads it can open no other file, see
    `jobs.sealing`.

    Raises:
        FilmError: its pixels are in another file.
    """
    from SpineAlignmentLib.film import volume_file
    from SpineAlignmentLib.film.reading import reader_of
    from SpineAlignmentLib.film.volume_header import read_header

    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    known = reader_of(head)
    if known is None or known[1] is not volume_file.read:
        return
    if head[344:348] == b"ni1\x00" or not read_header(path).inline:
        raise FilmError(f"{path.name}: a header whose pixels are in another file; send one file that holds both")


def safe_name(name: str) -> str:
    """A name for a file in our folder: no folders, nothing unprintable, not too long."""
    last = re.split(r"[/\\]", name)[-1]
    printable = "".join(c for c in last if c.isprintable()).strip(" .")
    return printable[-_NAME_LENGTH:] or "film"
