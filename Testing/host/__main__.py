"""Open the module in a window: `python -m Testing.host [FILM]`."""

import argparse
import sys

import slicer
from PySide6 import QtWidgets

from Testing.host import application
from Testing.host.films import load_film


def main() -> int:
    """Run until the window is closed."""
    parser = argparse.ArgumentParser("python -m Testing.host", description="The module in a window, without Slicer.")
    parser.add_argument("film", nargs="?", metavar="FILM")
    options = parser.parse_args()
    qt_application = QtWidgets.QApplication(sys.argv)
    application.install()
    host = application.Host(testing=False)
    if options.film is not None:
        load_film(slicer.mrmlScene, options.film)
    host.open_module()
    host.show()
    status = qt_application.exec()
    host.finish()
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
