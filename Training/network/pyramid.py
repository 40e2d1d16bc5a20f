"""The two-stage Cascaded Pyramid Network that turns a film into 45 heatmaps and their expected positions.

Source: Yeh et al. 2021 (25 residual blocks, bilinear upsampling, DSNT at both stages), after Chen et al., "Cascaded
Pyramid Network for Multi-Person Pose Estimation", CVPR 2018. Stage 1, GlobalNet, is a feature pyramid; stage 2,
RefineNet, works on each of its levels again, brings all to the finest one and concatenates them.

The network is slim where the image is large and wide where it is small, since most of the work of knowing one vertebra
from its neighbor needs reach, not resolution. An optional fine level lets a network that was trained on half-size films
continue on full-size ones: the pyramid sees the film at half size as before, and the fine level adds detail to its
heatmaps, nothing at first.

Only `keras.layers` and `keras.ops`, so that every backend of Keras trains it.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Final

import keras
from keras import layers, ops

from SpineAlignmentLib.measurement import landmarks
from Training.config import NetworkConfig
from Training.network.dsnt import dsnt, flat_softmax

Tensor = Any
Shape = tuple[int | None, ...]
NormalizationFactory = Callable[..., keras.layers.Layer]

STATISTICS: Final[dict[str, Any]] = {"momentum": 0.98, "moving_variance_initializer": "zeros"}
"""Moving statistics of batch normalization: a variance that starts at 0 is off by a share that soon vanishes, one that
starts at 1 is off by an amount that dwarfs that of faint features for hundreds of steps."""


class Upsample(layers.Layer):
    """Bilinear upsampling by a whole factor, cropped to a given size where pooling had rounded up."""

    def __init__(self, factor: int, size: tuple[int, int], **options: Any) -> None:
        super().__init__(**options)
        self.factor = factor
        self.size = size

    def call(self, x: Tensor) -> Tensor:
        """(N, h, w, C) to (N, *size, C), size at most factor * (h, w)."""
        rows, columns = x.shape[1] * self.factor, x.shape[2] * self.factor
        if self.factor > 1:
            x = ops.cast(ops.image.resize(x, (rows, columns), interpolation="bilinear"), self.compute_dtype)
        return x[:, : self.size[0], : self.size[1], :]

    def get_config(self) -> dict[str, Any]:
        """What the constructor takes."""
        return {**super().get_config(), "factor": self.factor, "size": self.size}


class UpsampleLike(layers.Layer):
    """`Upsample` to the size of other maps, where sizes are known only when it runs.

    `ops.image.resize` refuses those; exported networks alone have them, and those run with TensorFlow.
    """

    def __init__(self, factor: int, **options: Any) -> None:
        super().__init__(**options)
        self.factor = factor

    def call(self, x: Tensor, like: Tensor) -> Tensor:
        """(N, h, w, C) to (N, *size of `like`, C)."""
        import tensorflow as tf

        if self.factor > 1:
            _, rows, columns, _ = ops.shape(x)
            x = tf.image.resize(x, (rows * self.factor, columns * self.factor))
        _, rows, columns, _ = ops.shape(like)
        return x[:, :rows, :columns, :]

    def compute_output_shape(self, x_shape: Shape, like_shape: Shape) -> Shape:
        """See `call`."""
        return (*like_shape[:3], x_shape[3])


class Expectation(layers.Layer):
    """Logits (N, h, w, K) to heatmaps (same shape, sum 1), coordinates (N, K, 2) and spread (N, K), in input pixels."""

    def __init__(self, **options: Any) -> None:
        super().__init__(dtype="float32", **options)

    def call(self, logits: Tensor, films: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Softmax over the image, then DSNT; always in float32."""
        heatmaps = flat_softmax(logits)
        coordinates, spread = dsnt(heatmaps, ops.shape(films)[1:3])
        return heatmaps, coordinates, spread

    def compute_output_shape(self, logits_shape: Shape, films_shape: Shape) -> tuple[Shape, Shape, Shape]:
        """See the class."""
        films, landmarks = logits_shape[0], logits_shape[3]
        return logits_shape, (films, landmarks, 2), (films, landmarks)


