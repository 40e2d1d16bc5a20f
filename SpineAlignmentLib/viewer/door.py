"""The web server that people reach: it gives each of them a session of their own and passes their requests on.

A session is known by a random cookie that only the browser that opened the page has. On loopback only requests to this
computer's own name are answered, so that no other web page can reach in; on another host an access key is demanded.
"""

import asyncio
import contextlib
import hmac
import json
import os
import secrets
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout, WSMsgType, web

from SpineAlignmentLib.errors import SpineAlignmentError
from SpineAlignmentLib.jobs.child_process import worker_environment
from SpineAlignmentLib.viewer.settings import IDLE_S, KEY_HEADER, LOOPBACK_HOSTS, MAX_UPLOAD_BYTES, Settings

MAX_SESSIONS: Final[int] = 8
START_LIMIT_S: Final[float] = 180.0

_NOT_PASSED_ON: Final[frozenset[str]] = frozenset(
    {"connection", "keep-alive", "host", "cookie", "transfer-encoding", "upgrade", "content-encoding", "content-length"}
    | {KEY_HEADER.lower()}
)
_NOT_PASSED_BACK: Final[frozenset[str]] = _NOT_PASSED_ON - {"content-encoding"}
_TEMPORARY: Final[tuple[str, ...]] = ("TMPDIR", "TEMP", "TMP")
"""Environment variables for temporary files: those of libraries go into the private folder as well."""
_HEADERS: Final[dict[str, str]] = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_ACCESS_PAGE: Final[str] = """<!doctype html><meta charset="utf-8"><title>Spine Alignment</title>
<style>body{background:#0b0e12;color:#d8dde3;font:16px system-ui;display:grid;place-content:center;height:90vh}
input,button{font:inherit;padding:.5em;background:#171c22;color:inherit;border:1px solid #3a444f;border-radius:4px}
</style><form method="post" action="/access"><p>This viewer asks for its access key. It was printed where the viewer was
started.</p><input name="key" type="password" autofocus aria-label="Access key"> <button>Open</button></form>"""


@dataclass
class _Session:
    """The process of one person, as the door sees it."""

    process: asyncio.subprocess.Process
    folder: Path
    key: str
    port: int

    @property
    def alive(self) -> bool:
        return self.process.returncode is None


