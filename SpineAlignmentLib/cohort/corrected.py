"""Rows of landmarks that were measured by hand in a table of results, and the rows of the films that they lie on."""

from typing import Final

import pandas as pd

from SpineAlignmentLib.results.markups import without_landmark_ending

TOLD_BY_FILMS: Final[tuple[str, ...]] = ("patient", "day")
"""What the row of a film says and that of its landmarks may not: `--identify` writes it into the table alone."""


def counted_once(table: pd.DataFrame) -> pd.DataFrame:
    """The table without films whose corrected landmarks have a row of their own.

    The film's content tells which these are, whatever results are called; where landmarks do not say it, the name does.
    """
    measured = _measured(table)
    films = _films(table, measured)
    by_hand = measured.notna()
    corrected = films[by_hand].dropna()
    by_content = ~by_hand & (table["status"] == "done") & films.isin(corrected)
    of: dict[str, set[str]] = {}
    for name, film in zip(measured[by_hand], films[by_hand].fillna(""), strict=True):
        of.setdefault(name, set()).add(film)
    rows = zip(table["result"].fillna(""), measured.fillna(""), films.fillna(""), strict=True)
    named = [name in of and name != own and _may_be_one(film, of[name]) for name, own, film in rows]
    return table[~(by_content | pd.Series(named, table.index, bool))]


def with_patients_of_films(table: pd.DataFrame) -> pd.DataFrame:
    """The table in which landmarks have patient and day of the film that they lie on, where they do not say it."""
    measured = _measured(table)
    films = table["film_sha256"].where(measured.notna())
    known = table.assign(film_sha256=_films(table, measured))[measured.isna() & (table["status"] == "done")]
    by_content = known.dropna(subset="film_sha256").drop_duplicates("film_sha256").set_index("film_sha256")
    told = {name: table[name].fillna(films.map(by_content[name])) for name in TOLD_BY_FILMS}
    return table.assign(**told)


def _measured(table: pd.DataFrame) -> pd.Series:
    """What landmark files that were measured are called, without their ending; missing in rows of films."""
    names = table["file"].where(table["status"] == "done").map(without_landmark_ending, na_action="ignore")
    return names.where(names != table["file"]).astype("string")


def _films(table: pd.DataFrame, measured: pd.Series) -> pd.Series:
    """SHA-256 of the film of each row; missing where it is not known."""
    return table["film_sha256"].fillna(table["fingerprint"].where(measured.isna()))


def _may_be_one(film: str, others: set[str]) -> bool:
    """Whether a film may be one of others; those that are not known are empty."""
    return not film or "" in others or film in others
