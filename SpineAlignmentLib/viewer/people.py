"""The sessions of the people who are here: a process each, started, counted and ended."""

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from SpineAlignmentLib.errors import SpineAlignmentError
from SpineAlignmentLib.jobs.child_process import worker_environment
from SpineAlignmentLib.private_folder import VIEWER, PrivateFolder
from SpineAlignmentLib.viewer.settings import IDLE_S, Settings

MAX_SESSIONS: Final[int] = 8
START_LIMIT_S: Final[float] = 180.0
NO_PAGE_S: Final[float] = 180.0
"""A session whose page never connected is ended after so long."""
CLEARING_TRIES: Final[int] = 10

_TEMPORARY: Final[tuple[str, ...]] = ("TMPDIR", "TEMP", "TMP")
"""Environment variables for temporary files: those of libraries go into the private folder as well."""


@dataclass
class PersonSession:
    """The process of one person, as the door sees it."""

    process: asyncio.subprocess.Process
    folder: Path
    key: str
    port: int
    cleared: asyncio.Task[None]
    """Ends when the process has ended, however it did, and its films are gone."""
    since: float = field(default_factory=time.monotonic)
    connected: bool = False
    """Whether its page has been there."""

    @property
    def alive(self) -> bool:
        return self.process.returncode is None

    @property
    def abandoned(self) -> bool:
        """Whether nobody came for it: something asked for the page and did not load it."""
        return not self.connected and time.monotonic() - self.since > NO_PAGE_S


class TooManyPeople(SpineAlignmentError):
    """As many people are here as may be."""


@dataclass
class People:
    """Everybody's session, by the name in their cookie."""

    films: list[Path] = field(default_factory=list)
    models: Path | None = None
    sample: Path | None = None
    kept: Path | None = None
    """Where corrections are kept; nowhere when None."""
    idle_s: int = IDLE_S
    _sessions: dict[str, PersonSession] = field(default_factory=dict)
    _starting: int = 0
    _spare: "asyncio.Task[PersonSession] | None" = None
    _folder: PrivateFolder | None = None

    def open(self) -> None:
        """Start the first person's session ahead, so that they do not wait for the start of a process."""
        self._folder = PrivateFolder(VIEWER)
        self._spare = asyncio.create_task(self._start())

    @property
    def folder(self) -> Path:
        """A private folder that is there while the viewer is."""
        assert self._folder is not None
        return self._folder.path

    def of(self, name: str) -> PersonSession | None:
        """The session of a cookie, dead or alive."""
        return self._sessions.get(name)

    async def newcomer(self) -> tuple[str, PersonSession]:
        """A session for somebody new, and the name for their cookie.

        Raises:
            TooManyPeople: there is no place.
            SpineAlignmentError: the process does not start.
        """
        gone = [name for name, session in self._sessions.items() if not session.alive or session.abandoned]
        leaving = [self._sessions.pop(name) for name in gone]
        # counted before anything is waited for: many may come at once
        if len(self._sessions) + self._starting >= MAX_SESSIONS:
            await asyncio.gather(*(self._end(session) for session in leaving))
            raise TooManyPeople(f"{MAX_SESSIONS} people are here already; try again later")
        self._starting += 1
        try:
            await asyncio.gather(*(self._end(session) for session in leaving))
            session = await self._spare_or_new()
            name = secrets.token_urlsafe(24)
            self._sessions[name] = session
            return name, session
        finally:
            self._starting -= 1

    async def _spare_or_new(self) -> PersonSession:
        spare, self._spare = self._spare, None
        session = await (spare if spare is not None else self._start())
        if session.alive:
            session.since = time.monotonic()
            return session
        await self._end(session)
        return await self._start()

    async def end_all(self) -> None:
        """End everybody's session, which ends the pages' connections: the server waits for those."""
        if self._spare is not None:
            self._spare.cancel()
            with contextlib.suppress(asyncio.CancelledError, SpineAlignmentError):
                await self._end(await self._spare)
        await asyncio.gather(*(self._end(session) for session in self._sessions.values()))

    def close(self) -> None:
        """Remove what they left."""
        if self._folder is not None:
            self._folder.close()

    async def _start(self) -> PersonSession:
        assert self._folder is not None
        folder = self._folder.new()
        settings = Settings(
            str(folder),
            secrets.token_urlsafe(24),
            [str(film.resolve()) for film in self.films],
            str(self.models.resolve()) if self.models else None,
            str(self.sample) if self.sample else None,
            self.idle_s,
            str(self.kept) if self.kept else None,
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-u", "-m", "SpineAlignmentLib.viewer.session",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=_session_errors(),
            env=worker_environment() | dict.fromkeys(_TEMPORARY, str(folder)), start_new_session=True,
        )  # fmt: skip
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(settings.line())
            await process.stdin.drain()
            answer = await asyncio.wait_for(process.stdout.readline(), START_LIMIT_S)
            port = int(json.loads(answer)["port"])
            return PersonSession(process, folder, settings.key, port, asyncio.create_task(_cleared(process, folder)))
        except (OSError, ValueError, TimeoutError) as error:
            raise SpineAlignmentError("the viewer's process did not start; is `spine-alignment[viewer]` installed?") \
                from error  # fmt: skip
        finally:
            if sys.exc_info()[0] is not None:
                if process.returncode is None:
                    process.kill()
                shutil.rmtree(folder, ignore_errors=True)

    async def _end(self, session: PersonSession) -> None:
        if session.alive:
            assert session.process.stdin is not None
            session.process.stdin.close()
            try:
                await asyncio.wait_for(session.process.wait(), 3)
            except TimeoutError:
                session.process.kill()
        await session.cleared


async def _cleared(process: asyncio.subprocess.Process, folder: Path) -> None:
    """Remove a person's folder when their process has ended: one that was killed could not do it."""
    await process.wait()
    for _ in range(CLEARING_TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        # what it had started is just ending, and may have written there
        await asyncio.sleep(1)


def _session_errors() -> int | None:
    """Where sessions' own messages go: nowhere, because they could name films, or to the terminal when debugging."""
    return None if os.environ.get("SPINE_ALIGNMENT_DEBUG") else asyncio.subprocess.DEVNULL
