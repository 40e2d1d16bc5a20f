"""Values of options that several commands take; light, since the parser of every command is made of them too."""

import argparse
import re
from pathlib import Path
from typing import Final

_TITLE: Final[re.Pattern[str]] = re.compile(r"[ -\[\]-~]{1,16}")
"""Of an application entity: PS3.5 6.2, AE."""
_PORTS: Final[int] = 65536


def named(text: str) -> Path:
    """A file or folder.

    Raises:
        ArgumentTypeError: an empty name, as a variable of the shell that is not set leaves one: the current folder.
    """
    if not text.strip():
        raise argparse.ArgumentTypeError("an empty name; name a file or folder, or . for the current one")
    return Path(text)


def count(text: str) -> int:
    """A number of processes.

    Raises:
        ArgumentTypeError: no number above zero.
    """
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of processes such as 4")
    return int(text)


def port(text: str) -> int:
    """The number of a TCP port; 0 for a free one.

    Raises:
        ArgumentTypeError: there is no such port.
    """
    if not text.isascii() or not text.isdigit() or int(text) >= _PORTS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port such as 11112")
    return int(text)


def title(text: str) -> str:
    """The title of a DICOM application entity.

    Raises:
        ArgumentTypeError: it is empty, of more than 16 characters, or has some that titles do not have.
    """
    if not text.strip() or not _TITLE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a title of at most 16 plain characters such as SPINE")
    return text
