"""What runs the networks inside Slicer; a missing engine gets installed."""

import importlib
from typing import Final

from SpineAlignmentLib.detection.engines import ENGINES, available_engines
from SpineAlignmentLib.panels.package_install import install

REQUIREMENTS: Final[dict[str, str]] = {"onnx": "requirements.txt", "tensorflow": "requirements-tensorflow.txt"}
"""Engine to the file, among the module's resources, that says what pip installs for it."""


def engine_missing(engine: str) -> str | None:
    """The engine that has to be installed before "auto", "onnx" or "tensorflow" can run; None when nothing has to."""
    importlib.invalidate_caches()
    here = available_engines()
    if engine == "auto":
        return None if here else ENGINES[0]
    return None if engine in here else engine


def engine_ready(engine: str) -> bool:
    """Whether an engine can run now; asks to install a missing one, and the user is told when that fails."""
    missing = engine_missing(engine)
    if missing is not None:
        install(REQUIREMENTS[missing])
    return engine_missing(engine) is None
