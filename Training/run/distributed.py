"""Data-parallel training with Horovod: gradients averaged, batch normalization synchronized, variables broadcast.

`horovod.tensorflow.keras` does not know Keras 3; these three small pieces do the same work through Horovod's TensorFlow
functions. Without `horovodrun` there is one rank and none of them changes anything; Horovod is then not even imported.
"""

import os
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

Tensor = Any


class Ranks:
    """This process among all; `size` 1 stands for a training without Horovod."""

    def __init__(self) -> None:
        """Joins the processes that `horovodrun` (or mpirun) started, if it did."""
        self.rank, self.size, self.hvd = 0, 1, None
        if int(os.environ.get("HOROVOD_SIZE", os.environ.get("OMPI_COMM_WORLD_SIZE", "1"))) > 1:
            if keras.backend.backend() != "tensorflow":
                raise RuntimeError("training on several ranks needs KERAS_BACKEND=tensorflow")
            import horovod.tensorflow as hvd

            hvd.init()
            self.hvd, self.rank, self.size = hvd, hvd.rank(), hvd.size()

    @property
    def is_first(self) -> bool:
        """Whether this rank writes files and speaks."""
        return self.rank == 0

    def distribute(self, optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
        """The same optimizer, averaging gradients over ranks before it clips or scales them."""
        if self.hvd is None:
            return optimizer
        hvd, kind = self.hvd, type(optimizer)

        def apply(self: Any, grads: Any, trainable_variables: Any = None) -> Any:
            return kind.apply(self, hvd.grouped_allreduce(list(grads), op=hvd.Average), trainable_variables)

        optimizer.__class__ = type(f"Distributed{kind.__name__}", (kind,), {"apply": apply})
        return optimizer

    def normalization(self, **options: Any) -> layers.Layer:
        """A batch normalization layer whose statistics are those of the batch of all ranks."""
        if self.hvd is None:
            return layers.BatchNormalization(**options)
        return _synchronized_class(self.hvd)(**options)

    def broadcast(self, variables: list[Any]) -> None:
        """Gives every rank the first rank's values."""
        if self.hvd is not None:
            self.hvd.broadcast_variables([v.value for v in variables], root_rank=0)

    def mean(self, values: dict[str, float]) -> dict[str, float]:
        """The mean over ranks of each value."""
        if self.hvd is None:
            return values
        import tensorflow as tf

        average = self.hvd.allreduce(
            tf.constant(list(values.values()), tf.float64), op=self.hvd.Average, name="metrics"
        )
        return dict(zip(values, np.asarray(average).tolist(), strict=True))

    def gather(self, array: NDArray[Any]) -> NDArray[Any]:
        """The arrays of all ranks, joined along the first axis in the order of ranks."""
        if self.hvd is None:
            return array
        import tensorflow as tf

        return np.asarray(self.hvd.allgather(tf.constant(array), name="gather"))


def _synchronized_class(hvd: Any) -> type[layers.BatchNormalization]:
    class SynchronizedBatchNormalization(layers.BatchNormalization):
        """Batch normalization over the films of all ranks (equal shares)."""

        def _moments(self, inputs: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
            inputs = ops.cast(inputs, "float32")
            mean = ops.mean(inputs, axis=self._reduction_axes)
            square = ops.mean(ops.square(inputs), axis=self._reduction_axes)
            # One message for both; its gradient is averaged over the ranks too, as the sum of losses demands.
            both = hvd.allreduce(ops.concatenate([mean, square], axis=0), op=hvd.Average)
            mean, square = ops.split(both, 2, axis=0)
            return mean, ops.maximum(square - ops.square(mean), 0.0)

    return SynchronizedBatchNormalization
