"""A whole archive under interruption: `python -m Testing.benchmarks.archive --films 1000`.

Makes small films, one in twenty bad, runs `spine-alignment detect` on them once undisturbed, and once killed at random
moments and interrupted, run again each time; compares the tables, and prints times and memory.
"""

import argparse
import csv
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from SpineAlignmentLib.results.store import TABLE
from Testing import small_models
from Testing.host import subject
from Testing.interrupts import hear

BAD_EVERY: Final[int] = 20
_SHRINK: Final[int] = 4


def make_films(folder: Path, count: int) -> int:
    """Write small films in subfolders of a hundred, all of one name but for a number; returns how many are bad."""
    pixels = subject.film_pixels()[::_SHRINK, ::_SHRINK] // 16
    bad = 0
    for i in range(count):
        place = folder / f"patient {i // 100:03}"
        place.mkdir(parents=True, exist_ok=True)
        path = place / f"IM{i % 100:06}.png"
        if i % BAD_EVERY == BAD_EVERY - 1:
            _write_bad(path, bad)
            bad += 1
        else:
            shift = np.roll(pixels, (i % 7 - 3, i % 11 - 5), (0, 1)).astype(np.uint8)
            shift[0, 0] = i % 251
            Image.fromarray(shift).save(path, compress_level=1)
    return bad


def _write_bad(path: Path, kind: int) -> None:
    contents = (b"", b"\x89PNG\r\n\x1a\n cut", b"no picture at all", b"\0" * 128 + b"DICM" + b"\0" * 50)
    if kind % 5 < 4:
        path.write_bytes(contents[kind % 5])
    else:
        path.symlink_to("nowhere")


def command(films: Path, out: Path, models: Path, *more: str) -> list[str]:
    """The command line of a run; forced, since the small network cannot tell that its films show a spine."""
    run = [sys.executable, "-m", "SpineAlignmentLib", "detect", str(films), "-o", str(out), "--models", str(models)]
    return [*run, "--force", *more]


def rows(out: Path) -> list[dict[str, str]]:
    """The rows of a table, without the date of the run."""
    with (out / TABLE).open(encoding="utf-8") as stream:
        return [{k: v for k, v in row.items() if k != "date"} for row in csv.DictReader(stream)]


@dataclass(frozen=True)
class Disturbed:
    """What became of a run that was ended again and again."""

    statuses: list[int]
    """Exit statuses, the last of the run that nobody ended."""
    twice: int
    """Films that were done once more than they had to be."""


def disturbed(
    start: Sequence[str], signals: Sequence[signal.Signals], films: int, out: Path, log: Path, seed: int = 1
) -> Disturbed:
    """Start a run once for each signal, send it when a random number of films is done, then run to the end.

    Args:
        start: the command.
        signals: one for each run that is ended.
        films: how many can be done.
        out: where the run's results go.
        log: a file that each run appends to.
        seed: of the moments.
    """
    choice = random.Random(seed)
    moments = sorted(choice.randrange(1, films) for _ in signals)
    statuses = []
    start = [*start, "--log", str(log)]
    with log.with_suffix(".said").open("wb") as stream:
        for ending, films_done in zip(signals, moments, strict=True):
            process = subprocess.Popen(start, stdout=stream, stderr=stream, start_new_session=True, preexec_fn=hear)
            while process.poll() is None and len(list(out.glob("*.mrk.json"))) < films_done:
                time.sleep(0.02)
            time.sleep(choice.uniform(0, 0.3))
            if ending is signal.SIGINT and process.poll() is None:
                # as a terminal does: every process of the group
                os.killpg(process.pid, ending)
            else:
                process.send_signal(ending)
            statuses.append(process.wait())
        statuses.append(subprocess.run(start, stdout=stream, stderr=stream, check=False).returncode)
    done = Counter(line.split(" done: ", 1)[1] for line in log.read_text().splitlines() if " done: " in line)
    return Disturbed(statuses, sum(times - 1 for times in done.values()))


def watched(start: Sequence[str], said: Path, out: Path) -> tuple[int, list[tuple[int, float]]]:
    """Run to the end; the exit status, and films done with the memory of all its processes in MB, now and then."""
    used: list[tuple[int, float]] = []
    with said.open("wb") as stream:
        process = subprocess.Popen(start, stdout=stream, stderr=stream)
        while process.poll() is None:
            done = len(list(out.glob("*.mrk.json")))
            if not used or done >= used[-1][0] + 50:
                children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
                used.append((done, sum(_resident_mb(pid) for pid in (process.pid, *children))))
            time.sleep(0.5)
    return process.returncode, used


def _resident_mb(pid: int | str) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=1000)
    parser.add_argument("--workers", default="2")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bad = make_films(folder / "films", options.films)
        models = small_models.write(folder / "models")
        alone = command(folder / "films", folder / "alone", models, "--workers", options.workers)
        begin = time.monotonic()
        status, used = watched(alone, folder / "said", folder / "alone")
        seconds = time.monotonic() - begin
        said = (folder / "said").read_text().splitlines()
        named = sum(line.startswith("spine-alignment: ") for line in said)
        print(f"{options.films} films, {bad} bad: {seconds:.0f} s, {60 * options.films / seconds:.0f} a minute, "
              f"status {status}, {named} named; {said[-1]}")  # fmt: skip
        print("memory in MB after films:", ", ".join(f"{mb:.0f} ({done})" for done, mb in used), flush=True)
        begin = time.monotonic()
        subprocess.run(alone, capture_output=True, check=False)
        print(f"again, with nothing to do but the bad ones: {time.monotonic() - begin:.1f} s")
        start = command(folder / "films", folder / "killed", models, "--workers", options.workers)
        signals = (signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGKILL, signal.SIGTERM)
        ended = disturbed(start, signals, options.films - bad, folder / "killed", folder / "log")
        same = rows(folder / "alone") == rows(folder / "killed")
        print(
            f"killed, interrupted and ended, statuses {ended.statuses}: the same table: {same}; "
            f"{ended.twice} films done twice (those in hand, at most {options.workers} a kill)"
        )
        right = same and named == bad and ended.statuses == [-9, -9, 130, -9, 130, 1]
        return 0 if right and ended.twice <= len(signals) * int(options.workers) else 1


if __name__ == "__main__":
    sys.exit(main())
