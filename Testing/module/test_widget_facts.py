"""What is known of a film besides its landmarks, in the panel: its side and the size of its pixels, right or wrong."""

from dataclasses import replace

import pytest
import slicer

from Testing.host import subject
from Testing.host.films import add_film


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


def test_the_field_shows_the_size_in_use(host, measured, film, scene):
    ui = measured.ui
    assert ui.spacingSpinBox.value == subject.SPACING_MM[0]
    ui.spacingSpinBox.value = 0.3
    # what is being typed stays while landmarks move
    alignment = measured.logic.alignment(film)
    alignment.set_point("C7_C", alignment.points_px[0])
    assert ui.spacingSpinBox.value == 0.3
    ui.spacingButton.click()
    assert alignment.annotation.spacing_mm == (0.3, 0.3)
    measured._parameterNode.film = add_film(scene, subject.film_pixels(), (1.0, 1.0), "unknown")
    assert ui.spacingSpinBox.value == 0.0 and ui.spacingSpinBox.text == "unknown"
    measured._parameterNode.film = film
    assert ui.spacingSpinBox.value == 0.3


@pytest.mark.parametrize(
    ("size", "why"), [(1.7, "vertebrae are"), (0.03, "mm long"), (0.0, "impossible pixel spacing")]
)
def test_a_size_that_nobody_has_is_refused(measured, film, monkeypatch, size, why):
    ui, said = measured.ui, []
    monkeypatch.setattr(slicer.util, "errorDisplay", said.append)
    ui.spacingSpinBox.value = size
    ui.spacingButton.click()
    assert why in said[0] and "--spacing" not in said[0]
    assert measured.logic.alignment(film).annotation.spacing_mm == subject.SPACING_MM
    assert ui.spacingSpinBox.value == subject.SPACING_MM[0]


def test_a_size_is_undone_or_given_back_to_the_film(measured, film):
    ui, alignment = measured.ui, measured.logic.alignment(film)
    source = alignment.annotation.spacing_source
    assert not ui.ownSpacingButton.enabled
    ui.spacingSpinBox.value = 0.3
    ui.spacingButton.click()
    assert ui.ownSpacingButton.enabled
    ui.undoButton.click()
    assert alignment.annotation.spacing_mm == subject.SPACING_MM and not ui.ownSpacingButton.enabled
    ui.redoButton.click()
    assert alignment.annotation.spacing_mm == (0.3, 0.3)
    ui.ownSpacingButton.click()
    assert (alignment.annotation.spacing_mm, alignment.annotation.spacing_source) == (subject.SPACING_MM, source)


def test_side_and_patient_are_undone_one_by_one_and_a_detection_at_once(measured, film):
    ui, alignment = measured.ui, measured.logic.alignment(film)
    side = alignment.annotation.anterior
    ui.flipButton.click()
    ui.ageSpinBox.setValue(75)
    ui.undoButton.click()
    assert ui.ageSpinBox.value == -1 and alignment.annotation.anterior != side
    ui.undoButton.click()
    assert alignment.annotation.anterior == side
    alignment.set_detection(replace(subject.detection(), anterior="right"))
    assert alignment.annotation.anterior == "right"
    ui.undoButton.click()
    assert alignment.annotation.anterior == side
