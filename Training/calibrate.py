"""Confidence and intervals fitted to a hospital's own films: `python -m Training.calibrate`.

A detection on films of another hospital errs more or less than on those it was calibrated on. From annotated films that
no training has seen, this finds how right its confidence is (Platt scaling) and how long the 90 % interval of each
parameter must be (split conformal prediction, see `Training.evaluation.calibration`), and writes the models anew with
both. The networks stay as they are.
"""

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from SpineAlignmentLib import SOFTWARE
from SpineAlignmentLib.detection.calibration import (
    CALIBRATION_FILE,
    LISTED_AS,
    Calibration,
    calibration_bytes,
    read_calibration,
)
from SpineAlignmentLib.detection.models import read_models, shipped_models
from SpineAlignmentLib.errors import ResultError, SpineAlignmentError
from SpineAlignmentLib.results.files import make_folder
from SpineAlignmentLib.results.result_file import read_json
from Training.datasets import AnnotatedFilm, load_mapping, read_films
from Training.evaluation.calibration import ENOUGH, FEWEST, calibrated
from Training.evaluation.prediction import LibraryDetector, predict

GUARANTEE: Final[str] = (
    "On further films of the same kind, patients drawn as those of --films were, each parameter's interval holds the "
    "annotator's value with a chance of at least 90 % on average, however errors are distributed. "
    f"It needs {FEWEST} patients with a parameter for any interval of it, and {ENOUGH} or more for one whose coverage "
    "is likely to lie within 4 percentage points of 90; of each patient one film counts. "
    f"Films that any training has seen void it. Confidence is fitted anew with {ENOUGH} patients or more."
)


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    p = argparse.ArgumentParser(
        prog="python -m Training.calibrate",
        description=" ".join((__doc__ or "").split("\n\n")[1].replace("`", "").split()),
        epilog=GUARANTEE,
    )
    p.add_argument("--films", type=Path, required=True, help="folder of annotated films that no training has seen")
    p.add_argument("--mapping", help="of a foreign data set: a YAML file or the name of one that ships")
    p.add_argument("--models", type=Path, help="folder with ensemble.json; without it the ensemble that ships")
    p.add_argument("--engine", choices=("auto", "onnx", "tensorflow"), default="auto")
    p.add_argument("--workers", type=int, default=0, help="processes that detect (default: one for each core)")
    p.add_argument("--subject", default="", help="what the films are, a few words that the models keep")
    p.add_argument("-o", "--output", type=Path, required=True, help="new folder of the models, calibrated")
    return p


def calibrate(options: argparse.Namespace) -> tuple[Calibration, dict[str, int]]:
    """Detect on the films, fit, and write the new models.

    Raises:
        SpineAlignmentError: too few films, or models or a place that cannot be used.
    """
    models = shipped_models() if options.models is None else options.models
    _check_place(models, options.output)
    before = read_calibration(models)
    mapping = load_mapping(options.mapping) if options.mapping else None
    truth, problems = read_films(options.films, mapping)
    for problem in problems:
        print(problem, file=sys.stderr)
    _check_number(options.films, truth)
    detector = LibraryDetector(models, options.engine, calibrated=False)
    found, failed = predict([film for film in truth if film.labeled.any()], detector, options.workers)
    for problem in failed:
        print(problem, file=sys.stderr)
    _check_number(options.films, found, "landmarks were found on films")
    fitted, counts = calibrated(truth, found, before)
    if not any(count >= FEWEST for count in counts.values()):
        raise ResultError(f"{options.films}: no parameter is annotated and found on films of {FEWEST} patients")
    fitted = replace(fitted, about=_about(options.subject, models, counts))
    _write(models, options.output, fitted)
    return fitted, counts


def _check_place(models: Path, output: Path) -> None:
    if not (models / "ensemble.json").is_file():
        raise ResultError(f"{models}: no ensemble there (ensemble.json is missing)")
    if output.exists():
        raise ResultError(f"{output}: is there already; name a new folder")
    make_folder(output.absolute().parent)


def _check_number(folder: Path, films: Sequence[AnnotatedFilm], what: str = "annotated films") -> None:
    patients = len({film.patient for film in films if film.labeled.any()})
    if patients < FEWEST:
        raise ResultError(
            f"{folder}: {what} of {patients} patients; a 90 % interval needs at least {FEWEST}, better {ENOUGH} or more"
        )


def _about(subject: str, models: Path, counts: Mapping[str, int]) -> dict[str, Any]:
    return {
        "subject": subject,
        "patients": dict(counts),
        "models": {model.name: model.checksums.get("model.onnx", "") for model in read_models(models)},
        "date": datetime.now(UTC).date().isoformat(),
        "software": SOFTWARE,
    }


def _write(models: Path, output: Path, fitted: Calibration) -> None:
    """The models with a calibration, as a folder that appears whole or not at all."""
    content = calibration_bytes(fitted)
    try:
        with tempfile.TemporaryDirectory(prefix=f".{output.name}.", dir=output.parent) as work:
            new = Path(work) / output.name
            shutil.copytree(models, new)
            (new / CALIBRATION_FILE).write_bytes(content)
            listing = read_json(new / "ensemble.json")
            listing[LISTED_AS] = {"sha256": hashlib.sha256(content).hexdigest()}
            (new / "ensemble.json").write_text(json.dumps(listing, indent=1) + "\n", encoding="utf-8")
            new.rename(output)
    except OSError as error:
        if output.exists():
            raise ResultError(f"{output}: another run has written it meanwhile; name a new folder") from error
        raise ResultError(f"{output}: cannot write: {error.strerror or error}") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when the models are written, 2 when that is not possible, 130 after Ctrl+C."""
    options = parser().parse_args(arguments)
    try:
        fitted, counts = calibrate(options)
    except (SpineAlignmentError, ValueError) as error:
        print(f"calibrate: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("calibrate: interrupted; nothing was written", file=sys.stderr)
        return 130
    print(f"confidence: slope {fitted.slope:.2f}, offset {fitted.offset:+.2f}")
    for key, count in counts.items():
        kept = "" if count >= FEWEST else f" (too few: {'as before' if key in fitted.factors else 'no interval'})"
        print(f"{key:7} factor {fitted.factors.get(key, float('nan')):6.2f}, {count} patients{kept}")
    print(f"{options.output}: {GUARANTEE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
