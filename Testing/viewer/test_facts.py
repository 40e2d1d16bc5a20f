"""What is known of a film besides its landmarks: its side and the size of its pixels, put right or wrong by hand."""

from SpineAlignmentLib.clinical.norms import norm_text
from Testing.viewer.conftest import new_page
from Testing.viewer.sample_copies import sample_with


def doubt(page):
    """What the page says that can hardly be."""
    return [text.strip() for text in page.page.locator(".doubt").all_text_contents()]


def test_the_wrong_side_is_said_at_once_and_goes_with_it(page):
    film = page.annotation()
    other = "right" if film.anterior == "left" else "left"
    assert doubt(page) == []
    page.page.click(f".side >> text={other}")
    page.page.wait_for_selector(".doubt")
    assert doubt(page)[0].startswith("wrong side?")
    assert "wrong side?" in page.page.text_content(".hint")
    assert "wrong side?" in page.download("html").decode()
    page.page.click(f".side >> text={film.anterior}")
    page.page.wait_for_selector(".doubt", state="detached")


SIZE = "input[aria-label='Pixel size in mm']"


def set_size(page, text):
    page.page.fill(SIZE, text)
    page.page.keyboard.press("Enter")
    page.settle()


def test_a_size_that_nobody_has_is_refused_and_the_one_in_use_stays_shown(page):
    before = page.annotation().spacing_mm
    for typed, why in (("1.3", "vertebrae are"), ("0.02", "mm long"), ("25", "impossible pixel spacing")):
        set_size(page, typed)
        text = page.page.text_content(".message span")
        assert why in text and "--" not in text
        assert page.annotation().spacing_mm == before
        assert float(page.page.input_value(SIZE)) == round(before[0], 4)
        page.page.click(".message button")


def test_an_age_that_nobody_has_is_refused_and_the_one_in_use_stays_shown(page):
    field = "input[name=age]"
    for known in ("", "63"):
        page.page.fill(field, known)
        page.page.keyboard.press("Tab")
        page.page.wait_for_function(f"document.querySelector('{field}').defaultValue === '{known}'")
        for typed in ("250", "-3", "old"):
            page.page.fill(field, typed)
            page.page.keyboard.press("Tab")
            page.page.wait_for_selector(".message")
            assert typed in page.page.text_content(".message span")
            assert page.page.input_value(field) == known
            page.page.click(".message button")
            page.page.wait_for_selector(".message", state="detached")
    page.page.fill(field, "")
    page.page.keyboard.press("Tab")


def test_what_is_typed_counts_when_the_field_is_left(page):
    before = page.annotation()
    page.page.fill(SIZE, "0.3")
    page.page.keyboard.press("Tab")
    page.page.wait_for_selector("#own-size")
    assert page.annotation().spacing_mm[0] == 0.3
    page.press("Escape", "u")
    assert page.annotation().spacing_mm == before.spacing_mm


def test_a_size_set_by_hand_is_undone_or_given_back_to_the_file(page):
    before = page.annotation()
    warning = ".warn >> text=not calibrated to the patient"
    assert page.page.is_visible(warning) and not page.page.is_visible("#own-size")
    set_size(page, "0.3")
    assert page.page.locator(warning).count() == 0
    page.page.click("text=Undo")
    page.page.wait_for_selector(warning)
    again = page.annotation()
    assert (again.spacing_mm, again.spacing_source) == (before.spacing_mm, before.spacing_source)
    page.page.click("text=Redo")
    page.page.wait_for_selector("#own-size")
    page.page.click("#own-size")
    page.page.wait_for_selector(warning)
    again = page.annotation()
    assert (again.spacing_mm, again.spacing_source) == (before.spacing_mm, before.spacing_source)
    assert page.page.locator("#own-size").count() == 0


def test_norms_are_those_of_the_patients_age_and_say_so(browser, viewer, tmp_path):
    page = new_page(browser, viewer)
    page.send(sample_with(tmp_path / "old.dcm", PatientAge="071Y", PatientSex="F"))
    page.page.wait_for_selector("#tags")
    norm = "[data-key=SVA] td:nth-last-child(2)"
    assert norm_text("SVA") in page.page.text_content(norm)
    assert "age is not known" in page.page.text_content(".foot")
    page.page.click("#tags")
    page.page.wait_for_selector("#tags", state="detached")
    assert norm_text("SVA", 71) in page.page.text_content(norm) and norm_text("SVA", 71) != norm_text("SVA")
    assert "from 65 on" in page.page.text_content(".foot")
    assert (page.page.input_value("input[name=age]"), page.page.input_value("select[name=sex]")) == ("71", "F")
    page.page.click("text=Undo")
    page.page.wait_for_selector("#tags")
    assert norm_text("SVA") in page.page.text_content(norm)
    assert page.page.errors == []
    page.page.context.close()


def test_a_film_that_does_not_say_how_old_the_patient_was_is_told_in_one_line(browser, viewer, tmp_path):
    page = new_page(browser, viewer)
    page.send(sample_with(tmp_path / "silent.dcm", PatientSex=None))
    page.page.click("#tags")
    page.page.wait_for_selector(".message")
    assert "does not say how old" in page.page.text_content(".message")
    page.page.context.close()


def test_nobody_is_told_to_use_options_that_the_page_does_not_have(browser, viewer, tmp_path):
    page = new_page(browser, viewer)
    page.send(sample_with(tmp_path / "frontal.dcm", PatientOrientation=None, ViewPosition="AP"))
    page.page.wait_for_selector(".message")
    assert page.page.text_content(".message span").endswith("frontal; on the command line: --force measures it")
    page.send(sample_with(tmp_path / "contradicts.dcm", PatientOrientation=["A", "F"]))
    page.page.wait_for_selector("#detect")
    page.detect()
    warned = page.page.inner_text(".facts")
    assert "left is taken; set the side by hand if that is wrong" in warned and "--" not in warned
    page.page.context.close()


def test_a_side_that_is_chosen_looks_so_under_the_pointer(page):
    page.page.click("text=right ▶")
    page.page.wait_for_selector(".side button.on:has-text('right')")
    color = "getComputedStyle(document.querySelector('.side button.on')).backgroundColor"
    under = page.page.evaluate(color)
    page.page.mouse.move(600, 400)
    assert page.page.evaluate(color) == under
    page.page.click("text=◀ left")
