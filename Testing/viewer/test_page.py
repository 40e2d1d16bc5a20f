"""The page in a real browser: detect, drag, draw, save, upload."""

import csv
import io
import json
import zipfile

import numpy as np
import pydicom
import pytest
from PIL import Image

from SpineAlignmentLib.measurement.constructions import value_text
from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.results.colors import GROUP_COLORS
from SpineAlignmentLib.results.markups import read_landmarks
from SpineAlignmentLib.viewer.command import SAMPLE_FILM
from Testing.viewer.conftest import new_page
from Testing.viewer.viewer_process import WINDOW


def table_of(annotation):
    return {key: value_text(key, value) for key, value in annotation.parameters().items()}


def colored(page, group):
    """Pixels of the film's area in a group's color."""
    box = page.page.locator("main.film").bounding_box()
    picture = np.asarray(Image.open(io.BytesIO(page.page.screenshot(clip=box))).convert("RGB"), float)
    color = np.array(GROUP_COLORS[group])
    return int((np.abs(picture - color).max(axis=2) < 40).sum())


def test_numbers_are_those_of_the_library(page):
    from SpineAlignmentLib.detection.detector import detect

    exported = page.annotation()
    expected = detect(SAMPLE_FILM)
    assert np.allclose(exported.points_px, expected.points_px, atol=0.01)
    assert exported.spacing_mm == expected.spacing_mm and exported.anterior == expected.anterior
    assert page.values() == table_of(exported)


def test_a_dragged_landmark_moves_as_far_as_the_mouse_and_the_table_follows(page):
    before = page.annotation()
    row = INDEX["S1_A"]
    page.drag_landmark("S1_A", before, (14, 22))
    after = page.annotation()
    moved = after.points_px - before.points_px
    step = page.film_step(before)
    assert np.allclose(moved[row], step * (14, 22), atol=1.2 * step.max())
    assert np.allclose(np.delete(moved, row, axis=0), 0, atol=0.01)
    assert page.values() == table_of(after)
    assert abs(after.parameters()["SS"] - before.parameters()["SS"]) > 3
    assert page.page.text_content(".mouse").startswith("S1_A: adjusted")


def test_undo_redo_and_reset(page):
    detected = page.values()
    film = page.annotation()
    page.drag_landmark("L1_C", film, (-20, 0))
    dragged = page.values()
    assert dragged["LPA"] != detected["LPA"]
    page.press("Control+z")
    assert page.values() == detected
    page.press("y")
    assert page.values() == dragged
    page.page.click("text=Reset")
    page.settle()
    assert page.values() == detected


@pytest.mark.parametrize(("group", "key"), [("pelvis", "1"), ("cervical", "4")])
def test_measurements_are_drawn_by_group(page, group, key):
    rows = page.page.locator(f"tbody:has(tr.group:has-text('{group}'))")
    drawn = rows.locator("tr.drawn").count()
    if drawn:
        page.press(key)
    without = colored(page, group)
    page.press(key)
    assert colored(page, group) > without + 60
    assert rows.locator("tr.drawn").count() == rows.locator("tr[data-key]").count()
    if not drawn:
        page.page.keyboard.press(key)


def test_zoom_and_pan_keep_the_film_and_fit_brings_it_back(page):
    film = page.annotation()
    whole = page.page.locator("main.film").screenshot()
    page.page.mouse.move(*page.screen(np.array(film.size_px) / 2, film))
    page.page.mouse.wheel(0, -300)
    page.settle()
    near = page.page.locator("main.film").screenshot()
    assert near != whole
    page.drag(page.screen(np.array([film.size_px[0] * 0.1, film.size_px[1] * 0.05]), film), (60, 0))
    assert page.page.locator("main.film").screenshot() != near
    assert np.array_equal(page.annotation().points_px, film.points_px)
    page.press("f")
    a, b = (np.asarray(Image.open(io.BytesIO(p)).convert("L"), float) for p in
            (whole, page.page.locator("main.film").screenshot()))  # fmt: skip
    assert np.abs(a - b)[:, 100:].mean() < 2


