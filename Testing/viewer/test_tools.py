"""What correcting needs: levels, heads, further measurements, reviews, the patient's line, DICOM results."""

import io
import itertools
import json

import numpy as np
import pydicom
import pytest
from PIL import Image

from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.results.heads import head_radii, rim
from SpineAlignmentLib.results.renumbering import center_of, renumbered_text, shifted
from SpineAlignmentLib.viewer.command import SAMPLE_FILM
from Testing.viewer.conftest import new_page
from Testing.viewer.sample_copies import sample_with
from Testing.viewer.viewer_process import WINDOW

CHOSEN = "document.querySelector('#compare').selectedOptions[0]?.text"


def content(page):
    """What is saved now."""
    return json.loads(page.download("json"))


def show_whole(page):
    page.press("f")


def test_from_the_sacrum_up_are_all_levels(page):
    before = page.annotation()
    page.page.click("#levels-tab")
    page.page.click("#level-S1")
    page.page.wait_for_selector("#level-S1.on")
    assert page.page.is_disabled("#higher-down") and page.page.is_disabled("#lower-down")
    page.page.click("#higher-up")
    page.page.wait_for_function("document.querySelector('#counted').textContent.includes('C2 to L4')")
    assert np.allclose(page.annotation().points_px, shifted(before, -1).points_px, atol=0.01, equal_nan=True)
    assert page.page.locator("#level-S1.on").count() == 1
    page.press("u")
    page.page.click("#level-S1")
    page.page.click("text=Measurements")


def test_levels_from_here_down_take_other_names_and_undo_takes_it_back(page):
    before = page.annotation()
    assert "24 above the sacrum" in (page.page.click("#levels-tab"), page.page.text_content("#counted"))[1]
    assert page.page.is_disabled("#lower-down")
    page.page.click("#level-L1")
    page.page.wait_for_selector("#level-L1.on")
    page.page.click("#lower-down")
    page.page.wait_for_selector("#level-L2.on")
    after = page.annotation()
    expected = shifted(before, 1, "L1")
    assert np.allclose(after.points_px, expected.points_px, atol=0.01, equal_nan=True)
    assert center_of(after, "L2") == pytest.approx(center_of(before, "L1"), abs=0.01)
    assert page.value("LL") == "n/a" and "L1_AS" in page.page.text_content("[data-key=LL] .reason")
    assert "named by hand" in page.page.text_content("#counted")
    page.press("u")
    assert np.allclose(page.annotation().points_px, before.points_px, atol=0.01, equal_nan=True)
    # the same body is at hand, whatever it is called
    assert page.page.locator("#level-L1.on").count() == 1 and page.page.locator(".levels .grid .on").count() == 1
    page.press("y")
    assert page.page.locator("#level-L2.on").count() == 1
    page.press("u")
    page.page.click("#higher-all")
    page.page.wait_for_function("document.querySelector('#counted').textContent.includes('C2 to L4')")
    # the uppermost body has no name left, which is said until it is back
    assert page.page.text_content(".message").startswith("C2: the vertebra called so until now has no name any more")
    page.press("u")
    page.page.wait_for_selector(".message", state="detached")
    assert np.allclose(page.annotation().points_px, before.points_px, atol=0.01, equal_nan=True)
    page.press("u")
    page.page.click("text=Measurements")


def test_the_runner_up_numbering_is_one_click_away_and_back(page):
    before = page.annotation()
    page.page.click("#levels-tab")
    assert before.numbering.other.text in page.page.text_content(".levels .ask")
    page.page.click("#renumber")
    page.page.wait_for_function("document.querySelector('.levels .ask').textContent.includes('more probable')")
    other = page.annotation()
    assert np.allclose(other.points_px, before.numbering.other.points_px, atol=0.01, equal_nan=True)
    assert page.page.text_content(".hint").startswith(f"The other numbering: {renumbered_text(before, other)}. ")
    page.page.click("#renumber")
    page.settle()
    assert np.allclose(page.annotation().points_px, before.points_px, atol=0.01, equal_nan=True)
    page.page.click("text=Measurements")


