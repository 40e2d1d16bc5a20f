"""Processes of the viewer that are killed, and what the people who were there find afterwards."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Final
from unittest.mock import patch

import numpy as np
from PIL import Image

from SpineAlignmentLib.results import Annotation
from Testing.viewer.strangers import wait_until
from Testing.viewer.viewer_process import BROWSER_FLAGS, CHROMIUM, PATIENCE_MS, WINDOW, Page, Viewer, is_running

STATES: Final[tuple[str, ...]] = ("empty", "reading", "detecting", "corrections", "exporting")
"""What a session may be at when it is killed."""
GONE_S: Final[float] = 20.0
"""Films and processes of a session that was killed are gone by then."""
_BIG_PX: Final[int] = 4000


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


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium."""
    from playwright.sync_api import sync_playwright

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
    with patch.dict(os.environ, TMPDIR=str(temporary), XDG_STATE_HOME=str(folder / "state")):
        viewer = Viewer()
        try:
            page = new_page(started, viewer)
            expected = bring_to(state, page, temporary)
            own = next(place for place in temporary.glob("SpineAlignmentViewer*/*") if place.is_dir())
            session, *helpers = viewer.descendants()
            start = monotonic()
            os.kill(session, signal.SIGKILL)
            page.page.wait_for_selector(".ended")
            told = monotonic()
            wait_until(lambda: not own.exists() and not any(map(is_running, helpers)), GONE_S)
            left = sum(path.is_file() for path in own.rglob("*")), sum(map(is_running, helpers))
            clicked = monotonic()
            page.page.click("#go-on")
            page.page.wait_for_selector("main.film .area")
            again = monotonic()
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
    with patch.dict(os.environ, TMPDIR=str(temporary), XDG_STATE_HOME=str(folder / "state")):
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
