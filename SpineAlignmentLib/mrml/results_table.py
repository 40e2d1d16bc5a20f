"""The 18 parameters of a film as a table node: value, unit, the norm's mean and spread and the usual range."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import slicer
import vtk

from SpineAlignmentLib.clinical.norms import norm
from SpineAlignmentLib.measurement.parameters import BY_KEY, KEYS, PARAMETERS
from SpineAlignmentLib.results.comparison import Difference

Node = Any

COLUMNS: Final[tuple[str, ...]] = (
    "Parameter", "Name", "Value", "Unit", "Norm mean", "Norm SD", "Norm of", "Usual from", "Usual to",
)  # fmt: skip

_AGE: Final[str] = "SpineAlignment.age"
"""Whose norms the table has."""
_BEYOND: Final[dict[bool | None, str]] = {True: "yes", False: "no", None: ""}


def create(scene: Node, name: str) -> Node:
    """A table node with a row for each parameter, its values not yet known."""
    node = scene.AddNewNodeByClass("vtkMRMLTableNode", name)
    node.SetUseColumnTitleAsColumnHeader(True)
    node.SetLocked(True)
    fill(node)
    return node


def fill(node: Node, age: float | None = None) -> None:
    """Give the table its columns, with the norms for an age in years; a child has none.

    Needed again after loading, because a table file keeps no column types.
    """
    norms = [norm(key, age) for key in KEYS]
    texts = {
        "Parameter": KEYS,
        "Name": [p.name for p in PARAMETERS],
        "Unit": [p.unit for p in PARAMETERS],
        "Norm of": [found.cohort if found else "" for found in norms],
    }
    numbers = {
        "Value": [math.nan] * len(KEYS),
        "Norm mean": [found.mean if found else math.nan for found in norms],
        "Norm SD": [found.sd if found else math.nan for found in norms],
        "Usual from": [found.usual[0] if found else math.nan for found in norms],
        "Usual to": [found.usual[1] if found else math.nan for found in norms],
    }
    with slicer.util.NodeModify(node):
        node.RemoveAllColumns()
        node.SetAttribute(_AGE, str(age))
        for column in COLUMNS:
            _add_column(node, column, texts.get(column), numbers.get(column, []))


def create_comparison(scene: Node, name: str) -> Node:
    """A table node for two films, see `write_comparison`."""
    node = scene.AddNewNodeByClass("vtkMRMLTableNode", name)
    node.SetUseColumnTitleAsColumnHeader(True)
    node.SetLocked(True)
    return node


def write_comparison(node: Node, first: str, second: str, rows: Sequence[Difference]) -> None:
    """Fill a comparison table: parameter, both values under the names of their films, their difference with its 90 %
    interval, whether it is larger than what both values may be off ("yes", "no" or not known), and unit."""
    with slicer.util.NodeModify(node):
        node.RemoveAllColumns()
        _add_column(node, "Parameter", [row.key for row in rows], [])
        _add_column(node, first, None, [row.first for row in rows])
        _add_column(node, second, None, [row.second for row in rows])
        _add_column(node, "Difference", None, [row.value for row in rows])
        _add_column(node, "From", None, [row.value - row.half_width for row in rows])
        _add_column(node, "To", None, [row.value + row.half_width for row in rows])
        _add_column(node, "Beyond intervals", [_BEYOND[row.beyond] for row in rows], [])
        _add_column(node, "Unit", [BY_KEY[row.key].unit for row in rows], [])


def write_values(node: Node, values: Mapping[str, float], age: float | None = None) -> None:
    """Put the parameters' values into the table, NaN where not measurable, beside the norms for an age."""
    if node.GetAttribute(_AGE) != str(age) or not _is_whole(node):
        fill(node, age)
    column = node.GetTable().GetColumnByName("Value")
    with slicer.util.NodeModify(node):
        for row, key in enumerate(KEYS):
            column.SetValue(row, values[key])
        node.GetTable().Modified()


def _is_whole(node: Node) -> bool:
    """Whether nobody took columns or rows away, which Slicer's Tables module lets one do once it is unlocked."""
    table = node.GetTable()
    return all(table.GetColumnByName(name) for name in COLUMNS) and table.GetNumberOfRows() == len(KEYS)


def read_values(node: Node) -> dict[str, float]:
    """The parameters' values as the table has them."""
    column = node.GetTable().GetColumnByName("Value")
    return {key: float(column.GetValue(row)) for row, key in enumerate(KEYS)}


def _add_column(node: Node, name: str, texts: Any, numbers: Any) -> None:
    array = vtk.vtkStringArray() if texts is not None else vtk.vtkDoubleArray()
    array.SetName(name)
    for value in texts if texts is not None else numbers:
        array.InsertNextValue(value)
    node.AddColumn(array)
