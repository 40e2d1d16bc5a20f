"""What is known of a film besides its landmarks, in the panel: its side and the size of its pixels, right or wrong."""

import pytest

from Testing.host import subject


@pytest.fixture
def measured(module, film):
    """The module on a film with landmarks that a detector could have found."""
    module.logic.alignment(film).set_detection(subject.detection())
    module.onParameterNodeModified()
    return module


def test_the_wrong_side_is_said_at_once_and_goes_with_it(measured):
    ui = measured.ui
    before = ui.doubtLabel.text
    assert "wrong side?" not in before and ui.doubtLabel.isHidden() is (not before)
    ui.flipButton.click()
    assert ui.doubtLabel.text.startswith("wrong side?") and not ui.doubtLabel.isHidden()
    ui.flipButton.click()
    assert ui.doubtLabel.text == before
