"""Values of options that several commands take; light, since the parser of every command is made of them too."""

import argparse
from pathlib import Path


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