class NetworkBuilder:
    """Lays out the layers of one network; `normalization` makes its batch normalization layers."""

    def __init__(
        self,
        config: NetworkConfig,
        input_size: tuple[int | None, int | None],
        normalization: NormalizationFactory,
        points: int = landmarks.COUNT,
    ) -> None:
        self.config = config
        self.points = points
        self.input_size = input_size
        self.normalization = functools.partial(normalization, **STATISTICS)
        self.blocks = 0

    def build(self) -> keras.Model:
        """The network; see `build_network`."""
        films = keras.Input((*self.input_size, 1), name="films")
        fine = self.config.fine_blocks > 0
        view = layers.AveragePooling2D(2, name="half_size")(films) if fine else films
        pyramid, logits_1 = self.global_net(view)
        features, logits_2 = self.refine_net(pyramid)
        if fine:
            logits_2 = self.fine_level(films, features, logits_2)
        _, first, first_spread = Expectation(name="global_expectation")(logits_1, films)
        heatmaps, second, spread = Expectation(name="expectation")(logits_2, films)
        outputs = {"coordinates": second, "spread": spread, "heatmaps": heatmaps}
        outputs |= {"global_coordinates": first, "global_spread": first_spread}
        return keras.Model(films, outputs, name="cascaded_pyramid_network")

    def global_net(self, films: Tensor) -> tuple[list[Tensor], Tensor]:
        """Stage 1: pyramid levels from fine to coarse, and its heatmaps' logits at the finest one."""
        config = self.config
        levels = []
        x = self.stem(films, config.channels[0], "stem")
        for i, (channels, blocks) in enumerate(zip(config.channels, config.backbone_blocks, strict=True)):
            if i > 0:
                x = layers.MaxPooling2D(2, padding="same", name=f"down_{i}")(x)
            for j in range(blocks):
                x = self.residual(x, channels, f"global_{i}_{j}")
            levels.append(x)
        pyramid: list[Tensor] = []
        for i, level in reversed(list(enumerate(levels))):
            lateral = layers.Conv2D(config.pyramid_channels, 1, name=f"lateral_{i}")(level)
            if pyramid:
                above = self.upsample(pyramid[0], 2, lateral, f"up_{i}")
                lateral = layers.Add(name=f"merge_{i}")([lateral, above])
            pyramid.insert(0, lateral)
        x = self.activation(self.normalization(name="global_head_norm")(pyramid[0]))
        return pyramid, self.head(x, "global_logits")

    def refine_net(self, pyramid: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Stage 2: every level refined, brought to the finest, concatenated; its last features and logits."""
        config = self.config
        parts = []
        for i, (level, blocks) in enumerate(zip(pyramid, config.refine_blocks, strict=True)):
            x = level
            for j in range(blocks):
                x = self.residual(x, config.pyramid_channels, f"refine_{i}_{j}")
            x = layers.Conv2D(config.refine_channels, 1, name=f"refine_{i}_out")(x)
            parts.append(self.upsample(x, 2**i, pyramid[0], f"refine_{i}_up"))
        x = layers.Concatenate(name="refine_concatenate")(parts)
        for j in range(config.head_blocks):
            x = self.residual(x, config.head_channels, f"head_{j}")
        return x, self.head(x, "logits")

    def fine_level(self, films: Tensor, features: Tensor, logits: Tensor) -> Tensor:
        """Detail from the full-size film, added to the heatmaps' logits at twice their resolution."""
        config = self.config
        x = self.stem(films, config.fine_channels, "fine_stem")
        context = layers.Conv2D(config.fine_channels, 1, name="fine_context")(features)
        x = layers.Concatenate(name="fine_concatenate")([x, self.upsample(context, 2, x, "fine_context_up")])
        for j in range(config.fine_blocks):
            x = self.residual(x, config.fine_channels, f"fine_{j}")
        detail = self.head(x, "fine_logits", kernel_initializer="zeros")
        return layers.Add(name="fine_sum", dtype="float32")(
            [self.upsample(logits, 2, x, "logits_up", "float32"), detail]
        )

    def stem(self, films: Tensor, channels: int, name: str) -> Tensor:
        """The film to features at a quarter of its size."""
        x = layers.Conv2D(channels, 7, strides=2, padding="same", use_bias=False, name=f"{name}_conv")(films)
        x = self.activation(self.normalization(name=f"{name}_norm")(x))
        return layers.MaxPooling2D(2, padding="same", name=f"{name}_pool")(x)

    def residual(self, x: Tensor, channels: int, name: str) -> Tensor:
        """Two 3x3 convolutions and a skip, which is a 1x1 convolution when the number of channels changes."""
        self.blocks += 1
        skip = x
        if x.shape[-1] != channels:
            skip = layers.Conv2D(channels, 1, use_bias=False, name=f"{name}_skip")(x)
        y = layers.Conv2D(channels, 3, padding="same", use_bias=False, name=f"{name}_conv1")(x)
        y = self.activation(self.normalization(name=f"{name}_norm1")(y))
        y = layers.Conv2D(channels, 3, padding="same", use_bias=False, name=f"{name}_conv2")(y)
        y = self.normalization(name=f"{name}_norm2", gamma_initializer="zeros")(y)
        return self.activation(layers.Add(name=f"{name}_add")([skip, y]))

    def upsample(self, x: Tensor, factor: int, like: Tensor, name: str, dtype: str | None = None) -> Tensor:
        """Bilinear, to the height and width of `like`."""
        if None in like.shape[1:3]:
            return UpsampleLike(factor, name=name, dtype=dtype)(x, like)
        return Upsample(factor, (like.shape[1], like.shape[2]), name=name, dtype=dtype)(x)

    @staticmethod
    def activation(x: Tensor) -> Tensor:
        """Rectified linear unit."""
        return layers.ReLU()(x)

    def head(self, x: Tensor, name: str, **options: Any) -> Tensor:
        """Logits of the heatmaps, in float32 since their differences become fractions of a pixel."""
        return layers.Conv2D(self.points, 1, name=name, dtype="float32", **options)(x)


def build_network(
    config: NetworkConfig,
    input_size: tuple[int | None, int | None],
    normalization: NormalizationFactory = layers.BatchNormalization,
    points: int = landmarks.COUNT,
) -> keras.Model:
    """The two-stage network for films of one size.

    Args:
        config: widths and numbers of blocks.
        input_size: (height, width) of the input in pixels, None for any multiple of the network's coarsest cell.
        normalization: makes a batch normalization layer; a synchronized one for training on several ranks.
        points: how many it finds; the landmarks, or those of a view of one structure.

    Returns:
        Films (N, height, width, 1) to a dictionary: "coordinates" and "global_coordinates" (N, points, 2), "spread" and
        "global_spread" (N, points), all in input pixels, and "heatmaps" (N, rows, columns, points).
    """
    builder = NetworkBuilder(config, input_size, normalization, points)
    network = builder.build()
    if builder.blocks != config.residual_blocks:
        raise ValueError(
            f"the network has {builder.blocks} residual blocks, its configuration {config.residual_blocks}"
        )
    return network
