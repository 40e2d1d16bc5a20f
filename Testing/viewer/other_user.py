"""What another user of the same computer can get at: files, addresses and processes of a viewer that is not theirs."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import numpy as np

from SpineAlignmentLib.measurement.landmarks import COUNT
from SpineAlignmentLib.results import Annotation
from SpineAlignmentLib.viewer.command import SAMPLE_FILM
from SpineAlignmentLib.viewer.kept import Kept, Work
from Testing.viewer.strangers import Visitor
from Testing.viewer.viewer_process import Viewer

NOBODY: Final[int] = 65534
FILM: Final[str] = "Doe^Jane.dcm"
PRIVATE: Final[tuple[str, ...]] = ("SpineAlignmentViewer", "corrections")

Attempt = tuple[str, Callable[[], bool]]


@dataclass(frozen=True)
class Target:
    """A viewer with somebody at work."""

    viewer: Viewer
    folder: Path
    """Holds its temporary files and kept corrections."""

    @classmethod
    def of(cls, viewer: Viewer, folder: Path) -> "Target":
        """A person has opened a film, and corrections of it are kept.

        Args:
            viewer: started with temporary files in `folder`/temporary, and state in `folder`/state.
            folder: others may enter it.
        """
        visitor = Visitor(viewer.address, viewer.entry)
        status, answer = visitor.ask(f"upload?name={FILM}", SAMPLE_FILM.read_bytes())
        assert (status, json.loads(answer)) == (200, {"error": ""})
        kept = Kept(folder / "state" / "spine-alignment" / "corrections", "test")
        kept.keep("0" * 64, Work(Annotation(FILM, (10, 10), np.ones((COUNT, 2)), np.ones(COUNT)), None))
        return cls(viewer, folder)

    def attempts(self) -> list[Attempt]:
        """Everything that is tried, by name."""
        processes = [self.viewer.process.pid, *self.viewer.descendants()]
        addresses = [self.viewer.address, *(a for pid in processes[1:] for a in listening(pid))]
        assert len(addresses) > 1
        return [*_files(self.folder), *_requests(addresses), *_processes(processes, self.viewer.key)]


def listening(pid: int) -> list[str]:
    """Addresses of loopback that a process listens on."""
    sockets = {str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir() if fd.is_symlink()}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ports = [int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets]
    return [f"http://127.0.0.1:{port}/" for port in ports]


def reached(attempts: list[Attempt], user: int | None = None) -> list[str]:
    """What of it succeeds for a user.

    Args:
        attempts: what is tried.
        user: the user to become, which only root can; None to stay who we are.
    """
    own = [name for name, attempt in attempts if _succeeds(attempt)]
    if user is None:
        return own
    # whatever the attempts import was imported just now: the other user may not be able to read our packages
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
            os.write(writing, json.dumps([name for name, attempt in attempts if _succeeds(attempt)]).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        found = answer.read()
    os.waitpid(child, 0)
    return list(json.loads(found))


def _succeeds(attempt: Callable[[], bool]) -> bool:
    try:
        return attempt()
    except OSError:
        return False


def _files(folder: Path) -> Iterator[Attempt]:
    for path in sorted(folder.rglob("*")):
        if not any(part.startswith(PRIVATE) for part in path.parts):
            continue
        if path.is_dir():
            yield f"list {path.name}", lambda p=path: list(p.iterdir()) is not None
        else:
            yield f"read {path.name}", lambda p=path: p.read_bytes() is not None


def _requests(addresses: list[str]) -> Iterator[Attempt]:
    def asked(address: str, path: str, data: bytes | None = None) -> bool:
        return Visitor(address).ask(path, data)[0] not in (401, 403)

    for address in addresses:
        for path in ("", "index.html", "download/json", "page/page.css", "beside/1", "ws"):
            yield f"get {path!r}", lambda a=address, p=path: asked(a, p)
        yield "upload", lambda a=address: asked(a, "upload?name=a.dcm", b"a film")
    guess = urlencode({"key": "a guess"}).encode()
    yield "guess the key", lambda: asked(addresses[0], "access", guess)


def _processes(pids: list[int], key: str) -> Iterator[Attempt]:
    for place in (Path(f"/proc/{pid}") for pid in pids):
        for secret in (key, FILM):
            command = place / "cmdline"
            yield f"see {secret}", lambda c=command, s=secret: s.encode() in c.read_bytes()
        yield "see the environment", lambda p=place: bool((p / "environ").read_bytes())
        yield "see what is open", lambda p=place: bool(list((p / "fd").iterdir()))
        yield "open the memory", lambda p=place: (p / "mem").open("rb").close() is None
        yield "send a signal", lambda p=place: os.kill(int(p.name), 0) is None
