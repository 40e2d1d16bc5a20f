"""What runs the networks inside Slicer, and how a missing engine gets installed."""

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any, Final

import slicer
from slicer.i18n import tr as _

from SpineAlignmentLib.detection.engines import ENGINES, available_engines
from SpineAlignmentLib.detection.models import shipped_models

REQUIREMENTS: Final[dict[str, str]] = {"onnx": "requirements.txt", "tensorflow": "requirements-tensorflow.txt"}
"""Engine to the file, among the module's resources, that says what pip installs for it."""
WHEELS: Final[str] = "Wheels"
"""Folder among the module's resources for computers without the internet: pip takes packages from there alone."""
REQUESTER: Final[str] = "Spine Alignment"

_installing: list[str] = []


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
    if missing is None:
        return True
    if _installing:
        # a second click, while pip is at work and the window alive
        return False
    _installing.append(missing)
    try:
        with _wheels_of(_resources() / WHEELS):
            _install(_resources() / REQUIREMENTS[missing])
    finally:
        _installing.clear()
    return engine_missing(engine) is None


def _resources() -> Path:
    return shipped_models().parent


def _install(requirements: Path) -> None:
    packaging = _slicer_packaging()
    if packaging is None:
        _ask_and_install(requirements)
        return
    try:
        packaging.pip_ensure(packaging.load_requirements(str(requirements)), requester=REQUESTER)
    except (RuntimeError, CalledProcessError):
        # the user would not have it; or pip failed, and Slicer has shown what it said
        return


def _slicer_packaging() -> Any:
    """Slicer's functions for packages, which ask, show progress and show what went wrong; None before Slicer 5.11."""
    try:
        return importlib.import_module("slicer.packaging")
    except ModuleNotFoundError:
        return None


def _ask_and_install(requirements: Path) -> None:
    packages = requirements.read_text(encoding="utf-8").split()
    question = _(
        "Detection needs the Python package {packages}, which is not installed in Slicer yet.\n\n"
        "Download and install it now? This needs the internet once; after that detection works offline."
    ).format(packages=", ".join(packages))
    if not slicer.util.confirmOkCancelDisplay(question, windowTitle=REQUESTER):
        return
    try:
        slicer.util.pip_install(packages)
    except CalledProcessError as error:
        text = _("{packages} could not be installed: {error}. Check the internet connection, or choose another engine.")
        slicer.util.errorDisplay(text.format(packages=", ".join(packages), error=error))


@contextmanager
def _wheels_of(folder: Path) -> Iterator[None]:
    """Let pip take packages from a folder, when it holds any, and from nowhere else."""
    options = {"PIP_FIND_LINKS": str(folder), "PIP_NO_INDEX": "1"} if any(folder.glob("*.whl")) else {}
    before = {name: os.environ.get(name) for name in options}
    os.environ.update(options)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