def test_the_right_button_changes_brightness_and_nothing_else(page):
    film = page.annotation()
    before = np.asarray(Image.open(io.BytesIO(page.page.locator("main.film").screenshot())).convert("L"), float)
    page.drag(page.screen(np.array(film.size_px) * 0.5, film), (0, 120), button="right")
    page.settle()
    after = np.asarray(Image.open(io.BytesIO(page.page.locator("main.film").screenshot())).convert("L"), float)
    assert np.abs(after - before).mean() > 5
    assert np.array_equal(page.annotation().points_px, film.points_px)
    page.page.keyboard.press("g")


def test_every_kind_of_file_holds_what_is_on_screen(page, tmp_path):
    film = page.annotation()
    markups = tmp_path / "film.mrk.json"
    markups.write_bytes(page.download("mrk.json"))
    listed = read_landmarks(markups)
    assert np.allclose(listed.points_px / listed.spacing_mm, film.points_px * film.spacing_mm, atol=0.01)
    (row,) = csv.DictReader(page.download("csv").decode().splitlines())
    assert float(row["PI (deg)"]) == pytest.approx(film.parameters()["PI"], abs=1e-3)
    picture = Image.open(io.BytesIO(page.download("png")))
    assert picture.format == "PNG" and picture.height > 1000
    assert page.download("pdf").startswith(b"%PDF")
    assert value_text("PI", film.parameters()["PI"]) in page.download("html").decode()
    with zipfile.ZipFile(io.BytesIO(page.download("mrb"))) as scene:
        names = scene.namelist()
        assert any(name.endswith(".mrml") for name in names)
        saved = next(name for name in names if name.endswith(".mrk.json"))
        assert len(json.loads(scene.read(saved))["markups"][0]["controlPoints"]) == len(INDEX)


def test_facing_side_and_pixel_size_can_be_corrected(page):
    sva = page.annotation().parameters()["SVA"]
    page.page.click("text=right ▶")
    page.settle()
    assert page.annotation().parameters()["SVA"] == pytest.approx(-sva)
    page.page.click("text=◀ left")
    spacing = page.annotation().spacing_mm
    page.page.fill("input[aria-label='Pixel size in mm']", str(2 * spacing[0]))
    page.press("Enter")
    assert page.annotation().parameters()["SVA"] == pytest.approx(2 * sva, rel=1e-3)
    assert page.values() == table_of(page.annotation())
    page.page.fill("input[aria-label='Pixel size in mm']", "thick")
    page.page.keyboard.press("Enter")
    page.page.wait_for_selector(".message")
    assert "'thick' is not a size in mm" in page.page.text_content(".message")
    page.page.click(".message button")
    page.page.fill("input[aria-label='Pixel size in mm']", str(spacing[0]))
    page.page.keyboard.press("Enter")


def test_age_and_sex_are_kept_and_decide_the_norms(page):
    page.page.fill("input[aria-label='Age in years']", "8")
    page.page.select_option("select[aria-label='Sex']", "F")
    page.settle()
    assert page.annotation().extra["patient"] == {"age": 8.0, "sex": "F", "source": "given"}
    assert not page.page.query_selector_all("tr.unusual"), "no child is held against adults"
    page.page.fill("input[aria-label='Age in years']", "150")
    page.page.keyboard.press("Tab")
    page.page.wait_for_selector(".message")
    assert "is none of a person" in page.page.text_content(".message")
    page.page.click(".message button")
    page.page.fill("input[aria-label='Age in years']", "63")
    page.page.keyboard.press("Tab")
    for _ in range(50):  # nothing in the view tells when
        if page.annotation().extra["patient"]["age"] == 63.0:
            break
        page.page.wait_for_timeout(200)
    assert page.annotation().extra["patient"]["age"] == 63.0


