"""`python -m Training.simulation`: whole-spine lateral films with exact landmarks, as files."""

import sys

from Training.simulation.command import main

if __name__ == "__main__":
    sys.exit(main())
