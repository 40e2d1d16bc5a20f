"""The table of many films as a Parquet file, which data frames and data bases read fast and with types."""

import importlib.util
import io
from collections.abc import Iterable, Sequence
from typing import Final

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.results.table import Row

PARQUET: Final[str] = "results.parquet"


def check_parquet() -> None:
    """Say what is missing before any work is done.

    Raises:
        ResultError: the library is not installed.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise ResultError("a Parquet table needs pyarrow: pip install 'spine-alignment[parquet]'")


def parquet_bytes(columns: Sequence[str], rows: Iterable[Row]) -> bytes:
    """The table as a Parquet file; a column is of numbers when no row has text in it, and null where a row has none."""
    import pyarrow
    from pyarrow import parquet

    values: dict[str, list[str | float | None]] = {name: [] for name in columns}
    for row in rows:
        for name in columns:
            values[name].append(row.get(name))
    arrays = {name: pyarrow.array(column, _kind(column)) for name, column in values.items()}
    target = io.BytesIO()
    parquet.write_table(pyarrow.table(arrays), target, compression="zstd")
    return target.getvalue()


def _kind(column: Sequence[str | float | None]) -> str:
    known = [value for value in column if value is not None]
    return "float64" if known and not any(isinstance(value, str) for value in known) else "string"
