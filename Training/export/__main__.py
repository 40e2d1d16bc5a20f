"""Trained runs to the model folders that ship: `python -m Training.export --run runs/exponential --output MODELS`."""

import argparse
import os
import sys
from pathlib import Path

from SpineAlignmentLib.detection.models import read_models
from SpineAlignmentLib.errors import SpineAlignmentError
from Training.config import ConfigError
from Training.export.model_folder import check_names, export_again, export_run, update_ensemble


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 0 exported, 2 nothing that can be exported, or nowhere."""
    parser = argparse.ArgumentParser(prog="python -m Training.export", description="Export trained runs.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--run", type=Path, action="append", help="run folder; give it once per model")
    what.add_argument("--again", action="store_true", help="write the exported models anew, from their stored weights")
    parser.add_argument("--output", type=Path, required=True, help="folder of models")
    parser.add_argument("--ensemble", action="store_true", help="make these runs the ensemble, see ensemble.json")
    options = parser.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    try:
        if options.again:
            folders = [export_again(model) for model in read_models(options.output)]
        else:
            check_names(options.run)
            folders = [export_run(run, options.output) for run in options.run]
        if options.ensemble and not options.again:
            update_ensemble(options.output, [folder.name for folder in folders])
    except (ConfigError, SpineAlignmentError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for folder in folders:
        print(f"{folder}: {sum(p.stat().st_size for p in folder.rglob('*') if p.is_file()) / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
