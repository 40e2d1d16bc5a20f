"""The viewer under crowds, strangers and kills: `python -m Testing.benchmarks.viewer_faults` (root, for a second user).

Idle ends, each followed by somebody new; more newcomers at once than may be; unfinished posts without the key; a
session killed in each of its states; everything killed; another user of the same computer. Each says what it measured
and whether that is right; `Testing/viewer` runs the same with small numbers.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

from SpineAlignmentLib.results import Annotation
from Testing.viewer.other_user import NOBODY, Target, reached
from Testing.viewer.strangers import Visitor, post_unfinished, wait_until
from Testing.viewer.viewer_process import BROWSER_FLAGS, CHROMIUM, PATIENCE_MS, WINDOW, Page, Viewer, is_running

DOOR_MB: Final[float] = 100.0
"""Most memory of the process that people reach."""
LIMIT: Final[int] = 8
STATES: Final[tuple[str, ...]] = ("empty", "reading", "detecting", "corrections", "exporting")
"""What a session may be at when it is killed."""
GONE_S: Final[float] = 20.0
"""Films and processes of a session that was killed are gone by then."""
_BIG_PX: Final[int] = 4000


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


@dataclass(frozen=True)
class Killed:
    """A session that was killed."""

    told_s: float
    """Until its page said so."""
    again_s: float
    """From there until a new page was ready."""
    films: int
    """Files of the session that are still there."""
    processes: int
    """Processes that it had started and that are still there."""
    found: bool
    """Whether corrections were offered and are what they were; true when there were none to find."""

    @property
    def right(self) -> bool:
        return self.found and not self.films and not self.processes


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


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(BROWSER_FLAGS))
        yield started
        started.close()


def new_page(started: Any, viewer: Viewer) -> Page:
    """A page of somebody new."""
    tab = started.new_context(viewport=WINDOW).new_page()
    tab.set_default_timeout(PATIENCE_MS)
    tab.goto(viewer.entry)
    tab.wait_for_selector("#sample")
    tab.wait_for_selector("main.film .area")
    return Page(tab)


def corrected(page: Page) -> Annotation:
    """What is on the page after a landmark was corrected, which is not saved."""
    page.open_sample()
    page.detect()
    page.press("f", ".", "Shift+ArrowRight")
    film = page.annotation()
    # which was to save it
    page.press("Shift+ArrowRight", "Shift+ArrowLeft", "Shift+ArrowDown")
    page.page.wait_for_selector("#unsaved")
    page.page.wait_for_timeout(1500)
    row = int(np.flatnonzero(np.isfinite(film.points_px[:, 0]))[0])
    points = film.points_px.copy()
    points[row] += (0, 10)
    return film.with_points(points)


def bring_to(state: str, page: Page, folder: Path) -> Annotation | None:
    """Bring a session to one of `STATES`; returns what is to be found again.

    Args:
        state: one of `STATES`.
        page: the session's page, empty.
        folder: where the viewer's temporary files are.
    """
    if state == "reading":
        film = folder.parent / "large.png"
        noise = np.random.default_rng(0).integers(0, 2**16, (_BIG_PX, _BIG_PX), dtype=np.uint16)
        Image.fromarray(noise).save(film, compress_level=0)
        page.send(film)
        assert wait_until(lambda: list(folder.rglob(film.name)), step_s=0.01)
        return None
    if state == "corrections":
        return corrected(page)
    if state in ("detecting", "exporting"):
        page.open_sample()
    if state == "detecting":
        page.page.click("#detect")
        page.page.wait_for_selector(".progress")
    if state == "exporting":
        page.detect()
        page.page.evaluate("() => { fetch('download/pdf').catch(() => 0); }")
        assert wait_until(lambda: _making(folder), step_s=0.01)
    return None


def _making(folder: Path) -> list[Path]:
    """Folders in which a file is being made for download."""
    return [path for path in folder.glob("SpineAlignmentViewer*/*/SpineAlignment*") if path.is_dir()]


def killed(state: str, started: Any, folder: Path) -> Killed:
    """Kill a person's process in one of `STATES`, and go on as its page offers.

    Args:
        state: one of `STATES`.
        started: the browser.
        folder: an empty folder, for the viewer's temporary files and kept corrections.
    """
    temporary = folder / "temporary"
    temporary.mkdir()
    with environment(TMPDIR=str(temporary), XDG_STATE_HOME=str(folder / "state")):
        viewer = Viewer()
        try:
            page = new_page(started, viewer)
            expected = bring_to(state, page, temporary)
            own = next(place for place in temporary.glob("SpineAlignmentViewer*/*") if place.is_dir())
            session, *helpers = viewer.descendants()
            start = time.monotonic()
            os.kill(session, signal.SIGKILL)
            page.page.wait_for_selector(".ended")
            told = time.monotonic()
            wait_until(lambda: not own.exists() and not any(map(is_running, helpers)), GONE_S)
            left = sum(path.is_file() for path in own.rglob("*")), sum(map(is_running, helpers))
            clicked = time.monotonic()
            page.page.click("#go-on")
            page.page.wait_for_selector("main.film .area")
            again = time.monotonic()
            found = finds(page, expected)
            page.page.context.close()
            return Killed(told - start, again - clicked, *left, found)
        finally:
            viewer.stop()


def finds(page: Page, expected: Annotation | None) -> bool:
    """Open the sample film again; whether what was corrected is offered and comes back."""
    page.open_sample()
    page.settle()
    if expected is None:
        page.detect()
        return not page.page.locator("#offer").count()
    page.page.click("#offer button")
    page.settle()
    return bool(np.allclose(page.annotation().points_px, expected.points_px, atol=0.01, equal_nan=True))


def everything_killed(started: Any, folder: Path) -> tuple[bool, int]:
    """Kill door and sessions; whether corrections are found after a new start, and how many files are left."""
    temporary = folder / "temporary"
    temporary.mkdir()
    with environment(TMPDIR=str(temporary), XDG_STATE_HOME=str(folder / "state")):
        viewer = Viewer()
        page = new_page(started, viewer)
        expected = corrected(page)
        places = list(temporary.iterdir())
        processes = [viewer.process.pid, *viewer.descendants()]
        for pid in processes:
            os.kill(pid, signal.SIGKILL)
        viewer.stop()
        assert wait_until(lambda: not any(map(is_running, processes)))
        page.page.context.close()
        viewer = Viewer()
        try:
            page = new_page(started, viewer)
            left = sum(path.is_file() for place in places for path in place.rglob("*"))
            found = finds(page, expected)
            page.page.context.close()
            return found, left
        finally:
            viewer.stop()


def another_user(folder: Path) -> tuple[int, int, list[str]]:
    """How much was tried on a viewer, how much of it succeeds for its own user, and what for another (as root)."""
    folder.chmod(0o755)
    temporary = folder / "temporary"
    temporary.mkdir()
    temporary.chmod(0o1777)
    with environment(TMPDIR=str(temporary), XDG_STATE_HOME=str(folder / "state")):
        viewer = Viewer()
        try:
            attempts = Target.of(viewer, folder).attempts()
            return len(attempts), len(reached(attempts)), reached(attempts, NOBODY)
        finally:
            viewer.stop()


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """Environment variables for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


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
