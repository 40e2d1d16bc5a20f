"""A node beside the folder batch, on the same films: `python -m Testing.benchmarks.node --films 200`.

Some of the films are done by `spine-alignment detect`, then all by a node, sent over four associations while it is
killed three times and the archive (Orthanc) is stopped once, then as many by `detect` again. Prints films a minute of
both, and fails unless the archive has the results of every film, each once.
"""

import argparse
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pydicom

from Testing.library.node_process import NodeProcess, another, send_until_taken, sent_film, until
from Testing.library.orthanc import Orthanc

ASSOCIATIONS: Final[int] = 4
KILLS: Final[int] = 3
LONGEST_S: Final[float] = 2 * 3600.0


def make_films(folder: Path, count: int, batch: int) -> list[Path]:
    """Films that differ by their UIDs: the first in a folder of their own, as many more in another, and the rest."""
    folder.mkdir()
    film = pydicom.dcmread(sent_film(folder / "one.dcm"))
    parts = ["first"] * batch + ["second"] * batch + ["rest"] * (count - 2 * batch)
    paths = [folder / part / f"{i:04}.dcm" for i, part in enumerate(parts)]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        another(film).save_as(path)
    return paths


def batch(films: Path, out: Path, *options: str) -> float:
    """Seconds that `detect` takes for a folder, with DICOM results as a node makes them."""
    start = time.monotonic()
    command = ("detect", str(films), "-o", str(out), "--dicom", "--no-pictures", "--quiet", *options)
    subprocess.run((sys.executable, "-m", "SpineAlignmentLib", *command), check=True)
    return time.monotonic() - start


def disturbed(node: NodeProcess, archive: Orthanc, films: Sequence[Any], seconds: float) -> float:
    """Send all films while node and archive are ended at random moments; seconds until all results are there.

    Args:
        node: takes the films.
        archive: takes the results.
        films: data sets.
        seconds: from one end to the next, at most.
    """
    start = time.monotonic()
    chance = random.Random(1)
    with ThreadPoolExecutor(ASSOCIATIONS) as pool:
        sending = [
            pool.submit(send_until_taken, node.port, films[i::ASSOCIATIONS], LONGEST_S) for i in range(ASSOCIATIONS)
        ]
        for kill in range(KILLS):
            time.sleep(chance.uniform(0.5, 1.0) * seconds)
            if kill == 1:
                archive.stop()
            node.kill()
            node.start()
            if kill == 1:
                time.sleep(min(30.0, seconds))
                archive.start()
        for one in sending:
            one.result()
    until(lambda: all(len(archive.films_of(kind)) >= len(films) for kind in ("SR", "PR")), LONGEST_S)
    return time.monotonic() - start


def pace(log: Path) -> float:
    """Films a minute between ends of films, the median; what kills and pauses take is left out."""
    moments = [
        datetime.fromisoformat(found[1].replace(",", "."))
        for line in log.read_text().splitlines()
        if (found := re.match(r"(\S+ \S+) INFO film \w+ is done", line))
    ]
    steps = sorted((b - a).total_seconds() for a, b in pairwise(moments))
    return 60 / steps[len(steps) // 2]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=200)
    parser.add_argument(
        "--batch", type=int, help="films that the batch does before the node, and after; half if absent"
    )
    parser.add_argument("--kill-after", type=float, metavar="SECONDS", help="at most; a quarter of the time if absent")
    parser.add_argument("--workers", default="1")
    parser.add_argument("--models", type=Path, help="folder with ensemble.json; the shipped one if absent")
    chosen = parser.parse_args()
    part = chosen.films // 2 if chosen.batch is None else chosen.batch
    options = ["--workers", chosen.workers, *([] if chosen.models is None else ["--models", str(chosen.models)])]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = make_films(folder / "films", chosen.films, part)
        seconds = batch(folder / "films" / "first", folder / "out", *options)
        print(f"folder batch, {part} films: {seconds:.0f} s, {60 * part / seconds:.1f} a minute", flush=True)
        kill_after = chosen.kill_after or seconds * chosen.films / part / (KILLS + 1)
        films = [pydicom.dcmread(path) for path in paths]
        archive = Orthanc(folder / "orthanc")
        node = NodeProcess(folder / "node", f"ORTHANC@127.0.0.1:{archive.port}", *options)
        try:
            whole = disturbed(node, archive, films, kill_after)
            print(f"node, {len(films)} films, killed {KILLS} times, archive stopped once: {whole:.0f} s, "
                  f"{60 * len(films) / whole:.1f} a minute; {pace(node.log):.1f} between two", flush=True)  # fmt: skip
            send_until_taken(node.port, films[:ASSOCIATIONS], LONGEST_S)
            until(lambda: not any((node.folder / "results").glob("*.dcm")), LONGEST_S)
            kept = {kind: Counter(archive.films_of(kind)) for kind in ("SR", "PR")}
        finally:
            node.kill()
            archive.stop()
        once = Counter(str(film.SOPInstanceUID) for film in films)
        for kind, found in kept.items():
            print(f"{kind}: {sum(found.values())} in the archive, of {len(found)} films; each once: {found == once}")
        sys.stdout.flush()
        seconds = batch(folder / "films" / "second", folder / "out", *options)
        print(f"folder batch, {part} films: {seconds:.0f} s, {60 * part / seconds:.1f} a minute")
        return 0 if all(found == once for found in kept.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