def test_a_head_is_sized_by_its_rim_and_kept(page):
    show_whole(page)
    film = page.annotation()
    width = page.page.locator(".scale").bounding_box()["width"] / float(page.page.text_content(".scale").split()[0])
    page.press(".", "h", "ArrowRight")
    assert np.allclose(page.annotation().points_px, film.points_px, atol=0.01), "keys move nothing out of sight"
    # they are looked at closely, in the middle of the view
    closer = page.page.locator(".scale").bounding_box()["width"] / float(page.page.text_content(".scale").split()[0])
    assert closer > 3 * width
    box = page.page.locator("main.film").bounding_box()
    middle = np.array([box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])
    apart = np.diff(film.points_px[[INDEX["FH_1"], INDEX["FH_2"]]], axis=0)[0] * film.spacing_mm * closer
    x, y = middle - apart / 2
    page.page.mouse.move(x + 3, y + 3)
    page.page.mouse.move(x, y)
    page.says("FH_1:")
    show_whole(page)
    found = head_radii(film)
    assert np.isfinite(found).all(), "as the detection has them"
    handle = rim(film, 0, float(found[0]), 35.0 if film.anterior == "left" else 145.0)
    page.drag(page.screen(handle, film), (8, 6))
    sized = content(page)["landmarks"]
    step = page.film_step(film)[0]
    assert sized["FH_1"]["radius_px"] == pytest.approx(found[0] + 10 * step, abs=2 * step)
    assert sized["FH_2"]["radius_px"] == pytest.approx(found[1], abs=0.01)
    page.page.click("#heads")
    page.press("u")
    assert content(page)["landmarks"]["FH_1"]["radius_px"] == pytest.approx(found[0], abs=0.01)


def test_any_cobb_angle_a_distance_and_an_angle_are_measured_and_kept(page):
    show_whole(page)
    film = page.annotation()
    page.page.select_option("select[name=upper]", "T4")
    page.page.select_option("select[name=lower]", "L2")
    page.page.click("#cobb")
    page.page.wait_for_selector(".further li")
    assert page.page.text_content(".further li").startswith(f"Cobb T4-L2{film.cobb('T4', 'L2'):.1f}°")
    page.page.click("#distance")
    # it ends at the spine, where its text has to give way
    x, y = film.points_px[INDEX["L1_C"]] + (20.0, 0.0)
    for xy in ((x - 500.0, y), (x, y)):
        page.page.mouse.click(*page.screen(np.array(xy), film).round())
        page.page.wait_for_timeout(300)
    page.page.wait_for_function("document.querySelectorAll('.further li').length === 2")
    page.page.click("#angle")
    for xy in ((200.0, 500.0), (700.0, 500.0), (200.0, 600.0), (700.0, 1100.0)):
        page.page.mouse.click(*page.screen(np.array(xy), film).round())
        page.page.wait_for_timeout(300)
    page.page.wait_for_function("document.querySelectorAll('.further li').length === 3")

    def aside():
        page.page.mouse.move(*page.screen(np.array((100.0, 100.0)), film))
        page.settle()

    # what is left off leaves every text where it was
    aside()
    before = page.page.locator("main.film").screenshot()
    page.page.click("#distance")
    for _ in range(2):
        page.page.mouse.click(*page.screen(np.array((300.0, 1000.0)), film).round())
        page.page.wait_for_timeout(300)
    page.page.wait_for_selector(".message")
    assert page.page.text_content(".message span").startswith("no distance: both clicks are on one spot")
    page.page.click(".message button")
    assert page.page.locator("#distance.on").count() == 0
    aside()
    assert page.page.locator("main.film").screenshot() == before
    page.page.click("#angle")
    for xy in ((300.0, 700.0), (600.0, 700.0)):
        page.page.mouse.click(*page.screen(np.array(xy), film).round())
        page.page.wait_for_timeout(300)
    page.page.keyboard.press("Escape")
    aside()
    assert page.page.locator("main.film").screenshot() == before
    cobb, distance, angle = content(page)["drawn"]
    step = page.film_step(film)[0] * film.spacing_mm[0]
    assert cobb["levels"] == ["T4", "L2"] and cobb["value"] == pytest.approx(film.cobb("T4", "L2"), abs=0.01)
    assert distance["value"] == pytest.approx(500 * film.spacing_mm[0], abs=2 * step)
    assert angle["value"] == pytest.approx(45, abs=1)
    # it is drawn again when the result is opened again, see test_saved_work
    for _ in range(3):
        page.page.click(".further li:first-child button")
        page.page.wait_for_timeout(200)
    assert "drawn" not in content(page)


