"""The pictures of the viewer in the documentation: `python -m Testing.viewer.screenshots [--models DIR]`."""

import argparse
import io
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

from SpineAlignmentLib.measurement.landmarks import INDEX
from Testing.pictures import save_for_documentation
from Testing.viewer.viewer_process import BROWSER_FLAGS, CHROMIUM, PATIENCE_MS, WINDOW, Page, Viewer

FOLDER: Final[Path] = Path(__file__).resolve().parents[2] / "docs" / "screenshots"


def save(page: Page, name: str) -> None:
    """The page as it looks when nothing moves and nothing is pointed at."""
    page.page.mouse.move(700, 20)
    page.settle()
    picture = Image.open(io.BytesIO(page.page.screenshot()))
    FOLDER.mkdir(parents=True, exist_ok=True)
    save_for_documentation(picture, FOLDER / f"{name}.webp")


def main() -> None:
    """Take all pictures anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", help="folder with ensemble.json; the shipped one if absent")
    options = parser.parse_args()
    viewer = Viewer(*(["--models", options.models] if options.models else []))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(BROWSER_FLAGS))
        try:
            tab = browser.new_context(viewport=WINDOW).new_page()
            tab.set_default_timeout(PATIENCE_MS)
            tab.goto(viewer.entry)
            tab.wait_for_selector("#sample")
            page = Page(tab)
            page.open_sample()
            page.detect()
            page.settle()
            save(page, "viewer")
            tab.click("#levels-tab")
            tab.click("#level-L3")
            page.settle()
            save(page, "viewer_levels")
            tab.click("text=Measurements")
            page.press("f")
            film = page.annotation()
            at = page.screen(film.points_px[[INDEX["L4_PS"], INDEX["FH_1"]]].mean(axis=0), film)
            tab.mouse.move(*np.round(at))
            for _ in range(6):
                tab.mouse.wheel(0, -120)
                tab.wait_for_timeout(400)
            page.press("l")
            save(page, "viewer_close")
        finally:
            viewer.stop()
            browser.close()


if __name__ == "__main__":
    main()
