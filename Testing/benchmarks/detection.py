"""How fast detection is: `python -m Testing.benchmarks.detection [FILM]`.

Measures the command from a cold start to its results, the stages of a warm detection, peak memory, films a minute over
a folder, and the networks' arithmetic against a plain float32 matrix product on the same machine in the same run.
"""

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from SpineAlignmentLib.detection.confidence import confidence
from SpineAlignmentLib.detection.detector import Detector
from SpineAlignmentLib.detection.models import ONNX_FILE, Model
from SpineAlignmentLib.film.preprocessing import fit_film, normalize_contrast, resample
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.results.markups import markups_bytes
from SpineAlignmentLib.results.picture import png_bytes
from SpineAlignmentLib.results.result_file import json_bytes

SAMPLE = Path(__file__).parents[2] / "SpineAlignment" / "Resources" / "SampleData" / "sample_film.dcm"
REPEATS = 7
FOLDER_FILMS = 12

PEAK_MEMORY = (
    "import resource, sys; from SpineAlignmentLib.command_line import main; status = main(sys.argv[1:]);"
    "print('peak', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024); sys.exit(status)"
)


def median_seconds(work: Callable[[], Any], repeats: int = REPEATS) -> float:
    """Median wall time of a piece of work, after one run to warm up."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def cold_command(film: Path) -> tuple[float, int]:
    """Seconds of the command in a process of its own (median of three), and its peak memory in MB."""
    times, memory = [], 0
    for _ in range(3):
        with tempfile.TemporaryDirectory() as out:
            command = [sys.executable, "-c", PEAK_MEMORY, "detect", str(film), "-o", out, "--engine", "onnx"]
            start = time.perf_counter()
            run = subprocess.run(command, capture_output=True, text=True, check=True)
            times.append(time.perf_counter() - start)
            memory = max(memory, int(run.stdout.rsplit("peak ", 1)[1]))
    return statistics.median(times), memory


def films_per_minute(film: Path) -> float:
    """Films a minute of the command over a folder."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as out:
        for i in range(FOLDER_FILMS):
            shutil.copy(film, Path(folder) / f"film_{i:02}.dcm")
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "SpineAlignmentLib", "detect", folder, "-o", out], check=True)
        return 60 * FOLDER_FILMS / (time.perf_counter() - start)


def multiply_adds(model: Model) -> float:
    """Floating point operations of a network on one film: two for a multiply-add of a convolution or product."""
    network = onnx.load(model.folder / ONNX_FILE)
    products = [node for node in network.graph.node if node.op_type in ("Conv", "MatMul", "Gemm")]
    kernels = {constant.name: constant.dims for constant in network.graph.initializer}
    made = {output: node for node in network.graph.node for output in node.output}
    network.graph.output.extend(onnx.helper.make_empty_tensor_value_info(node.output[0]) for node in products)
    session = onnxruntime.InferenceSession(network.SerializeToString(), providers=["CPUExecutionProvider"])
    film = np.zeros((1, *model.input_size, 1), np.float32)
    outputs = session.run([node.output[0] for node in products], {session.get_inputs()[0].name: film})
    total = 0.0
    for node, output in zip(products, outputs, strict=True):
        kernel = node.input[1]
        while kernel not in kernels:  # stored ones are cast, turned and multiplied
            kernel = made[kernel].input[0]
        total += 2.0 * output.size * np.prod(kernels[kernel]) / output.shape[1 if node.op_type == "Conv" else -1]
    return total


def matrix_product_rate(side: int = 2048) -> float:
    """Floating point operations a second of a square float32 matrix product."""
    a = np.random.default_rng(0).random((side, side), np.float32)
    return 2.0 * side**3 / median_seconds(lambda: a @ a)


def main() -> None:
    """Print all measurements as lines of a Markdown table."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE
    film = read_film(path)
    detector = Detector(engine="onnx")
    found = detector.detect(film)
    sided = film.facing(found.anterior, found.anterior_source)
    frame = fit_film(sided.size_px, sided.pixel_size, found.anterior)
    seen = resample(sided.pixels, frame)
    image = normalize_contrast(*seen)
    look = detector.look(sided, frame)
    rows: list[tuple[str, str]] = [("film", f"{film.size_px[0]} x {film.size_px[1]} px")]
    seconds, memory = cold_command(path)
    rows += [("cold command to results", f"{seconds:.2f} s"), ("its peak memory", f"{memory} MB")]
    stages = {
        "decode": lambda: read_film(path),
        "resample": lambda: resample(sided.pixels, frame),
        "normalize contrast": lambda: normalize_contrast(*seen),
        "confidence and parameters": lambda: (confidence(look, look.mean, sided.pixel_size), found.parameters()),
        "picture": lambda: png_bytes(film, found),
        "result files": lambda: (json_bytes(found), markups_bytes(found, film.placement)),
    }
    peak = matrix_product_rate()
    for model, network in detector.networks:
        seconds = median_seconds(lambda n=network: n(image[None]))
        rate = multiply_adds(model) / seconds
        rows.append((f"network {model.name}", f"{seconds * 1000:.0f} ms"))
        rows.append(("its arithmetic", f"{rate / 1e9:.1f} GFLOP/s, {100 * rate / peak:.0f} % of a matrix product"))
    rows.append(("matrix product", f"{peak / 1e9:.1f} GFLOP/s"))
    rows += [(name, f"{median_seconds(work) * 1000:.1f} ms") for name, work in stages.items()]
    rows.append(("warm detection, side known", f"{median_seconds(lambda: detector.detect(sided)):.3f} s"))
    rows.append(("folder", f"{films_per_minute(path):.0f} films a minute"))
    for name, value in rows:
        print(f"| {name} | {value} |")


if __name__ == "__main__":
    main()
