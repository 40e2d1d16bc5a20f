"""The shape model that ships, from simulated people: `python -m Training.shape_model`.

Mean and covariance of the landmarks on lateral films, aligned by place, turn and size. Every second person stands
more unevenly than the population does, so that the model rejects what no spine can be rather than what few are.
"""

import argparse
import sys
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

import SpineAlignmentLib
from SpineAlignmentLib.detection.shape_prior import ShapeModel, moved, similarity
from Training.simulation.patient import posed_landmarks

FloatArray = NDArray[np.float64]

SHIPPED: Final[Path] = Path(SpineAlignmentLib.__file__).parent / "detection" / "shape_model.npz"
_FEWEST: Final[int] = 500
"""Complete shapes for a covariance of 90 coordinates."""
_ROUNDS: Final[int] = 5
_OWN_DEVIATION_MM: Final[float] = 1.0
"""What every landmark may differ from the simulated shapes on its own."""


def fit(shapes: FloatArray) -> ShapeModel:
    """The model of complete shapes, (n, 45, 2) mm with y down, by generalized Procrustes analysis."""
    mean = shapes[0] - shapes[0].mean(axis=0)
    size = np.sqrt(np.mean(np.sum((shapes - shapes.mean(axis=1, keepdims=True)) ** 2, axis=(1, 2))))
    for _ in range(_ROUNDS):
        aligned = np.array([_onto(shape, mean) for shape in shapes])
        mean = aligned.mean(axis=0) - aligned.mean(axis=(0, 1))
        mean *= size / np.linalg.norm(mean)
    residuals = (np.array([_onto(shape, mean) for shape in shapes]) - mean).reshape(len(shapes), -1)
    own = _OWN_DEVIATION_MM**2 * np.eye(residuals.shape[1])
    return ShapeModel(mean, residuals.T @ residuals / len(shapes) + own)


def _onto(points: FloatArray, mean: FloatArray) -> FloatArray:
    """The points (45, 2) turned, sized and shifted onto the mean, every landmark counting the same."""
    return moved(points, *similarity(points, mean, np.ones(len(points))))


def main(arguments: list[str] | None = None) -> int:
    """Command line; 0 written, 1 not enough complete shapes."""
    parser = argparse.ArgumentParser(prog="python -m Training.shape_model", description=__doc__)
    parser.add_argument("--people", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--spread", type=float, default=1.5, help="how much wider every second spine is drawn")
    parser.add_argument("--output", type=Path, default=SHIPPED)
    options = parser.parse_args(arguments)
    shapes = [
        posed_landmarks(options.seed, i, options.spread if i % 2 else 1.0)
        for i in tqdm(range(options.people), disable=None, unit="person")
    ]
    complete = np.array([shape for shape in shapes if np.isfinite(shape).all()])
    if len(complete) < _FEWEST:
        print(f"{len(complete)} complete shapes are too few, {_FEWEST} are needed; raise --people", file=sys.stderr)
        return 1
    model = fit(complete)
    np.savez_compressed(
        options.output, mean=model.mean.astype(np.float32), covariance=model.covariance.astype(np.float32)
    )
    print(f"{options.output}: {len(complete)} shapes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
