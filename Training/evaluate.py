"""The study of Yeh 2021 on any set of annotated films, as one command: `python -m Training.evaluate`."""

import sys

from Training.evaluation.command import main

if __name__ == "__main__":
    sys.exit(main())
