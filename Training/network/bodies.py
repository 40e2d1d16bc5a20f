"""The small network that marks every vertebral body on a film of any extent, whatever its level.

It is the pyramid of `Training.network.pyramid` with other heads: at every cell of a quarter of the film's size it says
how sure it is that a body's center lies there, where that body's center and corners are, and which level it looks like.
Centers as peaks of a heatmap with everything else regressed from them: Zhou et al., "Objects as Points", 2019; for
vertebrae and their corners Yi et al., "Vertebra-Focused Landmark Detection for Scoliosis Assessment", ISBI 2020. Cells
around a center all answer, so that a corner is the mean of several votes.

All layers are convolutions, so the network that was trained on windows takes films of any size that is a multiple of
32 pixels.
"""

from typing import Any, Final

import keras
from keras import layers, ops

from SpineAlignmentLib.measurement.landmarks import CORNERS, VERTEBRAE
from Training.config import NetworkConfig
from Training.network.pyramid import NetworkBuilder, NormalizationFactory

Tensor = Any

POINTS: Final[int] = 1 + len(CORNERS)
"""Of each body: its center and corners."""
HEATS: Final[tuple[str, ...]] = ("body", "axis", "plate")
"""What has a heatmap: any vertebra's center, C2's, and the middle of the sacral plate."""
_PRIOR_LOGIT: Final[float] = -4.0
"""Heatmaps start near zero, as nearly all cells are (Lin et al., "Focal Loss", ICCV 2017, section 3.3)."""
_REACH: Final[float] = 16.0
"""Pixels that a value of 1 stands for in the maps of points."""


class Double(layers.Layer):
    """Bilinear upsampling by 2 of maps whose size is known only when it runs; `ops.image.resize` refuses those."""

    def call(self, x: Tensor) -> Tensor:
        """(N, h, w, C) to (N, 2 h, 2 w, C); beyond the edges the outermost cells go on."""
        _, rows, columns, channels = ops.shape(x)
        above, below = ops.concatenate([x[:, :1], x[:, :-1]], axis=1), ops.concatenate([x[:, 1:], x[:, -1:]], axis=1)
        x = ops.stack([0.75 * x + 0.25 * above, 0.75 * x + 0.25 * below], axis=2)
        x = ops.reshape(x, (-1, 2 * rows, columns, channels))
        left = ops.concatenate([x[:, :, :1], x[:, :, :-1]], axis=2)
        right = ops.concatenate([x[:, :, 1:], x[:, :, -1:]], axis=2)
        x = ops.stack([0.75 * x + 0.25 * left, 0.75 * x + 0.25 * right], axis=3)
        return ops.reshape(x, (-1, 2 * rows, 2 * columns, channels))


class BodiesBuilder(NetworkBuilder):
    """Lays out the network of bodies."""

    def build(self) -> keras.Model:
        """The network; see `build_bodies_network`."""
        films = keras.Input((*self.input_size, 1), name="films")
        pyramid, first = self.global_net(films)
        _, second = self.refine_net(pyramid)
        outputs = _answers(second, "") | _answers(first, "global_")
        return keras.Model(films, outputs, name="bodies")

    def upsample(self, x: Tensor, factor: int, like: Tensor, name: str, dtype: str | None = None) -> Tensor:
        """Bilinear, by a power of 2; sizes are multiples of 32, so that nothing is left over."""
        for i in range(factor.bit_length() - 1):
            x = Double(name=f"{name}_{i}")(x)
        return x

    def head(self, x: Tensor, name: str, **options: Any) -> Tensor:
        """All maps, one after the other, in float32."""
        bias = keras.initializers.Constant(_PRIOR_LOGIT)
        heat = layers.Conv2D(len(HEATS), 1, name=f"{name}_heat", dtype="float32", bias_initializer=bias)(x)
        rest = layers.Conv2D(2 * POINTS + len(VERTEBRAE), 1, name=f"{name}_rest", dtype="float32")(x)
        return layers.Concatenate(name=name, dtype="float32")([heat, rest])


def _answers(maps: Tensor, prefix: str) -> dict[str, Tensor]:
    """The maps of one stage by name."""
    points, levels = len(HEATS), len(HEATS) + 2 * POINTS
    return {
        f"{prefix}heat": maps[..., :points],
        f"{prefix}points": maps[..., points:levels] * _REACH,
        f"{prefix}levels": maps[..., levels:],
    }


def build_bodies_network(
    config: NetworkConfig,
    input_size: tuple[int | None, int | None],
    normalization: NormalizationFactory = layers.BatchNormalization,
) -> keras.Model:
    """The network of bodies.

    Args:
        config: widths and numbers of blocks; `fine_blocks` counts nothing.
        input_size: (height, width), multiples of 32, or None for films of any such size.
        normalization: makes a batch normalization layer; a synchronized one for training on several ranks.

    Returns:
        Films (N, height, width, 1) to a dictionary of maps (N, height / 4, width / 4, ...): "heat" logits of `HEATS`;
        "points" from a cell's center to the body's center and corners, 5 times (x, y) in pixels; "levels" logits of
        `landmarks.VERTEBRAE`; and the same of the first stage with "global_" before their names.
    """
    return BodiesBuilder(config, input_size, normalization).build()


def probabilities(outputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """What the exported model answers: "heat" and "levels" as probabilities, "points" as they are."""
    return {
        "heat": ops.sigmoid(outputs["heat"]),
        "points": outputs["points"],
        "levels": ops.softmax(outputs["levels"], axis=-1),
    }
