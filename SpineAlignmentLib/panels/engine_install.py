"""What runs the networks inside Slicer, and how a missing engine gets installed."""

import importlib
from typing import Final

import slicer

from SpineAlignmentLib.detection.engines import ENGINES, available_engines

PACKAGES: Final[dict[str, str]] = {"onnx": "onnxruntime>=1.18", "tensorflow": "tensorflow>=2.16"}
"""Engine to what pip installs for it."""


def engine_missing(engine: str) -> str | None:
    """The engine that has to be installed before "auto", "onnx" or "tensorflow" can run; None when nothing has to."""
    importlib.invalidate_caches()
    here = available_engines()
    if engine == "auto":
        return None if here else ENGINES[0]
    return None if engine in here else engine


def install_engine(engine: str) -> bool:
    """Ask, then install; returns whether the engine is there now.

    Raises:
        RuntimeError: pip failed; the text says how to go on.
    """
    requirement = PACKAGES[engine]
    question = (
        f"Detection needs the Python package {requirement.split('>')[0]}, which is not installed in Slicer yet.\n\n"
        "Download and install it now? This needs the internet once; after that detection works offline."
    )
    if not slicer.util.confirmOkCancelDisplay(question, windowTitle="Spine Alignment"):
        return False
    try:
        slicer.util.pip_install(requirement)
    except Exception as error:
        raise RuntimeError(
            f"{requirement} could not be installed: {error}. Check the internet connection, or choose another engine."
        ) from error
    return engine_missing(engine) is None


def engine_ready(engine: str) -> bool:
    """Whether an engine can run now; asks to install a missing one, and tells the user when that fails."""
    missing = engine_missing(engine)
    if missing is None:
        return True
    try:
        return install_engine(missing)
    except RuntimeError as error:
        slicer.util.errorDisplay(str(error))
        return False
