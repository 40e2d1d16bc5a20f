"""What is known of a film's landmarks, and how it is written: result file, markups, table and picture."""

from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.markups import markups_bytes, read_landmarks, read_markups
from SpineAlignmentLib.results.result_file import from_json, json_bytes, read_annotation, to_json, write_annotation
from SpineAlignmentLib.results.table import csv_bytes

__all__ = [
    "Annotation",
    "csv_bytes",
    "from_json",
    "json_bytes",
    "markups_bytes",
    "read_annotation",
    "read_landmarks",
    "read_markups",
    "to_json",
    "write_annotation",
]
