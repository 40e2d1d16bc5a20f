"""Which files of a folder may be films, and how the results of each are named."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

FILM_ENDINGS: Final[tuple[str, ...]] = (
    ".dcm", ".dicom", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".nrrd", ".nhdr", ".mha", ".mhd", ".nii", ".nii.gz", "",
)  # fmt: skip
"""Endings of film files; DICOM files often have none."""


def film_files(folder: Path, output: Path | None = None) -> list[Path]:
    """The files in a folder and its subfolders that may be films, in order.

    Args:
        folder: where to look.
        output: a folder of earlier results; pictures and DICOM results there are no films.
    """
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not path.name.startswith(".")
        and path.name.upper() != "DICOMDIR"
        and ending(path) in FILM_ENDINGS
        and not (path.parent == output and _is_result(path))
        and (ending(path) or _is_image(path))
    )


def _is_result(path: Path) -> bool:
    """Whether a file in a folder of results is one of them: the picture, or a DICOM result."""
    stem = path.name
    for result in (".png", ".sr.dcm", ".gsps.dcm"):
        stem = stem.removesuffix(result)
    return path.with_name(f"{stem}.mrk.json").exists() or path.with_name(f"{path.stem}.mrk.json").exists()


def ending(path: Path) -> str:
    """The ending of a file's name in lower case; a number after a point, as in DICOM UIDs, is none."""
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower() if not path.suffix[1:].isdigit() else ""


def result_names(files: Sequence[Path]) -> list[str]:
    """A name for the results of each film: its file's without the ending; numbered where two would be the same."""
    taken: set[str] = set()
    names = []
    for path in files:
        stem = path.name[: -len(ending(path))] if ending(path) else path.name
        name, number = stem, 1
        while name in taken:
            number += 1
            name = f"{stem}_{number}"
        taken.add(name)
        names.append(name)
    return names


def _is_image(path: Path) -> bool:
    """Whether a file without an ending is one that can be read; unreadable files count, so that they are reported."""
    from SpineAlignmentLib.film.reading import reader_of

    try:
        with path.open("rb") as stream:
            head = stream.read(512)
    except OSError:
        return True
    return reader_of(head) is not None