def test_a_film_is_marked_as_reviewed(page):
    page.page.click("#review")
    page.page.wait_for_selector("#review.on")
    # why numbers look less sure than before is said until the next action
    assert " wider: people differ more than this detection says. Reviewed. " in page.page.text_content(".hint")
    page.press("g")
    assert page.page.text_content(".hint").startswith("Reviewed")
    assert set(content(page)["reviewed"]) == set(page.annotation().landmarks())
    film = page.annotation()
    page.page.click(f".side >> text={'right' if film.anterior == 'left' else 'left'}")
    page.page.wait_for_selector("#review:not(.on)")
    assert page.page.text_content("#review").startswith("Changed")
    page.press("u")
    page.page.wait_for_selector("#review.on")
    page.drag_landmark("S1_A", film, (14, 22))
    assert "reviewed again" in page.page.text_content(".hint")
    assert set(content(page)["reviewed"]) == set(film.landmarks()) - {"S1_A"}
    page.press("r")
    page.page.wait_for_selector("#review.on")
    page.press("r")
    assert "reviewed" not in content(page)


def test_the_patient_is_named_only_when_asked_for(page, browser, viewer, tmp_path):
    other = new_page(browser, viewer)
    other.send(sample_with(tmp_path / "a.dcm", PatientName="Doe^Jane", PatientID="4711", StudyDate="20240229"))
    other.page.wait_for_selector("#patient")
    assert "Doe" not in other.page.content()
    other.page.click("#patient")
    other.page.wait_for_selector("p.patient")
    text = other.page.text_content("p.patient")
    assert "Doe Jane" in text and "4711" in text and "2024-02-29" in text
    other.page.click("#patient")
    other.page.wait_for_selector("p.patient", state="detached")
    assert "Doe" not in other.page.content()
    other.page.click("#patient")
    other.page.wait_for_selector("p.patient")
    # no film that comes to the screen, by opening or by closing, has another one's name over it
    other.open_sample()
    other.page.wait_for_selector(".films li:nth-child(2).chosen")
    other.page.wait_for_selector("p.patient:has-text('Simulated')")
    assert "Doe" not in other.page.content()
    other.page.click(".films li:nth-child(2) .close")
    other.page.wait_for_selector("p.patient:has-text('Doe Jane')")
    assert "Simulated" not in other.page.text_content("p.patient")
    assert other.page.errors == []
    other.page.context.close()


def test_beside_another_film_the_patients_line_covers_no_button(page, tmp_path):
    name = "Wolfeschlegelsteinhausen^Hubert Blaine"
    page.send(sample_with(tmp_path / "long.dcm", PatientName=name, StudyDate="20240229"))
    page.page.wait_for_selector(".films li:nth-child(2).chosen")
    page.page.select_option("#compare", label="sample_film.dcm")
    page.page.wait_for_selector("img.beside")
    page.page.click("#patient")
    line = page.page.wait_for_selector("p.patient")
    said, tools = line.bounding_box(), page.page.locator(".tools").bounding_box()
    assert said["x"] >= tools["x"] + tools["width"]
    assert said["x"] + said["width"] <= page.page.locator("img.beside").bounding_box()["x"]
    assert line.evaluate("e => e.scrollWidth <= e.clientWidth"), "nothing of who it is is cut off"
    page.page.click("#patient")
    page.page.click(".films li:nth-child(2) .close")
    page.page.wait_for_selector(".films li:nth-child(2)", state="detached")


def test_pacs_gets_a_report_and_a_presentation_state(page):
    for kind, modality in (("sr.dcm", "SR"), ("gsps.dcm", "PR")):
        data = pydicom.dcmread(io.BytesIO(page.download(kind)))
        assert data.Modality == modality
    assert page.page.locator("text=GSPS").count() == 1


