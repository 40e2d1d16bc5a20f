"""From a CT with vertebra labels to simulated lateral films with landmarks (`python -m Training.datasets.labeled_ct`).

Bodies are read off the mid-sagittal slab of each label, femoral heads are spheres fitted to the femurs. Patients lie in
a CT and fields of view are short: what is not in the volume stays unlabeled. Label numbers follow VerSe (Sekuboyina et
al. 2021) or TotalSegmentator 2 (Wasserthal et al. 2023).
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from SpineAlignmentLib.errors import FilmError, SpineAlignmentError
from SpineAlignmentLib.measurement.landmarks import COUNT, INDEX, PRESACRAL_LEVELS
from SpineAlignmentLib.results.annotation import Annotation
from SpineAlignmentLib.results.files import make_folder

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]

SLAB_MM: Final[float] = 6.0
"""Half the thickness of the mid-sagittal slab that shows a body free of pedicles."""
CORTICAL_HU: Final[tuple[float, float]] = (150.0, 1600.0)
"""CT numbers of no bone and of cortical bone; between them bone is counted in proportion."""
METAL_HU: Final[float] = 2600.0
_ADJACENT_MM: Final[float] = 60.0
"""Neighboring centers farther apart than this do not tell how a vertebra is tilted."""

_VERSE_HIGHEST: Final[int] = 28
_LEVELS: Final[tuple[str, ...]] = ("C1", *PRESACRAL_LEVELS)
NAMING: Final[dict[str, dict[int, str]]] = {
    "verse": {i + 1: level for i, level in enumerate(_LEVELS)} | {26: "S1"},
    "totalsegmentator": {50 - i: level for i, level in enumerate(_LEVELS)}
    | {26: "S1", 75: "femur_left", 76: "femur_right"},
}
"""Label number to structure."""


@dataclass(frozen=True)
class LabeledVolume:
    """A CT and its labels on one isotropic grid; axes (z up, y to the back, x to the patient's left)."""

    hu: NDArray[np.float32]
    labels: NDArray[np.int16]
    spacing: float
    """mm."""

    def film_points(self, zy: FloatArray) -> FloatArray:
        """Voxel indices (..., 2) as (z, y) to film pixels (x, y): the patient faces left, head up."""
        return np.stack([zy[..., 1], self.hu.shape[0] - 1 - zy[..., 0]], axis=-1)


def read_volume(ct: Path, labels: Path, spacing: float = 0.8) -> LabeledVolume:
    """Read a CT and its labels (NIfTI, NRRD, MHA) and resample them to one grid.

    Args:
        ct: in Hounsfield units.
        labels: a volume of label numbers, or TotalSegmentator's folder of one mask for each structure.
        spacing: of the grid, mm.

    Raises:
        FilmError: a file cannot be read, is not a volume, or the two do not cover the same space.
    """
    import SimpleITK

    sitk: Any = SimpleITK

    images = [_read_image(ct), _read_masks(labels) if labels.is_dir() else _read_image(labels)]
    scan, marks = images
    corners = [np.array(image.TransformContinuousIndexToPhysicalPoint([-0.5] * 3)) for image in images]
    extents = [np.array(image.GetSize()) * image.GetSpacing() for image in images]
    if not (np.allclose(corners[0], corners[1], atol=2) and np.allclose(extents[0], extents[1], atol=4)):
        raise FilmError(f"{labels}: does not cover the same space as {ct}")
    size = [max(1, round(extent / spacing)) for extent in extents[0]]
    grid = sitk.Image(size, sitk.sitkInt16)
    grid.SetSpacing([spacing] * 3)
    grid.SetDirection(scan.GetDirection())
    axes = np.array(scan.GetDirection()).reshape(3, 3)
    grid.SetOrigin((corners[0] + axes @ np.full(3, spacing / 2)).tolist())
    identity = sitk.Transform()
    hu = sitk.Resample(scan, grid, identity, sitk.sitkLinear, -1000.0, sitk.sitkFloat32)
    named = sitk.Resample(marks, grid, identity, sitk.sitkNearestNeighbor, 0, sitk.sitkInt16)
    return LabeledVolume(sitk.GetArrayFromImage(hu), sitk.GetArrayFromImage(named), spacing)


def _read_image(path: Path) -> Any:
    import SimpleITK

    sitk: Any = SimpleITK
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise FilmError(f"{path}: cannot be read as a volume") from error
    if image.GetDimension() != 3:
        raise FilmError(f"{path}: not a volume: it has {image.GetDimension()} dimensions")
    return sitk.DICOMOrient(image, "LPS")


def _read_masks(folder: Path) -> Any:
    """One volume of label numbers from the masks that TotalSegmentator writes, `vertebrae_L1.nii.gz` and so on."""
    import SimpleITK

    sitk: Any = SimpleITK
    labels: Any = None
    for number, name in NAMING["totalsegmentator"].items():
        path = folder / f"{name if name.startswith('femur') else f'vertebrae_{name}'}.nii.gz"
        if path.is_file():
            part = sitk.Cast(_read_image(path) > 0, sitk.sitkInt16) * number
            try:
                labels = part if labels is None else sitk.Maximum(labels, part)
            except RuntimeError as error:
                raise FilmError(f"{path}: is not on the grid of the other masks") from error
    if labels is None:
        raise FilmError(f"{folder}: has no mask called vertebrae_L1.nii.gz or alike")
    return labels


def body_section(mask: Mask, spacing: float) -> FloatArray | None:
    """Voxels (n, 2) as (z, y) of a vertebral body in the mid-sagittal slab of its label; None when there are too few.

    In that slab the canal parts the body from the spinous process, and the body is the anterior piece.
    """
    middle = ndimage.center_of_mass(mask)[2]
    reach = max(1, round(SLAB_MM / spacing))
    slab = mask[:, :, max(0, round(middle) - reach) : round(middle) + reach + 1].mean(axis=2) > 0.5
    pieces, count = ndimage.label(slab)
    if count == 0:
        return None
    areas = ndimage.sum_labels(slab, pieces, range(1, count + 1))
    large = [i + 1 for i in range(count) if areas[i] >= 0.3 * areas.max()]
    front = min(large, key=lambda i: ndimage.center_of_mass(pieces == i)[1])
    section = np.argwhere(pieces == front).astype(float)
    return section if len(section) * spacing**2 >= 40 else None


def corners(section: FloatArray, up: FloatArray) -> dict[str, FloatArray]:
    """The corners AS, PS, AI, PI of a body, (z, y): the outermost voxels along the diagonals of its own frame.

    Args:
        section: (n, 2) voxels as (z, y).
        up: (z, y) direction of the spine at this level.
    """
    front = np.array([up[1], -up[0]])
    front = front if front[1] < 0 else -front
    centered = section - section.mean(axis=0)
    u, v = centered @ front, centered @ up
    u, v = u / np.abs(np.percentile(u, (2, 98))).mean(), v / np.abs(np.percentile(v, (2, 98))).mean()
    diagonals = {"AS": u + v, "PS": v - u, "AI": u - v, "PI": -u - v}
    return {name: section[int(np.argmax(along))] for name, along in diagonals.items()}


def femoral_head(mask: Mask, spacing: float, medial: int) -> FloatArray | None:
    """Center (z, y) of a femoral head: a sphere fitted to the upper medial end; None where no sphere fits.

    Args:
        mask: of one femur.
        spacing: mm.
        medial: +1 when the patient's middle lies at greater x, else -1.
    """
    voxels = np.argwhere(mask & ~ndimage.binary_erosion(mask)).astype(float) * spacing
    if len(voxels) < 100:
        return None
    top = voxels[:, 0].max()
    upper = voxels[voxels[:, 0] > top - 45]
    inward = upper[:, 2] * medial
    surface = upper[inward > inward.max() - 38]
    for _ in range(6):
        # |p|^2 = 2 c.p + (r^2 - |c|^2) is linear in the center c; what lies off the sphere leaves the next fit
        system = np.column_stack([2 * surface, np.ones(len(surface))])
        solution, *_ = np.linalg.lstsq(system, (surface**2).sum(axis=1), rcond=None)
        center = solution[:3]
        radius = float(np.sqrt(max(solution[3] + center @ center, 0.0)))
        off = np.abs(np.linalg.norm(upper - center, axis=1) - radius)
        surface = upper[off < max(1.5 * spacing, np.percentile(off, 25))]
    return center[:2] / spacing if 15 <= radius <= 35 else None


def landmarks_of(volume: LabeledVolume, structures: Mapping[int, str]) -> FloatArray:
    """(45, 2) film pixels of the landmarks that the labels show whole; NaN for the others."""
    found: dict[str, FloatArray] = {}
    sections = _sections(volume, structures)
    centers = {level: section.mean(axis=0) for level, section in sections.items()}
    for level, section in sections.items():
        if level == "C1":
            continue
        edge = corners(section, _direction(level, centers, volume.spacing))
        if level == "S1":
            found |= {"S1_A": edge["AS"], "S1_P": edge["PS"]}
            continue
        found |= {f"{level}_{name}": place for name, place in edge.items()}
        found[f"{level}_C"] = np.mean(list(edge.values()), axis=0)
        if level == "C2":
            found |= _axis(section)
    found |= _hips(volume, structures)
    points = np.full((COUNT, 2), np.nan)
    for name, place in found.items():
        if name in INDEX:
            points[INDEX[name]] = volume.film_points(np.asarray(place))
    return points


def _sections(volume: LabeledVolume, structures: Mapping[int, str]) -> dict[str, FloatArray]:
    """Body sections by level; a body that the volume's end cuts off is left out."""
    sections = {}
    present = set(np.unique(volume.labels).tolist())
    last = volume.labels.shape[0] - 1
    for number, level in structures.items():
        if number in present and not level.startswith("femur"):
            section = body_section(volume.labels == number, volume.spacing)
            if section is not None and section[:, 0].min() > 0 and section[:, 0].max() < last:
                sections[level] = section
    return sections


def _direction(level: str, centers: Mapping[str, FloatArray], spacing: float) -> FloatArray:
    """(z, y) unit vector up the spine at a level, from its labeled neighbors; straight up without any."""
    order = (*_LEVELS, "S1")
    i = order.index(level)
    own = centers[level]
    steps = []
    for j, sign in ((i - 1, 1), (i + 1, -1)):
        if 0 <= j < len(order) and order[j] in centers:
            step = sign * (centers[order[j]] - own)
            if np.linalg.norm(step) * spacing < _ADJACENT_MM:
                steps.append(step / np.linalg.norm(step))
    mean = np.sum(steps, axis=0) if steps else np.array([1.0, 0.0])
    return np.asarray(mean / np.linalg.norm(mean))


def _axis(section: FloatArray) -> dict[str, FloatArray]:
    """C2: the dens is the upper two fifths of its section, the body the rest."""
    split = np.percentile(section[:, 0], 100) - 0.4 * np.ptp(section[:, 0])
    return {"C2_D": section[section[:, 0] >= split].mean(axis=0), "C2_C": section[section[:, 0] < split].mean(axis=0)}


def _hips(volume: LabeledVolume, structures: Mapping[int, str]) -> dict[str, FloatArray]:
    """FH_1, further anterior, and FH_2, when both femurs show their heads."""
    heads = []
    for number, name in structures.items():
        if name.startswith("femur"):
            head = femoral_head(volume.labels == number, volume.spacing, -1 if name == "femur_left" else 1)
            if head is not None:
                heads.append(head)
    heads.sort(key=lambda head: float(head[1]))
    return {"FH_1": heads[0], "FH_2": heads[1]} if len(heads) == 2 else {}


def path_lengths(volume: LabeledVolume, structures: Mapping[int, str]) -> dict[str, NDArray[np.float32]]:
    """Millimeters of spine, other skeleton, soft tissue and metal along the rays from side to side, film layout."""
    low, high = CORTICAL_HU
    metal = volume.hu > METAL_HU
    bone = np.where(metal, 0, np.clip((volume.hu - low) / (high - low), 0, 1))
    soft = np.where(metal, 0, np.clip((volume.hu + 1000) / 1000, 0, 1) * (1 - bone))
    numbers = [number for number, name in structures.items() if not name.startswith("femur")]
    # labels end at the edge of the cortex, whose blurred outer half belongs to the vertebra as well
    spine = ndimage.binary_dilation(np.isin(volume.labels, numbers), iterations=1)
    layers = {"spine": bone * spine, "skeleton": bone * ~spine, "soft": soft, "metal": metal}
    return {k: (v.sum(axis=2) * volume.spacing)[::-1].astype(np.float32) for k, v in layers.items()}


def simulate_films(volume: LabeledVolume, naming: str, name: str, count: int, seed: int) -> list[Any]:
    """Films of a labeled CT, each with its own look; a list of `Training.simulation.film.SimulatedFilm`.

    Raises:
        FilmError: no label of this naming shows a landmark.
    """
    from Training.simulation.appearance.chain import Look, film
    from Training.simulation.appearance.projection_layers import Projection
    from Training.simulation.film import SimulatedFilm

    highest = int(volume.labels.max())
    if naming == "verse" and highest > _VERSE_HIGHEST:
        raise FilmError(f"{name}: label {highest} is not one of VerSe's; is the naming totalsegmentator?")
    points = landmarks_of(volume, NAMING[naming])
    if not np.isfinite(points).any():
        raise FilmError(f"{name}: no label of a whole vertebra in the naming {naming!r}")
    lengths = path_lengths(volume, NAMING[naming])
    projection = Projection(
        lengths["spine"], lengths["skeleton"], lengths["soft"], lengths["metal"], volume.spacing, points
    )
    films = []
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        look = Look.sample(rng, 0.5)
        gray = film(projection, look, rng)
        annotation = Annotation(
            film=f"{name}_{index:02d}",
            size_px=(gray.shape[1], gray.shape[0]),
            points_px=points,
            spacing_mm=(volume.spacing, volume.spacing),
            spacing_source="CT",
            anterior="left",
            anterior_source="CT",
            extra={
                "patient": name,
                "simulation": {"source": "CT", "naming": naming, "seed": seed, "index": index, "look": look.metadata()},
            },
        )
        films.append(SimulatedFilm(np.round(gray * 4095).astype(np.uint16), annotation))
    return films


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 when the films are written, 2 when they cannot be."""
    parser = argparse.ArgumentParser(
        prog="python -m Training.datasets.labeled_ct", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--ct", type=Path, required=True, help="NIfTI, NRRD or MHA, in Hounsfield units")
    parser.add_argument(
        "--labels", type=Path, required=True, help="a volume of label numbers, or TotalSegmentator's folder"
    )
    parser.add_argument("--naming", choices=tuple(NAMING), required=True)
    parser.add_argument("--name", help="stem of the films and code of the patient (default: the CT's stem)")
    parser.add_argument("--count", type=int, default=1, help="films, each with its own look")
    parser.add_argument("--spacing", type=float, default=0.8, help="mm of a film pixel")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args(arguments)
    from Training.simulation.writing import write_film

    name = options.name or options.ct.name.split(".")[0]
    try:
        if options.labels.is_dir() and options.naming != "totalsegmentator":
            raise FilmError(f"{options.labels}: a folder of masks has TotalSegmentator's naming, no other")
        volume = read_volume(options.ct, options.labels, options.spacing)
        films = simulate_films(volume, options.naming, name, options.count, options.seed)
        make_folder(options.output)
        for made in films:
            print(write_film(made, options.output))
    except SpineAlignmentError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
