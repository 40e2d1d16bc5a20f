"""What can go wrong, said in one line: which file, what is wrong with it and, where it helps, what to do."""


class SpineAlignmentError(Exception):
    """Base of every error that a user can cause or mend; its text is one line."""

    def __str__(self) -> str:
        return " ".join(super().__str__().split())


class FilmError(SpineAlignmentError):
    """A file that is not a film, or cannot be read."""


class ModelError(SpineAlignmentError):
    """A model that is missing, altered or cannot run here."""


class ResultError(SpineAlignmentError):
    """A landmark or result file that cannot be read, or a place that cannot be written."""
