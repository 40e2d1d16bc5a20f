"""How Python packages that are not part of Slicer get installed, when they are first needed and the user agrees."""

import importlib
import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any, Final

import slicer
from slicer.i18n import tr as _

from SpineAlignmentLib.detection.models import shipped_models

WHEELS: Final[str] = "Wheels"
"""Folder among the module's resources for computers without the internet: pip takes packages from there alone."""
REQUESTER: Final[str] = "Spine Alignment"

_installing: list[str] = []


def install(requirements: str) -> None:
    """Ask, and let pip install what a file among the module's resources says; the user is told when that fails.

    Nothing happens while another installation is under way: a second click, while pip is at work and the window alive.
    """
    if _installing:
        return
    _installing.append(requirements)
    try:
        with _wheels_of(_resources() / WHEELS):
            _install(_resources() / requirements)
    finally:
        _installing.clear()


def package_ready(name: str, requirements: str) -> bool:
    """Whether a package can be imported now; asks to install it when it is missing.

    Args:
        name: of the package, as it is imported.
        requirements: as `install` takes it.
    """
    if not _is_there(name):
        install(requirements)
    return _is_there(name)


def _is_there(name: str) -> bool:
    importlib.invalidate_caches()
    return importlib.util.find_spec(name) is not None


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
        "This needs the Python package {packages}, which is not installed in Slicer yet.\n\n"
        "Download and install it now? The internet is needed once; after that everything works offline."
    ).format(packages=", ".join(packages))
    if not slicer.util.confirmOkCancelDisplay(question, windowTitle=REQUESTER):
        return
    try:
        slicer.util.pip_install(packages)
    except CalledProcessError as error:
        text = _("{packages} could not be installed: {error}. Check the internet connection.")
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
