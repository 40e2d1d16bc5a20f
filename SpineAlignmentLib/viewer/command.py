"""The command `spine-alignment view`: start the viewer, say where it is, stay until it is interrupted."""

import asyncio
import contextlib
import errno
import os
import secrets
import signal
import socket
import sys
import webbrowser
from collections.abc import Sequence
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from SpineAlignmentLib.errors import SpineAlignmentError
from SpineAlignmentLib.viewer.people import People
from SpineAlignmentLib.viewer.settings import IDLE_S, LOOPBACK_HOSTS, kept_folder

DEFAULT_PORT: Final[int] = 8080
SAMPLE_FILM: Final[Path] = (
    Path(__file__).resolve().parents[2] / "SpineAlignment" / "Resources" / "SampleData" / "sample_film.dcm"
)
LINGERING_S: Final[float] = 2.0
"""How long the rest of a request that was answered already may take."""
KEY_BYTES: Final[int] = 18
SHUTDOWN_S: Final[float] = 5.0
"""How long requests under way may go on when the viewer is ended."""
KEY_VARIABLE: Final[str] = "SPINE_ALIGNMENT_ACCESS_KEY"
"""Environment variable with the access key; a random one is made when it is not set."""


def view(
    films: Sequence[Path] = (),
    host: str = "127.0.0.1",
    port: int | None = None,
    models: Path | None = None,
    browser: bool = True,
    idle_s: int = IDLE_S,
) -> None:
    """Serve the viewer until interrupted.

    Args:
        films: films that every page opens at first.
        host: the address to listen on. Everyone needs the access key, which is in the address that is printed: on
            loopback as well, which every user of this computer reaches.
        port: the port; by default 8080, or a free one when that is taken. 0 for a free one.
        models: folder with ensemble.json; None for the ensemble that ships.
        browser: open the page in the default browser when there is a screen.
        idle_s: a session ends when no page has been connected for so long.

    Raises:
        SpineAlignmentError: the viewer is not installed, a film is not there, or the port cannot be had.
    """
    for package in ("slicer", "trame_slicer", "aiohttp"):
        if find_spec(package) is None:
            raise SpineAlignmentError("the viewer is not installed: pip install 'spine-alignment[viewer]'")
    for film in films:
        if not film.is_file():
            raise SpineAlignmentError(f"{film}: no such file")
    key = os.environ.get(KEY_VARIABLE) or secrets.token_urlsafe(KEY_BYTES)
    listening = _listening(host, port)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            people = People(list(films), models, SAMPLE_FILM, kept_folder(), idle_s)
            asyncio.run(_serve(listening, host, people, key, browser))
    finally:
        listening.close()


def _listening(host: str, port: int | None) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for attempt in (DEFAULT_PORT, 0) if port is None else (port,):
        try:
            return socket.create_server((host, attempt), family=family)
        except OSError as error:
            if port is None and attempt and error.errno == errno.EADDRINUSE:
                continue
            raise SpineAlignmentError(
                f"cannot listen on {host} port {attempt}: {error.strerror or error}; choose another with --port"
            ) from error
    raise AssertionError


def _address(listening: socket.socket, host: str) -> str:
    name = socket.getfqdn() if host in ("0.0.0.0", "::") else host
    return f"http://{f'[{name}]' if ':' in name else name}:{listening.getsockname()[1]}/"


async def _serve(listening: socket.socket, host: str, people: People, key: str, browser: bool) -> None:
    from aiohttp import web

    from SpineAlignmentLib.viewer.door import Door

    loopback = host in LOOPBACK_HOSTS
    address = f"{_address(listening, host)}?{urlencode({'key': key})}"
    door = Door(people, key, loopback)
    runner = web.AppRunner(door.app(), access_log=None, shutdown_timeout=SHUTDOWN_S, lingering_time=LINGERING_S)
    await runner.setup()
    assert runner.server is not None
    server = await asyncio.get_running_loop().create_server(door.connections(runner.server), sock=listening)
    try:
        print(f"Spine Alignment: {address}   (Ctrl+C ends it)", flush=True)
        if not loopback:
            print(f"access key: {key}   (not encrypted on its way: trusted networks only, or HTTPS)", flush=True)
        if browser and _has_screen():
            _open_browser(address, people.folder)
        await _interrupted()
    finally:
        server.close()
        await runner.cleanup()


def _open_browser(address: str, folder: Path) -> None:
    """Open the page by way of a private file: the command line of a browser, with the key, is seen by every user."""
    page = folder / "open.html"
    page.write_text(f'<!doctype html><meta http-equiv="refresh" content="0;url={escape(address)}">', encoding="utf-8")
    webbrowser.open(page.as_uri())


async def _interrupted() -> None:
    """Wait for Ctrl+C or a request to end."""
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Windows raises KeyboardInterrupt instead
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, end.set)
    await end.wait()


def _has_screen() -> bool:
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
