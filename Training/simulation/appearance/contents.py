"""What the projected anatomy lacks: gas and stool, lung markings, heart, diaphragm, folds, muscles, distractors.

Everything is added to path lengths (millimeters), so it goes through the same physics as the bones.
"""

from dataclasses import dataclass
from typing import Final, Self

import cv2
import numpy as np

from Training.simulation.appearance import filters, shapes, textures
from Training.simulation.appearance.projection_layers import Body, Layer, Projection
from Training.simulation.appearance.sampling import Dice

_SHOULDER_REACH_MM: Final[float] = 60.0
"""Standard deviation of the part of the body that moves with the shoulders, along the film."""


@dataclass(frozen=True)
class ContentsLook:
    """How full and how uneven this body is; lengths in millimeters."""

    gas_clusters: int
    gas_depth_mm: float
    stool_clusters: int
    stool_depth_mm: float
    rectal_gas_mm: float
    stomach_mm: float
    lung_density: float
    """Density of lung over that of water."""
    lung_depth_mm: float
    heart_mm: float
    lucency_mm: float
    """Air in the main bronchi and lung between heart and spine, less than the anatomy's tissue there."""
    aorta_mm: float
    aorta_calcified_mm: float
    diaphragm_mm: float
    breast_mm: float
    folds: int
    fold_mm: float
    second_outline: float
    """Share of the soft tissue that is shifted, as when the patient stands a little turned."""
    second_outline_shift_mm: float
    shoulder_shift_mm: float
    """How much lower the soft tissue of the shoulders stands than the anatomy's."""
    tissue_mm: float
    """Deviation of slow variations of soft tissue."""
    muscle_mm: float
    """Deviation of streaks of muscle and fat."""
    cloud_mm: float
    bone_grain: float
    """Deviation of bone density at the scale of trabeculae, as a share."""
    bone_patchiness: float
    spine_density: float
    """Factor on the spine's bone: bone density, and its contrast against the other bones."""
    thoracic_density: float
    """Further factor on the bone of the vertebrae in the middle of the chest, where real films show them faintest."""
    skeleton_density: float
    skeleton_limit_mm: float
    """Thickness that the other bones approach where they are thickest: keeps hips and shoulders from outshining."""
    arcs: int
    """Curved edges of bone that the anatomy lacks: calcified cartilage, second ribs, wings of the pelvis."""
    pelvic_lines: int
    """Edges of the pelvis and the sacrum's wings beyond those of the anatomy."""
    arc_mm: float
    limbs: int
    bodies: int
    body_depth_mm: float

    @classmethod
    def sample(cls, dice: Dice) -> Self:
        """Draw the numbers of a look."""
        some = dice.sometimes
        return cls(
            gas_clusters=dice.count((0.5, 5), (0, 8)),
            gas_depth_mm=dice.uniform((22, 60), (8, 100), (3, 130)),
            stool_clusters=dice.count((0.5, 4), (0, 6)),
            stool_depth_mm=dice.uniform((16, 48), (5, 75), (2, 100)),
            rectal_gas_mm=some(0.4, dice.uniform((15, 45), (8, 70), (3, 100))),
            stomach_mm=some(0.6, dice.uniform((20, 60), (10, 90), (5, 120))),
            lung_density=dice.uniform((0.22, 0.4), (0.08, 0.6), (0, 0.8)),
            lung_depth_mm=dice.uniform((15, 50), (5, 80), (0, 110)),
            heart_mm=dice.uniform((25, 70), (0, 110), (0, 150)),
            lucency_mm=some(0.8, dice.uniform((8, 30), (3, 45), (0, 60))),
            aorta_mm=some(0.7, dice.uniform((6, 20), (2, 32), (0, 50))),
            aorta_calcified_mm=some(0.2, dice.uniform((0.4, 1.2), (0.3, 3), (0, 5))),
            diaphragm_mm=some(0.6, dice.uniform((15, 60), (5, 100), (0, 140))),
            breast_mm=some(0.4, dice.uniform((10, 45), (5, 80), (0, 100))),
            folds=dice.count((-2, 3), (-1, 6)),
            fold_mm=dice.uniform((8, 35), (4, 70), (2, 100)),
            second_outline=some(0.7, dice.uniform((0.2, 0.5), (0.1, 0.6), (0, 0.7))),
            second_outline_shift_mm=dice.uniform((2, 8), (0, 16), (0, 24)),
            shoulder_shift_mm=some(0.7, dice.uniform((-10, 40), (-35, 70), (-50, 80))),
            tissue_mm=dice.uniform((4, 12), (2, 32), (0, 50)),
            muscle_mm=dice.uniform((0.3, 1.5), (0, 4), (0, 7)),
            cloud_mm=dice.uniform((2.5, 7), (0.5, 11), (0, 16)),
            bone_grain=dice.uniform((0.08, 0.2), (0.02, 0.32), (0, 0.45)),
            bone_patchiness=dice.uniform((0.08, 0.22), (0, 0.4), (0, 0.5)),
            spine_density=dice.log_uniform((0.7, 1.25), (0.45, 1.7), (0.25, 2)),
            thoracic_density=dice.uniform((0.5, 1.05), (0.25, 1.2), (0.2, 1.5)),
            skeleton_density=dice.log_uniform((0.8, 1.3), (0.3, 2), (0.2, 3)),
            skeleton_limit_mm=dice.log_uniform((10, 35), (6, 80), (4, 150)),
            arcs=dice.count((1, 7), (0, 14)),
            pelvic_lines=dice.count((3, 12), (0, 18)),
            arc_mm=dice.uniform((1.5, 4.5), (0.5, 7), (0, 10)),
            limbs=dice.count((-1, 2), (-1, 4)),
            bodies=dice.count((-2, 1), (-2, 8)),
            body_depth_mm=dice.uniform((3, 12), (2, 45), (1, 70)),
        )


