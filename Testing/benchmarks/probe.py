"""What `Testing.benchmarks.compare` measures inside a process of one commit: `python -P probe.py WHAT ...`, one line of
JSON as the answer. It is run on the sources of either commit, so that it looks for what it needs where each has it.
"""

import importlib
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Figures = dict[str, float]

DETECTOR = ("SpineAlignmentLib.detection.detector", "SpineAlignmentLib.detection")
READING = ("SpineAlignmentLib.film.reading", "SpineAlignmentLib.film")
PICTURE = ("SpineAlignmentLib.results.picture", "SpineAlignmentLib.picture")
MATRIX_SIDE = 1024


def found(name: str, places: tuple[str, ...]) -> Any:
    """Something of a module that has moved: from the first place that has it."""
    for place in places:
        try:
            return getattr(importlib.import_module(place), name)
        except (ImportError, AttributeError):
            continue
    raise ImportError(f"{name} is in none of {places}")


def timed(work: Callable[[], object], repeats: int) -> Figures:
    """Medians of wall and processor seconds of a piece of work, after two runs to warm up."""
    walls, cpus = [], []
    for i in range(repeats + 2):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        if i > 1:
            walls.append(time.perf_counter() - wall)
            cpus.append(time.process_time() - cpu)
    return {"wall": statistics.median(walls), "cpu": statistics.median(cpus)}


def film_of(path: str, spacing: str, side: str) -> Any:
    """The film, with what is told of it; "auto" and 0 are nothing."""
    read = found("read_film", READING)
    return read(Path(path), spacing=float(spacing) or None, anterior=None if side == "auto" else side)


def warm(path: str, spacing: str, side: str, engine: str, threads: str, repeats: str) -> Figures:
    """Seconds of a warm detection."""
    film = film_of(path, spacing, side)
    detector = found("Detector", DETECTOR)(engine=engine, threads=int(threads))
    return timed(lambda: detector.detect(film), int(repeats))


def picture(path: str, spacing: str, side: str, repeats: str) -> Figures:
    """Seconds of drawing and packing the picture."""
    film = film_of(path, spacing, side)
    result = found("Detector", DETECTOR)(engine="onnx", threads=1).detect(film)
    draw = found("png_bytes", PICTURE)
    return timed(lambda: draw(film, result), int(repeats))


def networks(repeats: str) -> Figures:
    """Share of the float32 matrix rate that the networks of the whole film reach together, on one thread."""
    multiply_adds = found("multiply_adds", ("Testing.benchmarks.detection",))
    detector = found("Detector", DETECTOR)(engine="onnx", threads=1)
    image = np.zeros((1, *detector.models[0].input_size), np.float32)

    def run() -> None:
        for _, network in detector.networks:
            network(image)

    side = np.random.default_rng(0).random((MATRIX_SIDE, MATRIX_SIDE), np.float32)
    operations = sum(multiply_adds(model) for model in detector.models)
    seconds, product = timed(run, int(repeats))["cpu"], timed(lambda: side @ side, int(repeats))["cpu"]
    return {"cpu": (operations / seconds) / (2.0 * MATRIX_SIDE**3 / product)}


def peer(path: str, threads: str, repeats: str) -> Figures:
    """Seconds of one pass of another network, an ONNX file."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(threads)
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    image = np.zeros(given.shape, np.float32)
    return timed(lambda: session.run(None, {given.name: image}), int(repeats))


if __name__ == "__main__":
    what: dict[str, Callable[..., Figures]] = {
        "warm": warm,
        "picture": picture,
        "networks": networks,
        "peer": peer,
    }
    print(json.dumps(what[sys.argv[1]](*sys.argv[2:])))
