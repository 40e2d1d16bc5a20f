"""Films that a browser sends: which are taken, and where they are kept."""

import re
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Final

from SpineAlignmentLib.errors import FilmError
from SpineAlignmentLib.viewer.settings import MAX_UPLOAD_BYTES

MAX_FILMS: Final[int] = 20
"""Films that are open at the same time."""

_HEAD_BYTES: Final[int] = 4096
_NAME_LENGTH: Final[int] = 60
_ELSEWHERE: Final[tuple[re.Pattern[bytes], ...]] = (
    re.compile(rb"^ElementDataFile\s*=\s*(?!LOCAL\s*$)\S", re.IGNORECASE | re.MULTILINE),
    re.compile(rb"^data ?file:", re.IGNORECASE | re.MULTILINE),
)
"""Headers whose pixels are in another file, which could be any file of this computer."""


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
        shown = safe_name(name)
        place = self._folder / str(next(self._numbers))
        place.mkdir(mode=0o700)
        path = place / shown
        try:
            await _write(path, shown, content)
        except BaseException:
            self.discard(path)
            raise
        return path

    def discard(self, path: Path) -> None:
        """Remove a film that was kept here; files elsewhere are left alone."""
        if path.parent.parent == self._folder:
            path.unlink(missing_ok=True)
            path.parent.rmdir()


async def _write(path: Path, shown: str, content: AsyncIterator[bytes]) -> None:
    head, size, checked = b"", 0, False
    with path.open("xb") as stream:
        async for piece in content:
            size += len(piece)
            if size > MAX_UPLOAD_BYTES:
                raise FilmError(f"{shown}: larger than {MAX_UPLOAD_BYTES // 2**20} MB, not a film")
            head += piece[: max(0, _HEAD_BYTES - len(head))]
            if not checked and len(head) == _HEAD_BYTES:
                check_head(head, shown)
                checked = True
            stream.write(piece)
    if not checked:
        check_head(head, shown)


def check_head(head: bytes, name: str) -> None:
    """Refuse what cannot be a film, from the first bytes of a file.

    Raises:
        FilmError: empty, an unknown kind of file, or a header whose pixels are in another file.
    """
    # not needed for the first page
    from SpineAlignmentLib.film import volume_file
    from SpineAlignmentLib.film.reading import reader_of

    if not head:
        raise FilmError(f"{name}: an empty file")
    known = reader_of(head)
    if known is None:
        raise FilmError(f"{name}: not an image that can be read; use DICOM, PNG, JPEG, TIFF, NRRD, MHA or NIfTI")
    if known[1] is volume_file.read and (
        head[344:348] == b"ni1\x00" or any(pattern.search(head) for pattern in _ELSEWHERE)
    ):
        raise FilmError(f"{name}: a header whose pixels are in another file; send one file that holds both")


def safe_name(name: str) -> str:
    """A name for a file in our folder: no folders, nothing unprintable, not too long."""
    last = re.split(r"[/\\]", name)[-1]
    printable = "".join(c for c in last if c.isprintable()).strip(" .")
    return printable[-_NAME_LENGTH:] or "film"
