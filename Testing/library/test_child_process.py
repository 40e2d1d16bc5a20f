"""The child that detects landmarks: answers, crashes, and how it ends. The children here are real processes."""

import json
import os
import sys
import time

import numpy as np
import pytest

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.jobs.batch import Batch
from SpineAlignmentLib.jobs.child_process import ChildProcess, worker_environment
from SpineAlignmentLib.jobs.detection_job import CRASHED, DetectionQueue, FilmRequest

ECHO = """
import json, sys
print("a library says hello")
for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps({"id": request["id"], "progress": 0.5, "stage": "half"}), flush=True)
    print(json.dumps({"id": request["id"], "error": "no: " + request["name"]}), flush=True)
"""
DIES = "import os, sys; sys.stdin.readline(); os._exit(3)"
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, file=open(sys.argv[1], "w"), flush=True)
time.sleep(600)
"""


def child(code, *arguments):
    return ChildProcess([sys.executable, "-u", "-c", code, *map(str, arguments)], worker_environment())


def wait(queue, seconds=60):
    end = time.monotonic() + seconds
    while queue.busy:
        assert time.monotonic() < end
        queue.poll()
        time.sleep(0.01)


def request(name, **more):
    return FilmRequest(name=name, pixels=np.zeros((40, 40), np.uint8), **more)


def test_requests_are_answered_in_turn():
    queue = DetectionQueue(child(ECHO))
    said = []
    for name in "abc":
        queue.submit(request(name), lambda _: said.append("done"), said.append, lambda share, _: said.append(share))
    wait(queue)
    assert said == [0.5, "no: a", 0.5, "no: b", 0.5, "no: c"]
    queue.close()
    assert not queue.process.running


def test_a_crash_is_told_and_the_next_request_gets_a_new_child():
    queue = DetectionQueue(child(DIES))
    said = []
    queue.submit(request("a"), said.append, said.append)
    wait(queue)
    assert said == [CRASHED]
    queue.submit(request("b"), said.append, said.append)
    wait(queue)
    assert said == [CRASHED, CRASHED]
    queue.close()


def test_a_program_that_does_not_exist_is_told():
    queue = DetectionQueue(ChildProcess(["/no/such/program"]))
    said = []
    queue.submit(request("a"), said.append, said.append)
    assert "cannot be started" in said[0]
    assert not queue.busy


@pytest.mark.skipif(os.name == "nt", reason="looks at processes through /proc or signals")
def test_cancel_ends_the_whole_tree_at_once(tmp_path):
    queue = DetectionQueue(child(PARENT, tmp_path / "pid"))
    said = []
    queue.submit(request("a"), said.append, said.append)
    end = time.monotonic() + 60
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
        assert time.monotonic() < end
        time.sleep(0.01)
    grandchild = int((tmp_path / "pid").read_text())
    start = time.monotonic()
    queue.cancel()
    assert time.monotonic() - start < 1.0
    while True:
        try:
            os.kill(grandchild, 0)
        except ProcessLookupError:
            break
        status = open(f"/proc/{grandchild}/stat").read().split()[2]  # noqa: PTH123, SIM115
        if status == "Z":
            break
        assert time.monotonic() - start < 5
        time.sleep(0.01)
    assert said == []
    assert not queue.busy


def test_pixels_travel_and_are_removed(tmp_path):
    keep = tmp_path / "seen.json"
    code = (
        "import json, sys, numpy as np\nr = json.loads(sys.stdin.readline())\n"
        "a = np.load(r['pixels'])\n"
        "json.dump([r['pixels'], int(a.sum()), r['spacing_mm'], r['anterior']], open(sys.argv[1], 'w'))\n"
        "print(json.dumps({'id': r['id'], 'error': 'x'}), flush=True)\nsys.stdin.readline()"
    )
    queue = DetectionQueue(child(code, keep))
    pixels = np.arange(1600, dtype=np.uint16).reshape(40, 40)[::-1]
    film = FilmRequest(name="a", pixels=pixels, spacing_mm=(0.2, 0.3), spacing_source="typed", anterior="right")
    queue.submit(film, lambda _: None, lambda _: None)
    wait(queue)
    path, total, spacing, anterior = json.loads(keep.read_text())
    assert (total, spacing, anterior) == (int(pixels.sum()), [0.2, 0.3], "right")
    queue.close()
    assert not os.path.exists(path)  # noqa: PTH110


def test_the_child_ends_with_its_parent():
    process = child(ECHO)
    process.start()
    process._process.stdin.close()
    process._process.wait(30)
    assert not process.running
    process.stop()


def test_a_batch_whose_queue_is_cancelled_lets_go_of_its_folder(tmp_path):
    film = tmp_path / "film.png"
    film.write_bytes(b"\x89PNG")
    batches = [Batch(DetectionQueue(child(ECHO)), [film], tmp_path / "out") for _ in range(2)]
    batches[0].start()
    with pytest.raises(ResultError, match=f"process {os.getpid()} on"):
        batches[1].start()
    batches[0].queue.cancel()
    assert batches[0].finished
    batches[1].start()
    wait(batches[1].queue)
    assert batches[1].failures == {film: "no: film.png"}
    assert "no: film.png" in (tmp_path / "out" / "results.csv").read_text()
