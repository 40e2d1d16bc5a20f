"""Which files of a folder may be films, and what the results of each are called."""

from pathlib import Path
from typing import Final

from SpineAlignmentLib.results.store import Source

FILM_ENDINGS: Final[tuple[str, ...]] = (
    ".dcm", ".dicom", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".nrrd", ".nhdr", ".mha", ".mhd", ".nii", ".nii.gz", "",
)  # fmt: skip
"""Endings of film files; DICOM files often have none."""


def film_files(folder: Path, output: Path | None = None) -> list[Path]:
    """The files in a folder and its subfolders that may be films, in order; links that lead nowhere are among them.

    Args:
        folder: where to look.
        output: a folder of earlier results; the pictures there are no films.
    """
    return sorted(
        path
        for path in folder.rglob("*")
        if (path.is_file() or _leads_nowhere(path))
        and not path.name.startswith(".")
        and path.name.upper() != "DICOMDIR"
        and ending(path) in FILM_ENDINGS
        and not (path.parent == output and path.with_name(f"{path.stem}.mrk.json").exists())
        and (ending(path) or _is_image(path))
    )


def ending(path: Path) -> str:
    """The ending of a file's name in lower case; a number after a point, as in DICOM UIDs, is none."""
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower() if not path.suffix[1:].isdigit() else ""


def film_sources(place: Path, output: Path | None = None) -> list[Source]:
    """The films of a folder, or the one file that `place` is; see `film_files`."""
    if not place.is_dir():
        return [Source(place, _readable(place.name))]
    return [Source(path, _readable(path.relative_to(place).as_posix())) for path in film_files(place, output)]


def stem_of(path: Path) -> str:
    """What the results of a film are called: its file's name without the ending."""
    stem = path.name[: -len(ending(path))] if ending(path) else path.name
    return "".join(c if c.isprintable() else "_" for c in stem) or "film"


def _readable(name: str) -> str:
    """A name whose bytes are no text, as text."""
    return name.encode(errors="backslashreplace").decode()


def _leads_nowhere(path: Path) -> bool:
    return path.is_symlink() and not path.exists()


def _is_image(path: Path) -> bool:
    """Whether a file without an ending is one that can be read; unreadable files count, so that they are reported."""
    from SpineAlignmentLib.film.reading import reader_of

    try:
        with path.open("rb") as stream:
            head = stream.read(512)
    except OSError:
        return True
    return reader_of(head) is not None
