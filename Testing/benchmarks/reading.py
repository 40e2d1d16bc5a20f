"""Reading one large film, before and after: `python -m Testing.benchmarks.reading --before TREE`.

`TREE` is a checkout of an earlier commit (`git worktree add --detach TREE COMMIT`). Films of 4,600 x 1,800 pixels, made
here, are read by both trees in turn, each in a process of its own that has read the film once. Processor time is
counted, the least of several: on a busy machine the clock measures others.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import numpy as np
from scipy import ndimage

from Testing.library.films import dicom, spine

SIZE: Final[tuple[int, int]] = (4600, 1800)
KINDS: Final[dict[str, tuple[str, str]]] = {
    "MONOCHROME2": ("MONOCHROME2", "uncompressed"),
    "MONOCHROME1": ("MONOCHROME1", "uncompressed"),
    "RLE": ("MONOCHROME2", "rle"),
    "JPEG lossless": ("MONOCHROME2", "jpeg lossless"),
    "JPEG-LS": ("MONOCHROME2", "jpeg-ls"),
    "JPEG 2000": ("MONOCHROME2", "jpeg 2000"),
}
"""Names to photometric interpretation and compression."""
_READ: Final[str] = """
import sys, time
from pathlib import Path
from SpineAlignmentLib.film import read_film
path, times = Path(sys.argv[1]), []
for _ in range(int(sys.argv[2]) + 1):
    begin = time.process_time()
    read_film(path)
    times.append(time.process_time() - begin)
print(1e3 * min(times[1:]))
"""


def make(folder: Path, kind: str) -> Path:
    """Write a film of 12 bits with noise, as detectors have it."""
    small = spine().astype(float)
    pixels = ndimage.zoom(small, np.array(SIZE) / small.shape, order=1)
    pixels = np.clip(pixels + np.random.default_rng(1).normal(0, 12, SIZE), 0, 4095).astype(np.uint16)
    photometric, syntax = KINDS[kind]
    return dicom(folder / f"{kind}.dcm", pixels, photometric=photometric, syntax=syntax)


def milliseconds(tree: Path, film: Path, count: int) -> float:
    """Least processor time of a read by the library of a checkout."""
    environment = os.environ | {"PYTHONPATH": str(tree)}
    words = [sys.executable, "-c", _READ, str(film), str(count)]
    said = subprocess.run(words, env=environment, cwd=tree, capture_output=True, text=True, check=True).stdout
    return float(said)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--before", type=Path, required=True, help="checkout of the commit before")
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--count", type=int, default=10)
    options = parser.parse_args()
    after = Path(__file__).parents[2]
    with tempfile.TemporaryDirectory() as folder:
        for kind in options.kinds:
            film = make(Path(folder), kind)
            # in turn, twice: what else the machine does changes with time
            before, now = (min(milliseconds(tree.resolve(), film, options.count) for _ in range(2))
                           for tree in (options.before, after))  # fmt: skip
            print(f"{kind}: {before:.1f} ms before, {now:.1f} ms now: {now / before:.2f} times", flush=True)


if __name__ == "__main__":
    main()
