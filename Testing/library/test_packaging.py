"""What pip or Slicer installs works by itself: taken from the sources and put elsewhere, it detects."""

import itertools
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from Testing.library.films import SAMPLE_FILM
from Testing.package import listed

ROOT = Path(__file__).parents[2]


def test_built_package_detects(tmp_path):
    source = tmp_path / "source"
    leave_out = shutil.ignore_patterns("__pycache__", ".*", "*.egg-info")
    for room in ("SpineAlignment", "SpineAlignmentLib", "Training"):
        shutil.copytree(ROOT / room, source / room, ignore=leave_out)
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", "..", "."]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    detects(tmp_path / "installed", tmp_path)


def test_what_cmake_lists_detects(tmp_path):
    # where Slicer installs the module, its resources lie beside the library
    for room, folder in (("SpineAlignment", ""), ("SpineAlignmentLib", "SpineAlignmentLib")):
        for name in itertools.chain(*listed(room).values()):
            place = tmp_path / "installed" / folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / room / name, place)
    detects(tmp_path / "installed", tmp_path)


def detects(installed, folder):
    """The command finds landmarks with the library that lies in `installed` alone."""
    environment = os.environ | {"PYTHONPATH": str(installed)}
    where = [sys.executable, "-P", "-c", "import SpineAlignmentLib; print(SpineAlignmentLib.__file__)"]
    found = subprocess.run(where, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    assert Path(found.stdout.strip()).is_relative_to(installed)
    run = subprocess.run(
        [sys.executable, "-P", "-m", "SpineAlignmentLib", "detect", str(SAMPLE_FILM), "-o", str(folder / "out")],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert (folder / "out" / f"{SAMPLE_FILM.stem}.json").exists()


@pytest.mark.parametrize("name", ["base", "viewer"])
def test_files_with_hashes_pin_what_the_constraints_pin(name):
    def pins(path):
        return dict(re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)", path.read_text(), re.MULTILINE))

    known = {key.lower().replace("_", "-"): version for key, version in pins(ROOT / "constraints.txt").items()}
    text = (ROOT / "hashes" / f"{name}.txt").read_text()
    locked = pins(ROOT / "hashes" / f"{name}.txt")
    assert locked and {key: known.get(key) for key in locked} == locked
    # pip refuses a file in which a single package has none
    assert all("--hash=sha256:" in block for block in re.split(r"\n(?=\S)", text.strip()))
