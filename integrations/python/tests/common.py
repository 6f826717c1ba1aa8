"""What the tests share: the activations, arrays of odd strides, comparisons by bits."""

import inspect
import re

import numpy as np
from hypothesis import strategies as st

import rectify


def known_names():
    """The activations that `rectify` itself knows: it lists them where a text names none."""
    try:
        rectify.Activation("nothing")
    except ValueError as error:
        return re.findall(r"`(\w+)`", str(error).split("there are")[1])
    raise AssertionError("`nothing` is an activation")


NAMES = known_names()
# With other parameters than the defaults, too; those of `clip` have none.
TEXTS = [name for name in NAMES if name != "clip"] + [
    "clip(min=-1.0, max=2.0)",
    "leaky_relu(negative_slope=-0.5)",
    "hard_tanh(min=-0.5, max=3.0)",
    "thresholded_relu(theta=0.25)",
    "hard_sigmoid(alpha=0.2, beta=0.5)",
    "hard_shrink(lambda=1.0)",
    "soft_shrink(lambda=1.0)",
    "swish(beta=1.702)",
    "elu(alpha=0.5)",
    "celu(alpha=2.0)",
    "softplus(beta=2.0)",
]
DTYPES = [np.float32, np.float64]


def parameters_of(function):
    """Those of the activation, with their defaults."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.name not in ("x", "out", "parallel")}


def same_bits(a, b):
    """Whether two arrays are equal, zeros with their signs, and NaN where there is NaN."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    bits = {4: np.uint32, 8: np.uint64}[a.dtype.itemsize]
    a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
    nan = np.isnan(a)
    return np.array_equal(nan, np.isnan(b)) and np.array_equal(a[~nan].view(bits), b[~nan].view(bits))


def numbers(shape, dtype, seed, special=True):
    """Random ones in a new array, with what is special among them."""
    random = np.random.default_rng(seed)
    x = np.asarray(random.standard_normal(shape) * 3, dtype=dtype)
    if special and x.size:
        tiny = np.finfo(dtype).smallest_subnormal
        values = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, tiny, -tiny, 1.0, -1.0, 0.5, 6.0], dtype=dtype)
        places = random.random(x.shape) < 0.2
        x = np.where(places, random.choice(values, size=x.shape), x)
    return x


shapes = st.one_of(
    st.lists(st.integers(0, 9), max_size=5).map(tuple),
    st.lists(st.integers(1, 80), min_size=1, max_size=2).map(tuple),
    st.tuples(st.integers(1, 3), st.integers(2000, 6000)),
)


@st.composite
def strided(draw, shape, dtype, read_only=True):
    """An array of this shape within a larger one, whose axes stand in any order, with steps, backwards, or (for inputs) repeated;
    and the larger one."""
    order = draw(st.permutations(range(len(shape))))
    kinds = [1, 1, 1, -1, 2, -2, 3] + ([0] if read_only else [])
    steps = [draw(st.sampled_from(kinds)) for _ in shape]
    offsets = [draw(st.integers(0, 2)) for _ in shape]
    lens = [
        (1 if steps[i] == 0 else shape[i] * abs(steps[i])) + offsets[i] for i in order
    ]
    base = numbers(tuple(lens), dtype, draw(st.integers(0, 2**32)))
    places = [order.index(i) for i in range(len(shape))]
    view = base.transpose(places)
    for axis, (step, offset, length) in enumerate(zip(steps, offsets, shape)):
        index = [slice(None)] * len(shape)
        if step == 0:
            index[axis] = slice(offset, offset + 1)
        elif step > 0:
            index[axis] = slice(offset, offset + length * step, step)
        else:
            index[axis] = slice(offset, offset + length * -step)
        view = view[(..., *index)]
        if step < 0:
            index = [slice(None)] * len(shape)
            index[axis] = slice(None, None, step)
            view = view[(..., *index)]
    if 0 in steps:
        view = np.broadcast_to(view, shape)
    assert view.shape == tuple(shape)
    return view, base
