"""What the page says stays true: the line below the film, what is not saved, and what is under way."""

from dataclasses import replace

import numpy as np
import pytest

from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.results import json_bytes
from SpineAlignmentLib.viewer.command import SAMPLE_FILM
from Testing.viewer.conftest import new_page
from Testing.viewer.sample_copies import sample_with
from Testing.viewer.viewer_process import WINDOW


def test_the_line_below_the_film_follows_keys_and_buttons(page, tmp_path):
    film = page.annotation()
    confidence = film.confidence.copy()
    confidence[INDEX["L3_C"]] = 0.3
    warnings = (*film.warnings, "low confidence: L3_C")
    (tmp_path / "unsure.json").write_bytes(json_bytes(replace(film, confidence=confidence, warnings=warnings)))
    page.send(tmp_path / "unsure.json")
    page.page.wait_for_selector("button.low")
    page.press("n")
    page.says("L3_C: low confidence, confidence 0.30")
    page.page.click("#accept")
    page.says("L3_C: reviewed, confidence 0.30")
    assert not any("low confidence" in text for text in page.annotation().warnings)
    page.press("ArrowRight")
    page.says("L3_C: adjusted")
    page.page.click("text=Reset")
    page.says("L3_C: low confidence, confidence 0.30")
    assert "low confidence: L3_C" in page.annotation().warnings
    page.press("Delete")
    page.says("L3_C: missing")
    page.press("u", "u", "u", "u")
    page.press("Escape")
    assert np.allclose(page.annotation().points_px, film.points_px, atol=0.01)
    # as the fixture resets it: to what was detected here
    page.press("u")
    page.detect()


def test_what_is_not_saved_is_said_of_its_film(browser, viewer, tmp_path):
    page = new_page(browser, viewer)
    page.open_sample()
    page.send(sample_with(tmp_path / "second.dcm", StudyDate="20240229"))
    page.page.wait_for_function("document.querySelectorAll('.films li').length === 2")
    page.page.fill("input[name=age]", "63")
    page.page.keyboard.press("Tab")
    page.page.wait_for_selector(".films li.unsaved")
    assert page.page.text_content(".films li.unsaved .name") == "second.dcm"
    assert page.page.is_visible("#unsaved")
    page.page.click(".films li:first-child .name")
    page.page.wait_for_selector("#unsaved", state="detached")
    assert page.page.locator(".films li.unsaved").count() == 1
    # leaving asks all the same
    asked = []
    page.page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.page.mouse.click(700, 300)
    page.page.goto("about:blank")
    assert asked == ["beforeunload"]
    page.page.context.close()


def test_the_sample_film_is_opened_once_and_a_film_closed_while_it_is_looked_at_says_nothing(browser, viewer, tmp_path):
    page = new_page(browser, viewer)
    page.page.dblclick("#sample")
    page.page.wait_for_selector("#detect")
    page.settle()
    assert page.page.locator(".films li").count() == 1
    page.page.click("#sample")
    page.settle()
    assert page.page.locator(".films li").count() == 1
    assert page.page.text_content(".hint").startswith("sample_film.dcm is open already.")
    # nor is the same film under another name
    (tmp_path / "copy.dcm").write_bytes(SAMPLE_FILM.read_bytes())
    page.send(tmp_path / "copy.dcm")
    page.page.wait_for_function("document.querySelector('.hint').textContent.startsWith('copy.dcm is open already.')")
    assert page.page.locator(".films li").count() == 1
    page.page.click("#detect")
    page.page.wait_for_selector(".progress")
    page.page.click(".films .close")
    page.page.wait_for_selector(".films li", state="detached")
    page.page.wait_for_timeout(3000)
    assert page.page.locator(".message").count() == 0
    assert "Detecting" not in page.page.text_content(".hint")
    page.open_sample()
    page.detect()
    assert page.page.errors == []
    page.page.context.close()


@pytest.mark.parametrize("size", [(1280, 800), (1366, 768), (1440, 900), (800, 600)], ids=str)
def test_nothing_is_cut_off_or_covered_at_the_side(page, size):
    try:
        page.page.set_viewport_size({"width": size[0], "height": size[1]})
        # the widest value that there is
        page.page.fill("input[aria-label='Pixel size in mm']", "0.62")
        page.page.keyboard.press("Tab")
        page.settle()
        wide = "() => [...document.querySelectorAll('aside, .hint')].filter(e => e.scrollWidth > e.clientWidth)"
        assert page.page.evaluate(f"({wide})().map(e => e.className)") == []
        boxes = {
            name: page.page.locator(name).bounding_box() for name in (".tools", ".toward.first", ".mouse", ".scale")
        }
        boxes["P"] = page.page.locator(".toward.last").bounding_box()
        for name, a in boxes.items():
            for other, b in boxes.items():
                apart = a["x"] + a["width"] <= b["x"] or b["x"] + b["width"] <= a["x"]
                apart = apart or a["y"] + a["height"] <= b["y"] or b["y"] + b["height"] <= a["y"]
                assert apart or name == other, (name, other)
    finally:
        page.page.set_viewport_size(WINDOW)
        page.page.click("text=Undo")
        page.settle()
