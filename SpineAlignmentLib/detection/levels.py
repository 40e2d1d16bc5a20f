"""Which vertebra is which: the sequence of levels along the spine's curve that the heatmaps make most probable.

A level's state is its place on the curve and its step, the distance from the level above relative to the expected one.
Bodies are taken from the sum of all centers' heatmaps, the two ends from their own heatmaps, which skull and sacrum
make sure, and the levels between by counting. Where the network of bodies has looked, it tells bodies too: it sees each
by itself, where heatmaps lean on what is usual, and then usual numbers of vertebrae count less. Down to T12 it also
tells, with little weight, which level each looks like: chests show no end to count from. The best sequence is found by
the Viterbi algorithm (Rabiner, Proceedings of the IEEE 1989). Sequences may begin and end where the film does, and end
above the sacrum with L4, L5 or L6: 23, 24 or 25 presacral vertebrae.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.evidence import UNKNOWN, Evidence
from SpineAlignmentLib.detection.sequences import NODES, PRESACRAL_SHARES, Node, Path
from SpineAlignmentLib.detection.shape_prior import shape_model
from SpineAlignmentLib.film.preprocessing import SCALE_MM
from SpineAlignmentLib.measurement.landmarks import CENTERS, INDEX, VERTEBRAE

FloatArray = NDArray[np.float64]
Scores = NDArray[np.float32]

_STATES: Final[int] = 31
_LOG_STEPS: Final[FloatArray] = np.linspace(np.log(0.62), np.log(1.55), _STATES)
_STEPS: Final[FloatArray] = np.exp(_LOG_STEPS)
"""Steps relative to the expected ones."""
_BAND: Final[float] = 4.0
"""Standard deviations from one step to the next, at most."""
_PASSED: Final[float] = 3.0
"""Cost of a body passed over between two levels."""
_MIDDLE: Final[float] = 0.2
"""Half of the part of a step in which bodies are passed over."""
_OUTSIDE: Final[float] = 0.3
"""Cost of each grid pixel of bodies beyond the first or the last level."""
_NO_EDGE: Final[float] = 6.0
"""Cost of beginning or ending inside the film at a level that is no end of the spine."""
_NO_SACRUM: Final[float] = 6.0
"""Cost of ending right above the sacral endplate as if more vertebrae followed."""
_FLOOR: Final[float] = 0.02
_SEEN: Final[float] = 6.0
"""Weight of the strength of a body that the network of bodies sees, against"""
_UNSEEN: Final[float] = 0.1
"""that of none: without it, a vertebra more would cost nothing."""
_LOOKS: Final[float] = 0.25
"""Weight of what a body looks like: it is seen with some four neighbors, and all of them err together."""
_LOWEST_BY_LOOKS: Final[int] = VERTEBRAE.index("T12")
"""Below, names hang on how many vertebrae there are, which no look at one of them tells."""
_SILENT: Final[float] = 1.0
"""Cost of a vertebra of which the networks show nothing."""
_PLATE_CAP: Final[float] = 14.0
"""The sacral endplate's distance costs no more than this."""
_PLATE_SD: Final[float] = 6.0
"""Grid pixels by which the sacral endplate's distance from the last center varies."""
_NEVER: Final[float] = -1e9

_MEAN: Final[FloatArray] = shape_model().mean
_GAPS: Final[FloatArray] = np.linalg.norm(np.diff(_MEAN[[INDEX[name] for name in CENTERS]], axis=0), axis=1)
_GAPS_PX: Final[FloatArray] = np.append(_GAPS, _GAPS[-1]) / SCALE_MM
"""Expected distance of each level from the one above, C3 first; L6 like L5."""
_PLATE_PX: Final[float] = float(
    np.linalg.norm(_MEAN[INDEX["L5_C"]] - (_MEAN[INDEX["S1_A"]] + _MEAN[INDEX["S1_P"]]) / 2) / SCALE_MM
)


