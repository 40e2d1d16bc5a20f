"""What pip installs works by itself: the package built from the sources, unpacked elsewhere, detects."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from Testing.library.films import SAMPLE_FILM

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
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "installed")}
    run = subprocess.run(
        [sys.executable, "-P", "-m", "SpineAlignmentLib", "detect", str(SAMPLE_FILM), "-o", str(tmp_path / "out")],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "out" / f"{SAMPLE_FILM.stem}.json").exists()


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
