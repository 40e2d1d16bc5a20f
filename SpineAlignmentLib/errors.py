"""What can go wrong, said in one line: which file, what is wrong with it and, where it helps, what to do."""

import re
from typing import Final


class SpineAlignmentError(Exception):
    """Base of every error that a user can cause or mend; its text is one line."""

    def __str__(self) -> str:
        return " ".join(super().__str__().split())


class UsageError(SpineAlignmentError):
    """What was asked for does not fit together."""


class FilmError(SpineAlignmentError):
    """A file that is not a film, or cannot be read."""


class ResultPictureError(FilmError):
    """The picture of a result where a film is asked for."""

    def __init__(self, path: object) -> None:
        super().__init__(f"{path}: the picture of a result, not a film; choose the film it was made from")


class ModelError(SpineAlignmentError):
    """A model that is missing, altered or cannot run here."""


class ResultError(SpineAlignmentError):
    """A landmark or result file that cannot be read, or a place that cannot be written."""


_BY_HAND: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    # who says so has seen a lateral spine
    (
        re.compile(r"if there is one, (give [^,]*, or )?measure it with --force"),
        "if there is one, say which side the patient faces and detect again",
    ),
    (re.compile(r"give (it|the side) with --anterior"), "set the side by hand"),
    (re.compile(r"give (it|the right one) with --spacing"), "set the size of a pixel by hand"),
)
"""What to do on the command line, and the same where films are shown."""
_OPTION: Final[re.Pattern[str]] = re.compile(r"; ([^;]*--[a-z][^;]*)$")


def by_hand(text: str) -> str:
    """A refusal or a warning as it is said where films are shown."""
    for by_command, shown in _BY_HAND:
        text = by_command.sub(shown, text)
    return text


def by_command(text: str) -> str:
    """Why a file is not opened where films are shown: nothing can be done there, what is advised is an option."""
    return _OPTION.sub(r"; on the command line: \1", text)
