"""Visits of patients in order, and how their parameters differ from one visit to another."""

import io
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from SpineAlignmentLib.cohort.corrected import counted_once, with_patients_of_films
from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.measurement.parameters import PARAMETERS
from SpineAlignmentLib.results.markups import LANDMARK_ENDINGS
from SpineAlignmentLib.results.table import label

BEFORE: Final[str] = "before surgery"
AFTER: Final[str] = "after surgery"
FOLLOW_UP: Final[str] = "next visit"
SURGERY: Final[str] = "surgery, first visit after"
SURGERY_LAST: Final[str] = "surgery, last visit after"

_COLUMNS: Final[list[str]] = [label(p, bound) for p in PARAMETERS for bound in ("", "low", "high")]
_TEXT: Final[tuple[str, ...]] = (
    *("file", "result", "status", "reason", "patient", "study", "patient_id", "film", "film_sha256", "fingerprint"),
)
_NUMBERS: Final[tuple[str, ...]] = ("day", "lowest_confidence", *_COLUMNS)
_EMPTY: Final[dict[str, Any]] = {"keep_default_na": False, "na_values": [""]}
"""Only what is empty is missing: patients and films may be called NA, None or NULL."""


def read_results(path: Path) -> pd.DataFrame:
    """The table of a folder of results; every column that this room uses is there, empty where the table has none.

    Raises:
        ResultError: there is none, or it is none of ours.
    """
    text = dict.fromkeys(_TEXT, "string")
    try:
        table = pd.read_csv(path, dtype=text, encoding="utf-8", **_EMPTY)
    except OSError as error:
        raise ResultError(f"{path}: cannot read: {error.strerror or error}") from error
    except ValueError as error:
        raise ResultError(f"{path}: not a table of results: {error}") from error
    if not {"file", "status", label(PARAMETERS[0])} <= set(table.columns):
        raise ResultError(f"{path}: not a table of results; detect into this folder first")
    for name in (name for name in _NUMBERS if name in table):
        try:
            table[name] = pd.to_numeric(table[name])
        except ValueError as error:
            raise ResultError(
                f"{path}: not a number in column {name}: {error}; detect writes the table anew"
            ) from error
    absent = [name for name in (*text, *_NUMBERS) if name not in table]
    empty = {name: pd.Series(pd.NA, table.index, "string") if name in text else np.nan for name in absent}
    table = pd.concat([table, pd.DataFrame(empty, table.index)], axis=1)
    table["patient"] = table["patient"].fillna(table["patient_id"])
    return with_patients_of_films(table)


def visits(table: pd.DataFrame, surgery: pd.DataFrame | None = None) -> pd.DataFrame:
    """One row a visit, in order: of the films of a day the one with corrected landmarks, or whose are surest.

    Args:
        table: of `read_results`.
        surgery: of `read_surgery`; says which visits are after surgery.

    Returns:
        Columns patient, visit (1, 2, ...), day, state (`BEFORE`, `AFTER` or ""), file, films (of that day), and the
        parameters with their intervals. Films without patient or day are in no visit.
    """
    dated = (table["status"] == "done") & table["patient"].notna() & table["day"].notna()
    # these alone: what is read lies in pieces, a column each, and a table has some hundred columns
    known = table.loc[dated, ["patient", "day", "file", "lowest_confidence", *_COLUMNS]]
    # what a person corrected, and measured from its file, counts before what was detected
    corrected = known["file"].str.lower().str.endswith(LANDMARK_ENDINGS)
    order = known.assign(corrected=corrected, once=known.index.isin(counted_once(table).index))
    sure = order.sort_values(["corrected", "lowest_confidence"], ascending=False, kind="stable", na_position="last")
    by_day = sure.groupby(["patient", "day"], sort=True)
    # a copy lies in one piece, as what was read does not
    found = by_day.head(1).set_index(["patient", "day"]).sort_index().copy()
    # a film and its corrected landmarks are one
    found["films"] = by_day["once"].sum()
    found["after"] = by_day["file"].agg(lambda files: _after(files, surgery)) if len(found) else pd.Series(dtype=object)
    found = found.reset_index()
    found["day"] = found["day"].astype(int)
    found["visit"] = found.groupby("patient").cumcount() + 1
    found["state"] = _states(found, surgery)
    return found[["patient", "visit", "day", "state", "file", "films", "lowest_confidence", *_COLUMNS]]


def _after(files: pd.Series, surgery: pd.DataFrame | None) -> bool:
    return surgery is not None and "file" in surgery and bool(files.isin(surgery["file"]).any())


