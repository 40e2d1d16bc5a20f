"""Landmarks where their levels are: each view's heatmaps are read in windows around the places that the levels give.

What a heatmap shows at another level does not count, so that no landmark lies between two levels. A center is read from
the sum of all centers' heatmaps, a corner from its own. The landmarks that belong to no level that can be mistaken
(dens, sacral endplate, femoral heads) stay as the networks have them.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.close_ups import SCATTER
from SpineAlignmentLib.detection.look import Look
from SpineAlignmentLib.detection.numbering import Counted
from SpineAlignmentLib.detection.sequences import Path
from SpineAlignmentLib.detection.sightings import CENTER_ROWS
from SpineAlignmentLib.detection.spine import Spine, spacing
from SpineAlignmentLib.measurement.landmarks import COUNT, NAMES, VERTEBRAE

FloatArray = NDArray[np.float64]

LEVEL_OF: Final[dict[int, str]] = {
    row: name.split("_")[0] for row, name in enumerate(NAMES) if name.split("_")[0] in VERTEBRAE and name != "C2_D"
}
"""Landmark, as its place among the 45, to the level it belongs to."""

FREE: Final[list[int]] = [row for row in range(COUNT) if row not in LEVEL_OF]
"""Dens, sacral endplate and femoral heads: skull and pelvis tell them, whatever is counted between."""

_WINDOW: Final[float] = 0.3
"""Standard deviation of a landmark's window, as a share of the distance of neighboring centers."""
_LEAST_MASS: Final[float] = 0.02
_FAR_PX: Final[float] = 1e3
"""Deviation, in network pixels, of a landmark that a view does not show."""


def place(look: Look, spine: Spine, path: Path, centers: FloatArray) -> Look:
    """A look whose landmarks lie at the levels of a path; those of levels that were not found are infinitely unsure.

    Args:
        look: what was seen; its sightings belong to its rows.
        spine, path: where the levels are.
        centers: (45, 2) grid pixels, from `Spine.centers`.
    """
    gaps = dict(zip(path.levels, spacing(path), strict=True))
    rows = [row for row, level in LEVEL_OF.items() if level in gaps]
    expected = spine.grid.to_film(spine.expected(centers))
    width = np.array([gaps[LEVEL_OF[row]] for row in rows]) * _WINDOW * abs(spine.grid.step[1])
    points, spread = look.points.copy(), look.spread.copy()
    lost = [row for row, level in LEVEL_OF.items() if level not in gaps]
    points[:, lost], spread[:, lost] = expected[lost], _FAR_PX * abs(spine.grid.step[1])
    for i, seen in enumerate(look.sightings):
        step = abs(seen.frame.step[1])
        maps = {True: seen.bodies[..., None], False: seen.heatmaps}
        for center in (True, False):
            shown = [k for k, row in enumerate(rows) if row in seen.landmarks and (row in CENTER_ROWS) == center]
            if not shown:
                continue
            mine = [rows[k] for k in shown]
            channels = [0 if center else seen.landmarks.index(row) for row in mine]
            found, variance, mass = seen.around(maps[center], channels, expected[mine], width[shown] / step)
            points[i, mine] = seen.frame.to_film(found)
            doubt = 1 / np.sqrt(np.clip(mass, _LEAST_MASS, 1.0))
            spread[i, mine] = np.sqrt(variance) * doubt * step * (SCATTER if seen.region else 1.0)
    moved = Look(look.frame, points, spread, look.sightings)
    return replace(moved, spread=_doubted(moved, rows))


def _doubted(look: Look, rows: Sequence[int]) -> FloatArray:
    """The spread, of close-ups the larger the further they lie from what the whole film shows, see `Region.doubt`."""
    whole = np.array([seen.region is None for seen in look.sightings])
    mean = Look(look.frame, look.points[whole], look.spread[whole]).mean
    spread = look.spread.copy()
    for i, seen in enumerate(look.sightings):
        if seen.region:
            mine = [row for row in seen.landmarks if row in rows]
            step = np.abs(look.frame.step)
            away = np.linalg.norm((look.points[i, mine] - mean[mine]) / step, axis=1) * step[1]
            spread[i, mine] = np.hypot(spread[i, mine], seen.region.doubt * away)
    return spread


def level_sureness(counted: Counted) -> FloatArray:
    """(45,) how sure the level of each landmark is; 1 for those that belong to none."""
    out = np.ones(COUNT)
    for row, level in LEVEL_OF.items():
        out[row] = counted.sure.get(level, 0.0)
    return out
