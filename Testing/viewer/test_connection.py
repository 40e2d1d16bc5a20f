"""Pages that lose their connection, or are loaded anew while a button is pressed."""

from typing import Any

import numpy as np

from SpineAlignmentLib.measurement.landmarks import INDEX
from Testing.viewer.viewer_process import Page, Viewer


def test_a_page_that_is_loaded_anew_during_a_drag_lets_go(page: Page) -> None:
    film = page.annotation()
    x, y = page.screen(film.points_px[INDEX["S1_A"]], film).round()
    mouse = page.page.mouse
    for at in (x + 3, x):
        mouse.move(at, y)
    page.says("S1_A:")
    page.settle()
    mouse.down()
    mouse.move(x + 5, y)
    page.says("S1_A: adjusted")
    page.page.reload()
    page.page.wait_for_selector("main.film .area")
    page.settle()
    mouse.up()
    left = page.annotation().points_px
    for at in (60, 90, 120):
        mouse.move(x + at, y + at)
        page.page.wait_for_timeout(100)
    page.settle()
    assert np.allclose(page.annotation().points_px, left, atol=0.01, equal_nan=True)


def test_a_cut_connection_is_said_and_the_page_goes_on(browser: Any, viewer: Viewer) -> None:
    context = browser.new_context()
    context.add_init_script(
        "const open = WebSocket; window.sockets = [];"
        "window.WebSocket = class extends open { constructor(...a) { super(...a); window.sockets.push(this); } };"
    )
    page = context.new_page()
    page.goto(viewer.entry)
    page.wait_for_selector("#sample")
    Page(page).open_sample()
    page.wait_for_timeout(4000)
    page.evaluate("window.sockets.forEach(socket => socket.close())")
    page.wait_for_selector(".ended")
    assert "was cut" in page.text_content(".ended h2")
    page.click("#go-on")
    page.wait_for_selector(".films .close")