@dataclass
class Door:
    """The sessions of all people.

    Args of the constructor: what every session is told, and whether an access key is demanded.
    """

    films: list[Path] = field(default_factory=list)
    models: Path | None = None
    sample: Path | None = None
    access_key: str | None = None
    idle_s: int = IDLE_S
    _sessions: dict[str, _Session] = field(default_factory=dict)
    _spare: "asyncio.Task[_Session] | None" = None
    _client: ClientSession | None = None
    _cookie: str = field(default_factory=lambda: f"spine_alignment_{secrets.token_hex(4)}")
    _accesses: set[str] = field(default_factory=set)
    _root: Path | None = None

    def app(self) -> web.Application:
        """The web application."""
        app = web.Application(client_max_size=MAX_UPLOAD_BYTES)
        app.router.add_route("*", "/{path:.*}", self._handle)
        app.on_startup.append(self._open)
        app.on_shutdown.append(self._end_sessions)
        app.on_cleanup.append(self._close)
        return app

    async def _open(self, _app: web.Application) -> None:
        self._root = Path(tempfile.mkdtemp(prefix="SpineAlignment"))
        self._client = ClientSession(auto_decompress=False, timeout=ClientTimeout(total=None))
        # the first person should not wait for the start of a process
        self._spare = asyncio.create_task(self._start())

    async def _end_sessions(self, _app: web.Application) -> None:
        """End everybody's session, which ends the pages' connections: the server waits for those."""
        if self._spare is not None:
            self._spare.cancel()
            with contextlib.suppress(asyncio.CancelledError, SpineAlignmentError):
                session = await self._spare
                await self._end(session)
        await asyncio.gather(*(self._end(session) for session in self._sessions.values()))

    async def _close(self, _app: web.Application) -> None:
        if self._client is not None:
            await self._client.close()
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)

    async def _start(self) -> _Session:
        assert self._root is not None
        folder = Path(tempfile.mkdtemp(dir=self._root))
        key = secrets.token_urlsafe(24)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-u", "-m", "SpineAlignmentLib.viewer.session",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=_session_errors(),
            env=worker_environment() | dict.fromkeys(_TEMPORARY, str(folder)), start_new_session=True,
        )  # fmt: skip
        settings = Settings(
            str(folder),
            key,
            [str(film.resolve()) for film in self.films],
            str(self.models.resolve()) if self.models else None,
            str(self.sample) if self.sample else None,
            self.idle_s,
        )
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(settings.line())
            await process.stdin.drain()
            answer = await asyncio.wait_for(process.stdout.readline(), START_LIMIT_S)
            return _Session(process, folder, key, int(json.loads(answer)["port"]))
        except (OSError, ValueError, TimeoutError) as error:
            raise SpineAlignmentError("the viewer's process did not start; is `spine-alignment[viewer]` installed?") \
                from error  # fmt: skip
        finally:
            if sys.exc_info()[0] is not None and process.returncode is None:
                process.kill()

    async def _end(self, session: _Session) -> None:
        if session.alive:
            assert session.process.stdin is not None
            session.process.stdin.close()
            try:
                await asyncio.wait_for(session.process.wait(), 3)
            except TimeoutError:
                session.process.kill()
        shutil.rmtree(session.folder, ignore_errors=True)

    # Requests

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self._check_origin(request)
        if self.access_key is not None and request.cookies.get(self._cookie + "_access") not in self._accesses:
            return await self._admit(request)
        name = request.cookies.get(self._cookie, "")
        session = self._sessions.get(name)
        if session is not None and session.alive:
            return await self._pass_on(request, session)
        if session is not None:
            await self._end(self._sessions.pop(name))
        if request.path not in ("/", "/index.html"):
            raise web.HTTPForbidden(text="the session has ended; load the page again")
        return await self._welcome(request)

    def _check_origin(self, request: web.Request) -> None:
        """Refuse requests that another web page makes, also by a name that it points to this computer."""
        host = urlsplit(f"//{request.host}").hostname or ""
        if self.access_key is None and host not in LOOPBACK_HOSTS:
            raise web.HTTPForbidden(text="this viewer answers on this computer only")
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            raise web.HTTPForbidden(text="another page's request")

    async def _admit(self, request: web.Request) -> web.StreamResponse:
        """Ask for the access key, and remember who gave it."""
        assert self.access_key is not None
        given = ""
        if request.path == "/access" and request.method == "POST":
            given = str((await request.post()).get("key", ""))
        if not hmac.compare_digest(given.encode(), self.access_key.encode()):
            if given:
                # slows down who tries them all
                await asyncio.sleep(1)
            return web.Response(status=401, text=_ACCESS_PAGE, content_type="text/html")
        access = secrets.token_urlsafe(24)
        self._accesses.add(access)
        response = web.HTTPFound("/")
        response.set_cookie(self._cookie + "_access", access, httponly=True, samesite="Strict")
        return response

    async def _welcome(self, request: web.Request) -> web.StreamResponse:
        """Give a newcomer a session."""
        for name in [name for name, session in self._sessions.items() if not session.alive]:
            await self._end(self._sessions.pop(name))
        if len(self._sessions) >= MAX_SESSIONS:
            raise web.HTTPServiceUnavailable(text=f"{MAX_SESSIONS} people are here already; try again later")
        spare, self._spare = self._spare, None
        try:
            session = await spare if spare is not None else await self._start()
            if not session.alive:
                await self._end(session)
                session = await self._start()
        except SpineAlignmentError as error:
            raise web.HTTPInternalServerError(text=str(error)) from error
        name = secrets.token_urlsafe(24)
        self._sessions[name] = session
        response = await self._pass_on(request, session, (self._cookie, name))
        return response

    async def _pass_on(
        self, request: web.Request, session: _Session, cookie: tuple[str, str] | None = None
    ) -> web.StreamResponse:
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _NOT_PASSED_ON}
        headers[KEY_HEADER] = session.key
        url = f"http://127.0.0.1:{session.port}{request.path_qs if request.path != '/' else '/index.html'}"
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._pass_on_socket(request, url, session.key)
        assert self._client is not None
        body = request.content if request.body_exists else None
        try:
            async with self._client.request(request.method, url, headers=headers, data=body) as answer:
                kept = {k: v for k, v in answer.headers.items() if k.lower() not in _NOT_PASSED_BACK}
                response = web.StreamResponse(status=answer.status, headers=kept | _HEADERS)
                if cookie is not None:
                    response.set_cookie(*cookie, httponly=True, samesite="Strict")
                await response.prepare(request)
                async for piece in answer.content.iter_chunked(1 << 16):
                    await response.write(piece)
                await response.write_eof()
                return response
        except ClientError as error:
            raise web.HTTPBadGateway(text="the session has ended; load the page again") from error

    async def _pass_on_socket(self, request: web.Request, url: str, key: str) -> web.StreamResponse:
        assert self._client is not None
        outer = web.WebSocketResponse(max_msg_size=0, compress=False)
        await outer.prepare(request)
        async with self._client.ws_connect(url, headers={KEY_HEADER: key}, max_msg_size=0, compress=0) as inner:

            async def outward() -> None:
                async for message in inner:
                    if message.type == WSMsgType.BINARY:
                        await outer.send_bytes(message.data)
                await outer.close()

            sending = asyncio.create_task(outward())
            try:
                async for message in outer:
                    if message.type == WSMsgType.BINARY:
                        await inner.send_bytes(message.data)
            finally:
                sending.cancel()
        return outer


def _session_errors() -> int | None:
    """Where sessions' own messages go: nowhere, because they could name films, or to the terminal when debugging."""
    return None if os.environ.get("SPINE_ALIGNMENT_DEBUG") else asyncio.subprocess.DEVNULL
