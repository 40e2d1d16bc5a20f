"""Child processes that handle strangers' films open those films and the program's own files, and nothing else.

So a header that names another file of this computer as its pixels gets nothing of it, whatever a reader makes of that
header, and a decoder that a damaged film leads astray can do no more than that. The front end says in its environment
what its children may open; each seals itself before it reads anything. Only Linux can do so (`landlock`).
"""

import json
import os
import site
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from SpineAlignmentLib.jobs.landlock import seal

VARIABLE: Final[str] = "SPINE_ALIGNMENT_SEAL"
_SYSTEM: Final[tuple[str, ...]] = (
    "/usr/lib", "/usr/lib64", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/dev/null", "/dev/urandom",
    "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu", "/sys/fs/cgroup",
)  # fmt: skip
"""What Python and the engines ask of the system: libraries, and how many processors and how much memory there is."""


def seal_children(films: Iterable[Path], folder: Path) -> None:
    """Seal the child processes that this process starts from now on.

    Args:
        films: files and folders that they may read, besides the program's own.
        folder: where uploads and temporary files are; they may do everything there.
    """
    os.environ[VARIABLE] = json.dumps({"readable": [str(path) for path in films], "writable": str(folder)})


def is_asked_for() -> bool:
    """Whether films may be read in sealed processes only."""
    return VARIABLE in os.environ


def seal_as_told() -> bool:
    """Seal this process as its parent asked, if it did; returns whether it is sealed."""
    told = os.environ.get(VARIABLE)
    if told is None:
        return False
    content = json.loads(told)
    return seal([*_own_files(), *map(Path, content["readable"])], [Path(content["writable"]), Path("/dev/null")])


def _own_files() -> list[Path]:
    """Python, installed packages, this library and the system's libraries; some are read late."""
    library = Path(__file__).resolve().parents[1]
    packages = [*site.getsitepackages(), site.getusersitepackages(), *_package_folders(sys.path)]
    own = [str(library), str(library.parent / "SpineAlignment"), sys.prefix, sys.base_prefix]
    places = {Path(place) for place in (*own, *packages, *sysconfig.get_paths().values(), *_SYSTEM)}
    return [place for place in places if place != Path(place.anchor)]


def _package_folders(paths: Iterable[str]) -> list[str]:
    return [path for path in paths if Path(path).name in ("site-packages", "dist-packages")]
