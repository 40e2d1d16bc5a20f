"""Batches under faults from outside: `python -m Testing.benchmarks.faults --films 300` (as root, for the full disk).

Small films, one in twenty bad. The process that decodes is killed, once and twice in a row; the run is ended by each
signal, on a full disk, with its output folder removed, and beside a second one. Whatever happens, the table is whole:
every row that says so has its results, nothing is half-written, and a run afterwards ends in the same table as one that
was left alone.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from SpineAlignmentLib.results.store import TABLE
from Testing import small_models
from Testing.benchmarks.archive import command, make_films, rows

_WAIT_S: Final[float] = 600.0
FULL_KB: Final[int] = 400
"""Of the disk that fills up."""


@dataclass(frozen=True)
class Ended:
    """How a run ended."""

    status: int
    said: str
    """What it said of errors."""


def run(start: Sequence[str], meanwhile: Callable[["subprocess.Popen[str]"], None] = lambda _: None) -> Ended:
    """Run to the end, doing something meanwhile."""
    process = subprocess.Popen(
        start, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    meanwhile(process)
    said = process.communicate()[1]
    return Ended(process.returncode, said)


def workers(pid: int) -> list[int]:
    """The worker processes of a run."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        lines = {int(child): Path(f"/proc/{child}/cmdline").read_bytes() for child in children}
    except OSError:
        return []
    return [child for child, line in lines.items() if b"spawn_main" in line and b"resource_tracker" not in line]


def _within(condition: Callable[[], object]) -> None:
    end = time.monotonic() + _WAIT_S
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)


def decoder_killed(out: Path, times: int) -> Callable[["subprocess.Popen[str]"], None]:
    """Kill the process that has the film after the first few in its hands, and those that try it again."""

    def meanwhile(process: "subprocess.Popen[str]") -> None:
        _within(lambda: process.poll() is not None or len(list(out.glob("*.mrk.json"))) >= 3)
        killed: set[int] = set()
        for _ in range(times):
            _within(lambda: process.poll() is not None or set(workers(process.pid)) - killed)
            for worker in set(workers(process.pid)) - killed:
                os.kill(worker, signal.SIGKILL)
                killed.add(worker)

    return meanwhile


def after(out: Path, films: int, act: Callable[["subprocess.Popen[str]"], object]) -> Callable[..., None]:
    """Do something when so many films are done."""

    def meanwhile(process: "subprocess.Popen[str]") -> None:
        _within(lambda: process.poll() is not None or len(list(out.glob("*.mrk.json"))) >= films)
        act(process)

    return meanwhile


@contextmanager
def small_disk(place: Path, kilobytes: int) -> Iterator[None]:
    """A disk of a size, mounted at a place."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)


def grow(place: Path, kilobytes: int) -> None:
    """Make a mounted disk larger."""
    subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", place], check=True)


def is_whole(out: Path) -> bool:
    """Whether every row that is done has its results, and nothing is half-written."""
    if not (out / TABLE).exists():
        return True
    done = [row["result"] for row in rows(out) if row["status"] == "done"]
    there = all((out / f"{name}{ending}").stat().st_size for name in done for ending in (".json", ".mrk.json", ".png"))
    return there and not list(out.glob("*.part"))


class Faults:
    """Each fault on films of a folder, against a run that was left alone."""

    def __init__(self, folder: Path, films: int) -> None:
        self.folder, self.films = folder, films
        self.bad = make_films(folder / "films", films)
        self.models = small_models.write(folder / "models")
        begin = time.monotonic()
        self.alone = self._run(folder / "alone")
        self.seconds = time.monotonic() - begin
        self.table = rows(folder / "alone")
        self.wrong: list[str] = []

    def _run(self, out: Path, meanwhile: Callable[..., None] = lambda _: None, *more: str) -> Ended:
        return run(command(self.folder / "films", out, self.models, *more), meanwhile)

    def _tell(self, what: str, right: bool, ended: Ended, more: str = "") -> None:
        print(f"{'right' if right else 'WRONG'}: {what}: status {ended.status}{more}", flush=True)
        if not right or "Traceback" in ended.said:
            self.wrong.append(what)

    def _then(self, what: str, ended: Ended, statuses: Sequence[int], out: Path) -> None:
        """What a fault left, and what a run afterwards makes of it."""
        whole = is_whole(out)
        again = self._run(out)
        same = rows(out) == self.table and is_whole(out)
        right = whole and same and ended.status in statuses and again.status == self.alone.status
        self._tell(what, right, ended, f"; whole: {whole}; the same table after another run: {same}")

    def decoders(self) -> None:
        """A killed decoding process costs nothing, one that dies over the same film twice that film."""
        for times, lost in ((1, 0), (2, 1)):
            out = self.folder / f"killed {times}"
            ended = self._run(out, decoder_killed(out, times), "--workers", "1")
            died = sum("worker process died twice" in row["reason"] for row in rows(out))
            done = sum(row["status"] == "done" for row in rows(out))
            right = died == lost and done == self.films - self.bad - lost and len(rows(out)) == self.films
            right = right and is_whole(out) and ended.said.count("\n") == self.bad + lost
            self._tell(f"decoding process killed {times} times", right, ended, f"; {done} done, {died} named for it")

    def signals(self) -> None:
        """A run that is ended; what remains is whole, and the next goes on."""
        for ending, status in ((signal.SIGKILL, -9), (signal.SIGTERM, 130), (signal.SIGINT, 130)):
            out = self.folder / ending.name
            ended = self._run(out, after(out, self.films // 3, lambda process, s=ending: process.send_signal(s)))
            self._then(ending.name, ended, (status,), out)

    def folder_removed(self) -> None:
        """The output folder goes away on the way."""
        out = self.folder / "removed"
        ended = self._run(out, after(out, self.films // 3, lambda _: shutil.rmtree(out, ignore_errors=True)))
        self._then("output folder removed", ended, (1,), out)

    def two_at_once(self) -> None:
        """The second says who is at work."""
        out = self.folder / "two"
        seconds: list[Ended] = []
        first = self._run(out, after(out, 1, lambda _: seconds.append(self._run(out))))
        self._then("two at once", first, (1,), out)
        self._tell("the second of two", "process" in seconds[0].said and seconds[0].status == 1, seconds[0])

    def full_disk(self) -> None:
        """The disk fills up, and has room again."""
        out = self.folder / "full"
        with small_disk(out, FULL_KB):
            ended = self._run(out)
            said = "No space left on device" in ended.said
            whole = is_whole(out)
            grow(out, 1_000_000)
            again = self._run(out)
            same = rows(out) == self.table and is_whole(out)
            right = said and whole and same and ended.status == 1 and again.status == self.alone.status
            self._tell("full disk", right, ended, f"; whole: {whole}; the same table with room: {same}")


def main() -> int:
    """Run every fault."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--films", type=int, default=300)
    parser.add_argument("--only", choices=["decoders", "signals", "folder_removed", "two_at_once", "full_disk"])
    options = parser.parse_args()
    # a shell starts what runs in the background deaf to Ctrl+C, and its children would be, too
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as name:
        faults = Faults(Path(name), options.films)
        print(f"{faults.films} films, {faults.bad} bad: {faults.seconds:.0f} s alone, status {faults.alone.status}")
        kinds = ("decoders", "signals", "folder_removed", "two_at_once", "full_disk")
        for kind in kinds if options.only is None else (options.only,):
            getattr(faults, kind)()
        return 1 if faults.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
