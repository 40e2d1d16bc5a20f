"""Who may come in, and what is left behind."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from SpineAlignmentLib.viewer.command import SAMPLE_FILM
from Testing.viewer.other_user import listening
from Testing.viewer.strangers import Visitor, wait_until
from Testing.viewer.viewer_process import Viewer, is_running


def left_behind(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("module", ["command", "session"])
def test_the_page_does_not_wait_for_heavy_libraries(module):
    code = f"import sys, SpineAlignmentLib.viewer.{module}; print({{'numpy', 'vtk', 'slicer'}} & sys.modules.keys())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_films_and_processes_are_gone_at_the_end_and_nobody_was_named(tmp_path, monkeypatch, how):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    viewer = Viewer()
    visitor = Visitor(viewer.address, viewer.entry)
    assert visitor.status == 200
    status, answer = visitor.ask("upload?name=" + quote("../Doe^Jane.dcm"), SAMPLE_FILM.read_bytes())
    assert (status, json.loads(answer)) == (200, {"error": ""})
    kept = [path for path in left_behind(tmp_path) if path.name != "in-use"]
    assert [path.name for path in kept] == ["Doe^Jane.dcm"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in (kept[0].parent, kept[0].parents[1], kept[0].parents[2]))
    assert json.loads(visitor.ask("download/json")[1])["film"] == "Doe^Jane.dcm"
    children = viewer.descendants()
    assert children
    viewer.stop(how)
    assert wait_until(lambda: not any(is_running(pid) for pid in children))
    assert wait_until(lambda: not list(tmp_path.iterdir()))
    assert "Doe" not in viewer.said and viewer.said.count("\n") == 1


def test_other_pages_and_other_names_of_this_computer_are_refused(viewer):
    visitor = Visitor(viewer.address, viewer.entry)
    assert visitor.ask(Host="evil.example")[0] == 403
    assert visitor.ask(Origin="http://evil.example")[0] == 403
    assert Visitor(viewer.address).ask("download/json")[0] == 401


def test_only_loopback_is_listened_on(viewer):
    port = viewer.address.rstrip("/").rsplit(":", 1)[1]
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    assert f"0100007F:{int(port):04X}" in listening and f"00000000:{int(port):04X}" not in listening


def test_another_host_asks_for_the_access_key():
    viewer = Viewer("--host", "127.0.0.2")
    try:
        key = viewer.next_line().split()[2]
        visitor = Visitor(viewer.address)
        status, page = visitor.ask()
        assert status == 401 and b"access key" in page and key.encode() not in page
        assert visitor.ask("access", urlencode({"key": "wrong"}).encode())[0] == 401
        assert visitor.ask("download/json")[0] == 401
        assert visitor.ask("access", urlencode({"key": key}).encode())[0] == 200
        assert visitor.ask("page/page.css")[0] == 200
        assert Visitor(viewer.address).ask("page/page.css")[0] == 401
    finally:
        assert viewer.stop() == 0


def test_a_film_that_is_not_there_and_a_port_in_use_are_said_in_one_line(viewer, tmp_path):
    with pytest.raises(RuntimeError, match=r"absent\.dcm: no such file\n$"):
        Viewer(str(tmp_path / "absent.dcm"))
    port = viewer.address.rstrip("/").rsplit(":", 1)[1]
    with pytest.raises(RuntimeError, match="choose another with --port"):
        Viewer("--port", port)


def test_a_session_does_not_answer_without_its_key(viewer):
    Visitor(viewer.address, viewer.entry)
    addresses = [address for pid in viewer.descendants() for address in listening(pid)]
    assert addresses
    for address in addresses:
        assert Visitor(address).ask("index.html")[0] == 403
