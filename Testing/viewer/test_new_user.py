"""A new user puts a film right: one wrong level, one wrong head; read and exported in few actions."""

import json
from dataclasses import replace

import numpy as np
import pytest

from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.results import json_bytes
from SpineAlignmentLib.results.renumbering import shifted
from SpineAlignmentLib.viewer.command import SAMPLE_FILM
from Testing.viewer.conftest import new_page

MOST_ACTIONS = 12


def test_a_wrong_level_and_a_wrong_head_are_put_right_in_few_actions(page, browser, viewer, tmp_path):
    right = page.annotation()
    wrong = shifted(right, -1, "L1")
    points = wrong.points_px.copy()
    points[INDEX["FH_1"]] += (60, 40)
    confidence = wrong.confidence.copy()
    confidence[INDEX["FH_1"]] = 0.2
    saved = replace(wrong, points_px=points, confidence=confidence)
    (tmp_path / "film.dcm").write_bytes(SAMPLE_FILM.read_bytes())
    (tmp_path / "film.json").write_bytes(json_bytes(saved))
    user = new_page(browser, viewer)
    actions = []

    def act(what, do):
        actions.append(what)
        do()

    act("choose film and result", lambda: user.send(tmp_path / "film.dcm", tmp_path / "film.json"))
    user.page.wait_for_selector("button.low")
    user.settle()
    assert "uncertain" in user.page.text_content(".hint") and "(N)" in user.page.text_content(".hint")
    act("next uncertain landmark", lambda: user.press("n"))
    assert user.page.text_content(".mouse").startswith("FH_1")
    # it is in the middle of the view
    box = user.page.locator("main.film").bounding_box()
    middle = np.array([box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])
    bar = user.page.locator(".scale").bounding_box()["width"] / float(user.page.text_content(".scale").split()[0])
    back = -np.array([60, 40]) * np.array(right.spacing_mm) * bar
    act("drag the head to its place", lambda: user.drag(middle, tuple(round(float(v)) for v in back), on="FH_1"))
    assert "Levels" in user.page.text_content(".hint")
    act("see the levels", lambda: user.press("v"))
    act("choose the lowest that is wrongly named", lambda: user.page.click("#level-T12"))
    user.page.wait_for_selector("#level-T12.on")
    act("from here down one lower", lambda: user.page.click("#lower-down"))
    user.page.wait_for_selector("#level-L1.on")
    act("reviewed", lambda: user.press("r"))
    user.page.wait_for_selector("#review.on")
    assert "Save" in user.page.text_content(".hint")
    with user.page.expect_download() as downloaded:
        act("save", lambda: user.page.click(".exports >> text=JSON"))
    result = json.loads(downloaded.value.path().read_text())
    with user.page.expect_download() as report:
        act("report", lambda: user.page.click(".exports >> text=Report"))
    assert report.value.path().read_bytes().startswith(b"%PDF")
    assert len(actions) <= MOST_ACTIONS, actions
    found = {key: entry["value"] for key, entry in result["parameters"].items()}
    expected = right.parameters()
    for key in ("PI", "PT", "LL", "L4SL", "SVA"):
        assert found[key] == pytest.approx(expected[key], abs=1.0), key
    assert user.page.errors == []
    user.page.context.close()