@dataclass(frozen=True)
class _Weights:
    """What depends on how well bodies are known."""

    shown: float
    """Of the logarithm of the heatmaps' sum, which leans on what is usual."""
    smooth: float
    """Standard deviation of the difference of two neighbors' logarithmic steps."""
    size: float
    """Standard deviation of a logarithmic step. All are one person's: the more alike, the less each tells."""
    rarity: float
    """Of the logarithm of how rare a number of vertebrae is: heatmaps are surer of themselves than probabilities."""


_AT_FIRST: Final = _Weights(shown=1.0, smooth=0.10, size=0.25, rarity=3.0)
"""Heatmaps alone, of a film at whatever scale."""
_WITH_BODIES: Final = _Weights(shown=0.5, smooth=0.04, size=0.6, rarity=1.0)
"""The network of bodies, which counts nothing, has looked: places are right to 2 mm, steps as alike as in anatomy."""

_FARTHEST: Final[int] = int(np.ceil(_STEPS[-1] * _GAPS_PX.max()))
"""Grid pixels of the longest step."""


class Levels:
    """The scores of all sequences on one curve; arrays are (states, n) of the place and the step of a level."""

    def __init__(self, evidence: Evidence) -> None:
        """Prepares the scores, which all sequences share."""
        self.evidence = evidence
        self.size = len(evidence.on_film)
        self._weights = _AT_FIRST if evidence.seen is None else _WITH_BODIES
        self._offsets = [np.round(_STEPS * gap).astype(int) for gap in _GAPS_PX]
        prior = -(_LOG_STEPS**2) / (2 * self._weights.size**2)
        alone = [self._alone(node).astype(np.float32) for node in NODES]
        self._local = [score[None] + prior[:, None].astype(np.float32) for score in alone]
        change = -((_LOG_STEPS[:, None] - _LOG_STEPS[None]) ** 2) / (2 * self._weights.smooth**2)
        self._change = change.astype(np.float32)
        self._band = int(np.ceil(_BAND * self._weights.smooth / (_LOG_STEPS[1] - _LOG_STEPS[0])))
        self._between = self._passed_over()
        on = np.nonzero(evidence.on_film)[0]
        self._top, self._bottom = (int(on[0]), int(on[-1])) if len(on) else (0, self.size - 1)
        bodies = np.cumsum(np.where(evidence.on_film, evidence.bodies, 0.0))
        self._sum = float(bodies[-1])
        ends = np.zeros(_FARTHEST + 1), np.full(_FARTHEST, self._sum)
        self._far_sum = np.concatenate([ends[0], bodies, ends[1]]).astype(np.float32)
        """Bodies before each place, from `_FARTHEST` before the curve to as far behind it."""
        self._begin = [self._beginning(level) for level in range(len(VERTEBRAE))]
        self._end = [self._ending(node) for node in NODES]

    def _alone(self, node: Node) -> FloatArray:
        """(n,) what tells a level at each place."""
        body = -_SILENT if node.silent else self._shown + node.weight * self.evidence.own[node.heatmap]
        if self.evidence.looks is not None and node.level <= _LOWEST_BY_LOOKS:
            body = body + _LOOKS * self.evidence.looks[node.level]
        return np.where(self.evidence.on_film, body + self._seen, _NEVER)

    @cached_property
    def _shown(self) -> FloatArray:
        """(n,) what the sum of the heatmaps says of a body at each place."""
        return np.asarray(self._weights.shown * np.log(np.maximum(self.evidence.bodies, _FLOOR)))

    @cached_property
    def _seen(self) -> FloatArray:
        """(n,) what the network of bodies says of one at each place."""
        seen = self.evidence.seen
        return np.zeros(self.size) if seen is None else _SEEN * (seen - _UNSEEN)

    @cached_property
    def ends(self) -> FloatArray:
        """(nodes,) score of the best sequence that ends with each node."""
        return np.array([np.max(f + e) for f, e in zip(self._forward, self._end, strict=True)], float)

    def best(self) -> Path:
        """The most probable sequence (Viterbi)."""
        return self.ending_with(int(np.argmax(self.ends)))

    def ending_with(self, index: int) -> Path:
        """The most probable sequence of those that end with a node."""
        last = self._forward[index] + self._end[index]
        state, place = (int(i) for i in np.unravel_index(int(np.argmax(last)), last.shape))
        return self._path(self._upwards(index, place, state), float(last[state, place]))

    def path_through(self, index: int, place: int) -> Path:
        """The most probable sequence of those with a node at a place of the curve."""
        through = self._forward[index][:, place] + self._backward[index][:, place]
        state = int(np.argmax(through))
        upper, lower = self._upwards(index, place, state), self._downwards(index, place, state)
        return self._path([*upper, *lower[1:]], float(through[state]))

    def through(self) -> FloatArray:
        """Score of the best sequence through each node at each place, (nodes, n): max-marginals.

        Sums over all sequences would favor levels that stand close, of which there are more.
        """
        return np.array([(f + b).max(axis=0) for f, b in zip(self._forward, self._backward, strict=True)], float)

    @staticmethod
    def _path(found: list[tuple[int, int, int]], score: float) -> Path:
        nodes, places, states = zip(*found, strict=True)
        return Path(nodes, places, tuple(float(_STEPS[state]) for state in states), score)

    @cached_property
    def _forward(self) -> list[Scores]:
        """For each node: the best score of sequences that have come to it."""
        out: list[Scores] = []
        for node, local in zip(NODES, self._local, strict=True):
            value = self._begin[node.level]
            if node.above >= 0:
                arrived = self._moved(self._widest(out[node.above]), node.level - 1)
                value = np.maximum(value, arrived + self._between[node.level - 1])
            out.append(value + local)
        return out

    @cached_property
    def _backward(self) -> list[Scores]:
        """For each node: the best score of what can follow it."""
        out = [part.copy() for part in self._end]
        for index in range(len(NODES) - 1, 0, -1):
            node = NODES[index]
            onward = out[index] + self._local[index] + self._between[node.level - 1]
            onward = self._widest(self._moved(onward, node.level - 1, back=True))
            out[node.above] = np.maximum(out[node.above], onward)
        return out

    def _upwards(self, index: int, place: int, state: int) -> list[tuple[int, int, int]]:
        """Node, place and state from the first level down to this one, in the best sequence that ends there."""
        found = [(index, place, state)]
        while NODES[index].above >= 0:
            node = NODES[index]
            earlier = place - int(self._offsets[node.level - 1][state])
            if earlier < 0:
                break
            before = self._forward[node.above][:, earlier] + self._change[:, state]
            arrived = before.max() + self._between[node.level - 1][state, place]
            if arrived <= self._begin[node.level][state, place]:
                break  # it began here
            index, place, state = node.above, earlier, int(np.argmax(before))
            found.append((index, place, state))
        return found[::-1]

    def _downwards(self, index: int, place: int, state: int) -> list[tuple[int, int, int]]:
        """Node, place and state from this level down to the last one, in the best sequence that begins there."""
        found = [(index, place, state)]
        while True:
            best, onward = self._end[index][state, place], None
            for child, node in enumerate(NODES):
                if node.above != index:
                    continue
                places = place + self._offsets[node.level - 1]
                inside = np.nonzero(places < self.size)[0]
                at = inside, places[inside]
                value = self._local[child][at] + self._between[node.level - 1][at] + self._backward[child][at]
                value = value + self._change[state, inside]
                if len(value) and value.max() > best:
                    best, most = value.max(), int(np.argmax(value))
                    onward = child, int(places[inside[most]]), int(inside[most])
            if onward is None:
                return found
            found.append(onward)
            index, place, state = onward

    def _moved(self, value: Scores, gap: int, back: bool = False) -> Scores:
        """Values one level further down, or up: each state by its own step."""
        offsets = np.minimum(self._offsets[gap], _FARTHEST)
        around = np.full((_STATES, self.size + 2 * _FARTHEST), _NEVER, np.float32)
        around[:, _FARTHEST:-_FARTHEST] = value
        first = np.arange(_STATES) * around.shape[1] + _FARTHEST + (offsets if back else -offsets)
        return np.asarray(_windows(around, self.size)[first])

    def _widest(self, value: Scores) -> Scores:
        """The best over the state before, within a band."""
        out = value.copy()
        changed = np.empty_like(value)
        for apart in range(1, self._band + 1):
            np.add(value, self._change[0, apart], out=changed)
            np.maximum(out[apart:], changed[:-apart], out=out[apart:])
            np.maximum(out[:-apart], changed[apart:], out=out[:-apart])
        return out

    def _passed_over(self) -> list[Scores]:
        """For each gap: the cost of the strongest body in the middle of the step that ends there."""
        from scipy import ndimage

        halves = np.maximum(1, np.round(_MIDDLE * _STEPS * _GAPS_PX[:, None])).astype(int)
        backs = np.round(_STEPS * _GAPS_PX[:, None] / 2).astype(int)
        around = np.zeros((halves.max() + 1, _FARTHEST + self.size), np.float32)
        for half in np.unique(halves):
            around[half, _FARTHEST:] = -_PASSED * ndimage.maximum_filter1d(self.evidence.bodies, 2 * half + 1)
        shifted = _windows(around, self.size)
        return [shifted[half * around.shape[1] + _FARTHEST - back] for half, back in zip(halves, backs, strict=True)]

    def _beginning(self, level: int) -> Scores:
        """The score of beginning with a level."""
        gap = _GAPS_PX[max(level - 1, 0)]
        score = np.float32(-_OUTSIDE) * self._bodies_until(-gap)
        if level > 0:
            edge = self._top - 2 + _STEPS * gap if self._top > 0 else np.zeros(_STATES)
            score -= np.where(np.arange(self.size) < edge[:, None], np.float32(0), np.float32(_NO_EDGE))
        return np.asarray(score)

    def _ending(self, node: Node) -> Scores:
        """The score of ending with a level."""
        gap = _GAPS_PX[min(node.level, len(_GAPS_PX) - 1)]
        edge = self._bottom + 2 - _STEPS * gap if self._bottom < self.size - 1 else np.full(_STATES, np.inf)
        score = np.where(np.arange(self.size) > edge[:, None], np.float32(0), np.float32(-_NO_EDGE))
        if node.count:
            rarity = self._weights.rarity * np.log(PRESACRAL_SHARES[node.count] / PRESACRAL_SHARES[24])
            above = np.asarray(rarity + self._above_plate, np.float32)
            # what heatmaps do not show is believed right above the sacrum alone
            score = above if node.silent else np.maximum(score, above)
        else:
            score = score - np.where(self._above_plate > 0, np.float32(_NO_SACRUM), np.float32(0))
        return np.asarray(score - np.float32(_OUTSIDE) * (np.float32(self._sum) - self._bodies_until(gap)))

    def _bodies_until(self, gap: float) -> Scores:
        """(states, n) bodies from the curve's beginning to half a step from each place, downwards or (negative) up."""
        half = np.round(_STEPS * gap / 2).astype(int)
        return np.asarray(_windows(self._far_sum, self.size)[_FARTHEST + half])

    @cached_property
    def _above_plate(self) -> FloatArray:
        """The score of the sacral endplate right below a level."""
        plate, spread = self.evidence.plate
        deviation = np.hypot(spread, _PLATE_SD)
        away = (np.arange(self.size) + _PLATE_PX * _STEPS[:, None] - plate) / deviation
        known = -np.log(deviation * np.sqrt(2 * np.pi)) - np.log(UNKNOWN)
        return np.asarray(np.maximum(-(away**2) / 2, -_PLATE_CAP) + known)


def _windows(values: Scores, size: int) -> Scores:
    """(n, size) views of values from each place on; NumPy's own checks take longer than what is done with them."""
    step = values.itemsize
    return np.ndarray((values.size - size + 1, size), values.dtype, values, strides=(step, step))
