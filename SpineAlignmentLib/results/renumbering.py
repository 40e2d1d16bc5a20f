"""Levels put right by a person: a run of vertebrae takes the names of its neighbors."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.measurement.landmarks import CENTERS, CORNERS, INDEX, PRESACRAL_LEVELS, VERTEBRAE
from SpineAlignmentLib.measurement.vertebrae import LEVELS, all_corners
from SpineAlignmentLib.results.annotation import (
    LOW_CONFIDENCE,
    NUMBERING_WARNING,
    Annotation,
    no_confidence,
    no_points,
    without_warnings,
)
from SpineAlignmentLib.results.numbering import Numbering
from SpineAlignmentLib.results.vertebrae import no_vertebra_confidence, no_vertebrae

FloatArray = NDArray[np.float64]

_KEPT = tuple(name for name in INDEX if name.split("_")[0] in ("S1", "FH") or name == "C2_D")
"""Landmarks that are known by their look, not by counting."""


def shifted(annotation: Annotation, by: int, first: str = VERTEBRAE[0], last: str = VERTEBRAE[-1]) -> Annotation:
    """The same bodies under other names.

    Corners and center of a body go along with it. A body whose new name is beyond C2 or L6, or is that of a body
    outside of the run, loses the other's place: of two bodies with one name the one that a person moved is meant.
    Sacrum, femoral heads and dens stay.

    Args:
        annotation: the landmarks, with the corners of as many vertebrae as are known.
        by: 1 when each body is one level lower than it is called (T4 becomes T5), -1 when it is one higher.
        first: the highest level that is renamed.
        last: the lowest one.

    Raises:
        ResultError: unknown levels, or none of them is on the film.
    """
    if first not in VERTEBRAE or last not in VERTEBRAE or VERTEBRAE.index(first) > VERTEBRAE.index(last):
        raise ResultError(f"{annotation.film}: no levels from {first} to {last}")
    corners = all_corners(annotation.vertebrae_px, annotation.points_px)[: len(VERTEBRAE)]
    centers = _centers(annotation, corners)
    run = range(VERTEBRAE.index(first), VERTEBRAE.index(last) + 1)
    if not np.isfinite(centers[list(run)]).any():
        raise ResultError(f"{annotation.film}: no vertebra from {first} to {last} is known yet")
    source = _sources(run, by, np.isfinite(centers).all(axis=1))
    taken = np.array([-1 if row is None else row for row in source])
    known = taken >= 0
    new_corners, new_centers, sure = no_vertebrae(), np.full((len(VERTEBRAE), 2), np.nan), no_vertebra_confidence()
    new_corners[known], new_centers[known] = corners[taken[known]], centers[taken[known]]
    body_sure = _confidence(annotation)
    sure[known] = body_sure[taken[known]]
    points, confidence = _landmarks(annotation, source, new_corners, new_centers, sure)
    return replace(
        annotation.changed(),
        points_px=points,
        confidence=confidence,
        deviation_px=_deviations(annotation, source),
        vertebrae_px=new_corners,
        vertebrae_confidence=sure,
        numbering=_counted(new_centers, np.isfinite(points[INDEX["S1_P"]]).all()),
        reviewed=annotation.reviewed_at(points),
        warnings=without_warnings(annotation.warnings, NUMBERING_WARNING),
    )


def dropped_text(annotation: Annotation, by: int, first: str, last: str) -> str:
    """What is to be said of the body that `shifted` leaves without a name; "" where every one keeps one."""
    known = np.isin(VERTEBRAE, levels_found(annotation))
    named = _sources(range(VERTEBRAE.index(first), VERTEBRAE.index(last) + 1), by, known)
    gone = ", ".join(VERTEBRAE[row] for row in np.flatnonzero(known) if row not in named)
    said = f"{gone}: the vertebra called so until now has no name any more and is left out; Undo brings it back"
    return said if gone else ""


def levels_found(annotation: Annotation) -> tuple[str, ...]:
    """The vertebrae of which the center or corners are known, from above."""
    corners = all_corners(annotation.vertebrae_px, annotation.points_px)[: len(VERTEBRAE)]
    there = np.isfinite(_centers(annotation, corners)).all(axis=1)
    return tuple(level for level, known in zip(VERTEBRAE, there, strict=True) if known)


def counted_text(annotation: Annotation) -> str:
    """How many vertebrae there are, and how sure that is, as a person reads it; "" where none is known."""
    there, numbering = levels_found(annotation), annotation.numbering
    if not there:
        return ""
    text = f"{len(there)} vertebrae, {there[0]} to {there[-1]}"
    if numbering is None:
        return text
    if numbering.count is not None:
        text += f"; {numbering.count} above the sacrum with C1"
    if numbering.sure == 1.0:
        return f"{text}; named by hand"
    doubt = ", not sure" if numbering.sure < LOW_CONFIDENCE else ""
    return f"{text}; right at {max(1, min(99, round(100 * numbering.sure)))} %{doubt}"


def same_body(before: Annotation, level: str, after: Annotation) -> str:
    """What a vertebra is called now that vertebrae have other names: whose center is where its own was.

    Args:
        before: the film until now.
        level: one of `measurement.vertebrae.LEVELS` on it.
        after: the film with its other names.

    Returns:
        Its level, "" when it has none any more.
    """
    centers = level_centers(before)
    away = np.hypot(*(level_centers(after) - centers[LEVELS.index(level)]).T)
    if np.isnan(away).all():
        return ""
    apart = np.hypot(*np.diff(centers[np.isfinite(centers).all(axis=1)], axis=0).T)
    nearest = int(np.nanargmin(away))
    return LEVELS[nearest] if not len(apart) or away[nearest] < np.median(apart) / 2 else ""


def renumbered_text(before: Annotation, after: Annotation) -> str:
    """What another numbering changes, in one line: the count, names that come and go, and landmarks."""
    counts = [None if film.numbering is None else film.numbering.count for film in (before, after)]
    was, now = levels_found(before), levels_found(after)
    added, gone = ([name for name in one if name not in other] for one, other in ((now, was), (was, now)))
    same = np.isclose(before.points_px, after.points_px, rtol=0, atol=0.01, equal_nan=True).all(axis=1)
    moved = np.count_nonzero(~same)
    texts = [
        f"counted {counts[1]} presacral vertebrae" + (f" instead of {counts[0]}" if counts[0] else "")
        if counts[1] and counts[0] != counts[1]
        else "",
        f"{', '.join(added)} added" if added else "",
        f"{', '.join(gone)} left out" if gone else "",
        f"{moved} landmarks move" if moved else "no landmark moves",
    ]
    return "; ".join(filter(None, texts))


def center_of(annotation: Annotation, level: str) -> FloatArray:
    """One of `level_centers`.

    Raises:
        ValueError: an unknown level.
    """
    return np.asarray(level_centers(annotation)[LEVELS.index(level)])


def level_centers(annotation: Annotation) -> FloatArray:
    """The middles of the vertebrae and of the sacral endplate, film pixels (25, 2), in the order of
    `measurement.vertebrae.LEVELS`; NaN where it is not known."""
    corners = all_corners(annotation.vertebrae_px, annotation.points_px)
    return np.vstack([_centers(annotation, corners[:-1]), corners[-1, :2].mean(axis=0)])


def _centers(annotation: Annotation, corners: FloatArray) -> FloatArray:
    """Shape (24, 2): center landmarks, and the middle of the corners where there is none."""
    out = np.asarray(corners.mean(axis=1))
    marked = annotation.points_px[[INDEX[name] for name in CENTERS]]
    known = np.isfinite(marked).all(axis=1)
    out[: len(CENTERS)][known] = marked[known]
    return out


def _confidence(annotation: Annotation) -> FloatArray:
    """Shape (24,): of a body, by its corners or else its center."""
    out = annotation.vertebrae_confidence.copy()
    marked = annotation.confidence[[INDEX[name] for name in CENTERS]]
    out[: len(CENTERS)] = np.where(np.isnan(out[: len(CENTERS)]), marked, out[: len(CENTERS)])
    return out


def _sources(run: range, by: int, known: NDArray[np.bool_]) -> list[int | None]:
    """For each level the row of the body that has its name now; None when no body has it."""
    source: list[int | None] = [row if known[row] and row not in run else None for row in range(len(VERTEBRAE))]
    for row in run:
        if known[row] and 0 <= row + by < len(VERTEBRAE):
            source[row + by] = row
    return source


def _landmarks(
    annotation: Annotation, source: list[int | None], corners: FloatArray, centers: FloatArray, sure: FloatArray
) -> tuple[FloatArray, FloatArray]:
    points, confidence = no_points(), no_confidence()
    for name in _KEPT:
        row = INDEX[name]
        points[row], confidence[row] = annotation.points_px[row], annotation.confidence[row]
    for body, level in enumerate(PRESACRAL_LEVELS):
        own = {f"{level}_C": centers[body]} | {
            f"{level}_{corner}": corners[body, i] for i, corner in enumerate(CORNERS) if f"{level}_{corner}" in INDEX
        }
        for name, place in own.items():
            points[INDEX[name]] = place
            confidence[INDEX[name]] = _sure_of(annotation, name, source[body], place, sure[body])
    return points, confidence


def _sure_of(annotation: Annotation, name: str, row: int | None, place: FloatArray, body: float) -> float:
    """That of the landmark at the same place before, of the body where there was none."""
    if row is None or not np.isfinite(place).all():
        return np.nan
    before = INDEX.get(f"{VERTEBRAE[row]}_{name.rsplit('_', 1)[1]}")
    known = before is not None and np.isfinite(annotation.points_px[before]).all()
    return float(annotation.confidence[before]) if known else float(body)


def _deviations(annotation: Annotation, source: list[int | None]) -> FloatArray:
    """Shape (45,): that of the same corner before, of the body's center where that was no landmark."""
    out = annotation.deviation_px.copy()
    for name, row in INDEX.items():
        level, _, part = name.partition("_")
        if name in _KEPT or level not in VERTEBRAE:
            continue
        body = source[VERTEBRAE.index(level)]
        before = [] if body is None else [INDEX.get(f"{VERTEBRAE[body]}_{which}") for which in (part, "C")]
        out[row] = next((annotation.deviation_px[k] for k in before if k is not None), np.nan)
    return out


def _counted(centers: FloatArray, sacrum: bool) -> Numbering | None:
    """What a person says is not in doubt."""
    there = np.flatnonzero(np.isfinite(centers).all(axis=1))
    if not len(there):
        return None
    # C1, which is not among them, counts
    count = int(there[-1]) + 2 if sacrum and there[0] == 0 else None
    return Numbering(count, (VERTEBRAE[there[0]], VERTEBRAE[there[-1]]), 1.0)
