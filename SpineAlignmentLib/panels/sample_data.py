"""The simulated films that come with the module, in Slicer's Sample Data module."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import slicer

CATEGORY: Final[str] = "Spine Alignment"


@dataclass(frozen=True)
class SampleFilm:
    """One of them."""

    name: str
    """Of the source, and of its thumbnail."""
    title: str
    stem: str
    """Of its file."""

    def film(self, resources: Path) -> Path:
        """The film's file in the folder of the module's resources."""
        return resources / "SampleData" / f"{self.stem}.dcm"

    def landmarks(self, resources: Path) -> Path:
        """The file of its landmarks, as they were simulated."""
        return resources / "SampleData" / f"{self.stem}.json"

    def thumbnail(self, resources: Path) -> Path:
        """What the Sample Data module shows of it."""
        return resources / "Icons" / f"{self.name}.png"

    def load(self, resources: Path) -> Any:
        """Load the film from where it lies.

        Sample Data itself would copy it and forget its file, and with it what the file's tags say of its spacing.
        """
        return slicer.util.loadVolume(str(self.film(resources)), {"singleFile": True, "name": self.title})


WHOLE: Final[SampleFilm] = SampleFilm("SpineAlignmentFilm", "Whole-spine lateral film", "sample_film")
FUSED: Final[SampleFilm] = SampleFilm(
    "SpineAlignmentFusedFilm", "Fused lumbar spine, neck cut off", "sample_film_fused"
)


def register_sample_data(resources: Path) -> None:
    """List the films, given the folder of the module's resources."""
    import SampleData

    for sample in (WHOLE, FUSED):
        SampleData.SampleDataLogic.registerCustomSampleDataSource(
            category=CATEGORY,
            sampleName=sample.name,
            thumbnailFileName=str(sample.thumbnail(resources)),
            uris=sample.film(resources).as_uri(),
            fileNames=sample.film(resources).name,
            nodeNames=sample.title,
            loadFileTypes="VolumeFile",
            customDownloader=lambda *_, sample=sample: sample.load(resources),
        )
