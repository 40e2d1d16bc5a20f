"""How fast and how lean the viewer is: `python -m Testing.benchmarks.viewer [--rounds N] [--drags N]`.

First page: from the command to the page's button, split into the command itself, the session's answer and the page;
and until Slicer's view is in it, which the page does not wait for. First detection: from the click to the numbers.
Drag: from a mouse move in the browser to other numbers in the page's table, the picture not waited for. Memory:
resident memory of the person's process over rounds of correcting (drag, undo, redo, undo, draw one group less and
again) and of load, detect and close; growth counts after the first rounds.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, sync_playwright

from SpineAlignmentLib.measurement.landmarks import INDEX
from Testing.viewer.viewer_process import BROWSER_FLAGS, CHROMIUM, PATIENCE_MS, WINDOW, Page, Viewer

FIRST_PAGE_S = 5.0
DRAG_MS = 150.0
GROWTH = 0.05
WARM_UP_ROUNDS = 20

_WATCH = """() => {
    window.delays = [];
    let moved = 0;
    document.addEventListener("pointermove", () => { moved = performance.now(); }, true);
    document.addEventListener("mousemove", () => { moved = performance.now(); }, true);
    new MutationObserver(() => { if (moved) { window.delays.push(performance.now() - moved); moved = 0; } })
        .observe(document.querySelector("aside.right tbody"), { subtree: true, characterData: true, childList: true });
}"""


def first_page(browser: Browser, arguments: list[str], sources: Path | None) -> tuple[Viewer, Page]:
    """Start the viewer, open its page and print how long each took."""
    start = time.perf_counter()
    viewer = Viewer(*arguments, sources=sources)
    listening = time.perf_counter()
    page = browser.new_context(viewport=WINDOW).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(viewer.entry)
    answered = time.perf_counter()
    page.wait_for_selector("#sample")
    shown = time.perf_counter()
    print(
        f"first page: {shown - start:.1f} s (bar {FIRST_PAGE_S} s): command {listening - start:.1f} s, "
        f"session {answered - listening:.1f} s, page {shown - answered:.1f} s; ",
        end="",
    )
    page.wait_for_selector("main.film .area")
    print(f"slice view ready after {time.perf_counter() - start:.1f} s", flush=True)
    return viewer, Page(page)


def drag_delays(page: Page, count: int) -> list[float]:
    """Milliseconds from mouse moves to other numbers, while the sacral endplate is dragged."""
    film = page.annotation()
    x, y = page.screen(film.points_px[INDEX["S1_A"]], film).round()
    mouse = page.page.mouse
    mouse.move(x + 3, y)
    mouse.move(x, y)
    page.says("S1_A:")
    page.page.wait_for_timeout(500)
    mouse.down()
    page.page.evaluate(_WATCH)
    for i in range(count):
        mouse.move(x + 8 * np.sin(i / 3), y + 8 * np.cos(i / 3))
        page.page.wait_for_timeout(250)
    mouse.up()
    return list(page.page.evaluate("window.delays"))


def memory_mb(viewer: Viewer) -> float:
    """Resident memory of the person's process."""
    session = next(
        pid for pid in viewer.descendants() if b"viewer.session" in Path(f"/proc/{pid}/cmdline").read_bytes()
    )
    lines = Path(f"/proc/{session}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) / 1024


def close(page: Page) -> None:
    """Close the film and wait until it is gone."""
    page.page.click(".films .close")
    page.page.wait_for_selector("#detect", state="detached")


def rounds(viewer: Viewer, page: Page, count: int) -> list[float]:
    """Load, detect, close; memory after each round."""
    out = []
    for number in range(1, count + 1):
        page.open_sample()
        page.detect()
        close(page)
        out.append(memory_mb(viewer))
        if number % WARM_UP_ROUNDS == 0:
            print(f"  {number} rounds: {out[-1]:.0f} MB", flush=True)
    return out


def corrections(viewer: Viewer, page: Page, count: int) -> list[float]:
    """Drag a landmark, undo, redo, undo, draw a group of measurements less and again; memory after each round."""
    out = []
    film = page.annotation()
    x, y = page.screen(film.points_px[INDEX["S1_A"]], film).round()
    mouse, keyboard = page.page.mouse, page.page.keyboard
    for number in range(1, count + 1):
        # what is said of the landmark is to be news
        keyboard.press("Escape")
        mouse.move(x - 90, y + 60)
        page.says("Wheel")
        for at in (x + 3, x):
            mouse.move(at, y)
            page.page.wait_for_timeout(60)
        page.says("S1_A:")
        page.page.wait_for_timeout(100)
        mouse.down()
        for i in range(1, 6):
            mouse.move(x + 3 * i, y + 2 * i)
            page.page.wait_for_timeout(30)
        mouse.up()
        page.says("S1_A: adjusted")
        # the last move and the release are on their way
        page.page.wait_for_timeout(200)
        for key in ("u", "y", "u", "1", "1"):
            keyboard.press(key)
            page.page.wait_for_timeout(60)
        out.append(memory_mb(viewer))
        if number % WARM_UP_ROUNDS == 0:
            print(f"  {number} rounds: {out[-1]:.0f} MB", flush=True)
    assert np.allclose(page.annotation().points_px, film.points_px, atol=0.01, equal_nan=True)
    return out


def grown(what: str, memory: list[float]) -> bool:
    """Print how much memory grew after the first rounds; whether that is too much."""
    if len(memory) <= WARM_UP_ROUNDS:
        return False
    start = float(np.median(memory[WARM_UP_ROUNDS - 5 : WARM_UP_ROUNDS + 5]))
    growth = float(np.median(memory[-5:])) / start - 1
    print(f"memory, {what}: {start:.0f} MB, {100 * growth:+.1f} % over {len(memory)} rounds (bar {GROWTH:.0%})")
    return growth > GROWTH


def main() -> int:
    """Print the figures; status 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drags", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=200, help="of load, detect and close")
    parser.add_argument("--corrections", type=int, default=200, help="rounds of drag, undo and redraw")
    parser.add_argument("--models", help="folder with ensemble.json; the shipped one if absent")
    parser.add_argument("--sources", type=Path, help="measure the viewer of another commit, checked out there")
    options = parser.parse_args()
    arguments = ["--models", options.models] if options.models else []
    with sync_playwright() as playwright:
        browser: Any = playwright.chromium.launch(executable_path=CHROMIUM, args=list(BROWSER_FLAGS))
        viewer, page = first_page(browser, arguments, options.sources)
        missed = False
        try:
            page.open_sample()
            start = time.perf_counter()
            page.detect()
            print(f"first detection: {time.perf_counter() - start:.2f} s", flush=True)
            page.press("f")
            delays = drag_delays(page, options.drags)
            median = float(np.median(delays))
            missed |= median > DRAG_MS
            print(
                f"drag to numbers: median {median:.0f} ms (bar {DRAG_MS:.0f} ms), "
                f"95 % {np.percentile(delays, 95):.0f} ms, {len(delays)} of {options.drags} moves"
            )
            page.press("u", "f")
            missed |= grown("corrections", corrections(viewer, page, options.corrections))
            close(page)
            missed |= grown("films", rounds(viewer, page, options.rounds))
        finally:
            viewer.stop()
            browser.close()
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
