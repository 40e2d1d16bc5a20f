"""`python -m Training.simulation.sample FOLDER`: the sample film that ships, and its annotation, made anew."""

import sys
from pathlib import Path

from SpineAlignmentLib.results.files import write_files
from SpineAlignmentLib.results.result_file import json_bytes
from Training.simulation.film import named, simulate_film
from Training.simulation.projection import Projector
from Training.simulation.writing import dicom_bytes

SEED, INDEX = 2026, 68
SPACING_MM, RANDOMIZATION, COMPRESSION_RATIO = 0.38, 0.1, 6.0


def main() -> None:
    """Write sample_film.dcm and sample_film.json."""
    folder = Path(sys.argv[1])
    made = simulate_film(SEED, INDEX, Projector(), SPACING_MM, RANDOMIZATION)
    content = dicom_bytes(made, COMPRESSION_RATIO)
    annotation = json_bytes(named(made, "sample_film.dcm"))
    write_files({folder / "sample_film.dcm": content, folder / "sample_film.json": annotation})


if __name__ == "__main__":
    main()
