"""From the detector's log signal to displayed gray: window, curves, vendor-like contrast enhancement, bits and JPEG."""

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np

from Training.simulation.appearance import filters
from Training.simulation.appearance.projection_layers import Layer
from Training.simulation.appearance.sampling import Dice


@dataclass(frozen=True)
class LookupLook:
    """The processing of a look; gray runs from 0 (air) to 1 (the densest parts)."""

    window_low: float
    """Log signal shown black, as a share of the film's range."""
    window_high: float
    gamma: float
    sigmoid: float
    """Steepness of an S-curve mixed in; 0 is none."""
    curve: float
    """Strength of a random monotone curve."""
    base_gain: float
    """Contrast kept of structures wider than `band_mm`."""
    band_mm: float
    detail_gain: float
    """Gain of structures narrower than `band_mm`."""
    air: float
    """Gray, of the film's range, up to which the film shows black: open air."""
    air_slope: float
    """How fast the film comes up from there."""
    sharpen: float
    sharpen_mm: float
    equalize: float
    """Share of adaptive histogram equalization mixed in."""
    equalize_clip: float
    equalize_tiles: int
    saturate: float
    """Share of the gray range cut off at the bright end."""
    floor: float
    """Gray of the darkest parts."""
    bits: int
    jpeg_quality: int
    """0 is no JPEG."""
    border_gray: float
    """Gray outside the collimator."""
    border: tuple[float, float, float, float]
    """Collimated share of the film at its left, top, right and bottom."""
    border_turn: float

    @classmethod
    def sample(cls, dice: Dice) -> Self:
        """Draw the numbers of a look."""
        some, rng = dice.sometimes, dice.rng
        collimated = rng.random() < 0.35
        border = [some(0.5, dice.uniform((0, 0.05), (0, 0.13))) if collimated else 0.0 for _ in range(4)]
        return cls(
            window_low=dice.uniform((0.0, 0.06), (-0.1, 0.15), (-0.2, 0.25)),
            window_high=dice.uniform((1.02, 1.25), (0.96, 1.5), (0.85, 1.8)),
            gamma=dice.log_uniform((0.85, 1.3), (0.6, 1.8), (0.5, 2.4)),
            sigmoid=some(0.4, dice.uniform((0.3, 1.5), (0, 3.5), (0, 5))),
            curve=some(0.5, dice.uniform((0.03, 0.15), (0, 0.35), (0, 0.5))),
            base_gain=dice.uniform((0.4, 0.8), (0.25, 1.1), (0.15, 1.3)),
            band_mm=dice.log_uniform((6, 28), (5, 90), (3, 150)),
            detail_gain=dice.uniform((1.5, 3.2), (0.8, 4.5), (0.6, 6)),
            air=dice.uniform((0.01, 0.06), (-0.02, 0.1), (-0.05, 0.15)),
            air_slope=dice.log_uniform((2.5, 6), (1.5, 20), (1.2, 40)),
            sharpen=dice.uniform((0, 0.8), (-0.3, 2), (-0.5, 3)),
            sharpen_mm=dice.log_uniform((0.5, 2.5), (0.3, 5), (0.2, 8)),
            equalize=some(0.3, dice.uniform((0.1, 0.6), (0, 1), (0, 1))),
            equalize_clip=dice.log_uniform((1.5, 4), (1.1, 10), (1, 20)),
            equalize_tiles=int(dice.uniform((4, 10), (2, 16), (2, 20))),
            saturate=some(0.2, dice.uniform((0, 0.015), (0, 0.04), (0, 0.1))),
            floor=some(0.4, dice.uniform((0, 0.04), (0, 0.25), (0, 0.4))),
            bits=int(rng.choice((8, 8, 8, 10, 12, 16))),
            jpeg_quality=int(some(0.3, dice.uniform((80, 97), (25, 99), (10, 100)))),
            border_gray=float(rng.choice((0.0, 0.0, 0.0, 1.0, rng.random()))),
            border=(border[0], border[1], border[2], border[3]),
            border_turn=float(some(0.5, rng.normal(0, 0.01))),
        )


def develop(signal: Layer, look: LookupLook, spacing_mm: float, rng: np.random.Generator) -> Layer:
    """Gray film, bone bright, 0 to 1, from the log signal; shape (height, width)."""
    gray = _window(signal, 0.0, 1.0)
    gray = _bands(gray, look, spacing_mm)
    gray = _window(gray, look.window_low, look.window_high)
    gray = _tone(gray, look, rng)
    if look.equalize > 0.02:
        gray = _equalize(gray, look)
    if look.saturate > 0:
        gray *= np.float32(1 / (1 - look.saturate))
    if look.floor > 0:
        gray *= np.float32(1 - look.floor)
        gray += np.float32(look.floor)
    _collimate(gray, look)
    return np.clip(gray, 0, 1, out=gray)


