"""Trains the tiny network and leaves every rank's variables behind; started by `test_ranks`."""

import sys
from pathlib import Path

import numpy as np

from Training.config import load_config
from Training.run import checkpoint
from Training.run.session import Session


def main() -> None:
    """Arguments: configuration, run folder."""
    folder = Path(sys.argv[2])
    session = Session(load_config(sys.argv[1]), folder)
    session.run()
    arrays = checkpoint.network_arrays(session.network) | checkpoint.optimizer_arrays(session.optimizer)
    np.savez(folder / f"rank_{session.ranks.rank}_of_{session.ranks.size}.npz", **arrays)


if __name__ == "__main__":
    main()
