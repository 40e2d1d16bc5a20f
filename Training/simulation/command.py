"""Simulated films as files from the command line: `python -m Training.simulation`."""

import argparse
import os
import shutil
import sys
from pathlib import Path

from tqdm import tqdm

from SpineAlignmentLib.errors import SpineAlignmentError
from SpineAlignmentLib.results.files import make_folder
from Training.simulation.film import simulate_film
from Training.simulation.workers import render_pool
from Training.simulation.writing import write_film

RESOLUTIONS = {"network": 0.95, "half": 0.36, "full": 0.18}
"""Size of a film pixel in mm: about a network's input, and half and all of a slot scanner's films."""

Job = tuple[int, int, float, float, int | None, int | None, str, str]


def _make(job: Job) -> str:
    seed, index, spacing, randomization, system, presacral, folder, kind = job
    made = simulate_film(seed, index, spacing, randomization, system, presacral)
    return write_film(made, Path(folder), kind).name


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m Training.simulation", description="Whole-spine lateral films with exact landmarks."
    )
    parser.add_argument("--count", type=int, required=True, help="films 0 to COUNT - 1 of the seed; existing ones stay")
    parser.add_argument("--index", type=int, help="only this film of the seed")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--format", choices=("png", "dicom"), default="png")
    parser.add_argument("--resolution", choices=tuple(RESOLUTIONS), default="half")
    parser.add_argument("--randomization", type=float, default=0.5, help="0 plausible looks to 1.5 well past it")
    parser.add_argument("--system", type=int, help="take all films with this X-ray system, its exposure and processing")
    parser.add_argument(
        "--presacral", type=int, choices=(23, 24, 25), help="vertebrae above the sacrum; as in the population if absent"
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(arguments)
    if options.count < 1 or options.workers < 1 or not 0 <= options.randomization <= 1.5:
        parser.error("--count and --workers must be at least 1, --randomization between 0 and 1.5")
    if min(options.seed, options.index or 0, options.system or 0) < 0:
        parser.error("--seed, --index and --system must be 0 or more")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 0 all films are there, 1 something failed, 2 wrong usage, 130 interrupted."""
    options = _parse(arguments)
    spacing = RESOLUTIONS[options.resolution]
    ending = ".png" if options.format == "png" else ".dcm"
    wanted = range(options.count) if options.index is None else [options.index]
    try:
        make_folder(options.output)
        missing = [i for i in wanted if not (options.output / f"simulated_{options.seed}_{i:05d}{ending}").exists()]
        needed = len(missing) * 2.2e6 / spacing**2 * (1.0 if options.format == "dicom" else 0.7)
        free = shutil.disk_usage(options.output).free
        print(f"{len(missing)} films to make, about {needed / 1e6:.0f} MB; {free / 1e9:.0f} GB free")
        if needed > free:
            print(f"{options.output}: not enough space; lower --count or free some", file=sys.stderr)
            return 1
        jobs: list[Job] = [
            (
                *(options.seed, i, spacing, options.randomization, options.system, options.presacral),
                *(str(options.output), options.format),
            )
            for i in missing
        ]
        with render_pool(options.workers) as pool:
            for _ in tqdm(pool.imap_unordered(_make, jobs), total=len(jobs), disable=None, unit="film"):
                pass
    except SpineAlignmentError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command goes on", file=sys.stderr)
        return 130
    return 0