def store(gray: Layer, look: LookupLook) -> Layer:
    """The film after quantization and, for some, JPEG compression."""
    if look.jpeg_quality > 0:
        picture = np.asarray(cv2.convertScaleAbs(gray, alpha=255), np.uint8)
        coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, look.jpeg_quality])[1]
        film = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.float32)
        return film * np.float32(1 / 255)
    if look.bits >= 12:
        return gray
    top = np.float32(2**look.bits - 1)
    return np.asarray(np.rint(gray * top) / top, np.float32)


def _window(signal: Layer, bottom: float, top: float) -> Layer:
    """Stretch a signal: shares `bottom` and `top` of the way from open air to the densest percentile become 0 and 1."""
    step = max(1, int(np.sqrt(signal.size / 3000)))
    low, high = np.percentile(signal[::step, ::step], (1, 99.3))
    reach = max(float(high - low), 1e-3)
    start = low + bottom * reach
    gain = 1 / max(reach * (top - bottom), 1e-3)
    return filters.mix(signal, gain, signal, 0, -start * gain)


def _bands(gray: Layer, look: LookupLook, spacing_mm: float) -> Layer:
    """Weigh wide and narrow structures against each other, then sharpen, as multiscale processing of vendors does."""
    step = max(1, int(look.band_mm / 4 / spacing_mm))
    wide = filters.gaussian(filters.shrink(gray, step), look.band_mm / (spacing_mm * step))
    # The detail gain applies to what is left after the wide structures, whose own contrast is scaled around mid-gray.
    wide *= np.float32(look.base_gain - look.detail_gain)
    out = filters.mix(gray, look.detail_gain, filters.stretch(wide, (gray.shape[0], gray.shape[1])), 1)
    out += np.float32((1 - look.base_gain) * 0.45)
    reach = max(look.sharpen_mm / spacing_mm, 0.6)
    if abs(look.sharpen) > 0.05:
        out = filters.mix(out, 1 + look.sharpen, filters.gaussian(out, reach), -look.sharpen)
    # Open air stays black whatever the gains: processing of vendors masks the direct exposure.
    np.minimum(out, np.maximum(gray - np.float32(look.air), 0) * np.float32(look.air_slope), out=out)
    return np.maximum(out, 0, out=out)


def _tone(gray: Layer, look: LookupLook, rng: np.random.Generator) -> Layer:
    """Gamma, S-curve and a random monotone curve, as one table over gray 0 to 1.3."""
    x = np.linspace(0, 1.3, 4096)
    y = np.minimum(x, 1.3) ** look.gamma
    if look.sigmoid > 0.05:
        s = 1 / (1 + np.exp(-look.sigmoid * 2 * (x - 0.5)))
        ends = 1 / (1 + np.exp(look.sigmoid * np.array([1.0, -1.0])))
        y = 0.5 * y + 0.5 * (s - ends[0]) / (ends[1] - ends[0])
    if look.curve > 0:
        knots = np.cumsum(np.exp(rng.normal(0, 2.5 * look.curve, 7)))
        knots = np.concatenate([[0], knots / knots[-1]])
        y = np.interp(np.clip(y, 0, 1), np.linspace(0, 1, 8), knots) + np.maximum(y - 1, 0)
    # A table of 4096 grays is finer than the noise; what lies outside it keeps its end.
    index = np.clip(gray * np.float32(4095 / 1.3), 0, 4095).astype(np.uint16)
    return np.take(y.astype(np.float32), index)


def _equalize(gray: Layer, look: LookupLook) -> Layer:
    """Mix in contrast-limited adaptive histogram equalization (Zuiderveld 1994)."""
    picture = cv2.convertScaleAbs(gray, alpha=255)
    tiles = (max(1, look.equalize_tiles // 2), look.equalize_tiles)
    even = cv2.createCLAHE(look.equalize_clip, tiles).apply(picture)
    # Only the change goes back in, so that the film keeps its own gray depth.
    change = even.astype(np.float32) - picture
    return filters.mix(change, look.equalize / 255, gray, 1)


def _collimate(gray: Layer, look: LookupLook) -> None:
    """Cover the film outside a slightly turned rectangle."""
    if max(look.border) <= 0.002:
        return
    height, width = gray.shape
    left, top, right, bottom = look.border
    x0, x1, y0, y1 = left * width, (1 - right) * width, top * height, (1 - bottom) * height
    x = np.arange(width, dtype=np.float32)[None, :]
    y = np.arange(height, dtype=np.float32)[:, None]
    tilt = np.float32(look.border_turn)
    inside_x = np.clip(np.minimum(x - x0 + tilt * y, x1 - x - tilt * y) + np.float32(0.5), 0, 1)
    inside_y = np.clip(np.minimum(y - y0 - tilt * x, y1 - y + tilt * x) + np.float32(0.5), 0, 1)
    if left == right == 0:
        inside_x = np.ones_like(x)
    if top == bottom == 0:
        inside_y = np.ones_like(y)
    inside = inside_x * inside_y
    gray -= np.float32(look.border_gray)
    gray *= inside
    gray += np.float32(look.border_gray)
