"""Which files of a folder may be films, and what the results of each are called. Content decides, never a name."""

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

FILM_ENDINGS: Final[tuple[str, ...]] = (
    ".dcm", ".dicom", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".nrrd", ".nhdr", ".mha", ".mhd", ".nii", ".nii.gz",
)  # fmt: skip
"""Endings that say that a file is a film: one that is none is reported, not passed over."""
_OTHER_ENDINGS: Final[tuple[str, ...]] = (".ima", ".img", ".dic", ".dc3", ".acr")
"""Endings that devices give to films, and other programs to what is none."""
_RESULT_ENDINGS: Final[tuple[str, ...]] = (".png", ".sr.dcm", ".gsps.dcm", ".sc.dcm", ".pdf")
"""Of results that could be taken for films, or could replace one."""
MAX_NAME_BYTES: Final[int] = 255
"""Of a file's name in the file systems in use."""
_ROOM_BYTES: Final[int] = 15
"""For what results add to a film's name: a number and an ending."""


def film_files(folder: Path, output: Path | None = None) -> list[Path]:
    """The files in a folder and its subfolders, linked ones too, that may be films, in order; see `split_files`."""
    return split_files(folder, output)[0]


def split_files(folder: Path, output: Path | None = None) -> tuple[list[Path], list[Path]]:
    """The files in a folder and its subfolders, linked ones too, that may be films, and those that are none, in order.

    Links that lead nowhere and files that cannot be read count as films, so that they are reported.

    Args:
        folder: where to look.
        output: a folder of earlier results, which are neither.
    """
    films: list[Path] = []
    others: list[Path] = []
    # asked once a folder, not once a file
    of_results = lru_cache(lambda place: output is not None and _same_folder(place, output))
    for path in sorted(all_files(folder)):
        if of_results(path.parent) and _is_result(path):
            continue
        hidden = path.name.startswith(".")
        (films if not hidden and is_candidate(path) else others).append(path)
    return films, others


def all_files(folder: Path) -> Iterator[Path]:
    """Every file in a folder, through links to folders as well; one that is reached twice is looked into once."""
    seen: set[tuple[int, int]] = set()
    closed: list[Path] = []

    def keep(error: OSError) -> None:
        closed.append(Path(str(error.filename)))

    for place, folders, names in os.walk(folder, onerror=keep, followlinks=True):
        try:
            known = Path(place).stat()
        except OSError:
            folders.clear()
            continue
        if (known.st_dev, known.st_ino) in seen and known.st_ino:
            folders.clear()
            continue
        seen.add((known.st_dev, known.st_ino))
        folders.sort()
        yield from (Path(place) / name for name in names)
    # a folder that must not be looked into counts as a film that cannot be read, and is reported so
    yield from closed


def _same_folder(one: Path, other: Path) -> bool:
    """Whether two folders are one, however each is named: from the current one, from the root, or through a link."""
    try:
        return one == other or one.samefile(other)
    except OSError:
        return False


def _is_result(path: Path) -> bool:
    own = path.name.endswith((".json", ".part")) or path.name.startswith("results.")
    stems = (path.name.removesuffix(end) for end in _RESULT_ENDINGS if path.name.endswith(end))
    return own or any(path.with_name(f"{stem}.mrk.json").exists() for stem in stems)


def is_candidate(path: Path) -> bool:
    """Whether a file is, or its ending says that it is, a film."""
    from SpineAlignmentLib.film.reading import reader_of

    if path.name.upper() == "DICOMDIR":
        return False
    if ending(path) in FILM_ENDINGS:
        return True
    try:
        if not path.is_file():
            return path.is_symlink() or path.is_dir()
        with path.open("rb") as stream:
            head = stream.read(512)
    except OSError:
        return True
    return reader_of(head) is not None


def ending(path: Path) -> str:
    """The ending of a film file's name in lower case; "" where what follows the last point is none."""
    name = path.name.lower()
    return next((e for e in (".nii.gz", *FILM_ENDINGS, *_OTHER_ENDINGS) if name.endswith(e) and name != e), "")


_WINDOWS_DEVICES: Final[frozenset[str]] = frozenset(
    ["CON", "PRN", "AUX", "NUL", *(f"{port}{i}" for port in ("COM", "LPT") for i in range(1, 10))]
)


def legal_name(name: str) -> str:
    """A file name made of any text, as every system takes it: Windows forbids most, such as ":" in "3: whole spine"."""
    legal = "".join("_" if c in '<>:"/\\|?*' or not c.isprintable() else c for c in name).strip().rstrip(". ")
    return f"_{legal}" if legal.split(".")[0].upper() in _WINDOWS_DEVICES else legal or "film"


def stem_of(path: Path) -> str:
    """What the results of a film are called: its file's name without the ending, as long as file systems take it."""
    stem = path.name[: len(path.name) - len(ending(path))]
    printable = "".join(c if c.isprintable() else "_" for c in stem) or "film"
    return printable.encode()[: MAX_NAME_BYTES - _ROOM_BYTES].decode(errors="ignore")
