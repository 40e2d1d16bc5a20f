"""How simulated films differ from real ones: intensities, power spectra and local contrast, region by region.

    python -m Training.simulation.realism --films DIR --simulated DIR --output DIR

Every film needs an annotation beside it (same name, .json): the project's own format, or a simple one with `points`
{NAME: [x, y, ...]} and `spacing_mm`. Films are brought to one spacing and cut around landmarks, so that the same part
of the body is compared, as the film shows it and as the networks see it. Written are `realism.csv`, one figure for
each statistic, and `bodies.png`, the average vertebral bodies and hips of both in their own frames, with the profiles
across them. Real films are only read; nothing of them but these statistics is written.
"""

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from SpineAlignmentLib.errors import ResultError
from SpineAlignmentLib.film.preprocessing import INPUT_SIZE, fit_film, network_input
from SpineAlignmentLib.results.files import make_folder
from Training.simulation.body_averages import AnnotatedFilm, Marks, averages
from Training.simulation.body_averages import draw as draw_bodies

Image = NDArray[np.float32]

SUFFIXES: Final[tuple[str, ...]] = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".dcm")
PATCH: Final[int] = 96
"""Side of a patch in pixels."""
SPACING_MM: Final[float] = 1.0
"""Patches are compared at this pixel size: about that of the networks' input."""
REGIONS: Final[dict[str, tuple[tuple[str, float, float], ...]]] = {
    "neck": (("C5_C", 0.0, 0.0),),
    "shoulders": (("T2_C", 10.0, 0.0),),
    "chest": (("T7_C", 40.0, 0.0),),
    "thoracic spine": (("T8_C", 0.0, 0.0), ("T10_C", 0.0, 0.0)),
    "lumbar spine": (("L2_C", 0.0, 0.0), ("L4_C", 0.0, 0.0)),
    "abdomen": (("L3_C", 90.0, 0.0),),
    "sacrum": (("S1_A", -20.0, 25.0),),
    "hips": (("FH_1", 0.0, 0.0),),
}
"""Region: patch centers as (landmark, millimeters in front of it, millimeters below it)."""
STATISTICS: Final[tuple[str, ...]] = (
    "mean",
    "deviation",
    "local_contrast",
    "noise",
    "network_deviation",
    "network_local_contrast",
    "spectral_slope",
)


@dataclass(frozen=True)
class Patch:
    """One region of one film."""

    region: str
    gray: Image
    """(96, 96), gray over the film's 99.5th percentile."""
    network: Image
    """(96, 96), the same place as the networks see it."""


def read_film(path: Path) -> Image:
    """Gray values of a picture or DICOM file, bone bright.

    Raises:
        ValueError: the file cannot be read; the message names it.
    """
    if path.suffix.lower() == ".dcm":
        import pydicom

        data = pydicom.dcmread(path)
        pixels = data.pixel_array.astype(np.float32)
        return np.asarray(pixels.max() - pixels if data.PhotometricInterpretation == "MONOCHROME1" else pixels)
    pixels_read = cv2.imread(str(path), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_GRAYSCALE)
    if pixels_read is None:
        raise ValueError(f"{path} is not a picture that can be read; convert it to PNG")
    return np.asarray(pixels_read, np.float32)


def read_annotation(path: Path) -> tuple[dict[str, tuple[float, float]], float, str]:
    """Landmarks in film pixels, pixel size in millimeters and the side the patient faces.

    Raises:
        ValueError: the file carries no landmarks or no spacing; the message names it.
    """
    content: dict[str, Any] = json.loads(path.read_text())
    marks: dict[str, tuple[float, float]] = {}
    for name, mark in (content.get("landmarks") or content.get("points") or {}).items():
        if isinstance(mark, dict):
            marks[name] = (float(mark["x_px"]), float(mark["y_px"]))
        elif mark is not None:
            marks[name] = (float(mark[0]), float(mark[1]))
    spacing = content.get("spacing_mm")
    if not marks or not spacing:
        raise ValueError(f"{path} has no 'landmarks' (or 'points') or no 'spacing_mm'; add both")
    return marks, float(spacing[1]), str(content.get("anterior", "left"))


