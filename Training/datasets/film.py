"""One annotated film of a data set, whatever format it came from: the library's annotation, and whose film it is."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.clinical.constants import AGE_LIMITS
from SpineAlignmentLib.errors import ResultError, SpineAlignmentError
from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.result_file import read_annotation
from Training.datasets.film_files import content_of, find_picture
from Training.datasets.patients import patient_code

FloatArray = NDArray[np.float64]
T = TypeVar("T")
U = TypeVar("U")

_SIMULATED_CATEGORIES: Final[tuple[str, ...]] = ("scoliosis", "kyphosis", "implants")
"""The groups of Yeh 2021, as the metadata of simulated films names them."""

_ENDPLATES: Final[tuple[tuple[str, str], ...]] = (
    *(("S1_A", "S1_P"), ("L4_AS", "L4_PS"), ("L1_AS", "L1_PS"), ("T12_AI", "T12_PI"), ("T5_AS", "T5_PS")),
    *(("T5_AI", "T5_PI"), ("T1_AS", "T1_PS"), ("C7_AI", "C7_PI"), ("C2_AI", "C2_PI")),
)


@dataclass(frozen=True)
class AnnotatedFilm:
    """A film and the landmarks marked on it."""

    name: str
    """Unique within its set: the annotation's name without ending, with its folders where others have that name."""
    annotation: Annotation
    picture: Path | None = None
    """The film itself; None where only landmarks are known."""
    place: str = ""
    """The annotation's file within its set, folders included, without ending; empty where there is none."""
    owner: str = ""
    """The patient as the film's own file codes them; empty where it names none."""

    @property
    def points(self) -> FloatArray:
        """(45, 2) film pixels, NaN where not labeled."""
        return self.annotation.points_px

    @property
    def labeled(self) -> NDArray[np.bool_]:
        """(45,) mask of the landmarks that carry a label."""
        return np.asarray(np.isfinite(self.points).all(axis=1))

    @property
    def patient(self) -> str:
        """Whose film it is, a code and never a name: films of one patient never part in a split."""
        return self.owner or str(self.annotation.extra.get("patient") or self.name)

    def check_size(self, size_px: tuple[int, int]) -> None:
        """Refuse landmarks of a film of another size, as of one that was made smaller after it was annotated.

        Args:
            size_px: (width, height) of the film as it was read.

        Raises:
            ResultError: the annotation says that its film has another one.
        """
        known = self.annotation.size_px
        if known not in ((0, 0), size_px):
            raise ResultError(
                f"{self.picture}: {size_px[0]} x {size_px[1]} pixels, but its annotation is of a film of "
                f"{known[0]} x {known[1]}; put that film there"
            )

    @property
    def category(self) -> str:
        """Diagnosis group for stratified splits, of simulated films what was simulated; empty where unknown."""
        given = self.annotation.extra.get("category")
        simulated = self.annotation.extra.get("simulation")
        if given or not isinstance(simulated, dict):
            return str(given or "")
        return "+".join(name for name in _SIMULATED_CATEGORIES if simulated.get(name)) or "plain"

    @property
    def age(self) -> float:
        """Years; NaN where unknown."""
        simulated = self.annotation.extra.get("simulation")
        value: Any = self.annotation.extra.get("age")
        if value is None and isinstance(simulated, dict):
            value = simulated.get("age")
        return float(value) if isinstance(value, int | float) else float("nan")


def anterior_from_points(points: FloatArray) -> str | None:
    """The side the patient faces, by majority: anterior corners lie anterior of posterior ones.

    Args:
        points: (45, 2) film pixels, NaN where not labeled.

    Returns:
        "left" or "right"; None where no endplate is labeled at both ends, or as many say one side as the other.
    """
    reach = np.array([points[INDEX[a], 0] - points[INDEX[p], 0] for a, p in _ENDPLATES])
    balance = np.sign(reach[np.isfinite(reach)]).sum()
    return None if balance == 0 else ("left" if balance < 0 else "right")


def read_project_film(path: Path, root: Path | None = None) -> AnnotatedFilm:
    """A film from the project's own annotation or result file.

    Args:
        path: of the annotation.
        root: the folder of its set.

    Raises:
        ResultError: the file cannot be read or is not such a file.
    """
    annotation = read_annotation(path)
    age = annotation.extra.get("age")
    low, high = AGE_LIMITS
    if age is not None and (not isinstance(age, int | float) or isinstance(age, bool) or not low <= age <= high):
        # read as unknown, a child's would be that of an adult
        raise ResultError(f"{path}: age is a number of years, not {age!r}; mend it or take it out")
    near = (path.parent.parent / "films", path.parent.parent / "images", path.parent.parent)
    picture = find_picture(path.parent, path.stem, annotation.film, near, annotation.film_sha256)
    owner = patient_code(picture) if picture else ""
    return AnnotatedFilm(path.stem, annotation, picture, place_of(path, root), owner)


def place_of(path: Path, root: Path | None) -> str:
    """An annotation's file within its set, without ending."""
    inside = path.relative_to(root) if root is not None and path != root else Path(path.name)
    return inside.as_posix().removesuffix(".fcsv").removesuffix(".json").removesuffix(".mrk")


def named_apart(films: Sequence[AnnotatedFilm]) -> list[AnnotatedFilm]:
    """The films of a set with names that differ: those that share one are called by their folders as well.

    Copies of one film whose patient nobody states become films of one patient.
    """
    count = Counter(film.name for film in films)
    apart = [replace(f, name=f.place) if f.place and count[f.name] > 1 else f for f in films]
    sizes = Counter(film.picture.stat().st_size for film in apart if film.picture)
    first: dict[str, str] = {}
    out = []
    for film in apart:
        stated = film.owner or film.annotation.extra.get("patient")
        if not stated and film.picture and sizes[film.picture.stat().st_size] > 1:
            film = replace(film, owner=first.setdefault(content_of(film.picture), film.name))
        out.append(film)
    return out


def called_as(others: Sequence[AnnotatedFilm], films: Sequence[AnnotatedFilm]) -> tuple[list[AnnotatedFilm], list[str]]:
    """Further annotations of films under the films' names: matched by content where both know it, else by name.

    Args:
        others: results or another reader's annotations; those of none of the films keep their name.
        films: the films.

    Returns:
        The annotations, and a line for each that shares its name with a film of another content; it is left out.
    """
    contents = {film.name: _content(film) for film in films}
    names = {content: name for name, content in contents.items() if content}
    matched, problems = [], []
    for other in others:
        content = _content(other)
        if content in names:
            matched.append(replace(other, name=names[content]))
        elif content and contents.get(other.name):
            problems.append(f"{other.place or other.name}: of another film than the one called {other.name} here")
        else:
            matched.append(other)
    return matched, problems


def _content(film: AnnotatedFilm) -> str:
    return film.annotation.film_sha256 or (content_of(film.picture) if film.picture else "")


def each(items: Iterable[T], read: Callable[[T], U | list[U]]) -> tuple[list[U], list[str]]:
    """Films, or what is said of them, of many files; what cannot be read is told in the second list and stops no other.

    Args:
        items: files, or what was read from them.
        read: makes one or several of an item.
    """
    films: list[U] = []
    problems: list[str] = []
    for item in items:
        try:
            found = read(item)
            films += found if isinstance(found, list) else [found]
        except (SpineAlignmentError, OSError, ValueError) as error:
            problems.append(str(error))
    return films, problems
