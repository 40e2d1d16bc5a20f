"""The node between real peers: senders of films and a real archive (Orthanc), killed and stopped in between."""

import io
import os
import random
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pydicom
import pytest

from SpineAlignmentLib.command_line import main
from SpineAlignmentLib.dicom.node.film_queue import FilmQueue, key_of
from SpineAlignmentLib.dicom.node.peers import Peer
from SpineAlignmentLib.dicom.node.receiving import WatchedFolder
from SpineAlignmentLib.errors import ResultError
from Testing.library.films import dicom, pattern
from Testing.library.node_process import NodeProcess, another, associated, send_until_taken, sent_film, until
from Testing.library.orthanc import Orthanc

FILMS = int(os.environ.get("SPINE_ALIGNMENT_NODE_FILMS", "6"))
"""Of the test that kills; more take longer."""
LONGEST_S = 120 + 60 * FILMS
PATIENT = ("Doe", "Jane", "SECRET-77", "19500102")


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return pydicom.dcmread(sent_film(tmp_path_factory.mktemp("film") / "film.dcm"))


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


def test_every_film_has_its_results_once_whatever_is_killed(archive, film, started):
    films = [another(film) for _ in range(FILMS)]
    uids = sorted(str(one.SOPInstanceUID) for one in films)
    node = started()
    chance = random.Random(3)
    with ThreadPoolExecutor(4) as pool:
        sending = [pool.submit(send_until_taken, node.port, films[i::4], LONGEST_S) for i in range(4)]
        for kill in range(3):
            time.sleep(chance.uniform(1, 8))
            if kill == 1:
                archive.stop()
            node.kill()
            node.start()
        for one in sending:
            one.result()
    archive.start()
    until(lambda: len(archive.films_of("SR")) >= FILMS and len(archive.films_of("PR")) >= FILMS, LONGEST_S)
    send_until_taken(node.port, films[:3], LONGEST_S)
    until(lambda: not any((node.folder / "results").glob("*.dcm")), LONGEST_S)
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
        lambda: archive.films_of("SR") == [str(good.SOPInstanceUID)] and not any((node.folder / "received").iterdir()),
        LONGEST_S,
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
    titles = ("", " ", "R\u00f6ntgen", "A\\B", "TOO_LONG_TITLE_FOR_DICOM")
    for archive in ("ORTHANC", "ORTHANC@host", "A@host:99999", *(f"{title}@host:4242" for title in titles)):
        with pytest.raises(SystemExit) as end:
            main(["node", "--folder", str(tmp_path), "--send-to", archive])
        assert end.value.code == 2 and len(capsys.readouterr().err.splitlines()) == 1
    assert Peer.parsed("ORTHANC@[::1]:4242") == Peer("ORTHANC", "::1", 4242)
    node = ["node", "--folder", str(tmp_path / "n"), "--send-to", "A@127.0.0.1:1"]
    for option, value in (
        *(("--port", "99999"), ("--port", "-1"), ("--port", "dicom"), ("--workers", "0")),
        *(("--aet", "A_TITLE_THAT_IS_TOO_LONG"), ("--aet", " "), ("--allow", "R\u00f6ntgen"), ("--allow", "A\\B")),
    ):
        with pytest.raises(SystemExit) as end:
            main([*node, f"{option}={value}"])
        error = capsys.readouterr().err
        assert end.value.code == 2 and option in error and len(error.splitlines()) == 1
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
