"""One annotated film of a data set, whatever format it came from: the library's annotation, and whose film it is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.errors import SpineAlignmentError
from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.result_file import read_annotation

FloatArray = NDArray[np.float64]
T = TypeVar("T")

PICTURE_SUFFIXES: Final[tuple[str, ...]] = (
    *(".dcm", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".nrrd", ".mha", ".nii", ".nii.gz"),
)

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
    """Unique within its set; the stem of the files written for it."""
    annotation: Annotation
    picture: Path | None = None
    """The film itself; None where only landmarks are known."""

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
        return str(self.annotation.extra.get("patient") or self.name)

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


def find_picture(folder: Path, stem: str, film: str = "", extra: Iterable[Path] = ()) -> Path | None:
    """The picture of an annotation: the file it names, else one with its stem, in its folder or further ones."""
    for place in (folder, *extra):
        names = [Path(film).name] if film else []
        names += [f"{stem}{suffix}" for suffix in PICTURE_SUFFIXES]
        for name in names:
            if (place / name).is_file():
                return place / name
    return None


def read_project_film(path: Path) -> AnnotatedFilm:
    """A film from the project's own annotation or result file.

    Raises:
        ResultError: the file cannot be read or is not such a file.
    """
    annotation = read_annotation(path)
    near = (path.parent.parent / "films", path.parent.parent / "images", path.parent.parent)
    return AnnotatedFilm(path.stem, annotation, find_picture(path.parent, path.stem, annotation.film, near))


def each(
    items: Iterable[T], read: Callable[[T], AnnotatedFilm | list[AnnotatedFilm]]
) -> tuple[list[AnnotatedFilm], list[str]]:
    """Films of many files; one that cannot be read is told in the second list and does not stop the others."""
    films: list[AnnotatedFilm] = []
    problems: list[str] = []
    for item in items:
        try:
            found = read(item)
            films += found if isinstance(found, list) else [found]
        except (SpineAlignmentError, OSError, ValueError) as error:
            problems.append(str(error))
    return films, problems
