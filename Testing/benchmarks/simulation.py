"""Complete simulated films a second at the networks' resolution, and where the time goes.

    python -m Testing.benchmarks.simulation [--films 40] [--workers 2]

First in one worker process, the parts timed apart in processor seconds; then in several, wall clock without their
start. The bar: 2 films a second on 2 cores.
"""

import argparse
import statistics
import time

from Training.simulation.appearance.chain import Look, film
from Training.simulation.command import RESOLUTIONS
from Training.simulation.film import simulate_film
from Training.simulation.patient import generator, project, sample_patient, whole_window
from Training.simulation.workers import render_pool

SEED = 11


def make(index: int) -> None:
    """One complete film, not written."""
    simulate_film(SEED, index, RESOLUTIONS["network"])


def parts(index: int) -> tuple[float, float, float]:
    """Processor seconds of a patient's surfaces, of their projection, and of the film's look."""
    clock = [time.process_time()]
    patient = sample_patient(SEED, index)
    clock.append(time.process_time())
    projection = project(patient, whole_window(patient, RESOLUTIONS["network"]))
    clock.append(time.process_time())
    rng = generator(SEED, index, 9)
    film(projection, Look.sample(rng, 0.5), rng)
    clock.append(time.process_time())
    return clock[1] - clock[0], clock[2] - clock[1], clock[3] - clock[2]


def main() -> None:
    """Print the parts and the speed."""
    parser = argparse.ArgumentParser(prog="python -m Testing.benchmarks.simulation")
    parser.add_argument("--films", type=int, default=40)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with render_pool(1) as pool:
        pool.map(make, [0])  # what is read and built once
        timed = pool.map(parts, range(10), chunksize=1)
    for name, values in zip(("surfaces", "projection", "look"), zip(*timed, strict=True), strict=True):
        print(f"{name}: median {statistics.median(values):.3f} s of one core, {min(values):.3f} to {max(values):.3f}")
    with render_pool(options.workers) as pool:
        pool.map(make, [0] * 4 * options.workers, chunksize=1)
        begin = time.monotonic()
        pool.map(make, range(options.films), chunksize=1)
        seconds = time.monotonic() - begin
    print(f"{options.films} films, {options.workers} processes: {options.films / seconds:.2f} films a second")


if __name__ == "__main__":
    main()
