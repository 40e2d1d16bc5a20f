"""Keys, what the mouse does after them, and those that are the browser's."""

import numpy as np
import pydicom
from PIL import Image

from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.viewer.command import SAMPLE_FILM


def test_the_film_moves_under_a_landmark_that_a_key_chose(page):
    film = page.annotation()
    page.press(".", "f")
    whole = page.page.locator("main.film").screenshot()
    page.drag(page.screen(np.array(film.size_px) * (0.9, 0.5), film), (60, 0), on="C2_D:")
    assert page.page.locator("main.film").screenshot() != whole
    assert np.array_equal(page.annotation().points_px, film.points_px)
    # on it, it is the landmark that moves
    page.press("f")
    page.drag_landmark("C2_D", film, (14, 22))
    moved = page.annotation().points_px - film.points_px
    assert np.abs(moved[INDEX["C2_D"]]).min() > 5 and np.allclose(moved[1:], 0, atol=0.01)


def test_keys_with_alt_are_the_browsers(page):
    before = page.annotation()
    page.press(".")
    # the address bar, and the page before, which there is none of
    page.press("Alt+d", "Alt+ArrowLeft")
    assert page.page.locator(".progress").count() == 0
    assert np.array_equal(page.annotation().points_px, before.points_px)


def test_a_film_is_opened_by_the_space_bar(page):
    page.page.evaluate(
        """() => document.getElementById("files").addEventListener(
            "click", (event) => { event.preventDefault(); window.asked = true; }, { once: true })"""
    )
    page.page.locator("label.button").focus()
    page.page.keyboard.press(" ")
    page.page.wait_for_function("window.asked")


def test_no_side_is_pressed_before_it_is_known(page, tmp_path):
    assert page.page.locator(".side [aria-pressed=true]").text_content() == "◀ left"
    film = Image.fromarray((pydicom.dcmread(SAMPLE_FILM).pixel_array[::4, ::4] // 16).astype(np.uint8))
    film.save(tmp_path / "film.png")
    page.send(tmp_path / "film.png")
    page.page.wait_for_selector(".films li:nth-child(2).chosen")
    page.page.wait_for_function("document.querySelector('.facts').textContent.includes('not known yet')")
    assert page.page.locator(".side [aria-pressed=true]").count() == 0
    page.page.click(".films li:nth-child(2) .close")
    page.page.wait_for_selector(".films li:nth-child(2)", state="detached")
