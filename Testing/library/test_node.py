"""The node between real peers: senders of films and a real archive (Orthanc), killed and stopped in between."""

import io
import os
import random
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid
from pynetdicom import AE

from SpineAlignmentLib.command_line import main
from SpineAlignmentLib.dicom.node.film_queue import FilmQueue, key_of
from SpineAlignmentLib.dicom.node.peers import Peer
from SpineAlignmentLib.dicom.node.receiving import WatchedFolder
from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.film.reading import read_film
from Testing.library.films import SAMPLE_FILM, dicom, pattern
from Testing.library.orthanc import Orthanc, free_port, wait_for_port

FILMS = int(os.environ.get("SPINE_ALIGNMENT_NODE_FILMS", "6"))
"""Of the test that kills; more take longer."""
PATIENT = ("Doe", "Jane", "SECRET-77", "19500102")


def sent_film(path: Path) -> Path:
    """The sample film, small and uncompressed, as another object."""
    pixels = np.asarray(Image.fromarray(read_film(SAMPLE_FILM).pixels.astype(np.uint16)).resize((454, 1084)))
    return dicom(path, pixels, bits=16, spacing=(0.76, 0.76), PatientOrientation=["P", "F"])


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return pydicom.dcmread(sent_film(tmp_path_factory.mktemp("film") / "film.dcm"))


def another(film, **tags):
    copy = deepcopy(film)
    copy.SOPInstanceUID = copy.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    copy.SeriesInstanceUID, copy.StudyInstanceUID = generate_uid(), generate_uid()
    for keyword, value in tags.items():
        setattr(copy, keyword, value)
    return copy


def associated(port: int, title: str = "MODALITY"):
    entity = AE(ae_title=title)
    entity.add_requested_context(ComputedRadiographyImageStorage, ExplicitVRLittleEndian)
    entity.add_requested_context("1.2.840.10008.1.1")
    entity.connection_timeout = entity.acse_timeout = entity.dimse_timeout = 30
    return entity.associate("127.0.0.1", port, ae_title="SPINE")


def send_until_taken(port: int, films) -> None:
    """What a modality does: send until each film is said to be safe."""
    waiting = list(films)
    until = time.monotonic() + 120 + 60 * FILMS
    while waiting and time.monotonic() < until:
        association = associated(port)
        while association.is_established and waiting:
            status = association.send_c_store(waiting[0])
            if "Status" in status and status.Status == 0x0000:
                waiting.pop(0)
            else:
                break
        if association.is_established:
            association.release()
        if waiting:
            time.sleep(0.3)
    assert not waiting


class NodeProcess:
    """`spine-alignment node` as its own process."""

    def __init__(self, folder: Path, archive: str, *options: str) -> None:
        self.port, self.folder, self.log = free_port(), folder, folder.with_suffix(".log")
        self._command = [
            *(sys.executable, "-m", "SpineAlignmentLib", "node", "--folder", str(folder), "--send-to", archive),
            *("--port", str(self.port), *options),
        ]
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log)
        wait_for_port(self.port)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        self.process.terminate()
        return self.process.wait(timeout=60)


@pytest.fixture
def archive(tmp_path):
    orthanc = Orthanc(tmp_path / "orthanc")
    yield orthanc
    orthanc.stop()


@pytest.fixture
def started(tmp_path, archive):
    """Starts a node that sends to the archive."""
    nodes = []

    def start(*options):
        nodes.append(NodeProcess(tmp_path / "node", f"ORTHANC@127.0.0.1:{archive.port}", *options))
        return nodes[-1]

    yield start
    for node in nodes:
        node.kill()


def until(condition, seconds: float = 120 + 60 * FILMS) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(1)


def test_every_film_has_its_results_once_whatever_is_killed(archive, film, started):
    films = [another(film) for _ in range(FILMS)]
    uids = sorted(str(one.SOPInstanceUID) for one in films)
    node = started()
    chance = random.Random(3)
    with ThreadPoolExecutor(4) as pool:
        sending = [pool.submit(send_until_taken, node.port, films[i::4]) for i in range(4)]
        for kill in range(3):
            time.sleep(chance.uniform(1, 8))
            if kill == 1:
                archive.stop()
            node.kill()
            node.start()
        for one in sending:
            one.result()
    archive.start()
    until(lambda: len(archive.films_of("SR")) >= FILMS and len(archive.films_of("PR")) >= FILMS)
    send_until_taken(node.port, films[:3])
    until(lambda: not any((node.folder / "results").glob("*.dcm")))
    assert node.end() in (0, 130)
    for modality in ("SR", "PR"):
        assert Counter(archive.films_of(modality)) == Counter(uids)
    assert list((node.folder / "received").glob("*.dcm")) == []
    log = node.log.read_text()
    assert "came again" in log and "Traceback" not in log
    assert not any(word in log for word in PATIENT)