@dataclass(frozen=True)
class Attenuators:
    """The three materials of a film, path lengths in millimeters, each of shape (height, width)."""

    bone: Layer
    soft: Layer
    metal: Layer


def fill(projection: Projection, body: Body, look: ContentsLook, rng: np.random.Generator) -> Attenuators:
    """The projection's materials with everything that a real body shows besides its bones."""
    soft = _outline(projection, look, rng)
    soft = lower_shoulders(soft, body, look.shoulder_shift_mm)
    _lungs(soft, body, look, rng)
    inside = np.clip(soft / 60, 0, 1)
    change = np.zeros(projection.shape, np.float32)
    _variation(change, look, projection.spacing_mm, rng)
    _chest(change, body, look, rng)
    _abdomen(change, body, look, rng)
    _folds(change, body, look, rng)
    _bodies(change, body, look, rng)
    change *= inside
    soft += change
    np.maximum(soft, 0.15 * projection.soft, out=soft)
    _limbs(soft, body, look, rng)
    bone = _bone(projection, body, look, rng)
    strays, edges = shapes.stray_paths(body, look.arcs, rng), shapes.pelvic_paths(body, look.pelvic_lines, rng)
    if look.arcs + look.pelvic_lines > 0:
        shapes.bands(bone, np.concatenate([strays, edges]), look.arc_mm, projection.spacing_mm, rng)
    if look.aorta_calcified_mm > 0:
        shapes.dashes(bone, body, look.aorta_calcified_mm, rng)
    return Attenuators(bone, soft, np.maximum(projection.metal, 0))


def _outline(projection: Projection, look: ContentsLook, rng: np.random.Generator) -> Layer:
    """Soft tissue with its two sides a little apart: double outlines, double domes of the diaphragm."""
    soft = projection.soft
    if look.second_outline <= 0:
        return soft.copy()
    height, width = soft.shape
    turn, swell = rng.normal(0, 0.012), 1 + rng.normal(0, 0.03)
    shift = rng.normal(0, 1, 2) * look.second_outline_shift_mm / projection.spacing_mm
    cosine, sine = np.cos(turn) * swell, np.sin(turn) * swell
    middle = np.array([width, height]) / 2
    linear = np.array([[cosine, -sine], [sine, cosine]])
    matrix = np.column_stack([linear, middle - linear @ middle + shift])
    other = filters.warp(soft, matrix, (height, width), repeat_edge=True)
    return filters.mix(soft, 1 - look.second_outline, other, look.second_outline)


