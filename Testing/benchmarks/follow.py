"""Does a landmark follow its own structure? On simulated films, whose structures can be moved and nothing else.

    python -m Training.simulation.cache --count 20 --output PROJECTIONS --seed 9027
    python -m Testing.benchmarks.follow --projections PROJECTIONS [--models DIR]

Single structures are moved forward or backward (`Training.simulation.moves`), those of a film that do not meet at once,
each in a direction of its own. The response is how far a landmark moved along the shift, against the shift: 1 where it
looks at the structure itself, 0 where it is placed from what lies around it.
"""

import argparse
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.detector import Detector
from SpineAlignmentLib.film.film import film_from_pixels
from SpineAlignmentLib.measurement.landmarks import INDEX, NAMES, VERTEBRAE
from Training.simulation.appearance.chain import Look, film
from Training.simulation.appearance.projection_layers import Projection
from Training.simulation.cache import SPACING_MM, STEPS_PER_MM, cached, path_of, read_points
from Training.simulation.moves import HIPS, STRUCTURES, Move, Moves
from Training.simulation.stream import sample_film

FloatArray = NDArray[np.float64]

TOGETHER: Final[tuple[tuple[str, ...], ...]] = (
    ("FH_1", "S1_A", "L3_C", "L1_C", "T8_C", "T5_C", "T1_C", "C2_C"),
    ("L4_C", "T12_C", "C7_C"),
)
"""First landmarks of the structures that are moved at once."""
_SHARE: Final[float] = 0.8
"""Of a structure's largest shift."""
_DEPTH: Final[float] = 4095.0


def landmarks_of(first: str) -> list[int]:
    """Rows of the landmarks that must follow: both heads, both ends of the plate, or all of a vertebra's."""
    if first in HIPS:
        return [INDEX[name] for name in HIPS]
    return [INDEX[name] for name in NAMES if name.startswith(first.split("_")[0] + "_") and name != "C2_D"]


def moves_of(firsts: tuple[str, ...], marks: FloatArray, signs: NDArray[np.int_]) -> Moves:
    """Each structure moved along x by its sign; those that the film lacks are left out."""
    chosen = []
    for first, sign in zip(firsts, signs, strict=True):
        structure = next(s for s in STRUCTURES if s.landmarks[0] == first)
        center = marks[[INDEX[name] for name in structure.landmarks]].mean(axis=0)
        if np.isfinite(center).all():
            shift = np.array([sign * _SHARE * structure.shift_mm, 0.0])
            chosen.append(Move(center, shift, 0.0, structure.radius_mm, structure.of_skeleton))
    return Moves(tuple(chosen))


def projection(folder: Path, number: int, rng: np.random.Generator) -> Projection:
    """A cached projection, cut to a film."""
    marks = read_points(path_of(folder, number), "landmarks")
    layers = np.load(path_of(folder, number), mmap_mode="r")
    height, width = layers.shape[1:]
    left, top, right, bottom = (int(v) for v in sample_film(marks, (height, width), rng))
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    lengths = {
        name: np.asarray(layer[top:bottom, left:right], np.float32) / steps
        for layer, (name, steps) in zip(layers, STEPS_PER_MM.items(), strict=True)
    }
    corner = np.array([left, top], float)
    return _projection(lengths, marks - corner, read_points(path_of(folder, number), "vertebrae") - corner)


def moved(whole: Projection, moves: Moves) -> Projection:
    """The projection with its bones moved; its landmarks, about which gas and organs lie, stay."""
    y, x = np.mgrid[: whole.shape[0], : whole.shape[1]].astype(np.float32)
    out = {"soft": whole.soft}
    for name, of_skeleton in (("spine", False), ("skeleton", True), ("metal", False)):
        field = moves.field(whole.shape, of_skeleton)
        layer = getattr(whole, name)
        if field is not None:
            layer = cv2.remap(layer, x - field[..., 0], y - field[..., 1], cv2.INTER_LINEAR)
        out[name] = layer
    return _projection(out, whole.landmarks, whole.corners)


def _projection(layers: dict[str, NDArray[np.float32]], marks: FloatArray, corners: FloatArray) -> Projection:
    return Projection(layers["spine"], layers["skeleton"], layers["soft"], layers["metal"], SPACING_MM, marks, corners)


def shift_of(rows: list[int], whole: Projection, moves: Moves) -> float:
    """How far landmarks move along x on average: centers with their bodies' corners, whose middle they are.

    Corners lie where a move fades, so that they are carried less far than the middle between them.
    """
    away = moves.landmarks_carried(whole.landmarks) - whole.landmarks
    carried = moves.carried(whole.corners.reshape(-1, 2)).reshape(whole.corners.shape) - whole.corners
    for level, corners in zip(VERTEBRAE, carried, strict=True):
        row = INDEX.get(f"{level}_C")
        if row in rows and np.isfinite(corners).all():
            away[row] = corners.mean(axis=0)
    return float(away[rows, 0].mean())


def responses(folder: Path, detector: Detector, randomization: float) -> dict[str, list[float]]:
    """The response of each structure on each film, by its first landmark."""
    out: dict[str, list[float]] = {}
    for number in cached(folder):
        rng = np.random.default_rng([number, 5])
        whole = projection(folder, number, rng)
        look, state = Look.sample(rng, randomization), int(rng.integers(2**32))

        def found(shown: Projection, look: Look = look, state: int = state) -> FloatArray:
            pixels = np.round(_DEPTH * film(shown, look, np.random.default_rng(state))).astype(np.uint16)
            return detector.detect(film_from_pixels(pixels).calibrated(SPACING_MM).facing("left")).points_px

        before = found(whole)
        for firsts in TOGETHER:
            moves = moves_of(firsts, whole.landmarks, rng.choice([-1, 1], len(firsts)))
            after = found(moved(whole, moves))
            for first in firsts:
                rows = landmarks_of(first)
                shift = shift_of(rows, whole, moves)
                if abs(shift) > 1:
                    out.setdefault(first, []).append(float((after - before)[rows, 0].mean() / shift))
    return out


def main() -> None:
    """Prints the median response and quartiles of each structure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--projections", type=Path, required=True)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--randomization", type=float, default=0.5)
    options = parser.parse_args()
    for first, values in responses(options.projections, Detector(options.models), options.randomization).items():
        low, middle, high = np.nanpercentile(values, (25, 50, 75))
        print(f"{first.split('_')[0]:4s} n = {len(values):3d}  response {middle:.2f}  quartiles {low:.2f} {high:.2f}")


if __name__ == "__main__":
    main()
