"""Which sequences of levels there may be: 23, 24 or 25 presacral vertebrae, the whole of them or a part."""

from dataclasses import dataclass
from typing import Final

from SpineAlignmentLib.measurement.landmarks import PRESACRAL_LEVELS, VERTEBRAE

PRESACRAL_SHARES: Final[dict[int, float]] = {23: 0.035, 24: 0.925, 25: 0.04}
"""How often people have so many presacral vertebrae, C1 included (as in `Training.simulation.people`)."""

_OWN: Final[float] = 0.1
_OWN_AT_ENDS: Final[float] = 1.5
"""Weights of the logarithm of a level's own heatmap: networks see bodies well and count badly."""
_ENDS: Final[int] = 3
"""Levels at either end of the spine that skull and sacrum make sure."""


@dataclass(frozen=True)
class Node:
    """A level of one of the sequences; those of 23, 24 and 25 vertebrae part below L2."""

    level: int
    heatmap: int
    """The level whose heatmap speaks for it: networks name the lowest L5, whatever it is."""
    above: int
    """Node of the level above; -1 for C2."""
    count: int = 0
    """Presacral vertebrae when it is the last, 0 when it cannot be."""
    silent: bool = False
    """Networks that know no L6 may show nothing of it."""

    @property
    def weight(self) -> float:
        """Of its own heatmap."""
        at_end = self.heatmap < _ENDS or self.heatmap >= len(PRESACRAL_LEVELS) - _ENDS
        return _OWN_AT_ENDS if at_end else _OWN


def _nodes() -> tuple[Node, ...]:
    lowest = PRESACRAL_LEVELS.index("L2")
    nodes = [Node(level, level, level - 1) for level in range(lowest + 1)]
    for count in (24, 23, 25):
        below = count - 2 - lowest
        for i in range(below):
            level = lowest + 1 + i
            above = lowest if i == 0 else len(nodes) - 1
            last = i == below - 1
            nodes.append(Node(level, level + 24 - count, above, count if last else 0))
    lowest = next(i for i, node in enumerate(nodes) if node.count == 24)
    nodes.append(Node(len(PRESACRAL_LEVELS), len(PRESACRAL_LEVELS) - 1, lowest, 25, silent=True))
    return tuple(nodes)


NODES: Final[tuple[Node, ...]] = _nodes()


@dataclass(frozen=True)
class Path:
    """A sequence of levels along a curve, from above."""

    nodes: tuple[int, ...]
    places: tuple[int, ...]
    """Grid pixels along the curve."""
    steps: tuple[float, ...]
    """Of each, relative to the expected one."""
    score: float

    @property
    def levels(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(VERTEBRAE[NODES[node].level] for node in self.nodes)

    @property
    def count(self) -> int | None:
        """Presacral vertebrae, C1 included; None when not all are on the film."""
        return NODES[self.nodes[-1]].count or None if NODES[self.nodes[0]].level == 0 else None
