"""Copies of the sample film that say something else of it."""

from pathlib import Path

import pydicom

from SpineAlignmentLib.viewer.command import SAMPLE_FILM


def sample_with(path: Path, **tags: object) -> Path:
    """The sample film at `path` with other values of tags, by keyword; None takes a tag away."""
    data = pydicom.dcmread(SAMPLE_FILM)
    for keyword, value in tags.items():
        if value is None:
            delattr(data, keyword)
        else:
            setattr(data, keyword, value)
    data.save_as(path)
    return path