def lower_shoulders(soft: Layer, body: Body, lower_mm: float) -> Layer:
    """Soft tissue (height, width) with what surrounds the first thoracic vertebra moved down, head and chest in place.

    The bones stay: where a shoulder's shadow begins must not tell which vertebra it crosses. Networks that learn it
    count wrongly where shoulders stand higher or lower.
    """
    if lower_mm == 0:
        return soft
    rows, columns = (np.arange(n, dtype=np.float32) for n in soft.shape)
    away = (rows - np.float32(body.at("T1")[1])) * np.float32(body.spacing_mm / _SHOULDER_REACH_MM)
    source = rows - np.float32(lower_mm / body.spacing_mm) * np.exp(-(away**2) / 2)
    y, x = np.meshgrid(source, columns, indexing="ij")
    return np.asarray(cv2.remap(soft, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _bone(projection: Projection, body: Body, look: ContentsLook, rng: np.random.Generator) -> Layer:
    """All bones, with grain and patches of density."""
    along = np.interp(
        np.arange(projection.shape[0]),
        [body.at(level)[1] for level in ("C6", "T4", "T6", "T9", "L1")],
        np.array([1, look.thoracic_density, look.thoracic_density, (1 + look.thoracic_density) / 2, 1])
        * look.spine_density,
    )
    # Meshes that are not quite closed give a few negative lengths.
    bone = np.maximum(projection.spine, 0) * along.astype(np.float32)[:, None]
    skeleton = np.maximum(projection.skeleton, 0)
    # Edges keep their contrast: the wide mean of the bones decides how much they are thinned.
    step = max(1, round(4 / projection.spacing_mm))
    wide = filters.gaussian(filters.shrink(skeleton, step), 10 / (step * projection.spacing_mm))
    limit = np.float32(look.skeleton_limit_mm)
    bone += skeleton * filters.stretch(limit * np.float32(look.skeleton_density) / (wide + limit), projection.shape)
    pattern = textures.field(rng, "bone", projection.shape, projection.spacing_mm) * np.float32(look.bone_grain)
    pattern += np.float32(1)
    slow = textures.smooth_field(rng, projection.shape, projection.spacing_mm, 35.0)
    pattern += np.float32(look.bone_patchiness) * slow
    return np.asarray(bone * np.maximum(pattern, 0.2), np.float32)


def _variation(change: Layer, look: ContentsLook, spacing_mm: float, rng: np.random.Generator) -> None:
    """Slow, streaky and cloudy variation of soft tissue."""
    shape = (change.shape[0], change.shape[1])
    change += np.float32(look.tissue_mm) * textures.smooth_field(rng, shape, spacing_mm, float(rng.uniform(40, 120)))
    turn = int(rng.integers(textures.FIBER_TURNS))
    change += np.float32(look.muscle_mm) * textures.field(rng, "fiber", shape, spacing_mm, turn)
    change += np.float32(look.cloud_mm) * textures.field(rng, "tissue", shape, spacing_mm)


def _lungs(soft: Layer, body: Body, look: ContentsLook, rng: np.random.Generator) -> None:
    """Give the lungs their own tissue, with vessels, in place: the projection has nothing there.

    How much lung a ray meets is what the chest would measure without lungs (a closing over the chest's width) less what
    it does measure.
    """
    top = max(int(body.at("C7", 0, -30)[1]), 0)
    bottom = min(max(int(body.at("L2")[1]), 0), soft.shape[0])
    chest = soft[top:bottom]
    if min(chest.shape) < 8:
        return
    step = max(1, round(8 / body.spacing_mm))
    side = 2 * max(1, round(90 / (step * body.spacing_mm))) + 1
    coarse = cv2.morphologyEx(filters.shrink(chest, step), cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    closed = filters.gaussian(np.asarray(coarse, np.float32), 12 / (step * body.spacing_mm))
    lung = filters.stretch(closed, (chest.shape[0], chest.shape[1])) - chest
    lung *= np.clip((chest - 10) / 20, 0, 1)
    np.clip(lung, 0, 260, out=lung)
    rows = np.minimum(np.arange(len(chest)), np.arange(len(chest))[::-1]) * body.spacing_mm
    lung *= np.clip(rows / 70, 0, 1).astype(np.float32)[:, None]  # the closing means nothing near its window's ends
    markings = np.zeros(chest.shape, np.float32)
    for _ in range(2):
        tile = textures.lung()[int(rng.integers(textures.LUNG_TILES))]
        place = textures.random_placement(rng, body.at("T7", 45) - (0, top), body.spacing_mm, 14, (0.65, 1.0))
        textures.stamp(markings, tile, place, body.spacing_mm, look.lung_depth_mm)
    markings *= np.minimum(lung / 80, 1)
    chest += np.float32(look.lung_density) * lung
    chest += markings


def _chest(change: Layer, body: Body, look: ContentsLook, rng: np.random.Generator) -> None:
    """Heart, aorta, domes of the diaphragm and breasts."""
    if look.heart_mm > 0:
        center = body.at("T9", rng.uniform(60, 115), rng.uniform(-25, 30))
        radii = (rng.uniform(32, 60), rng.uniform(45, 80))
        shapes.blob(
            change, center, radii, rng.uniform(-0.7, 0.7), look.heart_mm, body.spacing_mm, rng.uniform(0.3, 0.9)
        )
    if look.lucency_mm > 0:
        _lucency(change, body, look.lucency_mm, rng)
    if look.aorta_mm > 0:
        shapes.vessel(change, body, look.aorta_mm, rng)
    if look.diaphragm_mm > 0:
        for _ in range(int(rng.integers(1, 3))):
            shapes.dome(change, body, look.diaphragm_mm * rng.uniform(0.4, 1), rng)
    if look.breast_mm > 0:
        for _ in range(int(rng.integers(1, 3))):
            center = body.at("T10", rng.uniform(110, 190), rng.uniform(-40, 60))
            size = rng.uniform(35, 75)
            shapes.blob(
                change,
                center,
                (size, size * rng.uniform(0.6, 1.1)),
                rng.uniform(-0.6, 0.6),
                look.breast_mm,
                body.spacing_mm,
                0.5,
            )


def _lucency(change: Layer, body: Body, depth_mm: float, rng: np.random.Generator) -> None:
    """The dark fork of the main bronchi before T5 and T6, and the dark strip of lung right before T7 to T10."""
    fork = body.at(("T5", "T6")[int(rng.integers(2))], rng.uniform(32, 46), rng.uniform(-12, 12))
    radii = (rng.uniform(7, 12), rng.uniform(10, 24))
    shapes.blob(change, fork, radii, rng.uniform(-0.3, 0.3), -depth_mm * rng.uniform(0.4, 1), body.spacing_mm, 0.5)
    upper, lower = (body.at(level, rng.uniform(20, 28)) for level in ("T7", "T10"))
    along = lower - upper
    shapes.blob(
        change, (upper + lower) / 2, (rng.uniform(6, 12), rng.uniform(40, 65)), float(np.arctan2(-along[0], along[1])),
        -depth_mm * rng.uniform(0.2, 0.8), body.spacing_mm, rng.uniform(0.5, 0.9),
    )  # fmt: skip


def _abdomen(change: Layer, body: Body, look: ContentsLook, rng: np.random.Generator) -> None:
    """Stomach bubble, gas and stool of the bowel, gas in the rectum."""
    if look.stomach_mm > 0:
        shapes.bubble(change, body, look.stomach_mm, rng)
    for _ in range(look.stool_clusters):
        tile = textures.stool()[int(rng.integers(textures.TILES))]
        center = body.at("L4", rng.uniform(20, 130), rng.normal(20, 50))
        place = textures.random_placement(rng, center, body.spacing_mm, 15, (0.3, 1.1))
        textures.stamp(change, tile, place, body.spacing_mm, -look.stool_depth_mm)
    for _ in range(look.gas_clusters):
        tile = textures.gas()[int(rng.integers(textures.TILES))]
        center = body.at("L3", rng.normal(75, 45), rng.normal(10, 60))
        place = textures.random_placement(rng, center, body.spacing_mm, 10, (0.3, 1.0))
        textures.stamp(change, tile, place, body.spacing_mm, -look.gas_depth_mm)
    if look.rectal_gas_mm > 0:
        bank = (textures.gas(), textures.stool())[int(rng.integers(2))]
        place = textures.random_placement(
            rng, body.at("S1", rng.uniform(-45, 10), rng.uniform(50, 115)), body.spacing_mm, 8, (0.2, 0.45)
        )
        textures.stamp(change, bank[int(rng.integers(textures.TILES))], place, body.spacing_mm, -look.rectal_gas_mm)


def _folds(change: Layer, body: Body, look: ContentsLook, rng: np.random.Generator) -> None:
    """Skin folds: sharp oblique edges across the trunk, thick on one side."""
    for _ in range(look.folds):
        level = ("T11", "L1", "L2", "L3", "L4", "L5", "S1", "hips")[int(rng.integers(8))]
        shapes.fold(
            change,
            body.at(level, rng.normal(30, 60), rng.normal(0, 25)),
            look.fold_mm * rng.uniform(0.4, 1.2),
            body.spacing_mm,
            rng,
        )


def _bodies(change: Layer, body: Body, look: ContentsLook, rng: np.random.Generator) -> None:
    """Random ellipses, polygons and lines: shapes that mean nothing, for the network to ignore."""
    for _ in range(look.bodies):
        center = np.array([rng.uniform(0, change.shape[1]), rng.uniform(0, change.shape[0])])
        depth = look.body_depth_mm * rng.uniform(-1, 1)
        kind = int(rng.integers(3))
        if kind == 0:
            radii = (float(np.exp(rng.uniform(1.5, 4.3))), float(np.exp(rng.uniform(1.5, 4.3))))
            shapes.blob(change, center, radii, rng.uniform(0, np.pi), depth, body.spacing_mm, rng.uniform(0.05, 1))
        else:
            shapes.polygon(change, center, rng.uniform(6, 80), depth, body.spacing_mm, rng, line=kind == 2)


def _limbs(soft: Layer, body: Body, look: ContentsLook, rng: np.random.Generator) -> None:
    """Extra shadows of arms across the chest and in front of the face."""
    for _ in range(look.limbs):
        start = body.at(("C7", "T2", "T5")[int(rng.integers(3))], rng.uniform(-20, 50), rng.uniform(-10, 50))
        heading = rng.uniform(-0.6, 1.2)
        end = start + body.px(rng.uniform(180, 330)) * np.array([-np.cos(heading), np.sin(heading)])
        shapes.limb(soft, start, end, rng.uniform(25, 50), rng.uniform(15, 60), body.spacing_mm)
