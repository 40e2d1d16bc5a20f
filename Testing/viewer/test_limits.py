"""What strangers, crowds and long days cost: little, and nobody else's work."""

import json
import os
import signal
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from SpineAlignmentLib.viewer.command import SAMPLE_FILM
from Testing.benchmarks import viewer_faults
from Testing.viewer.strangers import Visitor, connect, post_unfinished, wait_until
from Testing.viewer.test_door import left_behind
from Testing.viewer.viewer_process import Viewer, is_running


def test_the_viewer_goes_on_after_everybody_left():
    assert len(viewer_faults.idle_ends(3)) == 3


def test_of_many_who_come_at_once_as_many_get_in_as_may():
    crowd = viewer_faults.crowd(10, limit=3)
    assert (crowd.let_in, crowd.refused, crowd.served) == (3, 7, 3)


def test_unfinished_posts_and_idle_connections_without_a_key_cost_nothing(viewer):
    sockets = post_unfinished(viewer, 64)
    try:
        assert viewer_faults.door_mb(viewer) < viewer_faults.DOOR_MB
        for _ in range(80):
            sockets.append(connect(viewer))
        assert Visitor(viewer.address, viewer.entry).status == 200
    finally:
        for stranger in sockets:
            stranger.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_of_the_computer_reaches_nothing():
    # pytest's folders are its user's alone
    with tempfile.TemporaryDirectory() as folder:
        tried, own, other = viewer_faults.another_user(Path(folder))
    assert tried > own > 5
    assert other == []


def test_wrong_keys_are_slowed_and_who_is_in_stays_in():
    viewer = Viewer()
    try:
        friend = Visitor(viewer.address, viewer.entry)
        stranger = Visitor(viewer.address)
        codes = [stranger.ask("access", urlencode({"key": f"guess{i}"}).encode())[0] for i in range(12)]
        assert codes == [401] * 10 + [429] * 2
        assert stranger.ask("access", urlencode({"key": viewer.key}).encode())[0] == 429
        assert friend.ask("page/page.css")[0] == 200
    finally:
        viewer.stop()


def test_pictures_and_frames_of_other_pages_start_no_session(viewer):
    visitor = Visitor(viewer.address)
    assert visitor.ask("access", urlencode({"key": viewer.key}).encode(), **{"Sec-Fetch-Dest": "image"})[0] == 403
    before = len(viewer.descendants())
    for kind in ("image", "iframe", "empty"):
        assert visitor.ask("", None, **{"Sec-Fetch-Dest": kind})[0] == 403
    assert len(viewer.descendants()) == before


def test_cookies_are_for_encrypted_connections_where_there_are_any(viewer):
    import http.client

    where = urlsplit(viewer.address)
    for headers, expected in (({}, False), ({"X-Forwarded-Proto": "https"}, True)):
        connection = http.client.HTTPConnection(where.netloc, timeout=60)
        connection.request("GET", f"/?key={viewer.key}", headers=headers)
        cookie = connection.getresponse().getheader("Set-Cookie") or ""
        assert ("Secure" in cookie) is expected and "HttpOnly" in cookie and "SameSite=Lax" in cookie
        connection.close()


def test_films_of_a_session_that_was_killed_go_while_the_viewer_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    viewer = Viewer()
    try:
        visitor = Visitor(viewer.address, viewer.entry)
        assert visitor.ask("upload?name=film.dcm", SAMPLE_FILM.read_bytes())[0] == 200
        assert list(tmp_path.rglob("film.dcm"))
        os.kill(viewer.descendants()[0], signal.SIGKILL)
        assert wait_until(lambda: [path.name for path in left_behind(tmp_path)] == ["in-use"], 20)
        assert visitor.ask("session")[0] == 410
    finally:
        assert viewer.stop() == 0


def test_folders_of_a_viewer_that_was_killed_go_at_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    killed = Viewer()
    Visitor(killed.address, killed.entry)
    pids = [killed.process.pid, *killed.descendants()]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not any(is_running(pid) for pid in pids[1:]))
    left = {path for path in tmp_path.iterdir() if path.name.startswith("SpineAlignmentViewer")}
    killed.stop()
    assert left
    first = Viewer()
    second = Viewer()
    try:
        assert not any(path.exists() for path in left)
        time.sleep(1)
        assert len([path for path in tmp_path.iterdir() if path.name.startswith("SpineAlignmentViewer")]) == 2
    finally:
        first.stop()
        second.stop()
    assert wait_until(lambda: not list(tmp_path.iterdir()))


def test_refused_uploads_leave_nothing_and_show_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    secret = tmp_path / "secret.raw"
    secret.write_bytes(b"not to be seen " * 2000)
    header = f"ObjectType = Image\nNDims = 2\nDimSize = 100 200\nElementType = MET_UCHAR\nElementDataFile = {secret}\n"
    viewer = Viewer()
    try:
        visitor = Visitor(viewer.address, viewer.entry)
        for name, content in (
            ("header.mha", header.encode()),
            ("cut.dcm", SAMPLE_FILM.read_bytes()[:200_000]),
            ("text.png", b"\x89PNG\r\n\x1a\n" + b"no picture" * 5000),
        ):
            status, answer = visitor.ask(f"upload?name={name}", content)
            assert status == 200 and name in json.loads(answer)["error"] and str(tmp_path) not in answer.decode()
        assert not [path for path in left_behind(tmp_path) if path.name in ("header.mha", "cut.dcm", "text.png")]
        assert visitor.ask("download/png")[0] == 404
    finally:
        viewer.stop()
