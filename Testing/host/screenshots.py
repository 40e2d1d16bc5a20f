"""The pictures of the documentation, made with the stand-in host: `python -m Testing.host.screenshots [FOLDER]`."""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import slicer
from PIL import Image, ImageQt
from PySide6 import QtWidgets

from SpineAlignmentLib.measurement.landmarks import INDEX
from SpineAlignmentLib.measurement.parameters import KEYS
from SpineAlignmentLib.panels.sample_data import FUSED, WHOLE
from Testing.host import application
from Testing.host.films import load_film
from Testing.pictures import save_for_documentation

RESOURCES = application.ROOT / "SpineAlignment" / "Resources"
THUMBNAIL_PX = (260, 280)
COLORED = 24
"""Difference of a pixel's channels from which it is drawn, not film."""


def folder_for_pictures(module: str) -> Path:
    """The folder that the command line names, or that of the documentation's pictures; made if it is not there."""
    parser = argparse.ArgumentParser(f"python -m Testing.host.{module}", description="Pictures of the documentation.")
    parser.add_argument(
        "folder", nargs="?", type=Path, metavar="FOLDER", default=application.ROOT / "docs" / "screenshots"
    )
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def settle() -> None:
    """Let Qt and the view finish what they have to do."""
    for _ in range(12):
        QtWidgets.QApplication.processEvents()


def save(host: application.Host, path: Path) -> None:
    """A picture of the host's window."""
    settle()
    save_for_documentation(ImageQt.fromqpixmap(host.grab()), path)


def small(image: Image.Image) -> Image.Image:
    """The same picture in 100 grays and 100 colors: a radiograph stays gray and its drawings keep their colors."""
    rgb = np.asarray(image.convert("RGB"))
    colored = rgb[np.ptp(rgb, axis=2) > COLORED][None]
    drawn = Image.fromarray(colored).quantize(100, Image.Quantize.MAXCOVERAGE).getpalette() or []
    grays = [int(v) for v in np.repeat(np.linspace(0, 255, 100), 3)]
    palette = Image.new("P", (1, 1))
    palette.putpalette(drawn[:300] + grays)
    return image.convert("RGB").quantize(palette=palette, dither=Image.Dither.NONE)


def detect(widget: Any) -> None:
    """Click Detect landmarks and wait."""
    widget.ui.detectButton.click()
    while widget.logic.queue.busy:
        QtWidgets.QApplication.processEvents()
        time.sleep(0.02)


def look_at_the_pelvis(host: application.Host) -> None:
    """Go to a landmark, closer and with the names of the landmarks."""
    widget = host.widget
    widget.ui.landmarksTable.setCurrentCell(INDEX["S1_A"], 0)
    widget.panel.landmarks.go_to(INDEX["S1_A"])
    node = host.slice.mrmlSliceNode()
    width, height, depth = node.GetFieldOfView()
    node.SetFieldOfView(width / 3, height / 3, depth)
    widget.ui.namesCheckBox.checked = True


def compare(host: application.Host, film: Any) -> None:
    """The film beside the same one with a plate moved by hand, as a later visit."""
    widget = host.widget
    after = load_film(slicer.mrmlScene, WHOLE.film(RESOURCES))
    after.SetName("after surgery")
    alignment = widget.logic.alignment(after)
    alignment.set_detection(widget.logic.alignment(film).detection)
    x, y = alignment.points_px[INDEX["L1_AS"]]
    alignment.set_point("L1_AS", (x, y - 25))
    widget._parameterNode.otherFilm = after
    for name in ("film", "landmarks", "levels", "measurements"):
        getattr(widget.ui, f"{name}CollapsibleButton").collapsed = True
    widget.ui.compareCollapsibleButton.collapsed = False
    widget.logic.showFilm(film)


def main() -> int:
    """Make all pictures."""
    folder = folder_for_pictures("screenshots")
    application.install()
    host = application.Host()
    film = WHOLE.load(RESOURCES)
    host.show()
    widget = host.open_module()
    save(host, folder / "film.webp")
    detect(widget)
    save(host, folder / "module.jpg")
    thumbnail(host, WHOLE.thumbnail(RESOURCES))
    widget.panel.draw(list(KEYS))
    save(host, folder / "all_measurements.webp")
    widget.ui.mainButton.click()
    look_at_the_pelvis(host)
    save(host, folder / "correct.webp")
    widget.ui.namesCheckBox.checked = False
    widget.ui.levelComboBox.setCurrentText("L3")
    widget.ui.cornersCheckBox.click()
    save(host, folder / "corners.webp")
    widget.ui.cornersCheckBox.click()
    fused = FUSED.load(RESOURCES)
    widget._parameterNode.film = fused
    detect(widget)
    save(host, folder / "fused.webp")
    thumbnail(host, FUSED.thumbnail(RESOURCES))
    widget._parameterNode.film = film
    compare(host, film)
    save(host, folder / "compare.webp")
    host.finish()
    return 0


def thumbnail(host: application.Host, path: Path) -> None:
    """The film on screen with its measurements, as the Sample Data module shows it."""
    settle()
    image = ImageQt.fromqpixmap(host.slice.grab())
    side = image.height * THUMBNAIL_PX[0] // THUMBNAIL_PX[1]
    left = (image.width - side) // 2
    cut = image.convert("RGB").crop((left, 0, left + side, image.height)).resize(THUMBNAIL_PX)
    small(cut).save(path, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
