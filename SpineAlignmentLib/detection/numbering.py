"""How sure the numbering of vertebrae is, and what else it may be."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.levels import Levels
from SpineAlignmentLib.detection.sequences import NODES, Path
from SpineAlignmentLib.measurement.landmarks import VERTEBRAE

FloatArray = NDArray[np.float64]

TEMPERATURE: Final[float] = 3.0
"""By which scores are divided for probabilities."""
_COUNT_TEMPERATURE: Final[float] = 4.5
"""The same, for the number of vertebrae: one more or less at the lower end is seen at two levels alone, and of ten
simulated films whose number was wrong four had been said to be 0.92 to 0.97 sure."""

_NEAR: Final[float] = 0.35
"""What lies within this share of the distance to the next level is the same body."""

_LEVEL_OF_NODE: Final = np.array([node.level for node in NODES])
_COUNT_OF_NODE: Final = np.array([node.count for node in NODES])

_COUNTS: Final[tuple[str, ...]] = ("", "one", "two", "three", "four", "five")


@dataclass(frozen=True)
class Counted:
    """The levels found on a film, in doubt or not."""

    path: Path
    sure: dict[str, float]
    """Level to the probability that it is the one, not a neighbor."""
    runner_up: Path
    """The next best sequence in which the least sure level has another name."""

    @property
    def sureness(self) -> float:
        """Of the numbering as a whole: that of the least sure level."""
        return min(self.sure.values())

    @property
    def other(self) -> str:
        """What the runner-up says, in words."""
        return difference(self.path, self.runner_up)


def count(levels: Levels) -> Counted:
    """The most probable numbering along a curve, how sure it is, and the runner-up."""
    path = levels.best()
    through = levels.through()
    sure: dict[str, float] = {}
    others: list[tuple[float, int, int]] = []
    for name, window in zip(path.levels, _neighborhoods(path), strict=True):
        scores = through[:, window].max(axis=1)
        level = VERTEBRAE.index(name)
        sure[name] = _chance(scores, _LEVEL_OF_NODE, level)
        other = int(np.argmax(np.where(level == _LEVEL_OF_NODE, -np.inf, scores)))
        others.append((sure[name], other, window.start + int(np.argmax(through[other, window]))))
    least, node, place = min(others)
    last = path.levels[-1]
    known, end = _of_count(path, levels)
    sure[last] = min(sure[last], known)
    return Counted(path, sure, levels.ending_with(end) if known < least else levels.path_through(node, place))


def _of_count(path: Path, levels: Levels) -> tuple[float, int]:
    """How sure the number of presacral vertebrae is, 1 when not all are on the film, and the last node of another one.

    Levels alone do not tell: with one more or less at the lower end, all others keep their names.
    """
    if path.count is None:
        return 1.0, path.nodes[-1]
    ends = np.where(_COUNT_OF_NODE > 0, levels.ends, -np.inf)
    other = int(np.argmax(np.where(path.count == _COUNT_OF_NODE, -np.inf, ends)))
    return _chance(ends, _COUNT_OF_NODE, path.count, _COUNT_TEMPERATURE), other


def _chance(scores: FloatArray, kinds: NDArray[np.int64], kind: int, temperature: float = TEMPERATURE) -> float:
    """The probability of one kind of nodes, by the best score of each kind."""
    best = np.full(kinds.max() + 1, -np.inf)
    np.maximum.at(best, kinds, scores)
    chances = np.exp((best - best.max()) / temperature)
    return float(chances[kind] / chances.sum())


def _neighborhoods(path: Path) -> list[slice]:
    """The part of the curve around each level that can be no other body."""
    places = np.array(path.places)
    half = np.diff(places) * _NEAR if len(places) > 1 else np.array([8.0])
    before, after = np.concatenate([half[:1], half]), np.concatenate([half, half[-1:]])
    return [slice(max(0, round(p - b)), round(p + a) + 1) for p, b, a in zip(places, before, after, strict=True)]


def difference(path: Path, other: Path) -> str:
    """How another numbering names the vertebrae, such as "all levels from T3 down one higher"; "" when it does not."""
    shifts = _shifts(path, other)
    parts = []
    first = 0
    for i in range(1, len(shifts) + 1):
        if i == len(shifts) or shifts[i] != shifts[first]:
            if shifts[first]:
                parts.append(_words(path.levels, first, i - 1, shifts[first]))
            first = i
    if path.count and other.count and path.count != other.count:
        parts.append(f"{other.count} presacral vertebrae")
    return "; ".join(parts)


def _shifts(path: Path, other: Path) -> list[int]:
    """By how many names each level of a path differs: -1 one higher, such as T2 for T3; 0 where there is no other."""
    order = [VERTEBRAE.index(name) for name in path.levels]
    others = [VERTEBRAE.index(name) for name in other.levels]
    out = []
    for level, window in zip(order, _neighborhoods(path), strict=True):
        inside = [o for o, place in zip(others, other.places, strict=True) if window.start <= place < window.stop]
        nearest = min(inside, key=lambda o: abs(o - level), default=level)
        out.append(nearest - level)
    return out


def _words(names: tuple[str, ...], first: int, last: int, shift: int) -> str:
    way = f"{_COUNTS[min(abs(shift), 5)]} {'higher' if shift < 0 else 'lower'}"
    if first == 0 and last == len(names) - 1:
        return f"all levels {way}"
    if last == len(names) - 1:
        return f"all levels from {names[first]} down {way}"
    if first == 0:
        return f"all levels from {names[last]} up {way}"
    return f"{names[first]} {way}" if first == last else f"levels {names[first]} to {names[last]} {way}"