def cut_patches(film: Image, marks: Marks, spacing_mm: float, anterior: str) -> list[Patch]:
    """The regions' patches of a film, mirrored to face left; patches that reach past the film are left out."""
    sign = -1.0 if anterior == "left" else 1.0
    top = max(float(np.percentile(film, 99.5)), 1e-6)
    frame = fit_film((film.shape[1], film.shape[0]), anterior=anterior)
    seen = network_input(film, frame)
    patches = []
    for region, places in REGIONS.items():
        for name, forward, down in places:
            if name not in marks:
                continue
            center = np.array(marks[name]) + np.array([sign * forward, down]) / spacing_mm
            reach = PATCH / 2 * SPACING_MM / spacing_mm
            if (center - reach < 0).any() or (center + reach > (film.shape[1], film.shape[0])).any():
                continue
            gray = _resampled(film, center, SPACING_MM / spacing_mm, sign)
            network = _resampled(seen, frame.to_network(center), SPACING_MM / spacing_mm / frame.step[1], -1.0)
            patches.append(Patch(region, gray / np.float32(top), network))
    return patches


def _resampled(image: Image, center: NDArray[np.float64], step: float, sign: float) -> Image:
    """A patch of 96 x 96 pixels of `step` image pixels; fine images are smoothed first."""
    reach = int(np.ceil(PATCH / 2 * step)) + 8
    x0, y0 = max(int(center[0]) - reach, 0), max(int(center[1]) - reach, 0)
    piece = image[y0 : int(center[1]) + reach, x0 : int(center[0]) + reach]
    if step > 1.5:
        piece = np.asarray(cv2.GaussianBlur(piece, (0, 0), 0.42 * step), np.float32)
    matrix = np.array(
        [
            [-sign * step, 0, center[0] - x0 + sign * step * (PATCH - 1) / 2],
            [0, step, center[1] - y0 - step * (PATCH - 1) / 2],
        ]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(piece, matrix, (PATCH, PATCH), flags=flags, borderMode=cv2.BORDER_REPLICATE))


