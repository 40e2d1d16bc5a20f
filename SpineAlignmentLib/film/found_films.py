"""The films that a user names: files, folders, a DICOMDIR, zip files of films. Nothing is left out without a word."""

import errno
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from SpineAlignmentLib.film.checks import MAX_UNPACKED
from SpineAlignmentLib.film.paths import is_candidate, split_files
from SpineAlignmentLib.private_folder import UNPACKED, PrivateFolder
from SpineAlignmentLib.results.files import readable
from SpineAlignmentLib.results.store import Source

_ZIP: Final[bytes] = b"PK\x03\x04"
_FULL: Final[tuple[int, ...]] = (errno.ENOSPC, errno.EDQUOT)


@dataclass
class FoundFilms:
    """Films, and what else was there."""

    films: dict[str, Source] = field(default_factory=dict)
    """By their place, so that none is there twice."""
    notes: list[str] = field(default_factory=list)
    """How many files were no films, a line each place."""
    problems: list[str] = field(default_factory=list)
    """What is named and cannot be found or opened, a line each."""

    def add(self, source: Source) -> None:
        """Put a film to the others."""
        self.films.setdefault(source.place, source)


@contextmanager
def found_films(places: Sequence[Path], output: Path | None = None) -> Iterator[FoundFilms]:
    """The films that files and folders stand for; films from zip files are there until the context is left.

    Args:
        places: files, folders, DICOMDIR files and zip files.
        output: a folder of earlier results, which are no films.
    """
    found = FoundFilms()
    with closing(PrivateFolder(UNPACKED)) as folder:
        for place in places:
            if place.is_dir():
                _look_into(place, output, folder, found)
            elif place.name.upper() == "DICOMDIR" and place.is_file():
                _follow(place, found)
            elif is_zip(place):
                _unpack(place, folder, found, readable(place.name))
            else:
                found.add(Source(place, readable(place.name)))
        yield found


def is_zip(path: Path) -> bool:
    """Whether a file is a zip file."""
    try:
        # a pipe would keep its reader waiting
        if not path.is_file():
            return False
        with path.open("rb") as stream:
            return stream.read(4) == _ZIP
    except OSError:
        return False


def _look_into(place: Path, output: Path | None, room: PrivateFolder, found: FoundFilms) -> None:
    films, others = split_files(place, output)
    for path in films:
        found.add(Source(path, readable(path.relative_to(place).as_posix())))
    packed = [path for path in others if path.suffix.lower() == ".zip" and is_zip(path)]
    for path in packed:
        _unpack(path, room, found, readable(path.relative_to(place).as_posix()))
    if not films and not packed:
        found.problems.append(f"{place}: no films in this folder")
    rest = [path for path in others if path not in packed]
    if rest:
        found.notes.append(f"{place}: {_counted(len(rest))}: {_kinds(rest)}")


def _counted(count: int) -> str:
    return "1 file was no film" if count == 1 else f"{count} files were no films"


def _kinds(files: Sequence[Path]) -> str:
    """Endings of files and how many have each, the most frequent first."""
    kinds: dict[str, int] = {}
    for path in files:
        kind = path.suffix.lower() if 1 < len(path.suffix) <= 8 and path.suffix[1:].isalnum() else "other"
        kinds[kind] = kinds.get(kind, 0) + 1
    ranked = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {kind}" for kind, count in ranked[:6]) + (", ..." if len(ranked) > 6 else "")


def _follow(directory: Path, found: FoundFilms) -> None:
    """The files that a DICOMDIR lists; PS3.10 8, PS3.3 F.3."""
    import pydicom

    from SpineAlignmentLib.film.dicom_dataset import values

    try:
        records = list(pydicom.dcmread(directory, force=True).get("DirectoryRecordSequence") or [])
    # pydicom raises whatever it happens on in a damaged file
    except Exception:
        records = []
    parts = [values(record, "ReferencedFileID") for record in records]
    listed = [names for names in parts if names]
    if not listed:
        found.problems.append(f"{directory}: no files are listed in this DICOMDIR; name the folder instead")
    missing = 0
    for names in listed:
        path = _beside(directory.parent, names)
        if path is None:
            missing += 1
        elif is_candidate(path):
            found.add(Source(path, "/".join(names)))
    if missing:
        found.problems.append(f"{directory}: {missing} of {len(listed)} files that it lists are not there")


def _beside(folder: Path, names: Sequence[str]) -> Path | None:
    """A file by the names of its folders and its own; media are often copied in lower case."""
    for name in names:
        options = [folder / name, folder / name.lower()]
        folder = next((path for path in options if path.exists()), options[0])
    return folder if folder.is_file() else None


def _unpack(path: Path, room: PrivateFolder, found: FoundFilms, shown: str) -> None:
    """The films in a zip file, each unpacked under its own name into a folder of its own."""
    rest = 0
    before = len(found.films)
    try:
        with zipfile.ZipFile(path) as packed:
            for member in packed.infolist():
                name = member.filename.replace("\\", "/").rsplit("/", 1)[-1]
                if member.is_dir() or not name:
                    continue
                if name.startswith(".") or member.file_size > MAX_UNPACKED:
                    rest += 1
                    continue
                place = room.new() / name.encode()[-200:].decode(errors="ignore")
                _copy(packed, member, place)
                if is_candidate(place):
                    found.add(Source(place, f"{shown}/{readable(member.filename)}", path / member.filename))
                else:
                    place.unlink()
                    rest += 1
    # a member may be locked, damaged, or packed in a way that is not supported; each way of packing has its own errors
    except Exception as error:
        found.problems.append(f"{path}: {_why_not(error)}")
        return
    if len(found.films) == before:
        found.problems.append(f"{path}: no films in this zip file")
    if rest:
        found.notes.append(f"{path}: {_counted(rest)}")


def _copy(packed: zipfile.ZipFile, member: zipfile.ZipInfo, place: Path) -> None:
    """A file of a zip file, whole or not at all."""
    try:
        with packed.open(member) as stream, place.open("wb") as copy:
            shutil.copyfileobj(stream, copy)
    except BaseException:
        place.unlink(missing_ok=True)
        raise


def _why_not(error: Exception) -> str:
    """Why a zip file cannot be unpacked, and what to do."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return f"cannot be unpacked: no space left in {tempfile.gettempdir()}; TMPDIR names another folder"
    locked = "locked by a password" if "password" in str(error) else "damaged, or of a kind that cannot be unpacked"
    return f"this zip file is {locked}; unpack it and name the folder"
