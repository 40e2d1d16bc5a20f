"""What Slicer's packager takes: every Python file and resource has to be listed in a CMakeLists.txt.

`python -m Testing.package` writes the lists anew from the files on disk; the tests compare them.
"""

import argparse
import re
import sys
from pathlib import Path
from typing import Final

ROOT: Final[Path] = Path(__file__).resolve().parent.parent
ROOMS: Final[tuple[str, ...]] = ("SpineAlignment", "SpineAlignmentLib")
NOT_FOR_SLICER: Final[tuple[str, ...]] = ("cohort", "viewer")
"""Folders that run outside Slicer only: cohorts need pandas, the viewer brings its own web server."""
_LISTS: Final[dict[str, str]] = {"MODULE_PYTHON_SCRIPTS": "scripts", "MODULE_PYTHON_RESOURCES": "resources"}


def on_disk(room: str) -> dict[str, list[str]]:
    """The scripts and resources of a room as its CMakeLists.txt has to list them."""
    folder = ROOT / room
    files = [p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    ours = [p.relative_to(folder) for p in files if not p.name.startswith(".") and p.name != "CMakeLists.txt"]
    names = sorted(p.as_posix() for p in ours if p.parts[0] not in NOT_FOR_SLICER)
    # a Python package there makes the folder installable by pip; Slicer imports the module's file itself
    scripts = [n for n in names if n.endswith(".py") and (room, n) != ("SpineAlignment", "__init__.py")]
    return {"scripts": scripts, "resources": [n for n in names if not n.endswith(".py")]}


def listed(room: str) -> dict[str, list[str]]:
    """The scripts and resources that a room's CMakeLists.txt lists."""
    text = (ROOT / room / "CMakeLists.txt").read_text()
    text = text.replace("${MODULE_NAME}", room)
    found = {}
    for variable, kind in _LISTS.items():
        match = re.search(rf"set\({variable}\n(.*?)\)", text, re.S)
        found[kind] = sorted(match.group(1).split()) if match else []
    return found


def write_lists(room: str) -> None:
    """Bring the lists of a room's CMakeLists.txt up to date."""
    path = ROOT / room / "CMakeLists.txt"
    text = path.read_text()
    disk = on_disk(room)
    for variable, kind in _LISTS.items():
        lines = "".join(f"  {name}\n" for name in disk[kind])
        text = re.sub(rf"set\({variable}\n.*?\)", lambda _, v=variable, n=lines: f"set({v}\n{n}  )", text, flags=re.S)
    path.write_text(text)


def main() -> int:
    """Write the lists of all rooms."""
    argparse.ArgumentParser(
        "python -m Testing.package", description="Lists of files for Slicer's packager."
    ).parse_args()
    for room in ROOMS:
        write_lists(room)
    return 0


if __name__ == "__main__":
    sys.exit(main())
