"""The process of one person: `python -m SpineAlignmentLib.viewer.session`, started by the `door`.

It reads one line of JSON (`Settings`) from its input and answers with one line, the port of loopback it listens on;
every request must then carry the key. The page is served first, Slicer's libraries come meanwhile; what is asked for
before they are there waits for them. The process ends when its input closes, as it does when the door ends, or when
nobody has been connected for a while. What libraries print goes nowhere: it could name films.
"""

import asyncio
import json
import os
import shutil
import sys
import traceback
from collections.abc import Awaitable, Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aiohttp import web

from SpineAlignmentLib import private_folder
from SpineAlignmentLib.errors import SpineAlignmentError
from SpineAlignmentLib.jobs.sealing import seal_children
from SpineAlignmentLib.viewer import first_page
from SpineAlignmentLib.viewer.settings import KEY_HEADER, Settings
from SpineAlignmentLib.viewer.uploads import UploadFolder

if TYPE_CHECKING:
    from SpineAlignmentLib.viewer.kept import Kept
    from SpineAlignmentLib.viewer.workplace import Workplace


class Session:
    """The trame server of one page, with the routes for uploads and downloads."""

    def __init__(self, settings: Settings) -> None:
        from trame.app import get_server
        from trame_rca import module as remote_area

        self._settings = settings
        self._uploads = UploadFolder(Path(settings.folder))
        self._sample = Path(settings.sample) if settings.sample else None
        self._server = get_server("spine_alignment", client_type="vue3")
        self._server.enable_module(remote_area)
        self._server.enable_module(
            {"serve": {"page": str(first_page.PAGE)}, "styles": ["page/page.css"], "scripts": ["page/page.js"]}
        )
        self._uploading = asyncio.Lock()
        self._starting: asyncio.Task[Workplace] | None = None
        self._server.state.trame__title = first_page.TITLE
        self._server.state.update(first_page.state(self._sample))
        for name in first_page.ACTIONS:
            self._server.trigger(name)(partial(self._act, name))
        self._server.controller.on_server_bind.add(self._add_routes)
        self._server.controller.on_server_ready.add(self._ready)

    def run(self) -> None:
        """Serve until the input closes or nobody is there any more."""
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(self._run())
        finally:
            task = self._starting
            if task is not None and task.done() and task.exception() is None:
                task.result().finish()

    async def _run(self) -> None:
        from trame.ui.html import DivLayout
        from trame.widgets import html

        with DivLayout(self._server) as layout:
            layout.root.classes = "spine"
            html.Div((first_page.PAGE / "page.html").read_text(encoding="utf-8"), classes="frame", __properties=[])
        await self._server.start(
            port=0, host="127.0.0.1", exec_mode="coroutine", timeout=self._settings.idle_s,
            open_browser=False, show_connection_info=False, disable_logging=True, handle_signals=False,
        )  # fmt: skip

    async def _start_workplace(self) -> "Workplace":
        """Bring Slicer's libraries, scene and view to the page that is there already."""
        state = self._server.state
        models = Path(self._settings.models) if self._settings.models else None
        try:
            module = await asyncio.to_thread(import_module, "SpineAlignmentLib.viewer.workplace")
            workplace: Workplace = module.Workplace(
                module.slicer_core(), self._server, models, self._sample, self._uploads, self._kept()
            )
        except Exception as error:
            with state:
                state.update({"hint": "", "message": f"Slicer's libraries cannot be used here: {error}"})
            raise
        self._server.root_server.controller.rc_area_register(workplace.view.adapter)
        self._server.controller.on_client_connected.add(lambda **_: workplace.view.page_came())
        with state:
            state.ready = True
        return workplace

    def _kept(self) -> "Kept | None":
        """Where corrections are kept; None where that cannot be written."""
        # brings NumPy, which the page does not wait for
        from SpineAlignmentLib.viewer.kept import Kept

        if self._settings.kept is None:
            return None
        own = Path(self._settings.folder)
        kept = Kept(Path(self._settings.kept), own.name, own.parent)
        try:
            kept.open()
        except SpineAlignmentError:
            return None
        return kept

    async def _workplace(self) -> "Workplace":
        assert self._starting is not None
        # whoever waits may go away, the start goes on
        return await asyncio.shield(self._starting)

    async def _act(self, name: str, *arguments: Any) -> None:
        """Do what the page asks for."""
        await (await self._workplace()).act(name, *arguments)
        # of a key that is held many are waiting: numbers and pictures have their turn between them
        await asyncio.sleep(0)

    def _add_routes(self, server: Any) -> None:
        server.app.middlewares.append(self._with_key)
        server.app.router.add_post("/upload", self._upload)
        server.app.router.add_get("/download/{kind}", self._download)
        server.app.router.add_get("/beside/{version}", self._beside)

    @web.middleware
    async def _with_key(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.headers.get(KEY_HEADER) != self._settings.key:
            raise web.HTTPForbidden(text="this address is not for browsers")
        return await handler(request)

    def _ready(self, **_: Any) -> None:
        loop = asyncio.get_running_loop()
        self._starting = loop.create_task(self._start_workplace())
        self._opening = loop.create_task(self._open_given())
        loop.run_in_executor(None, _wait_for_end, loop, lambda: loop.create_task(self._server.stop()))
        _answer({"port": self._server.port})

    async def _open_given(self) -> None:
        workplace = await self._workplace()
        for film in self._settings.films:
            await workplace.open(Path(film))
            self._server.state.flush()

    async def _upload(self, request: web.Request) -> web.Response:
        workplace = await self._workplace()
        # one after the other, so that they take no more room than the films that may be open
        async with self._uploading:
            if "first" in request.query:
                workplace.page.files_come()
            try:
                workplace.check_room(request.query.get("name", ""), request.content_length)
                path = await self._uploads.store(request.query.get("name", ""), request.content.iter_chunked(1 << 18))
                error_text = await workplace.open(path)
                if error_text:
                    self._uploads.discard(path)
            except SpineAlignmentError as error:
                error_text = str(error)
                workplace.page.refuse(error_text)
            except OSError:
                error_text = "the film cannot be kept: no space left on this computer"
                workplace.page.refuse(error_text)
        self._server.state.flush()
        return web.json_response({"error": error_text})

    async def _download(self, request: web.Request) -> web.Response:
        workplace = await self._workplace()
        try:
            name, media_type, content = await workplace.export(request.match_info["kind"])
        except SpineAlignmentError as error:
            return web.Response(status=404, text=str(error))
        disposition = f"attachment; filename*=UTF-8''{quote(name)}"
        headers = {"Content-Disposition": disposition, "Cache-Control": "no-store"}
        return web.Response(body=content, content_type=media_type, headers=headers)

    async def _beside(self, _: web.Request) -> web.Response:
        """The film that the one on screen is compared with."""
        try:
            content = await (await self._workplace()).comparing.picture()
        except SpineAlignmentError as error:
            return web.Response(status=404, text=str(error))
        return web.Response(body=content, content_type="image/jpeg", headers={"Cache-Control": "no-store"})


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
    given = [*settings.films, settings.sample, settings.models]
    seal_children([Path(place) for place in given if place], Path(settings.folder))
    status = 1
    try:
        Session(settings).run()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        shutil.rmtree(settings.folder, ignore_errors=True)
        # if we are the last and the door was killed
        private_folder.leave(Path(settings.folder))
        # the thread that waits for the end of the input would hold the process
        os._exit(status)


if __name__ == "__main__":
    main()
