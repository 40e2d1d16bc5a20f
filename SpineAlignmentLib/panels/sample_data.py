"""The simulated film that comes with the module, in Slicer's Sample Data module."""

from pathlib import Path
from typing import Final

CATEGORY: Final[str] = "Spine Alignment"
NAME: Final[str] = "SpineAlignmentFilm"


def sample_film(resources: Path) -> Path:
    """The film's file in the folder of the module's resources."""
    return resources / "SampleData" / "sample_film.dcm"


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
        nodeNames="Whole-spine lateral film",
        loadFileTypes="VolumeFile",
    )
