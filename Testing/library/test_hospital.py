"""The words of docs/hospital.md, tried: the service by systemd, the settings and the script by a real Orthanc."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pydicom
import pytest

from SpineAlignmentLib.command_line import main
from Testing.library.node_process import NodeProcess, another, sent_film, until
from Testing.library.orthanc import Orthanc

GUIDE = (Path(__file__).parents[2] / "docs" / "hospital.md").read_text()


def block(first: str) -> str:
    """The indented block of the guide that begins with a line."""
    lines = GUIDE[GUIDE.index(f"    {first}") :].splitlines()
    end = next((i for i, line in enumerate(lines) if line and not line.startswith("    ")), len(lines))
    return "\n".join(line[4:] for line in lines[:end]).strip() + "\n"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd")
def test_the_service_is_understood_by_systemd(tmp_path):
    unit = block("[Unit]")
    path = tmp_path / "spine-alignment.service"
    # the place of the command is checked too
    path.write_text(unit.replace("/opt/spine-alignment/bin/spine-alignment", sys.executable))
    done = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    path.write_text(path.read_text().replace("StateDirectory=", "StateDirectoryy="))
    wrong = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True, check=False)
    assert "StateDirectoryy" in wrong.stderr


def test_the_commands_are_those_of_this_version(capsys):
    commands = re.findall(r"(?:^    |`)(?:\S*/)?spine-alignment ((?:node|detect|measure) [^`\n]*)", GUIDE, re.MULTILINE)
    assert len(commands) >= 4
    for command in commands:
        words = command.replace("--tls CERT KEY CA", "").rstrip("\\").split()
        with pytest.raises(SystemExit) as end:
            main([words[0], "--help"])
        said = capsys.readouterr().out
        assert end.value.code == 0
        assert [word for word in words if word.startswith("--") and word not in said] == []


def test_orthanc_sends_and_receives_as_told(tmp_path):
    film = another(pydicom.dcmread(sent_film(tmp_path / "film.dcm")))
    script = tmp_path / "spine.lua"
    script.write_text(block("function OnStoredInstance"))
    known = json.loads("{" + block('"DicomModalities"') + "}")
    title, host, _ = known["DicomModalities"]["spine"]
    archive = Orthanc(tmp_path / "orthanc")
    node = NodeProcess(tmp_path / "node", f"ORTHANC@127.0.0.1:{archive.port}", "--capture")
    try:
        archive.stop()
        known["DicomModalities"]["spine"] = [title, host, node.port]
        archive.configure({**known, "LuaScripts": [str(script)]})
        archive.start()
        archive.ask("/modalities/spine/echo", {})
        film.save_as(tmp_path / "film.dcm")
        archive.ask("/instances", (tmp_path / "film.dcm").read_bytes())
        until(
            lambda: archive.films_of("PR") != [] and archive.films_of("SR") != [] and archive.films_of("OT") != [], 300
        )
        for kind in ("SR", "PR", "OT"):
            assert archive.films_of(kind) == [str(film.SOPInstanceUID)]
        (study,) = archive.ask("/studies")
        assert len(archive.ask(f"/studies/{study}/series")) == 4
    finally:
        node.kill()
        archive.stop()
