"""What every reader of a kind of file is told."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from SpineAlignmentLib.film.film import Film


@dataclass(frozen=True)
class ReadOptions:
    """How a film is to be read."""

    spacing_given: bool = False
    """The user gives the spacing, so that what the file says of it is not judged."""
    force: bool = False
    """Read a film that its file calls another view than the lateral one."""


Reader = Callable[[Path, ReadOptions], Film]
