"""`python -m SpineAlignmentLib`: the same as `spine-alignment`."""

import sys

from SpineAlignmentLib.command_line import main

if __name__ == "__main__":
    sys.exit(main())
