"""The mean of several networks' weights as a run (`python -m Training.weight_average`); see `run.weight_average`."""

import argparse
import sys
from pathlib import Path

from SpineAlignmentLib.errors import ResultError
from Training.config import ConfigError
from Training.run.weight_average import average_run


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 0 averaged, 2 nothing that can be averaged."""
    parser = argparse.ArgumentParser(prog="python -m Training.weight_average", description="Average weights.")
    parser.add_argument("--weights", type=Path, nargs="+", required=True, help="run folders or weights files")
    parser.add_argument("--run", type=Path, required=True, help="run whose configuration the average takes over")
    parser.add_argument("--output", type=Path, required=True, help="run folder to write, for Training.export")
    options = parser.parse_args(arguments)
    if options.output.resolve() in {path.resolve() for path in (options.run, *options.weights)}:
        parser.error("--output must be another folder than the runs it is made of")
    try:
        count = len(options.weights)
        average_run(options.weights, [1 / count] * count, options.run, options.output)
    except (ConfigError, ResultError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{options.output}: the mean of {count} networks")
    return 0


if __name__ == "__main__":
    sys.exit(main())
