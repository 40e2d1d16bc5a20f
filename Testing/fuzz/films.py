"""Thousands of damaged files through the readers: `python -m Testing.fuzz.films --count 20000 --seed 1`.

Every file is read or refused by an error of the library, in one line that names it, within 5 s of processor time and
1 GB. Files are read in a process of their own, so that a crash is one find of many; each can be made again from its
seed and number.
"""

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from SpineAlignmentLib.errors import SpineAlignmentError
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.results.markups import read_landmarks
from Testing.fuzz.changes import changed
from Testing.fuzz.seeds import make_seeds

LIMIT_S = 5.0
LIMIT_BYTES = 1 << 30
HANGS_S = 120.0
"""A file without an answer for this long hangs, however busy the machine is."""


@dataclass
class Finds:
    """What a run came across."""

    count: int = 0
    read: int = 0
    longest_s: float = 0.0
    largest_bytes: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    finds: list[str] = field(default_factory=list)


def case(seeds: dict[str, bytes], seed: int, number: int) -> tuple[str, bytes]:
    """The name of the good file, and the content of the damaged one."""
    rng = np.random.default_rng([seed, number])
    names = list(seeds)
    name = names[number % len(names)]
    return name, changed(seeds[name], list(seeds.values()), rng)


def judged(path: Path) -> tuple[bool, str]:
    """Whether a file was read, and what is wrong with how it was dealt with; "" for nothing."""
    try:
        if path.name.endswith(".json"):
            read_landmarks(path).parameters()
            return True, ""
        film = read_film(path)
        if film.pixels.ndim != 2 or not np.isfinite(film.pixels.astype(float)).all():
            return True, "not a gray image of numbers"
        return True, ""
    except SpineAlignmentError as error:
        text = str(error)
        if str(path) not in text or "\n" in text or len(text) > 500 + len(str(path)):
            return False, f"unclear: {text[:300]!r}"
        return False, "memory" if "memory" in text else ""
    except BaseException as error:
        return False, f"{type(error).__name__}: {error}"


def serve(connection: Connection, seed: int, seeds: dict[str, bytes], folder: Path) -> None:
    """Read the damaged files whose numbers come in, until the connection ends."""
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + LIMIT_BYTES, resource.RLIM_INFINITY))
    while True:
        try:
            number = connection.recv()
        except EOFError:
            return
        name, content = case(seeds, seed, number)
        path = folder / f"{number} {name}"
        path.write_bytes(content)
        # processor time: on a busy machine a file waits for others
        begin = time.process_time()
        read, wrong = judged(path)
        took = time.process_time() - begin
        path.unlink()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        connection.send((name, read, wrong, took, peak))


def run(count: int, seed: int, first: int = 0) -> Finds:
    """Read `count` damaged files of a seed, from number `first` on."""
    found = Finds()
    with tempfile.TemporaryDirectory(prefix="fuzz") as place:
        folder = Path(place)
        seeds = make_seeds(folder)
        for path in folder.iterdir():
            path.unlink()
        process = connection = None
        for number in range(first, first + count):
            if process is None or connection is None:
                context = multiprocessing.get_context("spawn")
                connection, theirs = context.Pipe()
                process = context.Process(target=serve, args=(theirs, seed, seeds, folder))
                process.start()
                theirs.close()
            found.count += 1
            name = case(seeds, seed, number)[0]
            try:
                connection.send(number)
                answered = connection.poll(HANGS_S)
                name, read, wrong, took, peak = connection.recv() if answered else (name, False, "hangs", 0.0, 0)
            except (EOFError, OSError):
                answered, read, wrong, took, peak = False, False, "the process ended", 0.0, 0
            if not answered:
                process.kill()
                process.join()
                process = connection = None
            found.read += read
            found.longest_s, found.largest_bytes = max(found.longest_s, took), max(found.largest_bytes, peak)
            wrong = wrong or (f"took {took:.1f} s" if took > LIMIT_S else "")
            if wrong:
                found.kinds[wrong.split(":")[0]] += 1
                found.finds.append(f"--seed {seed} --first {number} --count 1: {name}: {wrong}")
                print(found.finds[-1], file=sys.stderr, flush=True)
        if connection is not None:
            connection.close()
        if process is not None:
            process.join()
    return found


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    begin = time.monotonic()
    found = run(options.count, options.seed, options.first)
    print(
        f"{found.count} damaged files in {time.monotonic() - begin:.0f} s: {found.read} read, "
        f"{found.count - found.read} refused, {len(found.finds)} finds; "
        f"longest {found.longest_s:.2f} s, largest process {found.largest_bytes / 2**20:.0f} MB"
    )
    for kind, number in found.kinds.most_common():
        print(f"  {number} x {kind}")
    return 1 if found.finds else 0


if __name__ == "__main__":
    raise SystemExit(main())
