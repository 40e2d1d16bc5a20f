"""The house's rules: what may import what, which names are public, what importing a room costs."""

import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import SpineAlignmentLib
from SpineAlignmentLib.command_line import main
from Testing.library.films import SAMPLE_FILM

ROOT = Path(__file__).parents[2]
ROOMS = ("measurement", "results", "film", "clinical", "detection", "dicom", "jobs", "command_line")
HEAVY = (
    "scipy",
    "pandas",
    "PIL",
    "pydicom",
    "SimpleITK",
    "onnxruntime",
    "tensorflow",
    "keras",
    "matplotlib",
    "requests",
)
TOO_LONG = 350


def lint(folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache", "--config", "pyproject.toml"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path):
    """The sources elsewhere, to break their rules."""
    for room in ("SpineAlignmentLib", "Training"):
        leave_out = shutil.ignore_patterns("__pycache__", "*.npz")
        shutil.copytree(ROOT / room, tmp_path / room, ignore=leave_out)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("SpineAlignmentLib/measurement/parameters.py", "from SpineAlignmentLib.results.annotation import Annotation"),
        ("SpineAlignmentLib/film/polarity.py", "from SpineAlignmentLib.film.film import Film"),
        ("SpineAlignmentLib/jobs/batch.py", "import slicer"),
        ("SpineAlignmentLib/results/files.py", "import Training.config"),
        ("Training/network/dsnt.py", "from Training.run.schedule import Schedule"),
    ],
)
def test_forbidden_imports_are_found(copy, file, line):
    path = copy / file
    path.write_text(f"{path.read_text()}\n\n{line}\n")
    run = lint(copy)
    assert run.returncode == 1 and "BROKEN" in run.stdout


def test_rules_hold_in_the_copy_that_the_other_tests_break(copy):
    run = lint(copy)
    assert run.returncode == 0, run.stdout


def test_front_doors_are_cheap():
    code = (
        "import sys, importlib\n"
        f"for room in {ROOMS}: importlib.import_module(f'SpineAlignmentLib.{{room}}')\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout.strip() == "[]"


def test_heavy_imports_at_file_scope_are_found(tmp_path):
    file = tmp_path / "SpineAlignmentLib" / "film" / "fast.py"
    file.parent.mkdir(parents=True)
    file.write_text('"""Slow."""\n\nimport scipy\n\nprint(scipy)\n')
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    ruff = [Path(sys.executable).with_name("ruff"), "check", "--no-cache", "SpineAlignmentLib"]
    run = subprocess.run(ruff, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 1 and "TID253" in run.stdout


@pytest.mark.parametrize("room", [*ROOMS[:-2], "landmarks", "parameters"])
def test_public_names_are_there(room):
    module = importlib.import_module(f"SpineAlignmentLib.{room}")
    assert module.__all__ and all(hasattr(module, name) for name in module.__all__)


def test_no_file_is_too_long():
    rooms = ("SpineAlignment", "SpineAlignmentLib", "Training", "Testing")
    files = [path for room in rooms for path in (ROOT / room).rglob("*.py")]
    assert len(files) > 200
    assert [str(p) for p in files if len(p.read_text().splitlines()) > TOO_LONG] == []


def test_version_is_told_everywhere(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.strip() == f"SpineAlignment {SpineAlignmentLib.__version__}"
    assert main(["measure", str(SAMPLE_FILM.with_suffix(".json")), "-o", str(tmp_path)]) == 0
    written = json.loads((tmp_path / f"{SAMPLE_FILM.stem}.json").read_text())
    assert written["software"] == SpineAlignmentLib.SOFTWARE
    assert SpineAlignmentLib.__version__ in (ROOT / "CHANGELOG.md").read_text()
