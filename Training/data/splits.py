"""Which films train, test and compare readers: by patient, never by film.

The scheme of Yeh 2021: children are set aside; of the adults' films some are drawn for the test set and some of those
for the comparison of readers; the others form five folds. Drawn within each category, the same from the same seed.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.results.result_file import read_json
from Training.datasets import AnnotatedFilm

ADULT_AGE: Final[float] = 18.0


def split_films(
    films: Sequence[AnnotatedFilm], test: float = 0.2, readers: int = 0, folds: int = 5, seed: int = 0
) -> dict[str, Any]:
    """Assign every film to one set.

    Args:
        films: annotated films, with patient, category and, where known, age.
        test: share of the adult patients that form the test set, rounded up within each category.
        readers: how many films of the test set, one a patient, are for the comparison of readers.
        folds: number of cross-validation folds of the other patients.
        seed: of the draw.

    Returns:
        What the split file holds: "children", "test", "readers" (a part of "test") and "folds", lists of film names.

    Raises:
        ResultError: fewer patients than folds, or more films for readers than the test set has patients.
    """
    if not 0 <= test < 1 or folds < 2 or min(readers, seed) < 0:
        raise ResultError("a split needs a test share from 0 to below 1, at least 2 folds and no negative numbers")
    rng = np.random.default_rng(seed)
    by_patient: dict[str, list[AnnotatedFilm]] = defaultdict(list)
    for film in sorted(films, key=lambda f: f.name):
        by_patient[film.patient].append(film)
    children = {p for p, group in by_patient.items() if any(f.age < ADULT_AGE for f in group)}
    strata: dict[str, list[str]] = defaultdict(list)
    for patient, group in by_patient.items():
        if patient not in children:
            strata[min(f.category for f in group)].append(patient)
    tested: list[str] = []
    fold_of: dict[str, int] = {}
    for category in sorted(strata):
        order = [strata[category][i] for i in rng.permutation(len(strata[category]))]
        count = int(np.ceil(test * len(order) - 1e-9))
        tested += order[:count]
        # the next fold in turn goes on over categories, so that small ones do not all fall into the first folds
        for patient in order[count:]:
            fold_of[patient] = len(fold_of) % folds
    if len(fold_of) < folds:
        raise ResultError(f"{len(fold_of)} patients are left for {folds} folds; give more films or fewer folds")
    if readers > len(tested):
        raise ResultError(f"{readers} films for readers, but the test set has {len(tested)} patients; raise its share")
    compared = [tested[i] for i in sorted(rng.permutation(len(tested))[:readers])]

    def names(patients: Sequence[str] | set[str]) -> list[str]:
        return sorted(f.name for p in patients for f in by_patient[p])

    return {
        "seed": seed,
        "children": names(children),
        "test": names(tested),
        "readers": sorted(by_patient[p][0].name for p in compared),
        "folds": [names([p for p, fold in fold_of.items() if fold == i]) for i in range(folds)],
    }


def read_split(path: str | Path, part: str) -> set[str]:
    """Names of the films of one part of a split file: "test", "readers", "children", "fold0" ... or "training".

    "training" is all folds together; "training-0" all but fold 0.

    Raises:
        ResultError: the file is not a split file, or has no such part.
    """
    content = read_json(Path(path))
    try:
        folds = [set(fold) for fold in content["folds"]]
        # by name: a number that no fold has must not count from the end, or leave nothing out
        parts: dict[str, set[str]] = {"training": set().union(*folds)}
        for i, fold in enumerate(folds):
            parts |= {f"fold{i}": fold, f"training-{i}": set().union(*folds[:i], *folds[i + 1 :])}
        return parts[part] if part in parts else set(content[part])
    except (KeyError, TypeError) as error:
        known = "children, test, readers, foldN, training, training-N"
        raise ResultError(f"{path}: has no part {part!r}; known are {known}") from error


def summary(split: dict[str, Any]) -> str:
    """One line on how many films each part has."""
    folds = ", ".join(str(len(fold)) for fold in split["folds"])
    counts = ", ".join(f"{part} {len(split[part])}" for part in ("children", "test", "readers"))
    return f"films: {counts}, folds {folds}"
