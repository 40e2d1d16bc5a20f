"""What peers of a node do: archives that refuse, are away or full, and senders when the node's own disk is full."""

import time
from collections import Counter
from contextlib import contextmanager

import pydicom
import pytest
from pynetdicom import AE, evt
from pynetdicom.sop_class import ComprehensiveSRStorage, GrayscaleSoftcopyPresentationStateStorage

from SpineAlignmentLib.dicom.node import Node, NodeSettings, Peer
from SpineAlignmentLib.dicom.node.film_queue import FilmQueue
from SpineAlignmentLib.dicom.node.peers import RefusedError, Sending
from SpineAlignmentLib.dicom.node.receiving import WatchedFolder, started_server
from SpineAlignmentLib.dicom.results import dicom_results
from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.film.reading import read_film
from Testing.library.films import dicom, pattern
from Testing.library.node_process import associated, sent_film, until
from Testing.library.orthanc import free_port
from Testing.library.test_dicom_results import annotation, film

resource = pytest.importorskip("resource", reason="limits of this kind are those of Unix")

KEYS = ("a" * 32, "b" * 32)
ENDINGS = (".sr.dcm", ".gsps.dcm")


@contextmanager
def archive(answers, kinds=(ComprehensiveSRStorage, GrayscaleSoftcopyPresentationStateStorage)):
    """A peer that takes objects of some kinds, and answers with the given statuses and then with success."""
    entity = AE("ARCHIVE")
    for kind in kinds:
        entity.add_supported_context(kind)
    waiting, taken = list(answers), Counter()

    def store(event):
        status = waiting.pop(0) if waiting else 0x0000
        taken[event.request.AffectedSOPInstanceUID] += status == 0x0000
        return status

    port = free_port()
    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    yield Peer("ARCHIVE", "127.0.0.1", port), taken
    server.shutdown()


@pytest.fixture
def results(tmp_path):
    """The folder of a node that has the results of two films to send."""
    path = film(tmp_path / "film.dcm", "DX")
    queue = FilmQueue(tmp_path / "node")
    for key in KEYS:
        queue.take(key, path.read_bytes())
        queue.finish(key, dicom_results(path, read_film(path), annotation(path, "DX")))
    assert len(queue.to_send()) == 4
    return tmp_path / "node"


@contextmanager
def started(folder, peer):
    node = Node(NodeSettings(folder, peer, port=None))
    node.start()
    yield
    node.stop()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_an_archive_without_presentation_states_gets_the_reports(results, caplog):
    with archive([], [ComprehensiveSRStorage]) as (peer, taken), started(results, peer):
        until(lambda: not names(results / "results"), 60)
    assert sum(taken.values()) == 2
    assert names(results / "refused") == [f"{key}.gsps.dcm" for key in KEYS]
    told = [r.message for r in caplog.records if "not taken" in r.message]
    assert len(told) == 2 and "Grayscale Softcopy Presentation State Storage" in told[0]
    # another archive, or the same after a change of its settings
    assert len(FilmQueue(results).to_send()) == 2 and names(results / "refused") == []


@pytest.mark.parametrize(("status", "refused"), [(0xC001, 1), (0xA900, 1), (0x0122, 1), (0xA700, 0), (0x0110, 0)])
def test_what_is_refused_for_good_does_not_hold_up_the_rest(results, status, refused):
    with archive([status]) as (peer, taken), started(results, peer):
        until(lambda: not names(results / "results"), 60)
    assert len(names(results / "refused")) == refused
    assert sorted(taken.values()) == [0] * refused + [1] * (4 - refused)


def test_an_archive_that_is_away_is_one_line(results):
    peer = Peer("ARCHIVE", "127.0.0.1", free_port())
    with pytest.raises(ResultError, match=rf"^{peer}: not reached, or it refuses SPINE$") as raised:
        Sending("SPINE", peer, None)
    assert not isinstance(raised.value, RefusedError)
    assert len(FilmQueue(results).to_send()) == 4


@contextmanager
def small_disk(size):
    """No file of this process may become larger."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_the_senders_to_know(tmp_path, caplog):
    data = pydicom.dcmread(sent_film(tmp_path / "film.dcm"))
    queue, port = FilmQueue(tmp_path / "node"), free_port()
    server = started_server(queue, "SPINE", ("127.0.0.1", port), (), None)
    association = associated(port)
    try:
        with small_disk(10_000):
            assert association.send_c_store(data).Status == 0xA700
        assert queue.waiting() == [] and names(tmp_path / "node" / "received") == []
        assert association.send_c_store(data).Status == 0x0000
        assert len(queue.waiting()) == 1
    finally:
        association.release()
        server.shutdown()
    told = [r.message for r in caplog.records if "refused" in r.message]
    assert len(told) == 1 and "cannot write" in told[0] and "Doe" not in told[0]


def test_a_full_disk_keeps_the_film(tmp_path):
    queue = FilmQueue(tmp_path)
    queue.take(KEYS[0], b"film")
    with small_disk(1000), pytest.raises(ResultError, match="cannot write"):
        queue.finish(KEYS[0], {".sr.dcm": bytes(100), ".gsps.dcm": bytes(5000)})
    assert len(queue.waiting()) == 1 and queue.to_send() == [] and names(tmp_path / "results") == []


def test_bad_files_of_a_watched_folder_are_said_once(tmp_path, caplog):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "Doe^Jane.txt").write_text("no film")
    whole = dicom(folder / "Doe.dcm", pattern()).read_bytes()
    (folder / "Doe^damaged.dcm").write_bytes(whole[:140] + bytes(range(255, 60, -1)))
    watched = WatchedFolder(folder, FilmQueue(tmp_path / "node"))
    with small_disk(1000):
        for _ in range(4):
            watched.look()
            time.sleep(0.01)
    told = [r.message for r in caplog.records]
    assert len(told) == 3 and sum("cannot write" in text for text in told) == 1
    assert not any("Doe" in text for text in told)
    watched.look()
    assert len(names(tmp_path / "node" / "received")) == 1
