"""Saved work opened again in the page, and what the page says of the size of a pixel."""

import json
import re

import numpy as np

from SpineAlignmentLib.measurement.landmarks import INDEX
from Testing.viewer.conftest import new_page


def test_saved_landmarks_are_opened_again_and_go_on(page, browser, viewer, tmp_path):
    before = page.annotation()
    page.drag_landmark("S1_A", before, (14, 22))
    corrected = page.annotation()
    for kind in ("json", "mrk.json"):
        (tmp_path / f"film.{kind}").write_bytes(page.download(kind))
    for kind in ("json", "mrk.json"):
        again = new_page(browser, viewer)
        again.open_sample()
        again.send(tmp_path / f"film.{kind}")
        again.page.wait_for_function("document.querySelector('[data-key=SS] .value')?.textContent.includes('°')")
        opened = again.annotation()
        assert np.allclose(opened.points_px, corrected.points_px, atol=0.01)
        assert (opened.spacing_mm, opened.anterior) == (corrected.spacing_mm, corrected.anterior)
        assert again.values() == page.values()
        again.settle()
        again.page.keyboard.press("f")
        again.settle()
        again.drag(again.screen(opened.points_px[INDEX["L1_C"]], opened), (-20, 0), on="L1_C:")
        assert np.abs(again.annotation().points_px - opened.points_px)[INDEX["L1_C"]].max() > 5
        again.press("Control+z")
        assert np.allclose(again.annotation().points_px, opened.points_px, atol=0.01)
        assert again.page.errors == []
        again.page.context.close()


def test_a_saved_scene_is_opened_again_without_its_film_and_onto_it(page, browser, viewer, tmp_path):
    page.page.fill("input[name=age]", "63")
    page.page.keyboard.press("Tab")
    page.page.select_option("select[name=upper]", "T4")
    page.page.select_option("select[name=lower]", "L2")
    page.page.click("#cobb")
    page.page.wait_for_selector(".further li")
    page.drag_landmark("S1_A", page.annotation(), (14, 22))
    page.press("r")
    saved = json.loads(page.download("json"))
    corrected = page.annotation()
    scene = tmp_path / "today.mrb"
    scene.write_bytes(page.download("mrb"))
    warnings = page.page.locator("section.facts p").all_text_contents()
    assert any("not calibrated" in text for text in warnings)
    again = new_page(browser, viewer)
    again.send(scene)
    again.page.wait_for_function("document.querySelector('[data-key=SS] .value')?.textContent.includes('°')")
    again.settle()
    assert again.values() == page.values()
    assert again.page.locator("section.facts p").all_text_contents() == warnings
    opened = json.loads(again.download("json"))
    for key in ("landmarks", "vertebrae"):
        assert opened[key].keys() == saved[key].keys()
    assert np.allclose(again.annotation().points_px, corrected.points_px, atol=0.01)
    same = ("film", "film_sha256", "spacing_mm", "spacing_source", "anterior_source", "models", "warnings", "reviewed")
    assert {key: opened[key] for key in same} == {key: saved[key] for key in same}
    assert opened["drawn"][0]["levels"] == ["T4", "L2"] and opened["patient"] == saved["patient"]
    # and onwards from there
    again.page.click("text=Reset")
    again.settle()
    assert np.abs(again.annotation().points_px - corrected.points_px)[INDEX["S1_A"]].max() > 5
    # nor is it replaced by what is being detected meanwhile
    again.start_detection()
    again.send(scene)
    shown = "text => document.querySelector('[data-key=SS] .value')?.textContent === text"
    again.page.wait_for_function(shown, arg=page.page.text_content("[data-key=SS] .value"))
    again.settle()
    assert again.page.locator(".films li").count() == 1
    assert again.page.locator(".progress").count() == 0
    assert np.allclose(again.annotation().points_px, corrected.points_px, atol=0.01)
    assert again.page.errors == []
    again.page.context.close()
    page.page.click(".further li:first-child button")
    page.press("r")
    page.page.fill("input[name=age]", "")
    page.page.keyboard.press("Tab")


