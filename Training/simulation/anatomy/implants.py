"""Spinal implants: pedicle screws, rods, cages, hooks, cement and disc prostheses as solids."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from Training.simulation.anatomy.mesh import Mesh, ellipsoid, tube

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Site:
    """What an implant needs to know of a vertebra."""

    center: FloatArray
    rotation: FloatArray
    depth: float
    height: float
    width: float


def fixation(sites: Sequence[Site], rng: np.random.Generator, hooks: bool) -> list[Mesh]:
    """Screws (or hooks) at most levels on both sides and a rod along each side; sites from the lowest up."""
    parts: list[Mesh] = []
    caliber = rng.uniform(4.5, 6.5)
    for side in (1.0, -1.0):
        heads = []
        for i, site in enumerate(sites):
            inner = site.rotation @ np.array([0.25 * site.depth, 0.15 * site.height, side * 0.18 * site.width])
            outer = site.rotation @ np.array([-0.5 * site.depth - 26, 0.32 * site.height, side * 0.42 * site.width])
            head = site.center + outer
            heads.append(head)
            if 0 < i < len(sites) - 1 and rng.random() < 0.18:
                continue
            tip = site.center + (inner if not hooks else outer + site.rotation @ np.array([14.0, 4.0, 0.0]))
            share = np.linspace(0, 1, 24)[:, None]
            thread = caliber / 2 * (1 + 0.16 * np.cos(np.arange(24) * np.pi))
            thread[-2:] *= 0.6
            parts.append(tube(head + share * (tip - head), thread, (0.0, 1.0, 0.0), 8))
            parts.append(ellipsoid(head, [8, 6.5, 6.5], site.rotation, 6))
        if len(heads) > 1:
            path = np.array(heads) + np.array([-4.0, 0, 0])
            ends = [path[0] - 0.25 * (path[1] - path[0]), path[-1] + 0.25 * (path[-1] - path[-2])]
            parts.append(tube(np.vstack([ends[0], path, ends[1]]), rng.uniform(2.4, 3.2), (1.0, 0.0, 0.0), 10))
    return parts


def cage(below: Site, above: Site, rng: np.random.Generator) -> list[Mesh]:
    """An interbody cage with marker pins, or a solid one, in the disc between two bodies."""
    middle = 0.5 * (
        below.center
        + 0.5 * below.height * below.rotation[:, 1]
        + above.center
        - 0.5 * above.height * above.rotation[:, 1]
    )
    middle = middle + below.rotation[:, 0] * rng.uniform(-4, 5)
    size = np.array([0.32 * below.depth, max(3.5, 0.16 * below.height), 0.22 * below.width])
    if rng.random() < 0.5:
        return [ellipsoid(middle, size * [1, 1, 0.6], below.rotation, 8)]
    pins = []
    for x in (-1.0, 1.0):
        foot = middle + below.rotation @ (size * [x, -1, rng.uniform(-1, 1)])
        top = foot + below.rotation[:, 1] * 2 * size[1]
        pins.append(tube(np.stack([foot, (foot + top) / 2, top]), 0.7, (1.0, 0.0, 0.0), 6))
    return pins


def cement(site: Site, rng: np.random.Generator) -> list[Mesh]:
    """Blobs of bone cement inside a body."""
    out = []
    for _ in range(int(rng.integers(2, 5))):
        offset = site.rotation @ (rng.uniform(-0.25, 0.25, 3) * [site.depth, site.height, site.width])
        out.append(
            ellipsoid(
                site.center + offset,
                rng.uniform(0.12, 0.28, 3) * [site.depth, site.height, site.width],
                site.rotation,
                6,
            )
        )
    return out
