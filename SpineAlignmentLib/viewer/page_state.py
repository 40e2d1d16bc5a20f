"""What the page shows, as plain values made from the scene; the page's template names them."""

import math
from functools import lru_cache
from typing import Any, Final

import numpy as np

from SpineAlignmentLib.clinical.norms import held_for, norm, norm_text
from SpineAlignmentLib.clinical.patient import patient_of
from SpineAlignmentLib.errors import by_hand
from SpineAlignmentLib.film.burned_in import DECLARED, SEEN
from SpineAlignmentLib.film.film import NO_SPACING
from SpineAlignmentLib.measurement.constructions import value_text
from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.measurement.parameters import PARAMETERS, Parameter
from SpineAlignmentLib.mrml.alignment import FilmAlignment
from SpineAlignmentLib.mrml.calibration import set_by_hand
from SpineAlignmentLib.results.annotation import LOW_CONFIDENCE
from SpineAlignmentLib.results.colors import GROUP_COLORS, css
from SpineAlignmentLib.results.doubts import doubts
from SpineAlignmentLib.results.measured import interval_text
from SpineAlignmentLib.results.reviewing import LOW_WARNING, reviewed

State = dict[str, Any]

SHOWN_AT_FIRST: Final[frozenset[str]] = frozenset({"PI", "PT", "SS", "LL", "SVA"})
"""The measurements that nearly every report names."""


def table() -> list[State]:
    """The 18 parameters by group: what does not change while landmarks are moved."""
    return [
        {"name": group, "color": css(color), "rows": [_row(p) for p in PARAMETERS if p.group == group]}
        for group, color in GROUP_COLORS.items()
    ]


def _row(p: Parameter) -> State:
    return {"key": p.key, "name": p.name}


def norms(alignment: FilmAlignment | None) -> State:
    """The column of norms, for the patient's age, and for whom they hold."""
    age = None if alignment is None else patient_of(alignment.annotation.extra, alignment.annotation.film).age
    return _norms(age)


@lru_cache(maxsize=256)
def _norms(age: float | None) -> State:
    texts = {p.key: norm_text(p.key, age).replace(", patients", "*") for p in PARAMETERS}
    return {"norms": texts, "norms_of": held_for(age)}


def values(alignment: FilmAlignment | None) -> dict[str, State]:
    """What each row of the table says.

    Value and interval, how sure the least sure of its landmarks is, place within its norm (-1 to 1 for minus to plus
    three standard deviations) and mark; the reason where there is no value.
    """
    if alignment is None or not np.isfinite(alignment.points_px).any():
        empty = {"text": "", "at": None, "unusual": False, "interval": "", "sure": "", "low": False, "reason": ""}
        return {p.key: empty for p in PARAMETERS}
    film = alignment.annotation
    measured, low = alignment.measurements, film.is_low()
    age = patient_of(film.extra, film.film).age
    out = {}
    for p in PARAMETERS:
        value = measured[p.key].value
        usual = norm(p.key, age)
        deviation = math.nan if usual is None else usual.deviation(value)
        at = max(-1.0, min(1.0, deviation / 3)) if deviation == deviation else None
        rows = [INDEX[name] for name in p.landmarks]
        known = [float(v) for v in film.confidence[rows] if np.isfinite(v)]
        out[p.key] = {
            "text": value_text(p.key, value),
            "at": at,
            "unusual": usual is not None and usual.unusual(value),
            "interval": interval_text(p.key, measured[p.key]),
            "sure": f"{min(known):.2f}" if known else "",
            "low": bool(low[rows].any()),
            "reason": measured[p.key].reason,
        }
    return out


def facts(alignment: FilmAlignment | None) -> State:
    """How the film was read, for the page's left column."""
    if alignment is None:
        return {}
    film = alignment.annotation
    spacing, patient = film.spacing_mm, patient_of(film.extra, film.film)
    return {
        "age": "" if patient.age is None else f"{patient.age:g}",
        "sex": patient.sex or "",
        "size": f"{film.size_px[0]} \N{MULTIPLICATION SIGN} {film.size_px[1]} pixels",
        "spacing": "" if spacing is None else f"{spacing[0]:.4g}",
        "spacing_y": "" if spacing is None or abs(spacing[0] - spacing[1]) < 1e-6 else f"{spacing[1]:.4g}",
        "spacing_source": film.spacing_source,
        "respaced": set_by_hand(film),
        "anterior": film.anterior,
        "anterior_source": film.anterior_source,
        "anterior_known": alignment.anterior_known or alignment.detection is not None,
        "models": ", ".join(film.models),
        "warnings": _told(film.warnings),
        "doubts": list(doubts(film)),
        "text": next((warning for warning in film.warnings if warning in (DECLARED, SEEN)), ""),
    }


def _told(warnings: tuple[str, ...]) -> list[str]:
    """What the page does not show in another way: uncertain landmarks are marked, an unknown spacing is said."""
    return [by_hand(text) for text in warnings if text != NO_SPACING and not text.startswith(LOW_WARNING)]


def hint(alignment: FilmAlignment | None, low: int, doubted: list[str]) -> str:
    """What to do next, in one line; first of all to look at what can hardly be."""
    if alignment is None:
        return "Drop a film anywhere on this page, choose a file, or open the sample film."
    if alignment.detection is None:
        return "Check pixel size and facing side on the left, then detect the landmarks (D)."
    if doubted:
        return f"Check first: {doubted[0]}"
    numbering = alignment.annotation.numbering
    if numbering is not None and numbering.sure < LOW_CONFIDENCE:
        return "Which vertebra is which is not sure: look at Levels, and count from the sacrum or from C2."
    if low == 1:
        return "One landmark is uncertain and marked red: look at it (N), drag it where it belongs or accept it (A)."
    if low:
        return f"{low} landmarks are uncertain and marked red: look at each (N), drag it or accept it (A)."
    if alignment.annotation.whole_reviewed is False:
        return "Changed since it was reviewed: look at what changed, then mark as reviewed again (R)."
    if not reviewed(alignment.annotation):
        return "Drag landmarks that are wrong, size heads by their rims (H), check Levels; then mark as reviewed (R)."
    return "Reviewed. Save the results, the report or what PACS takes."


def of_film(alignment: FilmAlignment | None, low: list[str]) -> State:
    """Everything that the page shows of a film, given the names of its uncertain landmarks."""
    points = alignment.points_px if alignment else np.empty((0, 2))
    told = facts(alignment)
    return {
        "film": alignment.volume.GetID() if alignment else "",
        "values": values(alignment),
        "facts": told,
        **norms(alignment),
        "low": low,
        "hint": hint(alignment, len(low), told.get("doubts", [])),
        "placed": bool(np.isfinite(points).any()),
        "unplaced": int(np.isnan(points).any(axis=1).sum()),
        "can_undo": bool(alignment and alignment.can_undo),
        "can_redo": bool(alignment and alignment.can_redo),
        "detected": bool(alignment and alignment.detection),
    }
