"""What the networks saw on one part of a film."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.shape_prior import shape_model
from SpineAlignmentLib.detection.sightings import Sighting
from SpineAlignmentLib.film.preprocessing import InputFrame
from SpineAlignmentLib.measurement.landmarks import INDEX

FloatArray = NDArray[np.float64]

HIGHER_FIRST: Final[float] = 1.0
"""`down` of `hips_in_order` for what networks learn and find. One exposure from a point shows the heads one above the
other, and which is in front is chance; a network told to name them by that alone would place both in between."""


@dataclass(frozen=True)
class Look:
    """What the models saw on one part of the film."""

    frame: InputFrame
    points: FloatArray
    """Shape (k, 45, 2): the landmarks of each model and view, film pixels."""
    spread: FloatArray
    """Shape (k, 45): standard deviation of the heatmaps, of a close-up a share of it (`SCATTER`), in film pixels
    along y; infinite for landmarks that a view does not show."""
    sightings: tuple[Sighting, ...] = ()
    """The k views' heatmaps."""

    @property
    def mean(self) -> FloatArray:
        """Shape (45, 2): the ensemble's landmarks, film pixels; weighted by the inverse variance of the heatmaps."""
        return np.asarray(np.sum(self._weight[..., None] * self.points, axis=0))

    @property
    def deviation(self) -> FloatArray:
        """Shape (45,): the harmonic mean of the heatmaps' variances as a standard deviation, film pixels along y."""
        views = np.isfinite(self.spread).sum(axis=0)
        return np.asarray(np.sqrt(views / np.sum(self._precision, axis=0)))

    @property
    def apart(self) -> FloatArray:
        """Shape (45,): standard deviation of the models' and views' landmarks, film pixels."""
        return np.asarray(np.sqrt(np.sum(self._weight * np.sum((self.points - self.mean) ** 2, axis=2), axis=0)))

    @property
    def _precision(self) -> FloatArray:
        return np.asarray(np.maximum(self.spread, 1e-6) ** -2.0)

    @property
    def _weight(self) -> FloatArray:
        return np.asarray(self._precision / self._precision.sum(axis=0))

    def named(self) -> "Look":
        """The same look with the femoral heads in the order of landmarks, FH_1 further anterior, in every view."""
        mean = self.frame.to_network(self.mean)
        if hips_in_order(mean) is mean:
            return self
        order = np.arange(len(mean))
        order[[INDEX["FH_1"], INDEX["FH_2"]]] = INDEX["FH_2"], INDEX["FH_1"]
        return replace(self, points=self.points[:, order], spread=self.spread[:, order])

    def most_probable(self, trust: float) -> FloatArray:
        """Shape (45, 2): the ensemble's landmarks, moved to where the shape of spines makes them most probable.

        Args:
            trust: in the shape, see `Strategy.trust_in_shape`.
        """
        if trust <= 0:
            return self.mean
        square = self.frame.to_network(self.mean)  # square pixels, the patient facing left, as the model has them
        # the models' disagreement stays out of it: it grows where one of them is right
        moved = shape_model().most_probable(square, trust * self.deviation / self.frame.step[1])
        return self.frame.to_film(hips_in_order(moved))


def hips_in_order(points: FloatArray, down: float = 0.0) -> FloatArray:
    """Network landmarks, shape (45, 2), patient facing left, with FH_1 the further anterior of the two heads.

    Args:
        points: the landmarks; not changed.
        down: how much height counts beside: FH_1 is the head with the smaller x + down y.
    """
    first, second = INDEX["FH_1"], INDEX["FH_2"]
    if not points[first] @ (1.0, down) > points[second] @ (1.0, down):  # nor when one is missing
        return points
    swapped = points.copy()
    swapped[[first, second]] = points[[second, first]]
    return swapped


def joined(looks: Sequence[Look]) -> Look:
    return Look(
        looks[0].frame,
        np.concatenate([look.points for look in looks]),
        np.concatenate([look.spread for look in looks]),
        tuple(seen for look in looks for seen in look.sightings),
    )
