"""Corrections outlive the tab, the session and the viewer; leaving with unsaved ones asks."""

import hashlib
import http.server
import os
import signal
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.viewer.command import SAMPLE_FILM
from Testing.viewer import killing
from Testing.viewer.conftest import new_page
from Testing.viewer.strangers import wait_until
from Testing.viewer.viewer_process import Page, Viewer, is_running


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "spine-alignment" / "corrections"


@pytest.fixture
def own_viewer(state: Path) -> Iterator[Viewer]:
    viewer = Viewer()
    yield viewer
    viewer.stop()


def corrected_page(browser: Any, viewer: Viewer) -> tuple[Page, Any]:
    """A page with a corrected landmark that was not saved, and its annotation."""
    page = new_page(browser, viewer)
    page.open_sample()
    page.detect()
    page.press("f", ".")
    page.press("Shift+ArrowRight")
    # which is to save it
    saved = page.annotation()
    page.page.wait_for_selector("#unsaved", state="detached")
    page.press("Shift+ArrowDown")
    page.page.wait_for_selector("#unsaved")
    points = saved.points_px.copy()
    points[INDEX["C2_D"]] += (0, 10)
    return page, saved.with_points(points)


def kill(pids: list[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    assert wait_until(lambda: not any(is_running(pid) for pid in pids[1:]))


def goes_on(page: Page, expected: Any) -> None:
    page.open_sample()
    page.page.wait_for_selector("#offer")
    page.page.click("#offer button")
    page.settle()
    again = page.annotation()
    assert np.allclose(again.points_px, expected.points_px, atol=0.01)
    assert again.film_sha256 == hashlib.sha256(SAMPLE_FILM.read_bytes()).hexdigest()
    assert again.models == expected.models and again.spacing_mm == expected.spacing_mm
    # back to what was detected
    page.page.click("text=Reset")
    page.settle()
    row = INDEX["C2_D"]
    assert np.allclose(page.annotation().points_px[row], expected.points_px[row] - 10, atol=0.01)


def test_corrections_are_found_again_after_kill_9_of_everything(browser, own_viewer, state):
    page, corrected = corrected_page(browser, own_viewer)
    assert wait_until(lambda: len(list(state.glob("*.json"))) == 1, 10)
    (kept,) = state.glob("*.json")
    assert stat.S_IMODE(state.stat().st_mode) == 0o700 and SAMPLE_FILM.name.encode() not in kept.read_bytes()
    kill([own_viewer.process.pid, *own_viewer.descendants()])
    page.page.wait_for_selector(".ended")
    assert "does not answer" in page.page.text_content(".ended")
    page.page.context.close()
    viewer = Viewer()
    try:
        page = new_page(browser, viewer)
        goes_on(page, corrected)
        page.page.context.close()
    finally:
        viewer.stop()


def test_a_session_that_dies_says_so_and_goes_on(browser, own_viewer):
    page, corrected = corrected_page(browser, own_viewer)
    assert page.page.errors == []
    page.page.wait_for_timeout(1500)
    kill([0x7FFFFFFF, *own_viewer.descendants()])
    page.page.wait_for_selector(".ended")
    assert "has ended" in page.page.text_content(".ended h2")
    page.page.click("#go-on")
    page.page.wait_for_selector("#sample")
    goes_on(page, corrected)
    page.page.context.close()


@pytest.mark.parametrize("at", ["reading", "detecting"])
def test_a_session_that_is_killed_at_work_leaves_nothing_and_is_followed_by_another(browser, tmp_path, at):
    found = killing.killed(at, browser, tmp_path)
    assert found.right and found.told_s < 10, found


def test_leaving_with_unsaved_corrections_asks(browser, own_viewer):
    page, _ = corrected_page(browser, own_viewer)
    asked: list[str] = []

    def stay(dialog: Any) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.page.once("dialog", stay)
    page.page.close(run_before_unload=True)
    assert wait_until(lambda: (page.page.wait_for_timeout(100), asked)[1], 10)
    assert asked == ["beforeunload"] and not page.page.is_closed()
    page.download("json")
    page.page.wait_for_selector("#unsaved", state="detached")
    with page.page.expect_event("close"):
        page.page.close(run_before_unload=True)
    assert asked == ["beforeunload"]


def test_a_film_that_is_closed_unsaved_keeps_its_corrections_and_a_saved_one_does_not(browser, own_viewer, state):
    page, corrected = corrected_page(browser, own_viewer)
    page.page.click(".films .close")
    page.page.wait_for_selector(".empty")
    assert wait_until(lambda: len(list(state.glob("*.json"))) == 1, 10)
    goes_on(page, corrected)
    page.page.click("text=Undo")
    page.page.wait_for_selector("#unsaved")
    page.page.wait_for_timeout(1000)
    page.download("mrk.json")
    page.page.wait_for_timeout(500)
    assert page.page.locator("#unsaved").count(), "markups hold landmarks alone"
    page.download("json")
    page.page.wait_for_selector("#unsaved", state="detached")
    page.page.click(".films .close")
    page.page.wait_for_selector(".empty")
    assert wait_until(lambda: not list(state.glob("*.json")), 10)
    page.open_sample()
    page.settle()
    assert not page.page.locator("#offer").count()
    page.page.context.close()


def test_a_link_on_another_site_finds_the_session_that_is_there(browser, own_viewer, tmp_path):
    page = new_page(browser, own_viewer)
    page.open_sample()
    (tmp_path / "index.html").write_text(f'<a href="{own_viewer.address}">the viewer</a>')

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(tmp_path))

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("localhost", 0), Quiet) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        before = len(own_viewer.descendants())
        tab = page.page.context.new_page()
        tab.goto(f"http://localhost:{site.server_port}/")
        tab.click("a")
        tab.wait_for_selector(".films li")
        assert len(own_viewer.descendants()) == before
        site.shutdown()
    page.page.context.close()


def test_levels_renamed_by_hand_stay_unsaved_until_they_are_saved(browser, own_viewer, state):
    page = new_page(browser, own_viewer)
    page.open_sample()
    page.detect()
    page.page.fill("input[aria-label='Age in years']", "67")
    page.page.keyboard.press("Tab")
    page.page.click("#levels-tab")
    page.page.click("#lower-all")
    page.page.wait_for_selector("#unsaved")
    assert wait_until(lambda: len(list(state.glob("*.json"))) == 1, 10)
    page.page.wait_for_timeout(1500)
    kill([0x7FFFFFFF, *own_viewer.descendants()])
    page.page.wait_for_selector(".ended")
    page.page.click("#go-on")
    page.page.wait_for_selector("#sample")
    page.open_sample()
    page.page.click("#offer button")
    page.page.wait_for_selector("#unsaved")
    page.page.wait_for_timeout(1500)
    assert len(list(state.glob("*.json"))) == 1, "kept on until it is saved"
    again = page.annotation()
    assert again.extra["patient"]["age"] == 67.0 and again.numbering.levels == ("C3", "L6")
    page.page.context.close()
