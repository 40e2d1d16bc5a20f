"""Trains one network: `python -m Training.train --config CONFIG --run FOLDER`, or the same under `horovodrun -np N`.

The same command continues a training that was interrupted. See docs/training.md.
"""

import argparse
import os
import sys
from pathlib import Path


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m Training.train", description="Train one landmark network.")
    parser.add_argument("--config", required=True, type=Path, help="YAML configuration, see Training/configs")
    parser.add_argument("--run", type=Path, help="run folder, continued if it exists (default: runs/<name>)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override, as section.key=value"
    )
    parser.add_argument("--until", type=int, help="stop after this many steps in all; the schedule stays as configured")
    options = parser.parse_args(arguments)
    if options.until is not None and options.until < 1:
        parser.error("--until must be at least 1")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 0 trained, 2 wrong configuration, films or checkpoint, 130 interrupted."""
    options = parse(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from SpineAlignmentLib.errors import ResultError
    from Training.config import ConfigError, load_config

    try:
        config = load_config(options.config, options.set)
        # Loader processes start from this file: the engine is imported here, so that they do without it.
        from Training.run.session import Session

        folder = options.run or Path("runs") / config.name
        session = Session(config, folder)
        progress = session.run(options.until)
    except (ConfigError, ResultError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        return 130
    if session.ranks.is_first:
        print(f"{folder}: {progress.step} steps, best mean error {progress.best:.2f} px of 864")
    return 0


if __name__ == "__main__":
    sys.exit(main())
