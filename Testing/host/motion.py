"""The moving picture of the README, made with the stand-in host: `python -m Testing.host.motion [FOLDER]`."""

import os
import sys
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PIL import Image, ImageQt

from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.panels.sample_data import WHOLE
from Testing.host import application
from Testing.host.screenshots import RESOURCES, detect, folder_for_pictures, look_at_the_pelvis, settle

WIDTH_PX = 800
DRAG_PX, STEP_PX = 24, 3
"""Film pixels by which a corner is dragged up and back, and between two pictures."""


class Motion:
    """Pictures of a window, each with how long it is shown."""

    def __init__(self, host: application.Host) -> None:
        self._host = host
        self._frames: list[tuple[Image.Image, int]] = []

    def take(self, milliseconds: int) -> None:
        """One more picture of the window as it is."""
        settle()
        frame = ImageQt.fromqpixmap(self._host.grab()).convert("RGB")
        frame.thumbnail((WIDTH_PX, WIDTH_PX), Image.Resampling.LANCZOS)
        self._frames.append((frame, milliseconds))

    def save(self, path: Path) -> None:
        """Write an animated WebP that begins anew at its end."""
        pictures, durations = zip(*self._frames, strict=True)
        first, *others = pictures
        first.save(path, save_all=True, append_images=others, duration=durations, loop=0, quality=55, method=4)


def main() -> int:
    """A film, its landmarks, and the numbers that follow a dragged corner of S1."""
    folder = folder_for_pictures("motion")
    application.install()
    host = application.Host()
    film = WHOLE.load(RESOURCES)
    host.show()
    widget = host.open_module()
    motion = Motion(host)
    motion.take(1500)
    detect(widget)
    motion.take(2000)
    look_at_the_pelvis(host)
    motion.take(1500)
    alignment = widget.logic.alignment(film)
    x, y = alignment.points_px[INDEX["S1_A"]]
    for step in (*range(0, DRAG_PX, STEP_PX), *range(DRAG_PX, 0, -STEP_PX), 0):
        alignment.set_point("S1_A", (x, y - step))
        motion.take(120)
    motion.take(1500)
    motion.save(folder / "in_motion.webp")
    host.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main())
