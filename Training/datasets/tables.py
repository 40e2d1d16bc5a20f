"""Films from CSV tables: a row for each film, a row for each point, or a file of endplates for each film."""

import csv
from pathlib import Path

from SpineAlignmentLib.errors import ResultError
from Training.datasets.mapping import Mapping, Marked, Points


def read_table(path: Path, mapping: Mapping) -> list[Marked]:
    """The points on the films of a CSV file in the layout that the mapping names.

    Raises:
        ResultError: the file does not have that layout; the message names the row.
    """
    try:
        if mapping.format == "csv-endplates":
            return [_endplates(path, mapping)]
        films = _rows_of_films(path, mapping) if mapping.format == "csv-films" else _rows_of_points(path, mapping)
    except UnicodeDecodeError as error:
        raise ResultError(f"{path}: not a text in UTF-8; save it as CSV in UTF-8") from error
    except csv.Error as error:
        raise ResultError(f"{path}: not a CSV table: {error}") from error
    return [Marked(path, name, points, (0, 0)) for name, points in films.items()]


def _records(path: Path, needed: list[str]) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        # spreadsheet programs leave out what is empty at the end of a row
        reader = csv.DictReader(file, restval="")
        missing = [name for name in needed if name not in (reader.fieldnames or [])]
        if missing:
            raise ResultError(f"{path}: has no column {missing[0]!r}; it has {', '.join(reader.fieldnames or [])}")
        return list(reader)


def _number(text: str | None, path: Path, row: int) -> float:
    try:
        return float(text or "")
    except ValueError as error:
        raise ResultError(f"{path}, row {row}: {text!r} is not a number") from error


def _film(text: str, path: Path, row: int) -> str:
    if not text.strip():
        raise ResultError(f"{path}, row {row}: names no film")
    return text


def _rows_of_points(path: Path, mapping: Mapping) -> dict[str, Points]:
    c = {"film": "film", "label": "label", "x": "x", "y": "y"} | mapping.columns
    films: dict[str, Points] = {}
    for i, record in enumerate(_records(path, [c["film"], c["label"], c["x"], c["y"]]), 2):
        if record[c["x"]].strip():
            point = _number(record[c["x"]], path, i), _number(record[c["y"]], path, i)
            film = _film(record[c["film"]], path, i)
            mapping.add(films.setdefault(film, {}), record[c["label"]], point, f"{path}, row {i}: {film}")
    mapping.check_known(path, {label for points in films.values() for label in points})
    return films


def _rows_of_films(path: Path, mapping: Mapping) -> dict[str, Points]:
    c = {"film": "film", "x": "{}_x", "y": "{}_y"} | mapping.columns
    sources = sorted(mapping.wanted)
    needed = [c["film"]] + [c[axis].format(source) for source in sources for axis in "xy"]
    films: dict[str, Points] = {}
    for i, record in enumerate(_records(path, needed), 2):
        film = _film(record[c["film"]], path, i)
        points = films.setdefault(film, {})
        for source in sources:
            x, y = record[c["x"].format(source)], record[c["y"].format(source)]
            if x.strip():
                point = _number(x, path, i), _number(y, path, i)
                mapping.add(points, source, point, f"{path}, row {i}: {film}")
    return films


def _endplates(path: Path, mapping: Mapping) -> Marked:
    """Rows x1, y1, x2, y2 without a header, from the uppermost endplate down; sources are "<row>.anterior" and so on.

    Which end is anterior follows from the mapping's side, since the table orders the ends from left to right.
    """
    if mapping.anterior == "auto":
        raise ResultError(f"{path}: a table of endplates does not tell the facing side; set anterior in {mapping.name}")
    raw: Points = {}
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.reader(file) if row]
    for i, row in enumerate(rows, 1):
        if len(row) < 4:
            raise ResultError(f"{path}, row {i}: expected x1, y1, x2, y2, found {len(row)} columns")
        x1, y1, x2, y2 = (_number(text, path, i) for text in row[:4])
        left, right = sorted([(x1, y1), (x2, y2)])
        front, back = (left, right) if mapping.anterior == "left" else (right, left)
        raw |= {f"{i}.anterior": front, f"{i}.posterior": back}
    expected = max(int(source.split(".")[0]) for group in mapping.points.values() for source in group)
    if len(rows) != expected:
        raise ResultError(
            f"{path}: has {len(rows)} endplates, {mapping.name} expects {expected}; levels would be wrong"
        )
    return Marked(path, f"{path.stem}.jpg", raw, (0, 0))
