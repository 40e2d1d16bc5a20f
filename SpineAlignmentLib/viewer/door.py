"""The web server that people reach: it gives each of them a session of their own and passes their requests on.

A session is known by a random cookie that only the browser that opened the page has. Whoever did not show the access
key gets nothing but the question for it (`admission`); the sessions themselves are `people`'s.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import ClientError, ClientSession, ClientTimeout, WSMsgType, web

from SpineAlignmentLib.errors import SpineAlignmentError
from SpineAlignmentLib.viewer.admission import Admission, set_cookie
from SpineAlignmentLib.viewer.people import People, PersonSession, TooManyPeople
from SpineAlignmentLib.viewer.settings import KEY_HEADER, MAX_UPLOAD_BYTES

MAX_CONNECTIONS: Final[int] = 256
MAX_STRANGERS: Final[int] = 32
"""Connections that have not shown the key; the oldest ends when another comes."""
HEARTBEAT_S: Final[float] = 60.0
"""A page that does not answer for half as long is gone, as one whose computer lost its network: its session's idle time
begins."""
ALIVE_PATH: Final[str] = "/session"
"""Tells a page whether its session is there."""

_NOT_PASSED_ON: Final[frozenset[str]] = frozenset(
    {"connection", "keep-alive", "host", "cookie", "transfer-encoding", "upgrade", "content-encoding", "content-length"}
    | {KEY_HEADER.lower()}
)
_NOT_PASSED_BACK: Final[frozenset[str]] = _NOT_PASSED_ON - {"content-encoding"}
_HEADERS: Final[dict[str, str]] = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@dataclass
class Door:
    """The web application.

    Args of the constructor: the sessions, the access key, and whether only this computer's own names are answered.
    """

    people: People
    access_key: str
    loopback: bool = True
    _client: ClientSession | None = None
    _cookie: str = field(default_factory=lambda: f"spine_alignment_{secrets.token_hex(4)}")
    _admission: Admission = field(init=False)
    _strangers: dict[Any, float] = field(default_factory=dict)
    """Connections that have not shown the key, with the time they came."""

    def __post_init__(self) -> None:
        self._admission = Admission(self.access_key, self.loopback, self._cookie + "_access")

    def app(self) -> web.Application:
        """The web application."""
        app = web.Application(client_max_size=MAX_UPLOAD_BYTES)
        app.router.add_route("*", "/{path:.*}", self._handle)
        app.on_startup.append(self._open)
        app.on_shutdown.append(self._end_sessions)
        app.on_cleanup.append(self._close)
        return app

    def connections(self, server: web.Server) -> Callable[[], asyncio.BaseProtocol]:
        """What answers a new connection: as `server` does, while there are not too many."""

        def answer() -> asyncio.BaseProtocol:
            if len(server.connections) >= MAX_CONNECTIONS:
                return _Refusal()
            self._strangers = {c: since for c, since in self._strangers.items() if c.transport is not None}
            if len(self._strangers) >= MAX_STRANGERS:
                oldest = min(self._strangers, key=self._strangers.__getitem__)
                del self._strangers[oldest]
                oldest.force_close()
            protocol = server()
            # its transport comes in a moment; till then it must not look as if it had ended
            asyncio.get_running_loop().call_soon(self._strangers.__setitem__, protocol, time.monotonic())
            return protocol

        return answer

    async def _open(self, _app: web.Application) -> None:
        self._client = ClientSession(auto_decompress=False, timeout=ClientTimeout(total=None))
        self.people.open()

    async def _end_sessions(self, _app: web.Application) -> None:
        await self.people.end_all()

    async def _close(self, _app: web.Application) -> None:
        if self._client is not None:
            await self._client.close()
        self.people.close()

    # Requests

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self._admission.check_origin(request)
        if not self._admission.has(request):
            return await self._admission.ask(request)
        self._strangers.pop(request.protocol, None)
        session = self.people.of(request.cookies.get(self._cookie, ""))
        if request.path == ALIVE_PATH:
            return web.Response(status=204 if session is not None and session.alive else 410)
        if session is not None and session.alive:
            return await self._pass_on(request, session)
        if not _asks_for_page(request):
            raise web.HTTPForbidden(text="the session has ended; load the page again")
        return await self._welcome(request)

    async def _welcome(self, request: web.Request) -> web.StreamResponse:
        """Give a newcomer a session."""
        try:
            name, session = await self.people.newcomer()
        except TooManyPeople as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from error
        except SpineAlignmentError as error:
            raise web.HTTPInternalServerError(text=str(error)) from error
        return await self._pass_on(request, session, name)

    async def _pass_on(
        self, request: web.Request, session: PersonSession, newcomer: str | None = None
    ) -> web.StreamResponse:
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _NOT_PASSED_ON}
        headers[KEY_HEADER] = session.key
        path = "/index.html" if request.path == "/" else request.path_qs
        url = f"http://127.0.0.1:{session.port}{path}"
        if request.headers.get("Upgrade", "").lower() == "websocket":
            session.connected = True
            return await self._pass_on_socket(request, url, session.key)
        assert self._client is not None
        body = request.content if request.body_exists else None
        try:
            async with self._client.request(request.method, url, headers=headers, data=body) as answer:
                kept = {k: v for k, v in answer.headers.items() if k.lower() not in _NOT_PASSED_BACK}
                response = web.StreamResponse(status=answer.status, headers=kept | _HEADERS)
                if path == "/index.html":
                    # a page from the browser's cache would belong to a session that may have ended
                    response.headers["Cache-Control"] = "no-store"
                if newcomer is not None:
                    set_cookie(request, response, self._cookie, newcomer)
                await response.prepare(request)
                async for piece in answer.content.iter_chunked(1 << 16):
                    await response.write(piece)
                await response.write_eof()
                return response
        except ClientError as error:
            raise web.HTTPBadGateway(text="the session has ended; load the page again") from error

    async def _pass_on_socket(self, request: web.Request, url: str, key: str) -> web.StreamResponse:
        assert self._client is not None
        outer = web.WebSocketResponse(max_msg_size=0, compress=False, heartbeat=HEARTBEAT_S)
        await outer.prepare(request)
        with contextlib.suppress(ClientError):
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


class _Refusal(asyncio.Protocol):
    """Ends a connection at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


def _asks_for_page(request: web.Request) -> bool:
    """Whether a browser loads the page itself, rather than as somebody's picture or frame."""
    wanted = request.headers.get("Sec-Fetch-Dest", "document")
    return request.method == "GET" and request.path in ("/", "/index.html") and wanted == "document"
