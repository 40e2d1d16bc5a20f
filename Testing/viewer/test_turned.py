"""A film that lies on its side, in a real browser: seen upright, and corrected as it is seen."""

import numpy as np
import pytest
from PIL import Image

from SpineAlignmentLib.film import read_film
from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.results.turning import upright
from SpineAlignmentLib.viewer.command import SAMPLE_FILM
from Testing.viewer.conftest import new_page


@pytest.fixture(scope="module")
def lying(tmp_path_factory):
    """The sample film, its head to the right."""
    path = tmp_path_factory.mktemp("films") / "lying.png"
    pixels = read_film(SAMPLE_FILM).pixels
    gray = np.clip(pixels / np.percentile(pixels, 99.9) * 65535, 0, 65535).astype(np.uint16)
    Image.fromarray(np.rot90(gray, -1)).save(path)
    return path


@pytest.fixture(scope="module")
def page(browser, viewer, lying):
    page = new_page(browser, viewer)
    page.send(lying)
    page.page.wait_for_selector("#detect")
    page.detect()
    page.press("f")
    yield page
    assert page.page.errors == []
    page.page.context.close()


def test_landmarks_are_dragged_and_nudged_as_the_film_is_seen(page):
    assert "the film lay on its side, the head to the right: turned" in page.page.content()
    before = page.annotation()
    assert before.quarter_turns == 1
    standing = upright(before)
    page.drag_landmark("S1_A", standing, (14, 22))
    moved = upright(page.annotation()).points_px - standing.points_px
    step = page.film_step(standing)
    assert np.allclose(moved[INDEX["S1_A"]], step * (14, 22), atol=1.2 * step.max())
    assert np.allclose(np.delete(moved, INDEX["S1_A"], axis=0), 0, atol=0.01)
    page.press("ArrowDown")
    again = upright(page.annotation()).points_px - standing.points_px - moved
    assert again[INDEX["S1_A"]][0] == pytest.approx(0, abs=0.01) and again[INDEX["S1_A"]][1] > 0.5
    page.page.click("text=Reset")
    page.settle()
    assert np.allclose(page.annotation().points_px, before.points_px, atol=0.01, equal_nan=True)


@pytest.mark.parametrize("kind", ["json", "mrk.json"])
def test_saved_landmarks_show_it_upright_again(page, browser, viewer, lying, tmp_path, kind):
    result = tmp_path / f"lying.{kind}"
    result.write_bytes(page.download(kind))
    again = new_page(browser, viewer)
    again.send(lying)
    again.page.wait_for_selector("#detect")
    again.send(result)
    again.page.wait_for_function("document.querySelector('[data-key=SS] .value')?.textContent.includes('°')")
    opened = again.annotation()
    assert (opened.quarter_turns, again.values()) == (1, page.values())
    again.press("f")
    standing = upright(opened)
    again.drag(again.screen(standing.points_px[INDEX["L1_C"]], standing), (-20, 0), on="L1_C:")
    moved = upright(again.annotation()).points_px - standing.points_px
    assert moved[INDEX["L1_C"]][0] < -5 and abs(moved[INDEX["L1_C"]][1]) < 2
    again.press("Control+z")
    assert np.allclose(again.annotation().points_px, opened.points_px, atol=0.01, equal_nan=True)
    assert again.page.errors == []
    again.page.context.close()