def test_what_is_being_typed_is_not_taken_away(page):
    age = "input[aria-label='Age in years']"
    names = """document.querySelector('button[title^="Names of landmarks"]').click()"""
    before = page.page.input_value(age)
    page.page.fill(age, "41")
    page.page.evaluate(names)
    page.settle()
    assert page.page.input_value(age) == "41"
    page.page.fill(age, before)
    page.page.evaluate(names)
    page.settle()


def test_a_line_over_a_known_length_calibrates(page):
    film = page.annotation()
    page.page.click("#calibrate")
    at = page.screen(np.array(film.size_px) * [0.3, 0.8], film).round()
    for x in (at[0], at[0] + 100):
        page.page.mouse.move(x, at[1])
        page.page.wait_for_timeout(200)
        page.page.mouse.click(x, at[1])
        page.page.wait_for_timeout(300)
    # the field is there to be typed into: the same digits are keys elsewhere
    page.page.wait_for_selector("input[aria-label='Known length in mm']:focus")
    page.page.keyboard.type("50")
    page.press("Enter")
    spacing = page.annotation().spacing_mm
    assert spacing[0] == pytest.approx(0.5 / page.film_step(film)[0], rel=0.03)
    page.page.fill("input[aria-label='Pixel size in mm']", str(film.spacing_mm[0]))
    page.page.keyboard.press("Enter")


def test_a_broken_film_is_refused_in_one_line_and_the_rest_stays(page, tmp_path):
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(SAMPLE_FILM.read_bytes()[:5000])
    page.send(broken)
    page.page.wait_for_selector(".message")
    text = page.page.text_content(".message span")
    assert "broken.dcm" in text and "/" not in text and "\n" not in text
    page.page.click(".message button")
    page.page.wait_for_selector(".message", state="detached")
    (tmp_path / "notes.dcm").write_text("not a film at all" * 400)
    page.send(tmp_path / "notes.dcm")
    page.page.wait_for_selector(".message")
    assert "not an image that can be read" in page.page.text_content(".message")
    page.page.click(".message button")
    assert page.page.locator(".films li").count() == 1


