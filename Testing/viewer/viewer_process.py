"""The viewer as a user starts it, and its page as a user sees it."""

import json
import re
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib import results
from SpineAlignmentLib.jobs.child_process import worker_environment
from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.measurement.parameters import KEYS

BROWSER_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
)  # fmt: skip
CHROMIUM = "/usr/bin/chromium"
WINDOW = {"width": 1366, "height": 768}
PATIENCE_MS = 120_000
WATCH_FOR_WORK = """() => {
    window.work = new Promise(seen => {
        const watch = new MutationObserver(() => {
            if (document.querySelector(".progress")) { watch.disconnect(); seen(); }
        });
        watch.observe(document.body, { childList: true, subtree: true });
    });
}"""


class Viewer:
    """`spine-alignment view` in a process of its own."""

    def __init__(
        self, *arguments: str, idle_s: int | None = None, sessions: int | None = None, sources: Path | None = None
    ) -> None:
        command = [sys.executable, "-m", "SpineAlignmentLib", "view", "--port", "0", "--no-browser", *arguments]
        if idle_s is not None or sessions is not None:
            code = (
                "from SpineAlignmentLib.viewer import command, people; "
                f"people.MAX_SESSIONS = {sessions or 8}; "
                f"command.view(port=0, browser=False, idle_s={idle_s or 900})"
            )
            command = [sys.executable, "-c", code]
        environment = worker_environment()
        # not among the corrections of whoever runs the tests
        self._state = tempfile.TemporaryDirectory(prefix="ViewerState")
        environment.setdefault("XDG_STATE_HOME", self._state.name)
        if sources is not None:
            # another commit's, checked out there
            environment["PYTHONPATH"] = str(sources)
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, cwd=sources
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"http://\S+", line)
        if found is None:
            raise RuntimeError(line + self.process.stdout.read())
        self.entry = found.group()
        """The address that it printed, with the key."""
        self.address, _, self.key = self.entry.partition("?key=")
        self.said = line

    def next_line(self) -> str:
        """The next line that it says."""
        assert self.process.stdout is not None
        self.said += (line := self.process.stdout.readline())
        return line

    def stop(self, how: int = signal.SIGTERM) -> int:
        """End it; returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        rest, _ = self.process.communicate(timeout=60)
        self.said += rest or ""
        self._state.cleanup()
        return self.process.returncode

    def descendants(self) -> list[int]:
        """Process ids of its sessions and of their detection processes."""
        return _descendants(self.process.pid)


def _descendants(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += [int(child), *_descendants(int(child))]
    return found


def is_running(pid: int) -> bool:
    """Whether a process is there and not only waiting to be forgotten."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@dataclass
class Page:
    """The page with what tests need of it."""

    page: Any

    def open_sample(self) -> None:
        """Press "Sample film" and wait until it is there."""
        self.page.click("#sample")
        self.page.wait_for_selector("#detect")

    def detect(self) -> None:
        """Press "Detect landmarks" and wait for the numbers."""
        self.start_detection()
        self.page.wait_for_selector("#detect")
        self.page.wait_for_function("document.querySelector('[data-key=SS] .value')?.textContent.includes('°')")

    def start_detection(self) -> None:
        """Press "Detect landmarks" and wait until it is under way, be that for a moment only."""
        self.page.evaluate(WATCH_FOR_WORK)
        self.page.click("#detect")
        self.page.evaluate("() => window.work")

    def send(self, *files: Path) -> None:
        """Choose files with the file dialog."""
        self.page.set_input_files("#files", [str(file) for file in files])

    def value(self, key: str) -> str:
        """What the table says of a parameter."""
        return str(self.page.text_content(f"[data-key='{key}'] .value")).strip()

    def values(self) -> dict[str, str]:
        """What the table says."""
        return {key: self.value(key) for key in KEYS}

    def download(self, kind: str) -> bytes:
        """A file as the page's link gives it."""
        answer = self.page.request.get(self.page.url.replace("index.html", "") + f"download/{kind}")
        assert answer.ok, answer.text()
        return bytes(answer.body())

    def annotation(self) -> results.Annotation:
        """What is exported as JSON now."""
        return results.from_json(json.loads(self.download("json")))

    def screen(self, xy: NDArray[np.float64], film: results.Annotation) -> NDArray[np.float64]:
        """Where a film pixel is on the page while the film is shown whole in the middle of its area."""
        box = self.page.locator("main.film").bounding_box()
        size = np.array(film.size_px)
        step = np.array(film.pixel_size)
        scale = float((size * step / (box["width"], box["height"])).max())
        middle = np.array([box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])
        return np.asarray(middle + (xy - (size - 1) / 2) * step / scale)

    def film_step(self, film: results.Annotation) -> NDArray[np.float64]:
        """Film pixels (x, y) in a pixel of the page."""
        at = self.screen(np.array([[0.0, 0.0], [1.0, 1.0]]), film)
        return np.asarray(1 / (at[1] - at[0]))

    def drag_landmark(self, name: str, film: results.Annotation, by: tuple[int, int]) -> None:
        """Drag a landmark with the mouse and wait until it is reported as moved."""
        self.drag(self.screen(film.points_px[INDEX[name]], film), by, on=f"{name}:")
        self.says(f"{name}: adjusted")

    def drag(self, start: NDArray[np.float64], by: tuple[int, int], button: str = "left", on: str = "") -> None:
        """Drag with the mouse as a hand does: not before the page says what is under the pointer."""
        mouse = self.page.mouse
        x, y = (round(float(v)) for v in start)
        mouse.move(x + 3, y + 3)
        mouse.move(x, y)
        self.says(on)
        self.page.wait_for_timeout(200)
        mouse.down(button=button)
        mouse.move(x + by[0], y + by[1], steps=6)
        mouse.up(button=button)
        self.settle()

    def says(self, start: str) -> None:
        """Wait until the line below the film begins so."""
        self.page.wait_for_function("s => document.querySelector('.mouse').textContent.startsWith(s)", arg=start)

    def settle(self) -> None:
        """Wait until the view has been the same for a while."""
        last = b""
        for _ in range(40):
            self.page.wait_for_timeout(400)
            shown = self.page.locator("main.film").screenshot()
            if shown == last:
                return
            last = shown

    def press(self, *keys: str) -> None:
        """Press keys one after the other and wait for what they do."""
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()