def spectrum(patch: Image) -> NDArray[np.float64]:
    """Radial power spectrum of a patch (Hann window), one value for each cycle in the patch, 1 to 47."""
    window = np.hanning(PATCH)[:, None] * np.hanning(PATCH)[None, :]
    power = np.abs(np.fft.fftshift(np.fft.fft2((patch - patch.mean()) * window))) ** 2
    axis = np.arange(PATCH) - PATCH // 2
    ring = np.hypot(*np.meshgrid(axis, axis)).round().astype(int)
    total = np.bincount(ring.ravel(), power.ravel()) / np.bincount(ring.ravel())
    return np.asarray(total[1 : PATCH // 2])


def statistics(patch: Patch) -> dict[str, float]:
    """The numbers compared for one patch; names as in `STATISTICS`."""
    fine = patch.gray - cv2.GaussianBlur(patch.gray, (0, 0), 4)
    grain = patch.gray - cv2.medianBlur(patch.gray, 3)
    network_fine = patch.network - cv2.GaussianBlur(patch.network, (0, 0), 4)
    power = spectrum(patch.network)
    cycles = np.arange(1, PATCH // 2)
    slope = np.polyfit(np.log(cycles[3:40]), np.log(power[3:40] + 1e-12), 1)[0]
    return {
        "mean": float(patch.gray.mean()),
        "deviation": float(patch.gray.std()),
        "local_contrast": float(fine.std()),
        "noise": float(1.48 * np.median(np.abs(grain))),
        "network_deviation": float(patch.network.std()),
        "network_local_contrast": float(network_fine.std()),
        "spectral_slope": float(slope),
    }


def annotated_films(folder: Path) -> Iterator[AnnotatedFilm]:
    """All annotated films of a folder, one at a time."""
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES):
        annotation = path.with_suffix(".json")
        if not annotation.exists():
            print(f"{path.name}: no annotation beside it, left out", file=sys.stderr)
            continue
        yield (read_film(path), *read_annotation(annotation))


def collect(folder: Path) -> list[Patch]:
    """All patches of all annotated films of a folder."""
    return [patch for film in annotated_films(folder) for patch in cut_patches(*film)]


def write_table(real: list[Patch], simulated: list[Patch], path: Path) -> None:
    """One row a region and statistic: medians, spreads and the effect size between the two groups."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["region", "statistic", "real_median", "real_iqr", "simulated_median", "simulated_iqr", "shift_in_iqr"]
        )
        for region in REGIONS:
            groups = [[statistics(p) for p in group if p.region == region] for group in (real, simulated)]
            if not all(groups):
                continue
            for name in STATISTICS:
                q = [np.percentile([row[name] for row in group], (25, 50, 75)) for group in groups]
                spread = max(float(q[1][2] - q[1][0]), 1e-6)
                shift = float(q[0][1] - q[1][1]) / spread
                numbers = (q[0][1], q[0][2] - q[0][0], q[1][1], q[1][2] - q[1][0], shift)
                writer.writerow([region, name, *(f"{v:.4g}" for v in numbers)])


def draw(real: list[Patch], simulated: list[Patch], folder: Path) -> None:
    """Histograms, power spectra and local contrast, a panel for each region."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    for kind in ("histograms", "spectra", "local_contrast"):
        figure, axes = plt.subplots(2, 4, figsize=(14, 6), constrained_layout=True)
        for axis, region in zip(axes.ravel(), REGIONS, strict=True):
            for group, color, label in ((simulated, "tab:orange", "simulated"), (real, "tab:blue", "real")):
                patches = [p for p in group if p.region == region]
                if patches:
                    _PANELS[kind](axis, patches, color, f"{label} ({len(patches)})")
            axis.set_title(region)
            if axis.has_data():
                axis.legend(fontsize=7)
        figure.savefig(folder / f"{kind}.png", dpi=80)
        plt.close(figure)


def _histogram_panel(axis: Any, patches: list[Patch], color: str, label: str) -> None:
    values = np.concatenate([p.gray.ravel()[::7] for p in patches])
    axis.hist(values, bins=60, range=(0, 1.1), density=True, histtype="step", color=color, label=label)
    axis.set_xlabel("gray / 99.5th percentile")


def _spectrum_panel(axis: Any, patches: list[Patch], color: str, label: str) -> None:
    power = np.log10([spectrum(p.network) + 1e-12 for p in patches])
    cycles = np.arange(1, PATCH // 2) / (PATCH * SPACING_MM)
    low, middle, high = np.percentile(power, (10, 50, 90), axis=0)
    axis.fill_between(cycles, low, high, color=color, alpha=0.25)
    axis.plot(cycles, middle, color=color, label=label)
    axis.set_xlabel("cycles / mm, as the networks see it")


def _contrast_panel(axis: Any, patches: list[Patch], color: str, label: str) -> None:
    values = [statistics(p) for p in patches]
    axis.scatter(
        [v["local_contrast"] for v in values], [v["network_local_contrast"] for v in values], 9, color, label=label
    )
    axis.set_xlabel("local contrast of the film")
    axis.set_ylabel("as the networks see it")


_PANELS: Final = {"histograms": _histogram_panel, "spectra": _spectrum_panel, "local_contrast": _contrast_panel}


def main(arguments: list[str] | None = None) -> int:
    """Command line; the exit status is 0 when the comparison was written, 2 on bad input."""
    parser = argparse.ArgumentParser(prog="python -m Training.simulation.realism", description=__doc__)
    for name, what in (("films", "real films"), ("simulated", "simulated films"), ("output", "folder for the results")):
        parser.add_argument(f"--{name}", type=Path, required=True, metavar="DIR", help=what)
    options = parser.parse_args(arguments)
    groups = []
    for folder in (options.films, options.simulated):
        if not folder.is_dir():
            print(f"{folder} is not a folder; give one with films and their .json annotations", file=sys.stderr)
            return 2
        try:
            patches = collect(folder)
        except ValueError as error:
            print(error, file=sys.stderr)
            return 2
        if not patches:
            print(f"{folder} holds no annotated film ({', '.join(SUFFIXES)} beside .json)", file=sys.stderr)
            return 2
        groups.append(patches)
    try:
        make_folder(options.output)
    except ResultError as error:
        print(error, file=sys.stderr)
        return 2
    write_table(groups[0], groups[1], options.output / "realism.csv")
    draw(groups[0], groups[1], options.output)
    real, simulated = (averages(annotated_films(folder)) for folder in (options.films, options.simulated))
    draw_bodies(real, simulated, options.output / "bodies.png")
    print(f"{len(groups[0])} real and {len(groups[1])} simulated patches at {INPUT_SIZE} input: {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
