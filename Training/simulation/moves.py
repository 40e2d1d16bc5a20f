"""Bones that move against what lies around them, anew each time a projection becomes a film.

A network that knows where a femoral head lies within a pelvis, or a vertebra among its neighbors, ribs and shoulders,
places the landmark there and hardly looks at the structure itself; in a patient whose proportions are others it is
wrong. So training shifts and turns single structures by a few millimeters in the bone's layer of the projection, their
landmarks along, while soft tissue and, for the spine, the other bones stay: within `radius` the structure moves as
one, beyond it the shift fades smoothly, slowly enough that nothing folds.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.measurement.landmarks import INDEX, NAMES

FloatArray = NDArray[np.float64]
ImageArray = NDArray[np.float32]

CHANCE: Final[float] = 0.85
"""Share of films in which anything moves."""
_EACH: Final[float] = 0.6
"""Share of the structures tried there; those that would meet one that moves already stay."""
_FADES: Final[float] = 0.6
"""Over how much more than the radius a shift fades, at least, as a share of the radius."""
_STEEPNESS: Final[float] = 2.2
"""And against the largest displacement: at 1.5 the smooth step would fold."""
_SOLUTIONS: Final[int] = 40
_SETTLED: Final[float] = 1e-3

HIPS: Final[tuple[str, str]] = ("FH_1", "FH_2")


@dataclass(frozen=True)
class Structure:
    """What moves as one."""

    landmarks: tuple[str, ...]
    """Whose middle is its center; two that lie far apart move one at a time."""
    radius_mm: float
    shift_mm: float
    """Largest shift."""
    turn_deg: float
    """Standard deviation of its turn."""

    @property
    def of_skeleton(self) -> bool:
        """Whether it lies in the layer of the other bones, not in the spine's."""
        return self.landmarks[0] in HIPS


def _structures() -> tuple[Structure, ...]:
    sizes = {"C": (11.0, 4.0, 6.0), "T": (14.0, 5.0, 5.0), "L": (19.0, 6.0, 5.0)}
    bodies = [Structure((name,), *sizes[name[0]]) for name in NAMES if name.endswith("_C")]
    return (Structure(HIPS, 30.0, 12.0, 4.0), Structure(("S1_A", "S1_P"), 18.0, 8.0, 6.0), *bodies)


STRUCTURES: Final[tuple[Structure, ...]] = _structures()


@dataclass(frozen=True)
class Move:
    """One structure's move; all in pixels of the film."""

    center: FloatArray
    """(2,) where it was."""
    shift: FloatArray
    """(2,) where it goes from there."""
    turn: float
    """About its center, radians, from x towards y."""
    radius: float
    of_skeleton: bool

    @cached_property
    def reach(self) -> float:
        """Distance from its new center beyond which nothing moves."""
        largest = float(np.hypot(*self.shift)) + abs(self.turn) * self.radius
        return self.radius + max(_FADES * self.radius, _STEEPNESS * largest)

    def displacement(self, points: FloatArray) -> FloatArray:
        """How far what is seen at `points` (..., 2) has come, (..., 2)."""
        away = points - (self.center + self.shift)
        share = np.clip((self.reach - np.linalg.norm(away, axis=-1)) / (self.reach - self.radius), 0.0, 1.0)
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        moved = away + self.shift - away @ np.array([[cos, -sin], [sin, cos]])
        return np.asarray((share * share * (3 - 2 * share))[..., None] * moved)


@dataclass(frozen=True)
class Moves:
    """All moves of one film."""

    moves: tuple[Move, ...] = ()

    @classmethod
    def sample(
        cls, marks: FloatArray, spacing_mm: float, rng: np.random.Generator, first: Structure | None = None
    ) -> "Moves":
        """Draw moves.

        Args:
            marks: landmarks (45, 2) in pixels of `spacing_mm`, NaN where missing.
            spacing_mm: of these pixels.
            rng: where chance comes from.
            first: a structure that moves whatever else does.
        """
        move = None if first is None else _draw(first, marks, spacing_mm, rng)
        chosen = [] if move is None else [move]
        if rng.random() >= CHANCE:
            return cls(tuple(chosen))
        for k in rng.permutation(len(STRUCTURES)):
            move = _draw(STRUCTURES[k], marks, spacing_mm, rng) if rng.random() < _EACH else None
            if move is not None and not any(_meet(move, other) for other in chosen):
                chosen.append(move)
        return cls(tuple(chosen))

    def field(self, size: tuple[int, int], of_skeleton: bool) -> ImageArray | None:
        """How far what a layer shows has come, (height, width, 2) pixels; None where nothing moves.

        Args:
            size: (height, width) of the film.
            of_skeleton: of the other bones' layer, else of the spine's.
        """
        moves = [move for move in self.moves if move.of_skeleton == of_skeleton]
        out = np.zeros((*size, 2), np.float32)
        for move in moves:
            middle = move.center + move.shift
            (left, top), (right, bottom) = (
                np.clip(middle + side * (move.reach + 1), 0, size[::-1]).astype(int) for side in (-1, 1)
            )
            y, x = np.mgrid[top:bottom, left:right]
            out[top:bottom, left:right] += move.displacement(np.stack([x, y], axis=-1).astype(float))
        return out if moves else None

    def landmarks_carried(self, marks: FloatArray) -> FloatArray:
        """Where landmarks (45, 2) are after all moves."""
        hips = [INDEX[name] for name in HIPS]
        out = self.carried(marks)
        out[hips] = self.carried(marks[hips], of_skeleton=True)
        return out

    def carried(self, points: FloatArray, of_skeleton: bool = False) -> FloatArray:
        """Where points (n, 2) of the spine's bones, or of the other ones, are after all moves."""
        out = points.copy()
        for move in self.moves:
            if move.of_skeleton == of_skeleton:
                out = _solved(move, out)
        return out


STILL: Final[Moves] = Moves()
"""Nothing moves."""


def _draw(structure: Structure, marks: FloatArray, spacing_mm: float, rng: np.random.Generator) -> Move | None:
    own = marks[[INDEX[name] for name in structure.landmarks]]
    if not np.isfinite(own).all():
        return None
    radius = structure.radius_mm * rng.uniform(0.75, 1.25) / spacing_mm
    apart = float(np.linalg.norm(own[-1] - own[0]))
    if structure.of_skeleton and apart > radius:  # too far apart to move as one
        own = own[int(rng.integers(2))][None]
    heading, length = rng.uniform(0, 2 * np.pi), structure.shift_mm * np.sqrt(rng.random()) / spacing_mm
    turn = np.radians(np.clip(rng.normal(0, structure.turn_deg), -12, 12))
    shift = length * np.array([np.cos(heading), np.sin(heading)])
    return Move(own.mean(axis=0), shift, float(turn), float(radius), structure.of_skeleton)


def _meet(first: Move, second: Move) -> bool:
    distance = np.linalg.norm(first.center + first.shift - second.center - second.shift)
    return bool(first.of_skeleton == second.of_skeleton and distance < first.reach + second.reach)


def _solved(move: Move, points: FloatArray) -> FloatArray:
    """Where the points (n, 2) of a layer are seen after a move."""
    out: FloatArray = points
    for _ in range(_SOLUTIONS):  # contracts, since displacements change more slowly than places
        before, out = out, points + move.displacement(out)
        if not np.nanmax(np.abs(out - before), initial=0.0) > _SETTLED:
            break
    return out
