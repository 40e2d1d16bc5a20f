"""The viewer under crowds, strangers and kills: `python -m Testing.benchmarks.viewer_faults` (root, for a second user).

Idle ends, each followed by somebody new; more newcomers at once than may be; unfinished posts without the key; a
session killed in each of its states; everything killed; another user of the same computer. Each says what it measured
and whether that is right; `Testing/viewer` runs the same with small numbers.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from unittest.mock import patch

import numpy as np

from Testing.viewer.killing import STATES, browser, everything_killed, killed
from Testing.viewer.other_user import NOBODY, Target, reached
from Testing.viewer.strangers import Visitor, post_unfinished, wait_until
from Testing.viewer.viewer_process import Viewer

DOOR_MB: Final[float] = 100.0
"""Most memory of the process that people reach."""
LIMIT: Final[int] = 8


@dataclass(frozen=True)
class Crowd:
    """Newcomers at once."""

    let_in: int
    refused: int
    seconds: float
    door_mb: float
    """Most memory of the door."""
    served: int
    """How many of those who were let in get an answer afterwards."""


def door_mb(viewer: Viewer) -> float:
    """The most memory that the door ever had."""
    status = Path(f"/proc/{viewer.process.pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in status if line.startswith("VmHWM"))) / 1024


def idle_ends(times: int, idle_s: int = 2) -> list[float]:
    """Seconds until somebody new was answered, after each time that the last session ended for want of a page.

    Raises:
        AssertionError: an answer that is not the page, or a session that does not end.
    """
    viewer = Viewer(idle_s=idle_s)
    try:
        seconds = []
        for _ in range(times):
            start = time.monotonic()
            assert Visitor(viewer.address, viewer.entry).status == 200
            seconds.append(time.monotonic() - start)
            assert wait_until(lambda: not viewer.descendants())
        return seconds
    finally:
        viewer.stop()


def crowd(count: int, limit: int = LIMIT) -> Crowd:
    """So many newcomers at the same moment."""
    viewer = Viewer(sessions=limit)
    try:
        visitors = [Visitor(viewer.address) for _ in range(count)]
        start = time.monotonic()
        with ThreadPoolExecutor(count) as pool:
            codes = list(pool.map(lambda visitor: visitor.ask(f"?key={viewer.key}")[0], visitors))
        seconds = time.monotonic() - start
        inside = [visitor for visitor, code in zip(visitors, codes, strict=True) if code == 200]
        served = sum(visitor.ask("page/page.css")[0] == 200 for visitor in inside)
        return Crowd(codes.count(200), codes.count(503), seconds, door_mb(viewer), served)
    finally:
        viewer.stop()


def unfinished_posts(megabytes: int) -> float:
    """Most memory of the door, in MB, while three strangers send so much of a large post and never end it."""
    viewer = Viewer()
    try:
        sockets = post_unfinished(viewer, megabytes)
        assert Visitor(viewer.address, viewer.entry).status == 200
        for one in sockets:
            one.close()
        return door_mb(viewer)
    finally:
        viewer.stop()


def another_user(folder: Path) -> tuple[int, int, list[str]]:
    """How much was tried on a viewer, how much of it succeeds for its own user, and what for another (as root)."""
    folder.chmod(0o755)
    temporary = folder / "temporary"
    temporary.mkdir()
    temporary.chmod(0o1777)
    with patch.dict(os.environ, TMPDIR=str(temporary), XDG_STATE_HOME=str(folder / "state")):
        viewer = Viewer()
        try:
            attempts = Target.of(viewer, folder).attempts()
            return len(attempts), len(reached(attempts)), reached(attempts, NOBODY)
        finally:
            viewer.stop()


class Faults:
    """Each fault at length."""

    def __init__(self) -> None:
        self.wrong: list[str] = []

    def _tell(self, what: str, right: bool, figures: str) -> None:
        print(f"{'right' if right else 'WRONG'}: {what}: {figures}", flush=True)
        if not right:
            self.wrong.append(what)

    def idle(self) -> None:
        """The viewer goes on after everybody left, twenty times."""
        seconds = idle_ends(20)
        self._tell("20 idle ends", True, f"answered after {np.median(seconds):.2f} s, at most {max(seconds):.2f} s")

    def newcomers(self) -> None:
        """Twenty at once against a limit of eight."""
        one = crowd(20)
        right = (one.let_in, one.refused, one.served) == (LIMIT, 20 - LIMIT, LIMIT) and one.door_mb < DOOR_MB
        text = f"{one.let_in} let in, {one.refused} refused, {one.seconds:.1f} s, door at most {one.door_mb:.0f} MB"
        self._tell("20 newcomers at once", right, text)

    def posts(self) -> None:
        """Large posts of strangers."""
        most = unfinished_posts(64)
        self._tell("3 unfinished posts without a key", most < DOOR_MB, f"door at most {most:.0f} MB")

    def kills(self) -> None:
        """A session killed in each state."""
        with browser() as started:
            for state in STATES:
                with tempfile.TemporaryDirectory() as folder:
                    one = killed(state, started, Path(folder))
                text = f"said after {one.told_s:.1f} s, new page after {one.again_s:.1f} s"
                left = f"{one.films} files and {one.processes} processes left"
                self._tell(f"session killed: {state}", one.right, f"{text}, {left}")

    def everything(self) -> None:
        """Door and sessions killed at once."""
        with browser() as started, tempfile.TemporaryDirectory() as folder:
            found, left = everything_killed(started, Path(folder))
        self._tell("everything killed", found and not left, f"corrections found: {found}, {left} files left behind")

    def users(self) -> None:
        """Another user of this computer."""
        with tempfile.TemporaryDirectory() as folder:
            tried, own, other = another_user(Path(folder))
        text = f"of {tried} attempts {own} succeed for the same user, for another one: {', '.join(other) or 'none'}"
        self._tell("another user of this computer", own > 0 and not other, text)


KINDS: Final[dict[str, Callable[[Faults], None]]] = {
    "idle": Faults.idle,
    "newcomers": Faults.newcomers,
    "posts": Faults.posts,
    "kills": Faults.kills,
    "everything": Faults.everything,
    "users": Faults.users,
}


def main() -> int:
    """Run every fault; status 1 when something is not as it should be."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", choices=list(KINDS))
    options = parser.parse_args()
    faults = Faults()
    for kind in KINDS if options.only is None else (options.only,):
        KINDS[kind](faults)
    return int(bool(faults.wrong))


if __name__ == "__main__":
    sys.exit(main())
