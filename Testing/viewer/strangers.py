"""Who comes to the viewer without its page: requests without a browser, and posts that never end."""

import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.cookiejar import CookieJar
from urllib.parse import urlsplit

from Testing.viewer.viewer_process import Viewer


class Visitor:
    """A browser's cookies and requests, without the browser."""

    def __init__(self, address: str, entry: str = "") -> None:
        self._address = address
        self._open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar())).open

        if entry:
            self.status = self._open(entry, timeout=180).status

    def ask(self, path: str = "", data: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        """Status and content of an answer."""
        request = urllib.request.Request(self._address + path, data, headers)
        try:
            with self._open(request, timeout=180) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


def wait_until(true: Callable[[], object], seconds: float = 60.0, step_s: float = 0.2) -> bool:
    """Whether something becomes true in time."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(step_s)
    return bool(true())


def connect(viewer: Viewer) -> socket.socket:
    """A connection to the door."""
    where = urlsplit(viewer.address)
    assert where.hostname and where.port
    return socket.create_connection((where.hostname, where.port), timeout=20)


def post_unfinished(viewer: Viewer, megabytes: int) -> list[socket.socket]:
    """Three connections without the key, each with the beginning of a post of 300 MB."""
    sockets = []
    for path in ("/upload?name=a.dcm", "/access", "/"):
        stranger = connect(viewer)
        stranger.sendall(
            f"POST {path} HTTP/1.1\r\nHost: {urlsplit(viewer.address).netloc}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {300 << 20}\r\n\r\n".encode()
        )
        sockets.append(stranger)
        try:
            stranger.settimeout(2)
            for _ in range(megabytes):
                stranger.sendall(bytes(1 << 20))
        except OSError:
            continue  # it is answered and not listened to
    return sockets