def test_what_cannot_be_opened_again_is_said_in_one_line(page, browser, viewer, tmp_path):
    content = json.loads(page.download("json"))
    other = content | {"size_px": [100, 200], "film": "other.dcm", "film_sha256": "0" * 64}
    (tmp_path / "other.json").write_text(json.dumps(other))
    (tmp_path / "broken.mrk.json").write_text("{")
    before = page.annotation()
    foreign = "other.json: of another film, other.dcm (100 x 200 pixels); this one is sample_film.dcm"
    for name, text in (("other.json", foreign), ("broken.mrk.json", "broken.mrk.json")):
        page.send(tmp_path / name)
        page.page.wait_for_selector(".message")
        assert text in page.page.text_content(".message")
        assert str(tmp_path) not in page.page.text_content(".message")
        page.page.click(".message button")
    assert np.allclose(page.annotation().points_px, before.points_px, atol=0.01)
    # markups of a film of the same size, as Slicer saves them
    told = page.download("mrk.json").decode()
    foreign = re.sub("of film .*?, SHA-256 .{8}", "of film b.dcm, SHA-256 00000000", told)
    (tmp_path / "foreign.mrk.json").write_text(foreign)
    page.send(tmp_path / "foreign.mrk.json")
    page.page.wait_for_selector(".message")
    said = page.page.text_content(".message span")
    assert "of another film, b.dcm; this one is sample_film.dcm" in said
    (tmp_path / "silent.mrk.json").write_text(re.sub('of film [^"]*', "", told))
    page.send(tmp_path / "silent.mrk.json")
    page.page.wait_for_function("document.querySelector('.message')?.textContent.includes('silent')")
    assert "cannot be told whether it is of sample_film.dcm" in page.page.text_content(".message")
    page.page.click(".message button")
    assert np.allclose(page.annotation().points_px, before.points_px, atol=0.01)
    empty = new_page(browser, viewer)
    empty.send(tmp_path / "other.json")
    empty.page.wait_for_selector(".message")
    assert "open its film first" in empty.page.text_content(".message")
    empty.page.context.close()


def test_a_film_that_is_not_calibrated_says_so_until_it_is(page):
    warning = "pixel spacing is that of the detector, not calibrated to the patient"
    assert warning in page.page.text_content("section.facts")
    assert warning in page.annotation().warnings
    spacing = page.annotation().spacing_mm
    page.page.fill("input[aria-label='Pixel size in mm']", "0.31")
    page.press("Enter")
    assert warning not in page.page.text_content("section.facts")
    assert not any("spacing" in text for text in page.annotation().warnings)
    page.page.fill("input[aria-label='Pixel size in mm']", str(spacing[0]))
    page.page.keyboard.press("Enter")


def test_the_line_below_the_film_says_how_sure_a_landmark_is(page):
    film = page.annotation()
    x, y = page.screen(film.points_px[INDEX["L3_C"]], film)
    page.page.mouse.move(x + 3, y + 3)
    page.page.mouse.move(x, y)
    page.says(f"L3_C: detected, confidence {film.confidence[INDEX['L3_C']]:.2f}")


def test_corrections_that_are_not_saved_are_replaced_only_after_asking(page, tmp_path):
    film, before = page.annotation(), page.values()
    for kind in ("json", "mrb"):
        (tmp_path / f"old.{kind}").write_bytes(page.download(kind))
    page.drag_landmark("S1_A", film, (14, 22))
    page.page.wait_for_selector("#unsaved")
    # what the table says: a download would have saved them
    corrected = page.values()
    assert corrected != before
    for kind in ("json", "mrb"):
        page.send(tmp_path / f"old.{kind}")
        page.page.wait_for_selector("#replacing")
        assert f"old.{kind} would replace corrections" in page.page.text_content("#replacing")
        page.page.click("text=Keep mine")
        page.page.wait_for_selector("#replacing", state="detached")
        assert page.values() == corrected and page.page.is_visible("#unsaved")
        page.send(tmp_path / f"old.{kind}")
        page.page.click("text=Replace them")
        page.page.wait_for_selector("#unsaved", state="detached")
        assert page.values() == before
        # and it is one step back
        page.page.click("text=Undo")
        page.page.wait_for_selector("#unsaved")
        assert page.values() == corrected
