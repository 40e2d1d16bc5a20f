"""A close look at a film: one of its close-ups, seen by the network that knows nothing else."""

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.close_ups import SCATTER, close_up_frame, close_up_input
from SpineAlignmentLib.detection.engines import Network
from SpineAlignmentLib.detection.look import HIGHER_FIRST, Look, hips_in_order
from SpineAlignmentLib.detection.models import Model
from SpineAlignmentLib.detection.sightings import Sighting
from SpineAlignmentLib.film.film import Film

FloatArray = NDArray[np.float64]


def seen_close_up(film: Film, look: Look, expected: FloatArray, model: Model, network: Network) -> Look:
    """What a close-up's network sees of a film.

    Args:
        film: with its facing side.
        look: what was seen of the whole; its scale is the close-up's, and its landmarks are those of other parts.
        expected: (45, 2) film pixels, where the landmarks are about.
        model, network: of the close-up.
    """
    assert model.region is not None
    rows, frame = model.region.rows, close_up_frame(model.region, look.frame, expected)
    answer = network(close_up_input(film.pixels, frame)[None])
    points, spread = look.mean.copy(), np.full(len(look.mean), np.inf)
    points[rows] = frame.to_film(answer.points[0])
    spread[rows] = SCATTER * answer.spread[0] * frame.step[1]
    points = look.frame.to_film(hips_in_order(look.frame.to_network(points), HIGHER_FIRST))
    step = np.abs(look.frame.step)
    away = np.linalg.norm((points - look.mean) / step, axis=1) * step[1]
    seen = Sighting(frame, answer.heatmaps[0], model.region)
    return Look(look.frame, points[None], np.hypot(spread, model.region.doubt * away)[None], (seen,))
