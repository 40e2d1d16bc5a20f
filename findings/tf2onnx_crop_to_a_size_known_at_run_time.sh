#!/bin/sh
# tf2onnx 1.17.0 makes thirteen nodes of a crop whose size is known only when the network runs.
#
# Networks of features at several scales crop what they enlarge to the maps that they meet, x[:, :rows, :columns]. With a fixed
# size this is one Slice. With rows and columns of tf.shape of the other maps, which are never negative, the graph also works
# out what an end below zero would mean and which axis an end is missing on: Less, Max, Equal, And, Where beside Shape, Concat
# and three Slices. The same crop as tf.slice takes eleven. The answers are the same.
#
# Seen: "strided: fixed 1, at run time 13", "tf.slice: fixed 1, at run time 11". Versions: tf2onnx 1.17.0, TensorFlow 2.18.1,
# ONNX Runtime 1.23.2, opset 17, Python 3.11.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check tf2onnx==1.17.0 tensorflow-cpu==2.18.1 \
    onnxruntime==1.23.2 "numpy<2.1"
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - <<'PYTHON'
from collections import Counter

import numpy as np
import onnxruntime
import tensorflow as tf
import tf2onnx


def strided(maps, other):
    rows, columns = tf.shape(other)[1], tf.shape(other)[2]
    return maps[:, :rows, :columns, :]


def sliced(maps, other):
    size = tf.shape(other)
    return tf.slice(maps, [0, 0, 0, 0], [-1, size[1], size[2], -1])


def converted(crop, *sizes):
    given = [tf.TensorSpec([1, rows, columns, 4], tf.float32, name) for (rows, columns), name in zip(sizes, "ab")]
    model, _ = tf2onnx.convert.from_function(tf.function(crop, given, autograph=False), input_signature=given, opset=17)
    return model


for name, crop, expected in (("strided", strided, 13), ("tf.slice", sliced, 11)):
    fixed, free = converted(crop, (28, 16), (27, 15)), converted(crop, (None, None), (None, None))
    kinds = Counter(node.op_type for node in free.graph.node)
    print(f"{name}: fixed {len(fixed.graph.node)}, at run time {sum(kinds.values())}: {dict(kinds)}")
    assert len(fixed.graph.node) == 1 and sum(kinds.values()) == expected
    session = onnxruntime.InferenceSession(free.SerializeToString(), providers=["CPUExecutionProvider"])
    maps, other = np.random.default_rng(0).random((1, 28, 16, 4), np.float32), np.zeros((1, 27, 15, 4), np.float32)
    names = [value.name for value in session.get_inputs()]
    (answer,) = session.run(None, dict(zip(names, (maps, other))))
    assert np.array_equal(answer, maps[:, :27, :15])
PYTHON
