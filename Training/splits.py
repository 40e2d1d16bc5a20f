"""Which films train, test and compare readers, as a file (`python -m Training.splits`); see `data.splits`."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from SpineAlignmentLib.errors import ResultError, SpineAlignmentError
from SpineAlignmentLib.results.files import make_folder, write_files
from Training.data.splits import split_films, summary
from Training.datasets import load_mapping, read_films


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 when the split file is written, 2 when it cannot be."""
    parser = argparse.ArgumentParser(prog="python -m Training.splits", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--films", required=True, help="folder of annotated films")
    parser.add_argument("--mapping", help="of a foreign data set: a YAML file or the name of one that ships")
    parser.add_argument("--output", required=True, type=Path, help="split file to write")
    parser.add_argument("--test", type=float, default=0.2, help="share of the patients for the test set (default 0.2)")
    parser.add_argument("--readers", type=int, default=0, help="films of the test set for the comparison of readers")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    try:
        films, problems = read_films(options.films, load_mapping(options.mapping) if options.mapping else None)
        for problem in problems:
            print(problem, file=sys.stderr)
        if not films:
            raise ResultError(f"{options.films}: no annotated film found")
        split = split_films(films, options.test, options.readers, options.folds, options.seed)
        make_folder(options.output.parent)
        write_files({options.output: (json.dumps(split, indent=1) + "\n").encode()})
    except SpineAlignmentError as error:
        print(error, file=sys.stderr)
        return 2
    print(summary(split))
    return 0


if __name__ == "__main__":
    sys.exit(main())
