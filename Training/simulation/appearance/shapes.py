"""Simple bodies added to path-length layers in place: each works only on the part of the film that it touches."""

from typing import Final

import cv2
import numpy as np

from Training.simulation.appearance.projection_layers import Body, Layer, Points


def _window(target: Layer, center: Points, reach: float) -> tuple[slice, slice] | None:
    """Rows and columns of a square around `center` (pixels), clipped to the film; None when outside."""
    top, bottom = max(int(center[1] - reach), 0), min(int(center[1] + reach) + 2, target.shape[0])
    left, right = max(int(center[0] - reach), 0), min(int(center[0] + reach) + 2, target.shape[1])
    return (slice(top, bottom), slice(left, right)) if top < bottom and left < right else None


def _offsets(window: tuple[slice, slice], center: Points) -> tuple[Layer, Layer]:
    """x as a row and y as a column, relative to `center`, in pixels."""
    x = np.arange(window[1].start, window[1].stop, dtype=np.float32)[None, :] - np.float32(center[0])
    y = np.arange(window[0].start, window[0].stop, dtype=np.float32)[:, None] - np.float32(center[1])
    return x, y


def blob(
    target: Layer,
    center: Points,
    radii_mm: tuple[float, float],
    angle: float,
    depth_mm: float,
    spacing_mm: float,
    roundness: float,
) -> None:
    """An ellipse whose depth is that of a disc (`roundness` 0) to an ellipsoid (0.5) to a cone-like mound (1)."""
    window = _window(target, center, max(radii_mm) / spacing_mm)
    if window is None:
        return
    x, y = _offsets(window, center)
    c, s = (np.float32(f(angle) * spacing_mm) for f in (np.cos, np.sin))
    u = (c * x + s * y) / np.float32(radii_mm[0])
    v = (c * y - s * x) / np.float32(radii_mm[1])
    depth = 1 - u * u - v * v
    np.maximum(depth, 0, out=depth)
    if roundness < 0.25:
        np.minimum(depth * np.float32(6), 1, out=depth)
    elif roundness < 0.75:
        np.sqrt(depth, out=depth)
    region = target[window]
    region += np.float32(depth_mm) * depth


def fold(target: Layer, center: Points, depth_mm: float, spacing_mm: float, rng: np.random.Generator) -> None:
    """A fold of skin: a curved edge, sharp on one side, that thins out over some centimeters on the other."""
    reach = rng.uniform(60, 220) / spacing_mm
    window = _window(target, center, reach)
    if window is None:
        return
    x, y = _offsets(window, center)
    slope, bend = rng.normal(0.15, 0.3), rng.normal(0, 1.2e-3) * spacing_mm
    distance = (y - np.float32(slope) * x - np.float32(bend) * x * x) * np.float32(spacing_mm * rng.choice((-1.0, 1.0)))
    fall = np.maximum(1 - distance / np.float32(rng.uniform(20, 70)), 0) ** 2
    edge = np.clip(distance / np.float32(max(spacing_mm, rng.uniform(0.5, 4))) + 0.5, 0, 1)
    along = np.clip((1 - np.abs(x) / np.float32(reach)) * 3, 0, 1)
    region = target[window]
    region += np.float32(depth_mm) * fall * edge * along


def dome(target: Layer, body: Body, depth_mm: float, rng: np.random.Generator) -> None:
    """One dome of the diaphragm: soft tissue below a curved edge that runs down to the back ribs."""
    spacing = body.spacing_mm
    center = body.at("T10", rng.uniform(45, 85), rng.uniform(-15, 35))
    window = _window(target, center, 130 / spacing)
    if window is None:
        return
    x, y = _offsets(window, center)
    bow = np.where(x > 0, rng.uniform(0.003, 0.012), rng.uniform(0.001, 0.005)).astype(np.float32) * np.float32(spacing)
    distance = (y - bow * x * x) * np.float32(spacing)
    rise = np.clip(distance / np.float32(rng.uniform(1, 5)) + 0.5, 0, 1)
    fall = np.clip(1 - distance / np.float32(rng.uniform(40, 110)), 0, 1)
    side = np.clip((1 - np.abs(x) * np.float32(spacing / 130)) * 4, 0, 1)
    region = target[window]
    region += np.float32(depth_mm) * rise * fall * side


