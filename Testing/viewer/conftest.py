"""Fixtures: the viewer started as a user starts it, and one page with the sample film and its landmarks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("slicer", reason="the viewer needs slicer-core")
pytest.importorskip("trame_slicer", reason="the viewer needs trame-slicer")

from Testing.viewer.viewer_process import BROWSER_FLAGS, CHROMIUM, PATIENCE_MS, WINDOW, Page, Viewer


@pytest.fixture(scope="module")
def viewer() -> Iterator[Viewer]:
    """Not longer than a module: every page of somebody new is a session, and a viewer has eight until they idle."""
    viewer = Viewer()
    yield viewer
    viewer.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium; not longer than a module, because Playwright keeps an event loop running while it is there."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="browser tests need playwright")
    if not Path(CHROMIUM).is_file():
        pytest.skip("browser tests need chromium: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(BROWSER_FLAGS))
        yield browser
        browser.close()


def new_page(browser: Any, viewer: Viewer) -> Page:
    """A page of somebody new."""
    page = browser.new_context(viewport=WINDOW, accept_downloads=True).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.goto(viewer.entry)
    page.wait_for_selector("#sample")
    return Page(page)


@pytest.fixture(scope="module")
def _page(browser: Any, viewer: Viewer) -> Iterator[Page]:
    page = new_page(browser, viewer)
    page.open_sample()
    page.detect()
    yield page
    page.page.context.close()


@pytest.fixture
def page(_page: Page) -> Iterator[Page]:
    """The sample film as detected, shown whole; no script may have failed."""
    _page.page.keyboard.press("Escape")
    _page.page.click("text=Reset")
    _page.page.keyboard.press("f")
    _page.settle()
    yield _page
    assert _page.page.errors == []
