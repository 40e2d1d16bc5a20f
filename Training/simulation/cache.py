"""Projections on disk: the slow part of a film, rendered once and given a new look at every training step.

`python -m Training.simulation.cache --count N --output DIR --seed S` renders in worker processes; what is
already there is not rendered again, so an interrupted run continues. A projection takes about 5 MB.
"""

import argparse
import io
import json
import math
import os
import shutil
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from SpineAlignmentLib.errors import ResultError, SpineAlignmentError
from SpineAlignmentLib.results.files import make_folder, remove_left, write_files
from SpineAlignmentLib.results.result_file import read_json
from Training.simulation.patient import project, sample_patient, whole_window
from Training.simulation.workers import render_pool

SPACING_MM = 1.0
STEPS_PER_MM = {"spine": 128.0, "skeleton": 128.0, "soft": 48.0, "metal": 512.0}
"""Quantization of the layers in 16 bit."""
BYTES_PER_PROJECTION = 6_000_000


def path_of(folder: Path, index: int) -> Path:
    """Where projection `index` lies."""
    return folder / f"{index:06d}.npy"


def cached(folder: Path, first: int = 0, count: int = 0) -> list[int]:
    """The projections in a folder from number `first` on, at most `count`, 0 = all.

    Raises:
        FileNotFoundError: there are none.
    """
    numbers = sorted(int(path.stem) for path in folder.glob("*.json") if path.stem.isdigit())
    if not numbers:
        raise FileNotFoundError(f"{folder}: no projections; run python -m Training.simulation.cache first")
    numbers = [number for number in numbers if number >= first]
    if not numbers:
        raise FileNotFoundError(f"{folder}: no projections from number {first} on; lower first or render more")
    return numbers[:count] if count else numbers


def read_points(path: Path, kind: str) -> NDArray[np.float64]:
    """What was written beside the projection at `path`, in its pixels, NaN where missing.

    Args:
        path: see `path_of`.
        kind: "landmarks", shape (45, 2), "vertebrae", shape (24, 4, 2), or "rims" of the femoral heads, shape
            (2, `projection_layers.RIM_POINTS`, 2).

    Raises:
        FileNotFoundError: the projection was made by a version that did not write them.
    """
    record = json.loads(path.with_suffix(".json").read_text())
    if kind not in record:
        raise FileNotFoundError(f"{path}: knows no {kind}; make the projections again, with Training.simulation.cache")
    return np.array(record[kind], float)


def halved(layers: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Layers (4, H, W) at half the resolution, by block means."""
    height, width = layers.shape[1] // 2 * 2, layers.shape[2] // 2 * 2
    blocks = layers[:, :height, :width].reshape(4, height // 2, 2, width // 2, 2)
    return np.asarray(blocks.mean(axis=(2, 4)).round(), np.uint16)


def _plain(points: NDArray[np.float64]) -> list[list[float | None]]:
    """Points (n, 2) as JSON holds them, null where NaN."""
    return [[None if np.isnan(v) else round(float(v), 3) for v in xy] for xy in points]


def _render(job: tuple[str, int, int, float]) -> int:
    folder, seed, index, spread = Path(job[0]), *job[1:]
    patient = sample_patient(seed, index, spread if index % 2 else 1.0)
    projection = project(patient, whole_window(patient, SPACING_MM))
    layers = np.stack([getattr(projection, name) * steps for name, steps in STEPS_PER_MM.items()])
    layers16 = np.clip(layers.round(), 0, 65535).astype(np.uint16)
    record = {
        "seed": seed,
        "index": index,
        "landmarks": _plain(projection.landmarks),
        "vertebrae": [_plain(own) for own in projection.corners],
        "rims": [_plain(own) for own in projection.rims],
        "simulation": patient.metadata(),
    }
    path = path_of(folder, index)
    contents = {".half.npy": _npy(halved(layers16)), ".npy": _npy(layers16), ".json": json.dumps(record).encode()}
    write_files({path.with_suffix(name): content for name, content in contents.items()})  # in this order
    return index


def _npy(array: NDArray[np.uint16]) -> bytes:
    """As `np.load` reads it."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def render(folder: Path, count: int, seed: int, workers: int, spread: float = 1.0) -> None:
    """Render projections 0 to count - 1 of a seed into a folder.

    Every second patient has a spine `spread` times as far from the mean as the population's.

    Raises:
        ResultError: the folder cannot be written to, has not enough space, or holds projections of another seed.
    """
    make_folder(folder)
    remove_left(folder)
    for path in sorted(folder.glob("*.json"))[:1]:
        if (held := read_json(path).get("seed")) != seed:
            raise ResultError(f"{folder}: holds projections of seed {held}; give --seed {held} or another --output")
    missing = [i for i in range(count) if not path_of(folder, i).with_suffix(".json").exists()]
    needed, free = len(missing) * BYTES_PER_PROJECTION, shutil.disk_usage(folder).free
    print(f"{len(missing)} projections to render, about {needed / 1e9:.1f} GB; {free / 1e9:.0f} GB free", flush=True)
    if needed > free:
        raise ResultError(
            f"{folder}: {needed / 1e9:.1f} GB needed, {free / 1e9:.1f} GB free; lower --count or free space"
        )
    if not missing:
        return
    jobs = [(str(folder), seed, index, spread) for index in missing]
    with render_pool(workers) as pool:
        for _ in tqdm(pool.imap_unordered(_render, jobs), total=len(jobs), disable=None, unit="film"):
            pass


def main(arguments: list[str] | None = None) -> int:
    """Command line; 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--spread", type=float, default=1.0, help="how much wider every second spine is drawn")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(arguments)
    if options.count < 1 or options.workers < 1 or options.seed < 0 or not 0 < options.spread < math.inf:
        parser.error("--count and --workers must be at least 1, --seed 0 or more, --spread above 0")
    try:
        render(options.output, options.count, options.seed, options.workers, options.spread)
    except SpineAlignmentError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command goes on", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
