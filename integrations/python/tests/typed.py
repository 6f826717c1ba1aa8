"""What a type checker is told: it reads this, and nothing runs it."""

from typing import assert_type

import numpy as np
from numpy.typing import NDArray

import rectify

single, double = np.zeros(3, np.float32), np.zeros(3, np.float64)
activation = rectify.Activation("leaky_relu", negative_slope=0.1)

assert_type(rectify.gelu(single), NDArray[np.float32])
assert_type(rectify.leaky_relu(double, 0.1, out=double, parallel=True), NDArray[np.float64])
assert_type(activation(single), NDArray[np.float32])
assert_type(activation.backward_gated(double, double, double), tuple[NDArray[np.float64], NDArray[np.float64]])
assert_type(rectify.softmax(single, axis=0), NDArray[np.float32])
assert_type(rectify.prelu(single, single), NDArray[np.float32])
assert_type(rectify.prelu_backward_weight(double, double, double, axis=-1, out=double), NDArray[np.float64])
assert_type(rectify.tiers(), list[str])
rectify.gelu(np.zeros(3, np.int32))  # type: ignore[type-var]
rectify.gelu(single, out=double)  # type: ignore[type-var]