def bubble(target: Layer, body: Body, depth_mm: float, rng: np.random.Generator) -> None:
    """The stomach's air bubble under the diaphragm, often with a level below."""
    spacing = body.spacing_mm
    center = body.at("T12", rng.uniform(35, 105), rng.uniform(-20, 35))
    radii = (rng.uniform(14, 48), rng.uniform(12, 50))
    window = _window(target, center, max(radii) / spacing)
    if window is None:
        return
    x, y = _offsets(window, center)
    angle = rng.normal(0, 0.4)
    c, s = (np.float32(f(angle) * spacing) for f in (np.cos, np.sin))
    u, v = (c * x + s * y) / np.float32(radii[0]), (c * y - s * x) / np.float32(radii[1])
    depth = np.maximum(1 - u * u - v * v, 0) ** np.float32(rng.uniform(0.2, 0.6))
    if rng.random() < 0.6:
        level = np.float32(rng.uniform(-0.2, 0.7) * radii[1] / spacing)
        depth = depth * np.clip(level - y + np.float32(0.5), 0, 1)
    region = target[window]
    region -= np.float32(depth_mm) * depth


def _strip(target: Layer, path: Points, width_px: float, depth_mm: float, soften_px: float) -> None:
    """A band of even depth along a path in pixels."""
    pad = width_px + 3 * soften_px + 2
    low, high = np.floor(path.min(axis=0) - pad).astype(int), np.ceil(path.max(axis=0) + pad).astype(int)
    left, top = np.maximum(low, 0)
    right, bottom = np.minimum(high, (target.shape[1], target.shape[0]))
    if right <= left or bottom <= top:
        return
    canvas = np.zeros((bottom - top, right - left), np.uint8)
    points = np.round((path - (left, top)) * 16).astype(np.int32)
    cv2.polylines(canvas, [points], False, 255, max(1, round(width_px)), cv2.LINE_AA, 4)
    if soften_px > 0.4:
        canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), soften_px), np.uint8)
    region = target[top:bottom, left:right]
    region += np.float32(depth_mm / 255) * canvas


def _curves(ends: Points) -> Points:
    """Quadratic Bezier curves of 14 points, (n, 14, 2), from start, control and end points (n, 3, 2)."""
    t = np.linspace(0, 1, 14)
    weights = np.stack([(1 - t) ** 2, 2 * t * (1 - t), t**2])
    return np.asarray(np.einsum("kt,nkc->ntc", weights, ends))


_STRAY_LEVELS: Final[tuple[str, ...]] = ("T2", "T4", "T6", "T8", "T10", "T12", "L5", "hips")


def stray_paths(body: Body, count: int, rng: np.random.Generator) -> Points:
    """Curves in pixels near the spine, shape (count, 14, 2): second ribs, calcified cartilage, edges of scapulae."""
    places = np.array([body.at(level, 25) for level in _STRAY_LEVELS])[rng.integers(len(_STRAY_LEVELS), size=count)]
    places = places + rng.normal(0, 1, (count, 2)) * body.px(1) * (40, 20)
    heading = rng.uniform(0, np.pi, count)
    reach = np.column_stack([np.cos(heading), np.sin(heading)]) * body.px(1) * rng.uniform(15, 80, (count, 1))
    bow = np.column_stack([-reach[:, 1], reach[:, 0]]) * rng.normal(0, 0.5, (count, 1))
    return _curves(np.stack([places - reach, places + bow, places + reach], axis=1))


_PELVIS: Final[tuple[tuple[tuple[str, float, float], ...], ...]] = (
    (("hips", 18, -22), ("S1", 35, 25), ("S1", -30, 20)),
    (("hips", -20, -10), ("hips", -45, -75), ("S1", -35, 35)),
    (("S1", -35, -15), ("L5", 30, -35), ("S1", 75, 40)),
    (("S1", -20, -10), ("S1", 5, 20), ("S1", -5, 70)),
    (("S1", 28, 2), ("S1", 0, 30), ("S1", -35, 85)),
    (("hips", 30, 0), ("hips", 45, 25), ("hips", 60, 40)),
    (("hips", -25, 20), ("hips", -40, 60), ("hips", -15, 75)),
    (("S1", 75, 40), ("hips", 40, -45), ("hips", 30, -10)),
)
"""Start, control and end of curves of the pelvis, as (level, mm in front, mm below): arcuate line and roof of the hip,
greater sciatic notch, iliac crest, wing and front of the sacrum, pubis, ischium, front edge of the ilium."""


def pelvic_paths(body: Body, count: int, rng: np.random.Generator) -> Points:
    """Edges of the two halves of the pelvis, in pixels, (count, 14, 2): on real films they cross sacrum and hips."""
    ends = np.array([[body.at(*place) for place in curve] for curve in _PELVIS])[rng.integers(len(_PELVIS), size=count)]
    return _curves(ends + rng.normal(0, body.px(9), ends.shape))