def test_films_that_are_none_and_callers_that_may_not(archive, film, started):
    node = started("--allow", "ORTHANC", "--allow", "CT1")
    assert not associated(node.port, "STRANGER").is_established
    association = associated(node.port, "CT1")
    assert association.send_c_echo().Status == 0x0000
    bad, good = another(film, PatientOrientation=["L", "F"]), another(film)
    assert association.send_c_store(bad).Status == 0x0000
    association.release()
    content = io.BytesIO()
    good.save_as(content)
    archive.forward(content.getvalue(), "SPINE", node.port)
    until(
        lambda: archive.films_of("SR") == [str(good.SOPInstanceUID)] and not any((node.folder / "received").iterdir())
    )
    node.end()
    log = node.log.read_text()
    assert "association refused: calling title STRANGER" in log
    reasons = [line for line in log.splitlines() if key_of(str(bad.SOPInstanceUID)) in line and "no result" in line]
    assert len(reasons) == 1 and "not a lateral film" in reasons[0]
    assert not any(word in log for word in PATIENT)


def test_watched_folder_takes_whole_files_once(film, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    queue = FilmQueue(tmp_path / "node")
    watched = WatchedFolder(folder, queue)
    another(film).save_as(folder / "a.dcm")
    whole = (folder / "a.dcm").read_bytes()
    (folder / "a.dcm").write_bytes(whole[:2000])
    watched.look()
    (folder / "a.dcm").write_bytes(whole)
    watched.look()
    assert queue.waiting() == []
    (folder / "notes.txt").write_text("no film")
    watched.look()
    (path,) = queue.waiting()
    assert path.read_bytes() == whole
    (folder / "same.dcm").write_bytes(whole)
    for _ in range(3):
        watched.look()
    assert len(queue.waiting()) == 1


def test_queue_goes_on_where_it_was_left(tmp_path):
    queue = FilmQueue(tmp_path)
    assert queue.take("a" * 32, b"film") and not queue.take("a" * 32, b"again")
    (path,) = queue.waiting()
    assert path.read_bytes() == b"film"
    # a crash after results were written and before the film was marked: nothing is sent, the film is done again
    (tmp_path / "results" / f"{'a' * 32}.sr.dcm").write_bytes(b"first try")
    assert FilmQueue(tmp_path).to_send() == [] and len(FilmQueue(tmp_path).waiting()) == 1
    queue.finish("a" * 32, {".sr.dcm": b"second try"})
    (result,) = queue.to_send()
    assert result.read_bytes() == b"second try" and queue.waiting() == []
    # a crash after the mark and before the film was removed
    path.write_bytes(b"film")
    assert FilmQueue(tmp_path).waiting() == []
    assert not queue.take("a" * 32, b"film")
    queue.sent(result)
    assert queue.to_send() == []


@pytest.mark.skipif(sys.platform == "win32", reason="limits of this kind are those of Unix")
def test_a_full_disk_is_said_to_the_sender(tmp_path):
    import resource

    queue = FilmQueue(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(ResultError, match="cannot write"):
            queue.take("b" * 32, bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert queue.waiting() == [] and list((tmp_path / "received").iterdir()) == []
    assert queue.take("b" * 32, bytes(5000))


def test_wrong_use_is_one_line(tmp_path, capsys):
    for archive in ("ORTHANC", "ORTHANC@host", "@host:4242", "TOO_LONG_TITLE_FOR_DICOM@host:1", "A@host:99999"):
        with pytest.raises(SystemExit) as end:
            main(["node", "--folder", str(tmp_path), "--send-to", archive])
        assert end.value.code == 2 and len(capsys.readouterr().err.splitlines()) == 1
    assert Peer.parsed("ORTHANC@[::1]:4242") == Peer("ORTHANC", "::1", 4242)
    node = ["node", "--folder", str(tmp_path / "n"), "--send-to", "A@127.0.0.1:1"]
    (tmp_path / "file").write_text("")
    wrong = {
        "open to others": [*node, "--host", "0.0.0.0"],
        "no such folder to watch": [*node, "--watch", str(tmp_path / "none")],
        "TLS:": [*node, "--tls", "a", "b", "c"],
        "cannot write": ["node", "--folder", str(tmp_path / "file"), "--send-to", "A@127.0.0.1:1"],
    }
    for reason, command in wrong.items():
        assert main(command) == 1
        error = capsys.readouterr().err
        assert reason in error and len(error.splitlines()) == 1


def test_a_film_is_safe_before_its_sender_is_told(tmp_path):
    path = dicom(tmp_path / "f.dcm", pattern())
    queue = FilmQueue(tmp_path / "node")
    key = key_of(str(pydicom.dcmread(path).SOPInstanceUID))
    assert queue.take(key, path.read_bytes())
    assert (tmp_path / "node" / "received" / f"{key}.dcm").read_bytes() == path.read_bytes()
    assert "Doe" not in key and len(key) == 32
