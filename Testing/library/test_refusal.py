"""What is refused although a sequence of levels was found on it."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from SpineAlignmentLib.detection.look import Look
from SpineAlignmentLib.detection.refusal import doubt, no_spine
from SpineAlignmentLib.detection.sequences import Path
from SpineAlignmentLib.errors import by_command, by_hand
from SpineAlignmentLib.film.film import SIDE_OF_TAG, film_from_pixels
from SpineAlignmentLib.film.preprocessing import InputFrame
from SpineAlignmentLib.measurement.landmarks import COUNT


@pytest.mark.parametrize(("apart", "refused"), [(2.0, False), (12.0, False), (24.0, True)])
def test_networks_a_vertebra_apart_see_no_spine_however_good_the_levels(apart, refused):
    frame = InputFrame((864, 480), (240.0, 430.0), (2.0, 2.0))
    seen = np.random.default_rng(5).uniform(100, 300, (COUNT, 2))
    look = Look(frame, np.array([seen, seen + (0.0, 2 * 2.0 * apart)]), np.ones((2, COUNT)), ())
    path = Path(tuple(range(12)), tuple(range(0, 360, 30)), (1.0,) * 12, 12 * 3.0)
    spine = SimpleNamespace(grid=frame)
    assert (doubt(look, spine, path, np.full(24, 0.7)) > 0) is refused


@pytest.mark.parametrize("spacing", [None, (0.3, 0.3)])
@pytest.mark.parametrize("anterior", [None, "left"])
def test_a_refusal_asks_for_what_is_not_known_alone(spacing, anterior):
    pixels = np.random.default_rng(1).integers(0, 255, (900, 400)).astype(np.uint8)
    film = film_from_pixels(pixels, "a.png", spacing, anterior=anterior)
    text = str(no_spine(film))
    assert ("--spacing" in text, "--anterior" in text) == (spacing is None, anterior is None)
    assert text.startswith("a.png: no lateral spine found (") and text.endswith("measure it with --force")
    shown = by_hand(text)
    assert "--" not in shown and shown.endswith("; if there is one, say which side the patient faces and detect again")


def test_a_refusal_names_the_side_where_the_user_gave_it():
    film = film_from_pixels(np.eye(900, 400, dtype=np.uint8), "a.png", anterior="left")
    assert "(a patient who faces the other side than given, a frontal film" in str(no_spine(film))
    told = replace(film, anterior_source=SIDE_OF_TAG)
    assert "than given" not in str(no_spine(told)) and "(a frontal film" in str(no_spine(told))


def test_what_is_advised_can_be_done_where_it_is_said():
    told = "left is taken; give the side with --anterior if that is wrong"
    assert by_hand(told) == "left is taken; set the side by hand if that is wrong"
    assert by_hand("of no size, give the right one with --spacing") == "of no size, set the size of a pixel by hand"
    refused = "a.dcm: not a lateral film: AP; --force measures it"
    assert by_command(refused) == "a.dcm: not a lateral film: AP; on the command line: --force measures it"
    assert by_command("a.dcm: damaged; pixels are missing") == "a.dcm: damaged; pixels are missing"