def bands(target: Layer, paths: Points, depth_mm: float, spacing_mm: float, rng: np.random.Generator) -> None:
    """Bone along paths (n, 14, 2): a cortical line, or a band with brighter edges as of a rib."""
    canvas = np.zeros(target.shape, np.uint8)
    along = np.gradient(paths, axis=1)
    across = np.stack([-along[..., 1], along[..., 0]], axis=-1)
    across /= np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), 1e-6)
    count = len(paths)
    values, lines_mm = rng.uniform(80, 255, count), rng.uniform(0.8, 3.5, count)
    widths = np.where(rng.random(count) < 0.5, rng.uniform(4, 13, count), 0) / spacing_mm
    edges = np.round(
        16 * (paths[None] + np.array([0, -0.5, 0.5])[:, None, None, None] * widths[:, None, None] * across)
    )
    points = edges.astype(np.int32)
    for k in range(count):
        thick, thin = max(1, round(lines_mm[k] / spacing_mm)), int(values[k] * min(1.0, lines_mm[k] / spacing_mm))
        if widths[k] > 0:
            cv2.polylines(
                canvas, [points[0, k]], False, int(0.45 * values[k]), max(1, round(widths[k])), cv2.LINE_AA, 4
            )
            cv2.polylines(canvas, [points[1, k], points[2, k]], False, thin, thick, cv2.LINE_AA, 4)
        else:
            cv2.polylines(canvas, [points[0, k]], False, thin, thick, cv2.LINE_AA, 4)
    target += canvas * np.float32(depth_mm / 255)


def _aorta_path(body: Body, rng: np.random.Generator) -> Points:
    """The descending aorta, in front of the spine, from its arch to L4."""
    levels = ("T4", "T6", "T8", "T10", "T12", "L2", "L4")
    away = rng.uniform(15, 35)
    return np.array([body.at(level, away + rng.normal(0, 4)) for level in levels])


def vessel(target: Layer, body: Body, depth_mm: float, rng: np.random.Generator) -> None:
    """The shadow of the descending aorta."""
    _strip(target, _aorta_path(body, rng)[:5], body.px(rng.uniform(18, 32)), depth_mm, body.px(2.0))


def dashes(target: Layer, body: Body, depth_mm: float, rng: np.random.Generator) -> None:
    """Calcified plaques in the wall of the abdominal aorta: short bright lines before the lumbar spine."""
    path = _aorta_path(body, rng)[4:]
    for _ in range(int(rng.integers(2, 9))):
        share = rng.uniform(0, 1.9)
        k = int(share)
        start = path[k] + (share - k) * (path[k + 1] - path[k]) + rng.normal(0, body.px(5), 2)
        piece = np.array([start, start + rng.normal(0, 1, 2) * body.px(2) + (0, body.px(rng.uniform(2, 10)))])
        _strip(target, piece, max(1.0, body.px(1.2)), depth_mm, 0)


def limb(target: Layer, start: Points, end: Points, width_mm: float, depth_mm: float, spacing_mm: float) -> None:
    """A straight limb from `start` to `end` (pixels), round in section."""
    path = np.array([start, end])
    for share, depth in ((1.0, 0.5), (0.75, 0.3), (0.45, 0.2)):
        _strip(target, path, share * width_mm / spacing_mm, depth * depth_mm, 1.5 / spacing_mm)


def polygon(
    target: Layer,
    center: Points,
    size_mm: float,
    depth_mm: float,
    spacing_mm: float,
    rng: np.random.Generator,
    line: bool = False,
) -> None:
    """A random polygon, filled or as a broken line."""
    window = _window(target, center, size_mm / spacing_mm)
    if window is None:
        return
    corners = center + rng.uniform(-1, 1, (int(rng.integers(3, 7)), 2)) * size_mm / spacing_mm
    points = np.round((corners - (window[1].start, window[0].start)) * 16).astype(np.int32)
    canvas = np.zeros(target[window].shape, np.uint8)
    if line:
        thick = max(1, round(rng.uniform(0.5, 5) / spacing_mm))
        cv2.polylines(canvas, [points], bool(rng.random() < 0.3), 255, thick, cv2.LINE_AA, 4)
    else:
        cv2.fillPoly(canvas, [points], 255, cv2.LINE_AA, 4)
    region = target[window]
    region += np.float32(depth_mm / 255) * canvas