def test_another_visit_stands_beside_with_what_differs(page, tmp_path):
    sample_with(tmp_path / "visit2.dcm", StudyDate="20240229")
    saved = content(page)
    saved["film"], saved["film_sha256"] = "visit2.dcm", ""
    saved["landmarks"]["S1_A"]["y_px"] += 30
    (tmp_path / "visit2.json").write_text(json.dumps(saved))
    page.send(tmp_path / "visit2.dcm")
    page.page.wait_for_function("document.querySelectorAll('.films li').length === 2")
    page.send(tmp_path / "visit2.json")
    page.page.wait_for_function("document.querySelector('[data-key=SS] .value')?.textContent.includes('°')")
    second = page.annotation()
    page.page.click(".films li:first-child .name")
    page.settle()
    first = page.annotation()
    page.page.select_option("#compare", label="visit2.dcm")
    page.page.wait_for_selector("img.beside")
    page.page.wait_for_function("document.querySelector('img.beside').naturalWidth > 100")
    names = [text.split(": ")[1] for text in page.page.locator(".named").all_text_contents()]
    assert names == ["sample_film.dcm", "visit2.dcm"] and not page.page.locator("#others").count()
    # in a low window the letters of the sides go up to them, not under them
    page.page.set_viewport_size({"width": 1024, "height": 600})
    page.settle()
    boxes = [page.page.locator(part).bounding_box() for part in (".toward.first", ".named.first", ".toward.last")]
    page.page.set_viewport_size(WINDOW)
    page.settle()
    assert all(a["x"] + a["width"] <= b["x"] for a, b in itertools.pairwise(boxes))
    by = page.page.text_content("[data-key=SS] .by")
    assert by == f"+{second.parameters()['SS'] - first.parameters()['SS']:.1f}°"
    assert page.page.text_content("[data-key=GTK] .by") == "0.0°"
    page.page.select_option("#compare", label="none")
    page.page.wait_for_selector("img.beside", state="detached")
    page.page.click(".films li:last-child .close")
    page.page.wait_for_function("document.querySelectorAll('.films li').length === 1")
    assert np.allclose(page.annotation().points_px, first.points_px, atol=0.01, equal_nan=True)


def test_the_other_films_values_stand_where_this_one_has_none(page, tmp_path):
    part = pydicom.dcmread(SAMPLE_FILM).pixel_array[::2, ::2] // 16
    Image.fromarray(part.astype(np.uint8)).save(tmp_path / "sizeless.png")
    page.send(tmp_path / "sizeless.png")
    page.page.wait_for_selector(".films li:nth-child(2).chosen")
    page.detect()
    page.page.select_option("#compare", label="sample_film.dcm")
    page.page.wait_for_selector("img.beside")
    cells = page.page.locator("[data-key=SVA] td")
    assert "unknown" in page.page.text_content("[data-key=SVA] .reason")
    assert cells.nth(cells.count() - 2).text_content().endswith(" mm") and cells.last.text_content() == "n/a"
    # the list says what is beside: nothing, where the other film is the one on screen or is closed
    page.page.click(".films li:first-child .name")
    page.page.wait_for_selector("img.beside", state="detached")
    assert page.page.input_value("#compare") == "" and page.page.evaluate(CHOSEN) == "none"
    page.page.click(".films li:last-child .close")
    page.page.wait_for_function("document.querySelectorAll('.films li').length === 1")


def test_films_of_different_patients_are_compared_with_a_warning(page, tmp_path):
    page.send(sample_with(tmp_path / "stranger.dcm", PatientID="4711", PatientName="Roe^Richard"))
    page.page.wait_for_function("document.querySelectorAll('.films li').length === 2")
    page.page.select_option("#compare", label="sample_film.dcm")
    page.page.wait_for_selector("#others")
    assert "different patients" in page.page.text_content("#others")
    assert "Roe" not in page.page.content() and "4711" not in page.page.content()
    page.page.select_option("#compare", label="none")
    page.page.wait_for_selector("#others", state="detached")
    page.page.click(".films li:last-child .close")
    page.page.wait_for_function("document.querySelectorAll('.films li').length === 1")


def test_the_scale_bar_is_as_long_as_it_says(page):
    show_whole(page)
    film = page.annotation()
    page.page.wait_for_selector(".scale")
    length = float(page.page.text_content(".scale").split()[0])
    width = page.page.locator(".scale").bounding_box()["width"]
    across = page.screen(np.array([length / film.spacing_mm[0], 0.0]), film) - page.screen(np.array([0.0, 0.0]), film)
    assert width == pytest.approx(across[0], abs=1.5)
    assert page.page.text_content(".toward.first") == {"left": "A", "right": "P"}[film.anterior]
