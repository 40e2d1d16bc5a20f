"""Landmarks and spinopelvic parameters of whole-spine lateral radiographs: what every front end shares.

Rooms follow a film's way: `measurement`, `results`, `film`, `clinical`, `detection`, `jobs`; then what is made for
Slicer and archives, `mrml` and `dicom`, and the front ends `panels`, `viewer`, `cohort` and `command_line`. A room's
public names are those that its `__init__` lists in `__all__`; everything else may change.
`SpineAlignmentLib.landmarks` and `SpineAlignmentLib.parameters` are public as well.
"""

from typing import Final

__version__: Final[str] = "0.2.0"
"""The one place of the version: the package, the command line and every result file take it from here."""

SOFTWARE: Final[str] = f"SpineAlignment {__version__}"
"""What result files say they were made by."""
