"""A warm child process that detects landmarks, so that a front end never waits, and never goes down with it.

The child (`jobs.worker`) reads one JSON request a line and answers with JSON lines. Nothing here blocks: `poll` returns
what has arrived, a front end calls it from a timer. Only the standard library is used.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

Message = dict[str, Any]

KILL_WAIT_S: Final[float] = 1.0


class Process(Protocol):
    """What a front end needs of the child; tests put their own in its place."""

    @property
    def running(self) -> bool:
        """Whether the child is alive."""

    def send(self, request: Mapping[str, Any]) -> None:
        """Start the child if need be and hand it a request."""

    def poll(self) -> list[Message]:
        """The answers that have arrived since; never waits."""

    def stop(self) -> None:
        """End the child and everything it started, at once."""


def python_executable() -> str:
    """Slicer's own Python as a separate program; the running Python outside Slicer."""
    return shutil.which("PythonSlicer") or sys.executable


def worker_command(python: str = sys.executable) -> list[str]:
    """The command line of the child."""
    return [python, "-u", "-m", "SpineAlignmentLib.jobs.worker"]


def worker_environment(base: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment in which the child finds this library, wherever it is installed."""
    environment = dict(os.environ if base is None else base)
    here = str(Path(__file__).resolve().parents[2])
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [here, environment.get("PYTHONPATH")]))
    environment["PYTHONIOENCODING"] = "utf-8"
    return environment


class ChildProcess:
    """The real child. It ends with its parent: it stops when its input closes."""

    def __init__(self, command: Sequence[str] | None = None, environment: Mapping[str, str] | None = None) -> None:
        self._command = list(command or worker_command())
        self._environment = dict(environment or worker_environment())
        self._process: subprocess.Popen[bytes] | None = None
        self._pending = b""

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return self._process.pid if self._process is not None and self.running else None

    def start(self) -> None:
        """Start the child ahead of the first request, so that it is warm when the request comes."""
        if self.running:
            return
        self._pending = b""
        options: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            # no console window, and a group of its own
            options = {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
        self._process = subprocess.Popen(
            self._command, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, **options,
        )  # fmt: skip
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)

    def send(self, request: Mapping[str, Any]) -> None:
        self.start()
        assert self._process is not None and self._process.stdin is not None
        try:
            self._process.stdin.write((json.dumps(dict(request)) + "\n").encode())
            self._process.stdin.flush()
        except OSError:
            # it died just now: whoever polls sees that it is not running any more
            return

    def poll(self) -> list[Message]:
        if self._process is None or self._process.stdout is None:
            return []
        while True:
            try:
                chunk = os.read(self._process.stdout.fileno(), 1 << 16)
            except (BlockingIOError, ValueError):
                break
            if not chunk:
                break
            self._pending += chunk
        *lines, self._pending = self._pending.split(b"\n")
        return [message for line in lines if (message := _message(line)) is not None]

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            _kill_tree(process)
        for stream in (process.stdin, process.stdout):
            try:
                if stream is not None:
                    stream.close()
            except OSError:
                continue
        try:
            process.wait(KILL_WAIT_S)
        except subprocess.TimeoutExpired:
            process.kill()


def _message(line: bytes) -> Message | None:
    """A line of the child as a message; None for anything else that a library may print."""
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) and "id" in message else None


def _kill_tree(process: "subprocess.Popen[bytes]") -> None:
    if sys.platform == "win32":
        command = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
        # without the flag a console window flashes up
        subprocess.run(command, capture_output=True, check=False, creationflags=subprocess.CREATE_NO_WINDOW)
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