def test_a_dropped_picture_without_spacing_is_measured_in_degrees_only(page, tmp_path):
    from SpineAlignmentLib.film.reading import read_film

    pixels = read_film(SAMPLE_FILM).pixels
    gray = np.clip(pixels / pixels.max() * 255, 0, 255).astype(np.uint8)
    Image.fromarray(gray).resize((gray.shape[1] // 2, gray.shape[0] // 2)).save(tmp_path / "small.png")
    page.page.evaluate(
        """(bytes) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], "small.png"));
            document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
        }""",
        list((tmp_path / "small.png").read_bytes()),
    )
    page.page.wait_for_selector(".films li:nth-child(2)")
    page.detect()
    assert page.value("SVA") == "n/a"
    assert page.values() == table_of(page.annotation())
    page.page.click(".films li:nth-child(1) .name")
    page.settle()
    assert "mm" in page.value("SVA")
    page.page.click(".films li:nth-child(2) .close")
    page.settle()
    assert page.page.locator(".films li").count() == 1


def test_a_landmark_that_is_not_on_the_film_can_be_placed_by_a_click(page):
    film = page.annotation()
    row = INDEX["C2_D"]
    page.press(".", "Delete")
    assert page.value("OD-HA") == "n/a" and np.isnan(page.annotation().points_px[row]).all()
    page.press("f")
    page.page.click("#place")
    page.page.wait_for_function("document.querySelector('.hint').textContent.includes('C2_D')")
    at = page.screen(film.points_px[row], film).round()
    page.page.mouse.move(at[0] + 5, at[1])
    page.page.mouse.move(*at)
    page.settle()
    page.page.mouse.click(*at)
    page.page.wait_for_selector("#placing", state="detached")
    assert np.allclose(page.annotation().points_px[row], film.points_px[row], atol=1.2 * page.film_step(film).max())
    assert page.values() == table_of(page.annotation())


def test_the_spine_fills_the_view_and_the_whole_film_is_one_key_away(page):
    film = page.annotation()
    whole = page.page.locator("main.film").screenshot()
    page.press("s")
    near = page.page.locator("main.film").screenshot()
    assert near != whole
    page.press(".")
    assert page.page.text_content(".mouse").startswith("C2_D:")
    page.press(".", ",", ",")
    assert page.page.text_content(".mouse").startswith(f"{list(INDEX)[-1]}:")
    page.press("ArrowLeft")
    moved = page.annotation().points_px - film.points_px
    assert np.allclose(moved[-1], (-1, 0), atol=0.01) and np.allclose(moved[:-1], 0, atol=0.01)


def test_a_row_is_drawn_by_the_keyboard(page):
    row = page.page.locator("tr[data-key=GT]")
    row.focus()
    page.press("Enter")
    assert row.get_attribute("aria-pressed") == "true"
    page.press(" ")
    assert row.get_attribute("aria-pressed") == "false"


def test_uncertain_landmarks_are_one_key_away_and_move_by_arrow_keys(browser, viewer, tmp_path):
    gray = pydicom.dcmread(SAMPLE_FILM).pixel_array[::2, ::2] // 16
    top, bottom = int(0.3 * len(gray)), int(0.6 * len(gray))
    gray[top:bottom] = gray.mean()  # the chest cannot be seen
    Image.fromarray(gray.astype(np.uint8)).save(tmp_path / "covered.png")
    page = new_page(browser, viewer)
    page.send(tmp_path / "covered.png")
    page.page.wait_for_selector("#detect")
    page.detect()
    assert page.page.locator("button.low").count()
    before = page.annotation()
    page.press("n")
    name, state = page.page.text_content(".mouse").split(": ")
    assert state == f"low confidence, confidence {before.confidence[INDEX[name]]:.2f}"
    assert before.confidence[INDEX[name]] < 0.5
    page.press("ArrowRight", "Shift+ArrowDown")
    moved = page.annotation().points_px - before.points_px
    assert np.allclose(moved[INDEX[name]], (1, 10), atol=0.01)
    page.page.context.close()


def test_nothing_overlaps_on_a_small_screen(page):
    boxes = page.page.evaluate(
        """() => [...document.querySelectorAll('header, aside, main.film')].map(e => e.getBoundingClientRect())
              .map(r => [r.left, r.top, r.right, r.bottom])"""
    )
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert a[2] <= b[0] + 1 or b[2] <= a[0] + 1 or a[3] <= b[1] + 1 or b[3] <= a[1] + 1
    for side in ("left", "right"):
        assert page.page.evaluate(f"(e => e.scrollHeight <= e.clientHeight)(document.querySelector('aside.{side}'))")


def test_two_people_never_see_each_others_films(page, browser, viewer):
    other = new_page(browser, viewer)
    assert other.page.locator(".films li").count() == 0
    assert not other.page.request.get(viewer.address + "download/json").ok
    assert page.page.locator(".films li").count() == 1
    stranger = browser.new_context()
    assert stranger.request.get(viewer.address + "download/json").status == 401
    other.page.context.close()
    stranger.close()


def test_the_film_has_room_in_narrow_windows(page):
    try:
        for width, height in ((860, 760), (640, 800), (400, 800)):
            page.page.set_viewport_size({"width": width, "height": height})
            page.settle()
            box = page.page.locator("main.film").bounding_box()
            assert box["width"] > 0.6 * width and box["height"] > 300
            assert page.page.evaluate("document.documentElement.scrollWidth") <= width
            for part in ("#detect", "[data-key=PI] .value"):
                page.page.locator(part).scroll_into_view_if_needed()
                shown = page.page.locator(part).bounding_box()
                assert shown["x"] >= 0 and shown["x"] + shown["width"] <= width and shown["y"] < height
    finally:
        page.page.set_viewport_size(WINDOW)
        page.settle()
