"""How fast this commit is beside an older one: `python -m Testing.benchmarks.compare OLD_COMMIT [FILM ...]`.

The old commit gets a folder and an environment of its own, made from its constraints; `--same-environment` runs it with
this interpreter and its packages, where both agree on them. Old and new are measured in turn, each in a process of its
own, on the same films and with the same number of threads, so that what else the machine does touches both. A table in
Markdown is printed as it grows: medians of ratios new to old of wall and processor time over the rounds, and their
quartiles.

Left out: the first detection in the viewer, which needs a browser (`Testing.benchmarks.viewer`).
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parents[2]
PROBE = Path(__file__).with_name("probe.py")
SAMPLE = HERE / "SpineAlignment" / "Resources" / "SampleData" / "sample_film.dcm"
PEER = """
import sys, timm, torch
model = timm.create_model("hrnet_w32", features_only=True, pretrained=False).eval()
torch.onnx.export(model, torch.zeros(1, 3, 768, 768), sys.argv[1], dynamo=False)
"""

Figures = dict[str, float]


@dataclass(frozen=True)
class Commit:
    """The sources of a commit and the interpreter that runs them."""

    sources: Path
    python: Path

    def run(self, arguments: Sequence[str | Path], threads: int) -> subprocess.CompletedProcess[str]:
        """A process of this commit, whose libraries use so many threads."""
        count = str(threads)
        environment = dict(os.environ, PYTHONPATH=str(self.sources), OMP_NUM_THREADS=count, OPENBLAS_NUM_THREADS=count)
        command = [str(self.python), *map(str, arguments)]
        return subprocess.run(command, env=environment, cwd=self.sources, capture_output=True, text=True, check=False)

    def probe(self, *arguments: str | Path, threads: int) -> Figures:
        """What `probe` measures."""
        run = self.run(["-P", PROBE, *arguments], threads)
        if run.returncode:
            raise RuntimeError(run.stderr.strip().splitlines()[-1])
        return dict(json.loads(run.stdout.splitlines()[-1]))


@dataclass(frozen=True)
class Films:
    """What both are measured on."""

    paths: tuple[Path, ...]
    spacing: float
    """Size of a pixel in mm; 0 where the files say it."""
    threads: int
    repeats: int


Measure = Callable[[Commit], Figures]


def checked_out(commit: str, folder: Path) -> Path:
    """The sources of a commit in a folder."""
    sources = folder / "old"
    subprocess.run(["git", "-C", str(HERE), "worktree", "add", "-q", "--detach", str(sources), commit], check=True)
    return sources


def environment(sources: Path, folder: Path, packages: Sequence[str] = ()) -> Path:
    """The interpreter of a new environment with a commit's packages, or with others."""
    python = folder / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    wanted = packages or ["-c", str(sources / "constraints.txt"), f"{sources}[test]"]
    subprocess.run([str(python), "-m", "pip", "install", "-q", *wanted], check=True)
    return python


def told(film: Path, films: Films, side: str) -> list[str | Path]:
    return [film, str(films.spacing if film != SAMPLE else 0.0), side]


def side_of(commit: Commit, film: Path, films: Films) -> str:
    """The side that a patient faces, as the new commit detects it."""
    with tempfile.TemporaryDirectory() as out:
        commit.run(command(film, films, Path(out)), films.threads)
        return str(json.loads((Path(out) / f"{film.stem}.json").read_text())["anterior"])


def command(films_at: Path, films: Films, out: Path) -> list[str | Path]:
    """The command line that detects into a folder."""
    spacing = ["--spacing", str(films.spacing)] if films.spacing and films_at != SAMPLE else []
    return ["-m", "SpineAlignmentLib", "detect", films_at, "-o", out, "--engine", "onnx", *spacing]


def cold(commit: Commit, film: Path, films: Films) -> Figures:
    """Wall and processor seconds of the command from its start to its results, and its peak memory in MB."""
    with tempfile.TemporaryDirectory() as out:
        arguments = [str(commit.python), *map(str, command(film, films, Path(out)))]
        start = time.perf_counter()
        environment = dict(os.environ, PYTHONPATH=str(commit.sources), OMP_NUM_THREADS=str(films.threads))
        with subprocess.Popen(arguments, env=environment, cwd=commit.sources, stdout=subprocess.DEVNULL) as process:
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - start
        if process.returncode:
            raise RuntimeError(f"the command ended with {process.returncode}")
    return {"wall": wall, "cpu": used.ru_utime + used.ru_stime, "memory": used.ru_maxrss / 1024}


def folder(commit: Commit, films: Films, count: int) -> Figures:
    """Seconds a film of the command over a folder of copies, its start included."""
    with tempfile.TemporaryDirectory() as place:
        for i in range(count):
            source = films.paths[i % len(films.paths)]
            shutil.copy(source, Path(place) / f"{i:03}{source.suffix}")
        figures = cold(commit, Path(place), films)
    return {"wall": figures["wall"] / count, "cpu": figures["cpu"] / count}


def printed(commit: Commit, module: str, pattern: str, threads: int, *arguments: str) -> Figures:
    """A number of seconds, or of things a second ("rate" in the pattern), that a benchmark of a commit prints."""
    run = commit.run(["-m", f"Testing.benchmarks.{module}", *arguments], threads)
    match = re.search(pattern, run.stdout)
    if match is None:
        raise RuntimeError((run.stderr or run.stdout).strip().splitlines()[-1])
    return {"wall": 1 / float(match[1]) if "rate" in match.groupdict() else float(match[1])}


