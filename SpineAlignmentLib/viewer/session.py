"""The process of one person: `python -m SpineAlignmentLib.viewer.session`, started by the `door`.

It reads one line of JSON (`Settings`) from its input and answers with one line, the port of loopback it listens on;
every request must then carry the key. It ends when its input closes, as it does when the door ends, or when nobody has
been connected for a while. What libraries print goes nowhere: it could name films.
"""

import asyncio
import contextlib
import json
import os
import shutil
import sys
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web

from SpineAlignmentLib.errors import SpineAlignmentError
from SpineAlignmentLib.viewer.exports import KINDS
from SpineAlignmentLib.viewer.settings import KEY_HEADER, Settings
from SpineAlignmentLib.viewer.uploads import UploadFolder
from SpineAlignmentLib.viewer.workplace import Workplace

PAGE: Final[Path] = Path(__file__).resolve().parent / "page"
TITLE: Final[str] = "Spine Alignment"


class Session:
    """The trame server of one page, with the routes for uploads and downloads."""

    def __init__(self, settings: Settings) -> None:
        import slicer
        from trame.app import get_server
        from trame_rca import module as remote_area
        from trame_slicer.core import SlicerApp
        from vtkmodules.vtkCommonCore import vtkObject

        vtkObject.GlobalWarningDisplayOff()
        self._settings = settings
        self._uploads = UploadFolder(Path(settings.folder))
        self._server = get_server("spine_alignment", client_type="vue3")
        self._server.enable_module(remote_area)
        self._server.enable_module(
            {"serve": {"page": str(PAGE)}, "styles": ["page/page.css"], "scripts": ["page/page.js"]}
        )
        self._app = SlicerApp()
        # slicer.util looks for nodes there even where it is given a scene
        slicer.mrmlScene = self._app.scene
        self._workplace: Workplace | None = None
        self._server.state.trame__title = TITLE
        self._server.controller.on_server_bind.add(self._add_routes)
        self._server.controller.on_server_ready.add(self._ready)

    def run(self) -> None:
        """Serve until the input closes or nobody is there any more."""
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(self._run())
        finally:
            if self._workplace is not None:
                self._workplace.finish()

    async def _run(self) -> None:
        from trame.ui.html import DivLayout
        from trame.widgets import html

        models, sample = (Path(p) if p else None for p in (self._settings.models, self._settings.sample))
        self._workplace = Workplace(self._app, self._server, models, sample, self._uploads.discard)
        with DivLayout(self._server) as layout:
            layout.root.classes = "spine"
            html.Div((PAGE / "page.html").read_text(encoding="utf-8"), classes="frame", __properties=[])
        await self._server.start(
            port=0, host="127.0.0.1", exec_mode="coroutine", timeout=self._settings.idle_s,
            open_browser=False, show_connection_info=False, disable_logging=True, handle_signals=False,
        )  # fmt: skip

    def _add_routes(self, server: Any) -> None:
        server.app.middlewares.append(self._with_key)
        server.app.router.add_post("/upload", self._upload)
        server.app.router.add_get("/download/{kind}", self._download)

    @web.middleware
    async def _with_key(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.headers.get(KEY_HEADER) != self._settings.key:
            raise web.HTTPForbidden(text="this address is not for browsers")
        return await handler(request)

    def _ready(self, **_: Any) -> None:
        assert self._workplace is not None
        self._server.root_server.controller.rc_area_register(self._workplace.view.adapter)
        _answer({"port": self._server.port})
        loop = asyncio.get_running_loop()
        self._opening = loop.create_task(self._open_given())
        loop.run_in_executor(None, _wait_for_end, loop, lambda: loop.create_task(self._server.stop()))

    async def _open_given(self) -> None:
        assert self._workplace is not None
        for film in self._settings.films:
            await self._workplace.open(Path(film))
            self._server.state.flush()

    async def _upload(self, request: web.Request) -> web.Response:
        assert self._workplace is not None
        try:
            path = await self._uploads.store(request.query.get("name", ""), request.content.iter_chunked(1 << 18))
        except SpineAlignmentError as error:
            self._workplace.complain(str(error))
            return web.json_response({"error": str(error)})
        except OSError:
            text = "the film cannot be kept: no space left on this computer"
            self._workplace.complain(text)
            return web.json_response({"error": text})
        error_text = await self._workplace.open(path)
        self._server.state.flush()
        return web.json_response({"error": error_text})

    async def _download(self, request: web.Request) -> web.Response:
        assert self._workplace is not None
        kind = request.match_info["kind"]
        try:
            name, content = await self._workplace.export(kind)
        except SpineAlignmentError as error:
            return web.Response(status=404, text=str(error))
        disposition = f"attachment; filename*=UTF-8''{quote(name)}"
        headers = {"Content-Disposition": disposition, "Cache-Control": "no-store"}
        return web.Response(body=content, content_type=KINDS[kind], headers=headers)


_answers: Any = None


def _answer(content: dict[str, Any]) -> None:
    _answers.write(json.dumps(content) + "\n")
    _answers.flush()


def _wait_for_end(loop: asyncio.AbstractEventLoop, stop: Callable[[], object]) -> None:
    """Wait until the door closes our input."""
    sys.stdin.read()
    if loop.is_running():
        loop.call_soon_threadsafe(stop)


def main() -> None:
    """Serve one person."""
    global _answers
    _answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.argv = sys.argv[:1]
    os.environ["WSLINK_WS_COMPRESS"] = "0"
    settings = Settings.from_line(sys.stdin.readline())
    status = 1
    try:
        Session(settings).run()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        shutil.rmtree(settings.folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            # the door's folder, if we are the last and the door was killed
            Path(settings.folder).parent.rmdir()
        # the thread that waits for the end of the input would hold the process
        os._exit(status)


if __name__ == "__main__":
    main()
