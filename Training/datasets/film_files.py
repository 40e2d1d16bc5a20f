"""Which file is the film that landmarks were placed on: known by its content, else by its place, never by chance.

Hospitals number the films of every patient alike, so that a name alone may be that of another patient's film. An
annotation that knows its film's content (`film_sha256`) gets the file with that content, however it is called and
wherever it lies now. One that does not gets the file of the name it gives: the only one, unless both lie in subfolders
of different names, or of several the one in the folder that mirrors its own. What that does not decide is refused.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

from SpineAlignmentLib.errors import FilmError, ResultError
from SpineAlignmentLib.film.paths import FILM_ENDINGS, ending, film_files, stem_of
from SpineAlignmentLib.film.reading import film_fingerprint
from SpineAlignmentLib.results.annotation import Annotation

_SHOWN: Final[int] = 4
"""Candidates that a refusal lists."""


@dataclass
class FilmFiles:
    """The film files below a folder."""

    root: Path
    _all: list[Path] = field(init=False)
    _named: dict[str, list[Path]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._all = film_files(self.root)
        for path in self._all:
            for name in {path.name, stem_of(path)}:
                self._named.setdefault(name, []).append(path)

    def find(self, annotation: Annotation, place: Path) -> Path:
        """The film of an annotation.

        Args:
            annotation: the landmarks.
            place: the annotation's file relative to its folder, without its ending.

        Raises:
            ResultError: there is no such film, or more than one may be it.
        """
        named = self._named.get(annotation.film) or self._named.get(place.name) or []
        if annotation.film_sha256:
            return self._same_content(annotation, named, place)
        if not named:
            raise ResultError(f"{self.root}: has no film for the annotation {place.as_posix()}")
        if (len(named) == 1 or one_content(named)) and any(self._may_belong(path, place) for path in named):
            return named[0]
        mirrored = [p for p in named if p.parent == self.root / place.parent and stem_of(p) == place.name]
        if len(mirrored) == 1:
            return mirrored[0]
        raise ResultError(
            f"{place.as_posix()}: its film may be {listed(named)} or another; let its folder mirror that of its film, "
            "or detect the film again: results then know their film's content"
        )

    def _may_belong(self, film: Path, place: Path) -> bool:
        """Whether folders do not speak against it: they are the same, or one of both lies in no subfolder."""
        folder = film.parent.relative_to(self.root)
        return Path() in (folder, place.parent) or folder == place.parent

    def _same_content(self, annotation: Annotation, named: Sequence[Path], place: Path) -> Path:
        found = with_content(annotation.film_sha256, named) or with_content(annotation.film_sha256, self._all)
        if found is not None:
            return found
        others = f"; {listed(named)} has another content" if named else ""
        raise ResultError(f"{self.root}: has no film with the content that {place.as_posix()} was placed on{others}")


def with_content(sha256: str, paths: Iterable[Path]) -> Path | None:
    """The first of the files that has this content."""
    return next((path for path in paths if content_of(path) == sha256), None)


def one_content(paths: Iterable[Path]) -> bool:
    """Whether the files are copies of one film."""
    contents = {content_of(path) for path in paths}
    return len(contents) == 1 and contents != {""}


def content_of(path: Path) -> str:
    """SHA-256 of a film's content; empty where it cannot be told."""
    try:
        known = path.stat()
        return _content(path, known.st_size, known.st_mtime_ns)
    except (OSError, FilmError):
        return ""


@lru_cache(maxsize=1 << 16)
def _content(path: Path, _size: int, _modified: int) -> str:
    return film_fingerprint(path)


def listed(paths: Sequence[Path]) -> str:
    """Files in a line of text."""
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ", ".join(str(path) for path in paths[:_SHOWN]) + more


def find_picture(folder: Path, stem: str, film: str = "", extra: Iterable[Path] = (), sha256: str = "") -> Path | None:
    """The picture of an annotation in its folder or, when it is not there, in further ones.

    Args:
        folder: of the annotation.
        stem: of the annotation's file.
        film: the file that it names, perhaps with folders.
        extra: further folders.
        sha256: the film's content, where the annotation knows it; a file of another content is not its film.
    """
    places = [place for place in dict.fromkeys((folder, *extra)) if place.is_dir()]
    names = [film, Path(film).name] if film else []
    names += [f"{stem}{ending}" for ending in FILM_ENDINGS]
    named = [place / name for place in places for name in names if (place / name).is_file()]
    if not sha256:
        return named[0] if named else None
    films = (path for place in places for path in sorted(place.iterdir()) if is_picture(path))
    return with_content(sha256, named) or with_content(sha256, films)


def is_picture(path: Path) -> bool:
    """Whether a file's name says that it is a film."""
    return ending(path) in FILM_ENDINGS and path.is_file()
