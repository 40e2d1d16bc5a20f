"""What is refused although a sequence of levels was found on it."""

from types import SimpleNamespace

import numpy as np
import pytest

from SpineAlignmentLib.detection.look import Look
from SpineAlignmentLib.detection.refusal import doubtful
from SpineAlignmentLib.detection.sequences import Path
from SpineAlignmentLib.film.preprocessing import InputFrame
from SpineAlignmentLib.measurement.landmarks import COUNT


@pytest.mark.parametrize(("apart", "refused"), [(2.0, False), (12.0, False), (24.0, True)])
def test_networks_a_vertebra_apart_see_no_spine_however_good_the_levels(apart, refused):
    frame = InputFrame((864, 480), (240.0, 430.0), (2.0, 2.0))
    seen = np.random.default_rng(5).uniform(100, 300, (COUNT, 2))
    look = Look(frame, np.array([seen, seen + (0.0, 2 * 2.0 * apart)]), np.ones((2, COUNT)), ())
    path = Path(tuple(range(12)), tuple(range(0, 360, 30)), (1.0,) * 12, 12 * 3.0)
    spine = SimpleNamespace(grid=frame)
    assert doubtful(look, spine, path, np.full(24, 0.7)) is refused
