"""How many vertebral bodies the network of bodies finds on annotated films, and how far their corners are off.

`python -m Training.evaluation.bodies FILMS [--models DIR] [--spacing MM]` reads every film beside which an annotation
lies: this project's, or {NAME: [x, y, confidence]} under "points", of which those of confidence 2 and more count.
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.detection.bodies_network import Bodies, find_bodies, whole_frame
from SpineAlignmentLib.detection.engines import load_answers
from SpineAlignmentLib.detection.models import read_closest_model, read_model
from SpineAlignmentLib.errors import SpineAlignmentError
from SpineAlignmentLib.film.reading import read_film
from SpineAlignmentLib.measurement.landmarks import CORNERS, PRESACRAL_LEVELS, VERTEBRAE

FloatArray = NDArray[np.float64]

NEAR_MM: Final[float] = 8.0
"""A body is found when its center is at most so far off."""
APART_MM: Final[float] = 12.0
"""What is found farther than this from every annotated center, readable or guessed, is none."""
_READABLE: Final[int] = 2
_SUFFIXES: Final[tuple[str, ...]] = (".dcm", ".png", ".jpg")


@dataclass
class Tally:
    """What was counted over films."""

    bodies: int = 0
    found: int = 0
    none: int = 0
    named: int = 0
    """Found bodies that look most like their own level."""
    center_mm: dict[str, list[float]] = field(default_factory=dict)
    corner_mm: dict[str, list[float]] = field(default_factory=dict)
    shift_mm: dict[str, list[FloatArray]] = field(default_factory=dict)
    """Of each level's corners, anterior + and up +."""
    missed: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def truth_of(content: Mapping[str, Any], readable: int = _READABLE) -> dict[str, FloatArray]:
    """Center and corners (5, 2) of every level of an annotation, and of "S1"; NaN where it says nothing.

    Args:
        content: of the annotation file.
        readable: least confidence, where points have one.
    """
    marks = {name: point for name, point in (content.get("landmarks") or content.get("points") or {}).items() if point}
    out = {level: np.full((5, 2), np.nan) for level in (*VERTEBRAE, "S1")}
    for level, own in content.get("vertebrae", {}).items():
        for name, xy in own.items():
            if name in CORNERS:
                out[level][1 + CORNERS.index(name)] = [xy["x_px"], xy["y_px"]]
        out[level][0] = out[level][1:].mean(axis=0)
    for name, point in marks.items():
        if isinstance(point, list):
            if len(point) > 2 and point[2] < readable:
                continue
            xy = point[:2]
        else:
            xy = [point["x_px"], point["y_px"]]
        level, _, part = name.partition("_")
        if level in out and part in ("C", *CORNERS):
            out[level][0 if part == "C" else 1 + CORNERS.index(part)] = xy
        elif level == "S1":
            out["S1"][1 if part == "A" else 2] = xy
    out["S1"][0] = out["S1"][1:3].mean(axis=0)
    return out


def compare(found: Bodies, content: Mapping[str, Any], spacing: tuple[float, float], film: str, tally: Tally) -> None:
    """Adds one film, with the content of its annotation file, to a tally."""
    scale, truth = np.array(spacing), truth_of(content)
    frame = scale * (1.0 if content.get("anterior", "left") == "right" else -1.0, -1.0)
    known = {level: own for level, own in truth.items() if level != "S1" and np.isfinite(own[0]).all()}
    centers = np.array([body.center for body in found.vertebrae]).reshape(-1, 2)
    for level, own in known.items():
        tally.bodies += 1
        distance = np.linalg.norm((centers - own[0]) * scale, axis=1)
        if not len(distance) or distance.min() > NEAR_MM:
            tally.missed.append(f"{film} {level}")
            continue
        tally.found += 1
        body = found.vertebrae[int(distance.argmin())]
        tally.named += VERTEBRAE[int(body.levels.argmax())] == level
        tally.center_mm.setdefault(level, []).append(float(distance.min()))
        _corners(level, body.corners, own[1:], frame, tally)
    if found.plates and np.isfinite(truth["S1"][0]).all():
        _corners("S1", found.plates[0].corners, truth["S1"][1:], frame, tally)
    guessed = np.array([own[0] for level, own in truth_of(content, 0).items() if level != "S1"])
    for body in found.vertebrae:
        distance = np.linalg.norm((guessed - body.center) * scale, axis=1)
        tally.none += bool(np.nanmin(distance) > APART_MM)


