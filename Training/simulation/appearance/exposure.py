"""From path lengths to the detector's signal: attenuation, scatter, glare, blur, noise, seams.

Intensities are relative to the unattenuated beam. Attenuation follows Beer and Lambert at two effective energies, which
gives beam hardening; coefficients lie around those of cortical bone and water at 50 to 90 keV (NIST XCOM).
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from Training.simulation.appearance import filters, textures
from Training.simulation.appearance.contents import Attenuators
from Training.simulation.appearance.projection_layers import Layer
from Training.simulation.appearance.sampling import Dice


@dataclass(frozen=True)
class ExposureLook:
    """The X-ray system of a look."""

    soft_per_mm: float
    bone_per_mm: float
    metal_per_mm: float
    hard_share: float
    """Share of the beam at the higher of two energies."""
    hard_ratio: float
    """Attenuation at the higher energy over that at the lower one."""
    scatter: float
    """Scattered over primary intensity behind the body."""
    scatter_reach_mm: float
    glare: float
    """Share of the light of a neighborhood that spreads over it."""
    veil: float
    """Even background, as a share of the unattenuated beam."""
    heel: float
    """Relative change of intensity from top to bottom."""
    lean: float
    """Relative change of intensity from left to right."""
    photons_per_mm2: float
    """Quanta detected per square millimeter of unattenuated beam."""
    noise_reach_mm: float
    """Detector blur of quantum noise, standard deviation."""
    electronic: float
    """Electronic noise at 1 mm2, as a share of the unattenuated beam."""
    blur_mm: float
    """Focal spot, motion and detector blur, standard deviation."""
    row_noise: float
    column_noise: float
    grid_lines: float
    grid_period_mm: float
    seams: int
    seam_step: float

    @classmethod
    def sample(cls, dice: Dice) -> Self:
        """Draw the numbers of a look."""
        some = dice.sometimes
        soft = dice.uniform((0.014, 0.018), (0.011, 0.022), (0.008, 0.028))
        return cls(
            soft_per_mm=soft,
            bone_per_mm=soft * dice.uniform((2.2, 3.4), (1.5, 4.5), (1, 5.5)),
            metal_per_mm=dice.log_uniform((0.25, 0.6), (0.1, 1.2), (0.05, 2)),
            hard_share=dice.uniform((0.05, 0.3), (0, 0.6), (0, 0.8)),
            hard_ratio=dice.uniform((0.7, 0.85), (0.5, 0.95), (0.4, 1)),
            scatter=dice.log_uniform((0.05, 0.4), (0.02, 1.5), (0.01, 2.5)),
            scatter_reach_mm=dice.uniform((25, 60), (12, 110), (6, 150)),
            glare=dice.log_uniform((1e-5, 2e-4), (1e-6, 1.5e-3), (1e-7, 3e-3)),
            veil=dice.log_uniform((1e-6, 6e-5), (1e-7, 3e-4), (1e-8, 6e-4)),
            heel=dice.uniform((-0.1, 0.1), (-0.5, 0.5)),
            lean=dice.uniform((-0.1, 0.1), (-0.4, 0.4)),
            photons_per_mm2=dice.log_uniform((4e4, 2e6), (1e4, 1e7), (5e3, 3e7)),
            noise_reach_mm=dice.uniform((0.1, 0.3), (0, 0.7), (0, 1.2)),
            electronic=dice.log_uniform((1e-6, 1e-4), (1e-7, 1e-3), (1e-8, 3e-3)),
            blur_mm=dice.uniform((0.1, 0.5), (0, 1.1), (0, 2)),
            row_noise=some(0.6, dice.log_uniform((0.001, 0.004), (3e-4, 0.015), (1e-5, 0.03))),
            column_noise=some(0.6, dice.log_uniform((0.001, 0.004), (3e-4, 0.015), (1e-5, 0.03))),
            grid_lines=some(0.1, dice.log_uniform((0.002, 0.01), (0.001, 0.04), (1e-5, 0.08))),
            grid_period_mm=dice.uniform((0.5, 3), (0.4, 12), (0.3, 20)),
            seams=dice.count((-5, 1.4), (-2.5, 2.5)),
            seam_step=dice.uniform((0.01, 0.06), (0.005, 0.3), (0, 0.5)),
        )


def expose(body: Attenuators, look: ExposureLook, spacing_mm: float, rng: np.random.Generator) -> Layer:
    """Log signal of the detector, about 0 (open beam) to 10 (nothing gets through), shape (height, width)."""
    attenuation = _attenuation(body, look)
    signal = filters.exponential(-attenuation)
    if look.hard_share > 0.02:
        signal *= np.float32(1 - look.hard_share)
        signal += np.float32(look.hard_share) * filters.exponential(attenuation * np.float32(-look.hard_ratio))
    _beam(signal, look)
    if look.blur_mm / spacing_mm > 0.3:
        signal = filters.gaussian(signal, look.blur_mm / spacing_mm)
    _scatter(signal, look, spacing_mm)
    _noise(signal, look, spacing_mm, rng)
    _lines(signal, look, spacing_mm, rng)
    np.maximum(signal, np.float32(2e-5), out=signal)
    return -filters.logarithm(signal)


def _attenuation(body: Attenuators, look: ExposureLook) -> Layer:
    total = filters.mix(body.soft, look.soft_per_mm, body.bone, look.bone_per_mm)
    total += body.metal * np.float32(look.metal_per_mm)
    return np.minimum(total, np.float32(14), out=total)


def _beam(signal: Layer, look: ExposureLook) -> None:
    """Heel effect and slot ramp."""
    rows = np.linspace(1 - look.heel / 2, 1 + look.heel / 2, signal.shape[0], dtype=np.float32)
    columns = np.linspace(1 - look.lean / 2, 1 + look.lean / 2, signal.shape[1], dtype=np.float32)
    signal *= rows[:, None] * columns[None, :]


def _scatter(signal: Layer, look: ExposureLook, spacing_mm: float) -> None:
    """Scatter and glare, computed on a coarse grid.

    Scatter follows the geometric mean of its neighborhood: what leaves a thick body comes mostly from that body, while
    an ordinary mean would let the bright surroundings flood it. That flooding is glare, which is much weaker.
    """
    step = max(1, round(min(look.scatter_reach_mm / 5, 12) / spacing_mm))
    coarse = np.maximum(filters.shrink(signal, step), np.float32(1e-6))
    sigma = look.scatter_reach_mm / (spacing_mm * step)
    wide = filters.exponential(filters.gaussian(filters.logarithm(coarse), sigma))
    # Rays that met no body scatter nothing.
    wide *= np.float32(look.scatter) * np.clip(1.3 - wide, 0, 1)
    wide += np.float32(look.glare) * filters.gaussian(coarse, sigma)
    wide += np.float32(look.veil)
    signal += filters.stretch(wide, (signal.shape[0], signal.shape[1]))


def _noise(signal: Layer, look: ExposureLook, spacing_mm: float, rng: np.random.Generator) -> None:
    """Quantum noise (Poisson, as a Gaussian of equal variance) blurred by the detector, and electronic noise."""
    shape = (signal.shape[0], signal.shape[1])
    quantum = textures.white_noise(rng, shape)
    reach = look.noise_reach_mm / spacing_mm
    if reach > 0.3:
        quantum = filters.gaussian(quantum, reach)
    strength = np.sqrt(np.maximum(signal, 0))
    strength *= np.float32(1 / (np.sqrt(look.photons_per_mm2) * spacing_mm))
    strength *= quantum
    signal += strength
    if look.electronic > 2e-6:
        signal += np.float32(look.electronic / spacing_mm) * textures.white_noise(rng, shape)


def _lines(signal: Layer, look: ExposureLook, spacing_mm: float, rng: np.random.Generator) -> None:
    """Uneven rows and columns, lines of a grid, and steps where parts of the film were joined."""
    height, width = signal.shape
    rows = rng.normal(1, max(look.row_noise, 1e-9), height)
    columns = rng.normal(1, max(look.column_noise, 1e-9), width)
    if look.grid_lines > 0:
        columns += look.grid_lines * np.sin(2 * np.pi * np.arange(width) * spacing_mm / look.grid_period_mm)
    for _ in range(look.seams):
        at = int(rng.uniform(0.15, 0.85) * height)
        rows[at:] *= 1 + rng.normal(0, look.seam_step)
        rows[at : at + max(1, int(rng.uniform(0, 3) / spacing_mm))] *= 1 + rng.normal(0, look.seam_step)
    signal *= rows.astype(np.float32)[:, None]
    signal *= columns.astype(np.float32)[None, :]
