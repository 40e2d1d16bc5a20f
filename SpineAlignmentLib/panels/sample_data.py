"""The simulated film that comes with the module, in Slicer's Sample Data module."""

from pathlib import Path
from typing import Any, Final

import slicer

CATEGORY: Final[str] = "Spine Alignment"
NAME: Final[str] = "SpineAlignmentFilm"
TITLE: Final[str] = "Whole-spine lateral film"


def sample_film(resources: Path) -> Path:
    """The film's file in the folder of the module's resources."""
    return resources / "SampleData" / "sample_film.dcm"


def sample_landmarks(resources: Path) -> Path:
    """The file of its landmarks, as they were simulated."""
    return resources / "SampleData" / "sample_film.json"


def register_sample_data(resources: Path) -> None:
    """List the film, given the folder of the module's resources."""
    import SampleData

    film = sample_film(resources)
    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=NAME,
        thumbnailFileName=str(resources / "Icons" / f"{NAME}.png"),
        uris=film.as_uri(),
        fileNames=film.name,
        nodeNames=TITLE,
        loadFileTypes="VolumeFile",
        customDownloader=lambda *_: load_sample_film(resources),
    )


def load_sample_film(resources: Path) -> Any:
    """Load the film from where it lies.

    Sample Data itself would copy it and forget its file, and with it what the file's tags say of its spacing.
    """
    return slicer.util.loadVolume(str(sample_film(resources)), {"singleFile": True, "name": TITLE})
