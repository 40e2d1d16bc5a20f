"""`spine-alignment cohort`: tables and a page of a folder of results."""

from pathlib import Path

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.results.files import make_folder, write_files
from SpineAlignmentLib.results.store import COHORT, TABLE


def cohort(output: Path, surgery: Path | None = None) -> Path:
    """Write `cohort/visits.csv`, `cohort/differences.csv` and `cohort/cohort.html` into a folder of results.

    Args:
        output: where `detect` or `measure` wrote.
        surgery: the user's list of surgeries, see `visits.read_surgery`.

    Returns:
        The place of the page.

    Raises:
        ResultError: there are no results, a library is missing, or the folder cannot be written.
    """
    try:
        from SpineAlignmentLib.cohort import visits
        from SpineAlignmentLib.cohort.outliers import outliers
        from SpineAlignmentLib.cohort.page import page
    except ImportError as error:
        text = f"{error.name} is missing: pip install 'spine-alignment[cohort]'"
        raise ResultError(f"a cohort's tables and page: {text}") from error
    table = visits.read_results(output / TABLE)
    found = visits.visits(table, None if surgery is None else visits.read_surgery(surgery))
    changes = visits.differences(found)
    place = output / COHORT
    make_folder(place)
    write_files(
        {
            place / "visits.csv": found.to_csv(index=False).encode(),
            place / "differences.csv": changes.to_csv(index=False).encode(),
            place / "cohort.html": page(table, found, changes, outliers(table, changes, found)).encode(),
        }
    )
    return place / "cohort.html"