def _corners(level: str, found: FloatArray, true: FloatArray, frame: FloatArray, tally: Tally) -> None:
    for shift in (found - true) * frame:
        if np.isfinite(shift).all():
            tally.corner_mm.setdefault(level, []).append(float(np.linalg.norm(shift)))
            tally.shift_mm.setdefault(level, []).append(shift)


def report(tally: Tally) -> str:
    """A table in Markdown."""
    lines = [
        f"{tally.found} of {tally.bodies} bodies found ({_share(tally.found, tally.bodies)}), "
        f"{tally.none} that are none; "
        f"level alike {_share(tally.named, tally.found)}; {1000 * float(np.median(tally.seconds)):.0f} ms a film",
        "",
        "| level | center, median mm | corners, median mm | 90th percentile | their shift, front and up |",
        "| --- | --- | --- | --- | --- |",
    ]
    for level in (*PRESACRAL_LEVELS, "L6", "S1"):
        center, corner = tally.center_mm.get(level, []), tally.corner_mm.get(level, [])
        if center or corner:
            shift = np.median(tally.shift_mm[level], axis=0) if corner else []
            sides = ", ".join(f"{value:+.1f}" for value in shift)
            lines.append(f"| {level} | {_median(center)} | {_median(corner)} | {_percentile(corner)} | {sides} |")
    every = [value for values in tally.corner_mm.values() for value in values]
    centers = [value for values in tally.center_mm.values() for value in values]
    lines.append(f"| all | {_median(centers)} | {_median(every)} | {_percentile(every)} | |")
    return "\n".join(lines)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / max(whole, 1):.1f} %"


def _median(values: list[float]) -> str:
    return f"{np.median(values):.1f}" if values else ""


def _percentile(values: list[float]) -> str:
    return f"{np.percentile(values, 90):.1f}" if values else ""


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 0 done, 2 nothing to compare."""
    parser = argparse.ArgumentParser(
        prog="python -m Training.evaluation.bodies", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("films", type=Path, help="folder of films, each with its annotation")
    parser.add_argument("--models", type=Path, help="folder of models, or of one; the shipped ones by default")
    parser.add_argument("--spacing", type=float, help="size of a film pixel in mm, where annotations say none")
    parser.add_argument("--list", action="store_true", help="name every body that was missed")
    options = parser.parse_args(arguments)
    try:
        single = options.models is not None and (options.models / "model.json").exists()
        model = read_model(options.models) if single else read_closest_model("bodies", options.models)
        if model is None:
            print("error: these models have no network of bodies", file=sys.stderr)
            return 2
        network = load_answers(model)
        tally = Tally()
        for path in sorted(options.films.glob("*.json")):
            film = next((path.with_suffix(s) for s in _SUFFIXES if path.with_suffix(s).exists()), None)
            if film is None:
                continue
            content = json.loads(path.read_text(encoding="utf-8"))
            read = read_film(film)
            x, y = content.get("spacing_mm") or (options.spacing, options.spacing)
            start = time.perf_counter()
            frame = whole_frame(read.size_px, (x, y), content.get("anterior", "left"))
            found = find_bodies(np.asarray(read.pixels), frame, network)
            tally.seconds.append(time.perf_counter() - start)
            compare(found, content, (x, y), path.stem, tally)
    except SpineAlignmentError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if not tally.bodies:
        print(f"error: {options.films}: no films with annotations", file=sys.stderr)
        return 2
    print(report(tally))
    if options.list:
        print("missed: " + ", ".join(tally.missed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