def peer_network(folder: Path) -> Path | None:
    """HRNet-W32 with random weights for one film of 768 x 768, exported once; None where its packages are not there."""
    try:
        python = environment(HERE, folder / "peer", ["torch", "timm", "onnx"])
        subprocess.run([str(python), "-c", PEER, str(folder / "peer.onnx")], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"peer's network left out: {error}", file=sys.stderr)
        return None
    return folder / "peer.onnx"


def row(name: str, new: list[Figures], old: list[Figures]) -> None:
    """Print what was measured as lines of the table."""
    for unit in ("wall", "cpu", "memory"):
        if unit not in new[0] or unit not in old[0]:
            continue
        after, before = np.array([f[unit] for f in new]), np.array([f[unit] for f in old])
        low, middle, high = np.percentile(after / before, (25, 50, 75))
        values = f"{np.median(before):.3g} | {np.median(after):.3g}"
        print(f"| {name} | {unit} | {values} | {middle:.2f} | {low:.2f} to {high:.2f} |", flush=True)


def compared(name: str, measure: Measure, old: Commit, new: Commit, rounds: int) -> None:
    """Measure both in turn and print the ratios."""
    figures: tuple[list[Figures], list[Figures]] = ([], [])
    try:
        for i in range(rounds):
            for which in (0, 1) if i % 2 else (1, 0):
                figures[which].append(measure((old, new)[which]))
    except (RuntimeError, OSError) as error:
        print(f"| {name} | left out: {error} | | | | |", flush=True)
        return
    row(name, figures[1], figures[0])


def measures(films: Films, new: Commit, options: argparse.Namespace) -> dict[str, Measure]:
    """What is measured, by name."""
    threads, repeats = films.threads, str(films.repeats)
    out: dict[str, Measure] = {}
    for film in films.paths:
        side = side_of(new, film, films)
        for told_side, words in ((side, "known"), ("auto", "unknown")):
            given = [*told(film, films, told_side), "onnx", str(threads), repeats]
            out[f"warm detection, side {words}, {film.name}"] = lambda c, a=given: c.probe("warm", *a, threads=threads)
        given = told(film, films, side)
        out[f"picture, {film.name}"] = lambda c, a=given: c.probe("picture", *a, repeats, threads=threads)
        out[f"cold command, {film.name}"] = lambda c, f=film: cold(c, f, films)
    if not options.brief:
        out["folder, a film"] = lambda c: folder(c, films, options.folder)
        given = [*told(SAMPLE, films, side_of(new, SAMPLE, films)), "tensorflow", str(threads), "3"]
        out["warm detection, TensorFlow"] = lambda c, a=given: c.probe("warm", *a, threads=threads)
        for state in ("cold", "warm"):
            out[f"module, {state} click to points"] = lambda c, s=state: printed(
                c, "click", rf"{s} ([\d.]+) s", threads
            )
        rate = r"(?P<rate>[\d.]+) films a second"
        out["simulated film"] = lambda c: printed(c, "simulation", rate, 1, "--films", "12", "--workers", str(threads))
    out["networks' share of the matrix rate"] = lambda c: c.probe("networks", repeats, threads=1)
    return out


def options_of(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m Testing.benchmarks.compare", description=__doc__)
    parser.add_argument("commit", metavar="OLD_COMMIT")
    parser.add_argument("films", nargs="*", type=Path, metavar="FILM", help="besides the sample film")
    parser.add_argument("--spacing", type=float, default=0.0, help="of the films given, mm a pixel")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=5, help="detections in each process")
    parser.add_argument("--threads", type=int, default=2, help="of the engine and of BLAS, for both")
    parser.add_argument("--folder", type=int, default=24, help="films in the folder")
    parser.add_argument("--same-environment", action="store_true", help="run the old commit with this interpreter")
    parser.add_argument("--brief", action="store_true", help="no folder, TensorFlow, module and simulator")
    parser.add_argument("--peer", action="store_true", help="a peer's network as well, from packages fetched for it")
    return parser.parse_args(arguments)


def main() -> None:
    """Print the table."""
    options = options_of()
    films = Films((SAMPLE, *(f.resolve() for f in options.films)), options.spacing, options.threads, options.repeats)
    with tempfile.TemporaryDirectory(prefix="compare") as place:
        sources = checked_out(options.commit, Path(place))
        try:
            here = Path(sys.executable)
            python = here if options.same_environment else environment(sources, Path(place) / "environment")
            old, new = Commit(sources, python), Commit(HERE, here)
            shared = "the same environment" if options.same_environment else "an environment each"
            print(f"{options.commit} and this commit, {shared}, {options.threads} threads, {options.rounds} rounds\n")
            print("| | | old | new | ratio new/old | quartiles |\n| --- | --- | --- | --- | --- | --- |")
            for name, measure in measures(films, new, options).items():
                compared(name, measure, old, new, options.rounds)
            peer = peer_network(Path(place)) if options.peer else None
            if peer is not None:
                against_peer(peer, films, new, options.rounds)
        finally:
            subprocess.run(["git", "-C", str(HERE), "worktree", "remove", "--force", str(sources)], check=False)


def against_peer(peer: Path, films: Films, new: Commit, rounds: int) -> None:
    """The whole warm detection beside one pass of a peer's network; as "old" stands the peer."""
    given = [*told(SAMPLE, films, side_of(new, SAMPLE, films)), "onnx", str(films.threads), str(films.repeats)]
    own, others = [], []
    for _ in range(rounds):
        own.append(new.probe("warm", *given, threads=films.threads))
        others.append(new.probe("peer", peer, str(films.threads), "3", threads=films.threads))
    row("warm detection against one pass of HRNet-W32 at 768 x 768", own, others)


if __name__ == "__main__":
    main()
