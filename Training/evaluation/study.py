"""What a study is made of: films with a ground truth, and what models and readers marked on the same films."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.measurement.landmarks import COUNT
from SpineAlignmentLib.measurement.parameters import BY_KEY, KEYS, spinopelvic_parameters
from Training.datasets.film import AnnotatedFilm

FloatArray = NDArray[np.float64]

TRUTH = "Ground truth"
MODEL = "Model"


class StudyError(ValueError):
    """A study that cannot be done; the message says why and what to do."""


@dataclass(frozen=True)
class Study:
    """Films and marks, all arrays in the order of `films`."""

    films: tuple[AnnotatedFilm, ...]
    marks: dict[str, FloatArray]
    """Rater name (`TRUTH`, `MODEL`, readers) to (films, 45, 2) film pixels, NaN where not marked."""
    confidence: FloatArray | None = None
    """(films, 45) what the model says of its landmarks, 0 to 1, NaN where it says nothing."""
    given: FloatArray = field(default_factory=lambda: np.zeros((0, len(KEYS), 3)))
    """(films, 18, 3) value, lower and upper end of its interval of each parameter as the model's result gives them, in
    the order of `parameters.KEYS`; NaN where it withholds it or knows no interval."""
    notes: list[str] = field(default_factory=list)
    """What the reader of the report must know: films left out, spacing unknown, and so on."""

    @property
    def scale(self) -> FloatArray:
        """(films, 1, 2) mm of a pixel; NaN where the spacing of a film is unknown."""
        return np.array([f.annotation.spacing_mm or (np.nan, np.nan) for f in self.films], float)[:, None, :]

    @property
    def relative_scale(self) -> FloatArray:
        """(films, 1, 2) `scale`; the pixel's shape alone, (1, aspect), where the spacing of a film is unknown."""
        return np.array([f.annotation.pixel_size for f in self.films])[:, None, :]

    def errors_mm(self, rater: str = MODEL) -> FloatArray:
        """(films, 45) distance of a rater's landmarks from the ground truth, in mm."""
        offset = (self.marks[rater] - self.marks[TRUTH]) * self.scale
        return np.asarray(np.linalg.norm(offset, axis=-1))

    def parameters(self, rater: str) -> dict[str, FloatArray]:
        """The 18 parameters of a rater's landmarks, each (films,); lengths are NaN where the spacing is unknown."""
        marked = zip(self.films, self.marks[rater], strict=True)
        values = spinopelvic_parameters(np.stack([film.annotation.in_frame(points) for film, points in marked]))
        # A ratio of lengths survives an unknown spacing, a length does not.
        unknown = ~np.isfinite(self.scale[:, 0, 0])
        return {k: np.where(unknown & (BY_KEY[k].unit == "mm"), np.nan, values[k]) for k in KEYS}


def build_study(
    truth: Sequence[AnnotatedFilm],
    predictions: Sequence[AnnotatedFilm],
    readers: dict[str, Sequence[AnnotatedFilm]] | None = None,
    notes: Sequence[str] = (),
) -> Study:
    """Bring everybody's marks onto the films of the ground truth.

    Films without any label are left out, with a note; so are films that a rater has not seen, for that rater only.

    Args:
        truth: the annotated films.
        predictions: the model's landmarks, matched to the films by name.
        readers: reader name to that reader's annotations of some or all of the films.
        notes: what is already known to be said.

    Raises:
        StudyError: no film has an annotation, or none of the annotated films has a prediction.
    """
    said = list(notes)
    films = tuple(f for f in truth if f.labeled.any())
    if len(films) < len(truth):
        said.append(f"{len(truth) - len(films)} of {len(truth)} films carry no landmarks and were left out.")
    if not films:
        raise StudyError("no film has landmarks to compare with; give films with annotations")
    predicted = {f.name for f in predictions}
    missing = [f.name for f in films if f.name not in predicted]
    films = tuple(f for f in films if f.name in predicted)
    if not films:
        raise StudyError("the model has no result for any of the annotated films")
    if missing:
        said.append(f"{len(missing)} annotated films have no result of the model and were left out: {_list(missing)}.")
    marks = {TRUTH: np.stack([f.points for f in films]), MODEL: _aligned(films, predictions)}
    for name, annotations in (readers or {}).items():
        if name in marks:
            raise StudyError(f"a reader cannot be called {name!r}; rename the folder")
        marks[name] = _aligned(films, annotations)
        seen = int(np.isfinite(marks[name]).all(axis=-1).any(axis=1).sum())
        if seen < len(films):
            said.append(f"{name} marked {seen} of the {len(films)} films; pairs use the films both marked.")
    without = sum(f.annotation.spacing_mm is None for f in films)
    if without:
        said.append(f"{without} films have no pixel spacing: their distances are not computable, their angles are.")
    if len(films) < 3:
        said.append(f"With {len(films)} film(s), correlations and tests are not computable.")
    return Study(films, marks, _confidence(films, predictions), _given(films, predictions), said)


def _aligned(films: Sequence[AnnotatedFilm], annotations: Sequence[AnnotatedFilm]) -> FloatArray:
    by_name = {f.name: f.points for f in annotations}
    nothing = np.full((COUNT, 2), np.nan)
    return np.stack([by_name.get(f.name, nothing) for f in films])


def _confidence(films: Sequence[AnnotatedFilm], predictions: Sequence[AnnotatedFilm]) -> FloatArray:
    by_name = {f.name: f.annotation.confidence for f in predictions}
    return np.stack([np.asarray(by_name.get(f.name, np.full(COUNT, np.nan)), float) for f in films])


def _given(films: Sequence[AnnotatedFilm], predictions: Sequence[AnnotatedFilm]) -> FloatArray:
    by_name = {f.name: f.annotation for f in predictions}
    results = [by_name[f.name].measurements() for f in films]
    return np.array([[(one[key].value, one[key].low, one[key].high) for key in KEYS] for one in results])


def _list(names: Sequence[str], shown: int = 5) -> str:
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")
