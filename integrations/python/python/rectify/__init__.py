"""Activation kernels for the CPU, forward and backward, over NumPy arrays of float32 and float64.

    >>> import numpy as np, rectify
    >>> x = np.array([-3.0, -0.5, 0.0, 2.0], dtype=np.float32)
    >>> rectify.relu(x)
    array([0., 0., 0., 2.], dtype=float32)
    >>> rectify.leaky_relu(x, negative_slope=0.5, out=x)
    array([-1.5 , -0.25,  0.  ,  2.  ], dtype=float32)

A function for each activation; `Activation`, which has their gradients and what is fused with them (a bias, a residual, a
gate); `prelu`, whose slopes are learned, `softmax` and `log_softmax`. Every element has the same bits on every instruction set, at every shape, whatever the strides, and
on any number of threads. The GIL is released while a call computes.

`rectify.torch`, which is imported apart, has the same for PyTorch's tensors.
"""

from ._rectify import *  # noqa: F403
from ._rectify import __all__, __version__  # noqa: F401
