"""A real archive for tests: Debian's Orthanc on loopback, with a folder of its own."""

import json
import random
import socket
import subprocess
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

PORTS = range(20_000, 32_000)


def free_port() -> int:
    """A port below those that systems give to outgoing connections, which would take it before its server does."""
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("no free port")


def wait_for_port(port: int, seconds: float = 300) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"nothing listens at port {port}")


class Orthanc:
    """The archive; stopped and started again it still has what it had."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port, self._http = free_port(), free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self._settings: dict[str, object] = {
            "StorageDirectory": str(folder / "storage"), "IndexDirectory": str(folder / "index"), "Plugins": [],
            "HttpPort": self._http, "DicomPort": self.port, "DicomAet": "ORTHANC", "DicomAlwaysAllowStore": True,
            "AuthenticationEnabled": False, "RemoteAccessAllowed": False, "OverwriteInstances": False,
        }  # fmt: skip
        self.configure({})
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def configure(self, further: dict[str, object]) -> None:
        """Write its settings with some more, for the next start."""
        (self._folder / "orthanc.json").write_text(json.dumps(self._settings | further))

    def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(["Orthanc", str(self._folder / "orthanc.json")], stdout=log, stderr=log)
        wait_for_port(self.port)
        wait_for_port(self._http)
        assert self._process.poll() is None, (self._folder / "log").read_text()[-2000:]

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=60)
            self._process = None

    def ask(self, path: str, query: object = None, method: str | None = None) -> Any:
        data = query if isinstance(query, bytes | None) else json.dumps(query).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self._http}{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def forward(self, film: bytes, title: str, port: int) -> None:
        """Keep a film and send it to another node, as from the archive's own page."""
        self.ask("/modalities/node", {"AET": title, "Host": "127.0.0.1", "Port": port}, "PUT")
        kept = self.ask("/instances", film)
        self.ask("/modalities/node/store", kept["ID"].encode())

    def films_of(self, modality: str) -> list[str]:
        """The SOP Instance UIDs of the films that the archive's objects of a modality refer to, one for each object."""
        found = self.ask("/tools/find", {"Level": "Series", "Query": {"Modality": modality}})
        instances = [i["ID"] for series in found for i in self.ask(f"/series/{series}/instances")]
        return [_film_of(self.ask(f"/instances/{i}/simplified-tags")) for i in instances]


def _film_of(tags: dict[str, Any]) -> str:
    if "CurrentRequestedProcedureEvidenceSequence" in tags:
        series = tags["CurrentRequestedProcedureEvidenceSequence"][0]["ReferencedSeriesSequence"][0]
        return str(series["ReferencedSOPSequence"][0]["ReferencedSOPInstanceUID"])
    if "SourceImageSequence" in tags:
        return str(tags["SourceImageSequence"][0]["ReferencedSOPInstanceUID"])
    return str(tags["ReferencedSeriesSequence"][0]["ReferencedImageSequence"][0]["ReferencedSOPInstanceUID"])
