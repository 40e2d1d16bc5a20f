"""Who may reach the viewer: whoever shows its key once, and then the browser that did, known by a cookie.

The key is asked for on loopback as well, because every user of a computer reaches its loopback; as in Jupyter it is in
the address that the command prints and opens. Nobody without the key costs more than a small answer.
"""

import asyncio
import hmac
import secrets
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, urlsplit

from aiohttp import web

from SpineAlignmentLib.viewer.settings import LOOPBACK_HOSTS

KEY_PARAMETER: Final[str] = "key"
MAX_FORM_BYTES: Final[int] = 1024
FORM_WAIT_S: Final[float] = 10.0
WRONG_KEYS: Final[int] = 10
WRONG_KEYS_S: Final[float] = 60.0
"""An address that sent so many wrong keys in so many seconds waits that long before another is looked at."""
MAX_ADDRESSES: Final[int] = 4096

_PAGE: Final[str] = """<!doctype html><meta charset="utf-8"><title>Spine Alignment</title>
<style>body{background:#0b0e12;color:#d8dde3;font:16px system-ui;display:grid;place-content:center;height:90vh}
input,button{font:inherit;padding:.5em;background:#171c22;color:inherit;border:1px solid #3a444f;border-radius:4px}
</style><form method="post" action="/access"><p>This viewer asks for its access key. It was printed where the viewer was
started.</p><input name="key" type="password" autofocus aria-label="Access key"> <button>Open</button></form>"""


@dataclass
class Admission:
    """The key and those who gave it."""

    key: str
    loopback: bool
    """Whether only this computer's own names are answered."""
    cookie: str
    _given: set[str] = field(default_factory=set)
    _wrong: dict[str, deque[float]] = field(default_factory=dict)

    def check_origin(self, request: web.Request) -> None:
        """Refuse requests that another web page makes, also by a name that it points to this computer.

        Raises:
            HTTPForbidden: it is one.
        """
        host = urlsplit(f"//{request.host}").hostname or ""
        if self.loopback and host not in LOOPBACK_HOSTS:
            raise web.HTTPForbidden(text="this viewer answers on this computer only")
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            raise web.HTTPForbidden(text="another page's request")

    def has(self, request: web.Request) -> bool:
        """Whether a request comes from a browser that gave the key."""
        return request.cookies.get(self.cookie, "") in self._given

    async def ask(self, request: web.Request) -> web.StreamResponse:
        """Let a browser in that gives the key, in the address or in the form; ask others for it."""
        given = request.query.get(KEY_PARAMETER, "")
        if request.path == "/access" and request.method == "POST":
            given = await _key_of_form(request)
        if given and self._is_slowed(request.remote or ""):
            return _closing(web.Response(status=429, text="too many wrong keys; try again in a minute"))
        if not hmac.compare_digest(given.encode(errors="replace"), self.key.encode()):
            if given:
                self._wrong[request.remote or ""].append(time.monotonic())
            return _closing(web.Response(status=401, text=_PAGE, content_type="text/html"))
        access = secrets.token_urlsafe(24)
        self._given.add(access)
        response = web.HTTPFound("/")
        set_cookie(request, response, self.cookie, access)
        return response

    def _is_slowed(self, address: str) -> bool:
        if address not in self._wrong and len(self._wrong) >= MAX_ADDRESSES:
            del self._wrong[next(iter(self._wrong))]
        wrong = self._wrong.setdefault(address, deque(maxlen=WRONG_KEYS))
        return len(wrong) == WRONG_KEYS and time.monotonic() - wrong[0] < WRONG_KEYS_S


def set_cookie(request: web.Request, response: web.StreamResponse, name: str, value: str) -> None:
    """A cookie for the browser alone; not sent without encryption where there is some.

    Lax, not Strict: a link on another site must find the session that is there, not start another.
    """
    encrypted = request.secure or request.headers.get("X-Forwarded-Proto", "").lower() == "https"
    response.set_cookie(name, value, httponly=True, samesite="Lax", secure=encrypted)


async def _key_of_form(request: web.Request) -> str:
    """The key of a form, of which no more than a form has is read, and no longer than a person's browser takes."""
    try:
        async with asyncio.timeout(FORM_WAIT_S):
            body = await request.content.readexactly(min(request.content_length or 0, MAX_FORM_BYTES))
    except (TimeoutError, asyncio.IncompleteReadError):
        return ""
    return parse_qs(body.decode("utf-8", "replace")).get(KEY_PARAMETER, [""])[0]


def _closing(response: web.Response) -> web.Response:
    """An answer after which the connection ends, so that the rest of a request is not waited for."""
    response.force_close()
    return response