def _states(found: pd.DataFrame, surgery: pd.DataFrame | None) -> pd.Series:
    """Before or after surgery; empty for patients of whom nothing is said."""
    if surgery is None or not len(found):
        return pd.Series("", found.index)
    if "day" in surgery:
        operated = found["patient"].map(surgery.groupby("patient")["day"].min())
        # a film of the day itself was most likely taken before
        state = np.where(found["day"] > operated, AFTER, BEFORE)
        return pd.Series(np.where(operated.notna(), state, ""), found.index)
    after = found.groupby("patient")["after"].cummax()
    operated = found.groupby("patient")["after"].transform("any")
    return pd.Series(np.where(operated, np.where(after, AFTER, BEFORE), ""), found.index)


def read_surgery(path: Path) -> pd.DataFrame:
    """The user's list of surgeries, CSV: columns patient and day, as in the table of visits; or file, those after.

    It is parted by commas, semicolons or tabs, as spreadsheet programs of different countries save it.

    Raises:
        ResultError: it cannot be read, or has neither.
    """
    try:
        text = _spreadsheet(path)
        parted = max(",;\t", key=text.partition("\n")[0].count)
        listed = pd.read_csv(io.StringIO(text), sep=parted, dtype="string", **_EMPTY)
        listed.columns = listed.columns.str.strip().str.lower()
        if {"patient", "day"} <= set(listed.columns):
            listed["day"] = pd.to_numeric(listed["day"]).astype(float)
            return listed
    except OSError as error:
        raise ResultError(f"{path}: cannot read: {error.strerror or error}") from error
    except ValueError as error:
        raise ResultError(f"{path}: not a list of surgeries: {error}") from error
    if "file" not in listed:
        raise ResultError(f"{path}: a list of surgeries has the columns patient and day, or the column file")
    # a day without its patient says nothing
    return listed[["file"]]


def _spreadsheet(path: Path) -> str:
    """A table that a spreadsheet program saved, in UTF-8 or, as Excel may, in Windows' letters."""
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252")


def unmatched(surgery: pd.DataFrame, table: pd.DataFrame) -> list[str]:
    """Patients, or films, of a list of surgeries that the table of `read_results` does not have."""
    column = "patient" if "day" in surgery else "file"
    listed = surgery[column].dropna()
    return sorted(set(listed[~listed.isin(table[column].dropna())]))


def differences(found: pd.DataFrame) -> pd.DataFrame:
    """How parameters differ between visits: from each to the next, and across surgery.

    Returns:
        One row a pair and parameter: patient, from_day, to_day, kind, parameter, unit, before, after, difference,
        interval (half the width of the difference's interval, from those of both values, taken as independent; missing
        where one of them is) and marked (whether the difference is larger than that).
    """
    first, second, kinds = _pairs(found)
    parts = []
    for p in PARAMETERS:
        half = [(v[label(p, "high")].to_numpy() - v[label(p, "low")].to_numpy()) / 2 for v in (first, second)]
        before, after = (v[label(p)].to_numpy(float) for v in (first, second))
        part: dict[str, Any] = {
            "patient": first["patient"].to_numpy(),
            "from_day": first["day"].to_numpy(),
            "to_day": second["day"].to_numpy(),
            "kind": kinds,
            "parameter": p.key,
            "unit": p.unit,
            "before": before,
            "after": after,
            "difference": np.round(after - before, 4),
            "interval": np.round(np.hypot(*half), 4),
        }
        parts.append(pd.DataFrame(part))
    table = pd.concat(parts, ignore_index=True)
    known = table["difference"].notna() & table["interval"].notna()
    table["marked"] = (table["difference"].abs() > table["interval"]).astype("boolean").where(known)
    order = {p.key: i for i, p in enumerate(PARAMETERS)}
    rank = table["parameter"].map(order)
    return table.assign(rank=rank).sort_values(["patient", "from_day", "to_day", "kind", "rank"]).drop(columns="rank")


def _pairs(found: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray[Any, Any]]:
    """Visits that are compared, the earlier and the later of each pair, and what the pair is."""
    names = found["patient"].to_numpy(object)
    first = np.flatnonzero(names[:-1] == names[1:])
    second = first + 1
    kinds = np.full(len(first), FOLLOW_UP, dtype=object)
    crossing = (found["state"].to_numpy()[first] == BEFORE) & (found["state"].to_numpy()[second] == AFTER)
    kinds[crossing] = SURGERY
    last = found.reset_index(drop=True).groupby("patient").tail(1)
    last_of = dict(zip(last["patient"], last.index, strict=True))
    ends = np.array([last_of[name] for name in names[first[crossing]]], dtype=int)
    later = ends > second[crossing]
    first = np.concatenate([first, first[crossing][later]])
    second = np.concatenate([second, ends[later]])
    kinds = np.concatenate([kinds, np.full(int(later.sum()), SURGERY_LAST, dtype=object)])
    return found.iloc[first], found.iloc[second], kinds
