"""Open the module in a window: `python -m Testing.host [FILM]`."""

import sys

import slicer
from PySide6 import QtWidgets

from Testing.host import application
from Testing.host.films import load_film


def main() -> int:
    """Run until the window is closed."""
    qt_application = QtWidgets.QApplication(sys.argv)
    application.install()
    host = application.Host(testing=False)
    if len(sys.argv) > 1:
        load_film(slicer.mrmlScene, sys.argv[1])
    host.open_module()
    host.show()
    status = qt_application.exec()
    host.finish()
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
