"""The whole appearance of a film: every sampled number in one `Look`, and the chain that applies it."""

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from Training.simulation.appearance.contents import ContentsLook, fill
from Training.simulation.appearance.exposure import ExposureLook, expose
from Training.simulation.appearance.lookup import LookupLook, develop, store
from Training.simulation.appearance.objects import ObjectsLook, place_objects, write_text
from Training.simulation.appearance.projection_layers import Layer, Projection, locate_body
from Training.simulation.appearance.sampling import Dice


@dataclass(frozen=True)
class Look:
    """All the numbers that decide how a projection looks as a film."""

    contents: ContentsLook
    exposure: ExposureLook
    lookup: LookupLook
    objects: ObjectsLook

    @classmethod
    def sample(cls, rng: np.random.Generator, randomization: float = 1.0) -> Self:
        """Draw a look; `randomization` from 0 (plausible) to 1.5 (well past it).

        Raises:
            ValueError: `randomization` outside 0 to 1.5.
        """
        dice = Dice(rng, randomization)
        return cls(
            ContentsLook.sample(dice), ExposureLook.sample(dice), LookupLook.sample(dice), ObjectsLook.sample(dice)
        )

    def metadata(self) -> dict[str, Any]:
        """The look as plain numbers, for a film's annotation file."""
        return asdict(self)


def film(projection: Projection, look: Look, rng: np.random.Generator) -> Layer:
    """The film of a projection: shape (height, width), float32, 0 to 1, bone bright.

    The landmarks keep their places: nothing here moves bones. `rng` places what the look counts (gas, objects, noise);
    the same projection, look and state of `rng` give the same film.
    """
    body = locate_body(projection)
    materials = fill(projection, body, look.contents, rng)
    place_objects(materials, body, look.objects, rng)
    signal = expose(materials, look.exposure, projection.spacing_mm, rng)
    gray = develop(signal, look.lookup, projection.spacing_mm, rng)
    write_text(gray, look.objects, projection.spacing_mm, rng)
    return store(gray, look.lookup)
