"""`spine-alignment cohort`: tables and a page of a folder of results."""

from pathlib import Path
from typing import Final

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.results.files import make_folder, write_files
from SpineAlignmentLib.results.store import COHORT, TABLE

NAMED: Final[int] = 5
"""How many of the entries that fit nothing are named."""


def cohort(output: Path, surgery: Path | None = None) -> list[str]:
    """Write `cohort/visits.csv`, `cohort/differences.csv` and `cohort/cohort.html` into a folder of results.

    Args:
        output: where `detect` or `measure` wrote.
        surgery: the user's list of surgeries, see `visits.read_surgery`.

    Returns:
        What a terminal shows: surgeries that fit no film, and where the page is.

    Raises:
        ResultError: there are no results, no surgery fits any of them, a library is missing, or the folder cannot be
            written.
    """
    try:
        from SpineAlignmentLib.cohort import visits
        from SpineAlignmentLib.cohort.corrected import counted_once
        from SpineAlignmentLib.cohort.outliers import outliers
        from SpineAlignmentLib.cohort.page import page
    except ImportError as error:
        text = f"{error.name} is missing: pip install 'spine-alignment[cohort]'"
        raise ResultError(f"a cohort's tables and page: {text}") from error
    table = visits.read_results(output / TABLE)
    listed = None if surgery is None else visits.read_surgery(surgery)
    stray = [] if listed is None else visits.unmatched(listed, table)
    named = ", ".join(stray[:NAMED]) + ", ..." * (len(stray) > NAMED)
    notes = [f"{surgery}: {len(stray)} of its entries in no row of the table: {named}"] if stray else []
    found = visits.visits(table, listed)
    if listed is not None and not (found["state"] != "").any():
        raise ResultError(*notes or [f"{surgery}: no patient of these surgeries has a visit with a day"])
    changes = visits.differences(found)
    shown = counted_once(table)
    place = output / COHORT
    make_folder(place)
    write_files(
        {
            place / "visits.csv": found.to_csv(index=False).encode(),
            place / "differences.csv": changes.to_csv(index=False).encode(),
            place / "cohort.html": page(shown, found, changes, outliers(shown, changes, found)).encode(),
        }
    )
    return [*notes, f"page: {place / 'cohort.html'}"]
