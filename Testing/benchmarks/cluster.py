"""A cluster of two hosts, made of network namespaces: `python -m Testing.benchmarks.cluster --films 200` (as root).

A Dask scheduler runs on the first host and a worker on each; on the way a worker is killed, and then the scheduler,
which comes back. Every film must be in the table once. `--scaling` compares two workers of one core with one instead.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

from Testing import small_models
from Testing.benchmarks.archive import BAD_EVERY, command, make_films, rows

HOSTS: Final[tuple[str, str]] = ("spine-a", "spine-b")
ADDRESSES: Final[tuple[str, str]] = ("10.77.0.1", "10.77.0.2")
PORT: Final[int] = 8786
SCHEDULER: Final[str] = f"tcp://{ADDRESSES[0]}:{PORT}"


def sh(*words: str) -> None:
    """Run a command that must work."""
    subprocess.run(words, check=True, capture_output=True)


def make_hosts() -> None:
    """Two namespaces with a cable between them."""
    remove_hosts()
    for host in HOSTS:
        sh("ip", "netns", "add", host)
        sh("ip", "-n", host, "link", "set", "lo", "up")
    sh("ip", "link", "add", "spine0", "netns", HOSTS[0], "type", "veth", "peer", "name", "spine0", "netns", HOSTS[1])
    for host, address in zip(HOSTS, ADDRESSES, strict=True):
        sh("ip", "-n", host, "address", "add", f"{address}/24", "dev", "spine0")
        sh("ip", "-n", host, "link", "set", "spine0", "up")


def remove_hosts() -> None:
    """Remove both namespaces, where they are."""
    for host in HOSTS:
        subprocess.run(("ip", "netns", "delete", host), check=False, capture_output=True)


class Hosts:
    """Processes on both hosts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, host: str, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start one of Dask's commands on a host."""
        words = ("ip", "netns", "exec", host, sys.executable, "-m", "dask", *arguments)
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(words, stdout=log, stderr=log, cwd=self.folder, start_new_session=True)
        self.processes.append(process)
        return process

    def scheduler(self) -> "subprocess.Popen[bytes]":
        """The scheduler, on the first host."""
        return self.start(HOSTS[0], "scheduler", "--host", ADDRESSES[0], "--port", str(PORT), "--no-dashboard")

    def worker(self, host: str) -> "subprocess.Popen[bytes]":
        """A worker of one thread on a host."""
        more = ("--nthreads", "1", "--no-dashboard", "--local-directory", str(self.folder))
        return self.start(host, "worker", SCHEDULER, *more)

    def close(self) -> None:
        """End all of them."""
        for process in self.processes:
            kill(process)


def kill(process: "subprocess.Popen[bytes]") -> None:
    """End a process and all that it started, at once."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def disturbed(hosts: Hosts, run: list[str], out: Path, count: int) -> tuple[int, str]:
    """A run with a worker killed after a quarter of the films, the scheduler after half of them; status and words."""
    scheduler = hosts.scheduler()
    workers = [hosts.worker(host) for host in HOSTS]
    while (hosts.folder / "log").read_text(errors="replace").count("Register worker") < len(HOSTS):
        time.sleep(0.5)
    process = subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    _until(out, count // 4, process)
    kill(workers[0])
    workers[0] = hosts.worker(HOSTS[0])
    _until(out, count // 2, process)
    kill(scheduler)
    time.sleep(2.0)
    hosts.scheduler()
    for worker, host in zip(workers, HOSTS, strict=True):
        kill(worker)
        hosts.worker(host)
    said = process.communicate()[0]
    return process.returncode, said.strip().splitlines()[-1]


def _until(out: Path, count: int, process: "subprocess.Popen[str]") -> None:
    while len(list(out.glob("*.mrk.json"))) < count and process.poll() is None:
        time.sleep(0.2)


def scaling(films: Path, folder: Path, models: Path, count: int) -> None:
    """Print the pace of one and of two workers of one core, a process each, on this machine."""
    pace = []
    for workers in ("1", "2"):
        begin = time.monotonic()
        subprocess.run(command(films, folder / workers, models, "--workers", workers), capture_output=True, check=False)
        pace.append(60 * count / (time.monotonic() - begin))
    print(f"one worker {pace[0]:.0f} films a minute, two {pace[1]:.0f}: {pace[1] / pace[0]:.2f} times")


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=200)
    parser.add_argument("--scaling", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_films(folder / "films", options.films)
        models = small_models.write(folder / "models")
        if options.scaling:
            scaling(folder / "films", folder, models, options.films)
            return 0
        make_hosts()
        hosts = Hosts(folder)
        out = folder / "out"
        run = ["ip", "netns", "exec", HOSTS[1], *command(folder / "films", out, models, "--scheduler", SCHEDULER)]
        begin = time.monotonic()
        try:
            status, said = disturbed(hosts, run, out, options.films)
        finally:
            hosts.close()
            remove_hosts()
        table = rows(out)
        once = set(Counter(row["file"] for row in table).values()) == {1}
        done = sum(row["status"] == "done" for row in table)
        print(
            f"{len(table)} rows, each once: {once}; {done} done; status {status}; "
            f"{time.monotonic() - begin:.0f} s; {said}"
        )
        return 0 if once and len(table) == options.films and done == options.films - options.films // BAD_EVERY else 1


if __name__ == "__main__":
    sys.exit(main())
