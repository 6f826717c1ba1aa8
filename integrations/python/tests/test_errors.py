"""What is wrong is said, and nothing is written."""

import itertools

import numpy as np
import pytest
from common import NAMES

import rectify

SILU = rectify.Activation("silu")
X = np.ones((3, 4), np.float32)


def calls(x, out):
    """Every call with this input and output, where all else is right."""
    shape = getattr(x, "shape", (3, 4))
    one = np.ones(shape, np.float32)
    bias = np.ones(shape[-1:], np.float32)
    yield lambda: rectify.silu(x, out=out)
    yield lambda: rectify.leaky_relu(x, 0.1, out=out)
    yield lambda: SILU(x, out=out)
    yield lambda: SILU.forward(x, out=out, parallel=True)
    for inputs in [(x, one), (one, x)]:
        yield lambda: SILU.backward(*inputs, out=out)
        yield lambda: SILU.forward_residual(*inputs, out=out)
        yield lambda: SILU.forward_gated(*inputs, out=out)
        yield lambda: rectify.softmax_backward(*inputs, out=out)
        yield lambda: rectify.log_softmax_backward(*inputs, out=out)
        yield lambda: SILU.backward_residual(*inputs, one, out=out)
        if bias.shape:
            yield lambda: SILU.backward_bias(inputs[0], bias, inputs[1], out=out)
    yield lambda: SILU.backward_residual(one, one, x, out=out)
    for inputs in [(x, one, one), (one, x, one), (one, one, x)]:
        yield lambda: SILU.backward_gated(*inputs, out=None if out is None else (out, np.empty_like(one)))
        yield lambda: SILU.backward_gated(*inputs, out=None if out is None else (np.empty_like(one), out))
    if bias.shape:
        yield lambda: SILU.forward_bias(x, bias, out=out)
        yield lambda: rectify.softmax(x, out=out)
        yield lambda: rectify.log_softmax(x, out=out)


def calls_of_prelu(x, out):
    """The same of prelu, with one slope."""
    one, slope = np.ones(getattr(x, "shape", (3, 4)), np.float32), np.ones(1, np.float32)
    yield lambda: rectify.prelu(x, slope, out=out)
    for inputs in [(x, slope, one), (one, slope, x)]:
        yield lambda: rectify.prelu_backward(*inputs, out=out)
        if out is None:
            yield lambda: rectify.prelu_backward_weight(*inputs)


def refused(error, words, x=X, out=None):
    kept = None if out is None else out.copy()
    count = 0
    for call in itertools.chain(calls(x, out), calls_of_prelu(x, out)):
        with pytest.raises(error) as caught:
            call()
        for word in words:
            assert word in str(caught.value)
        count += 1
    assert count >= 18
    if out is not None:
        np.testing.assert_array_equal(out, kept)


def out():
    return np.full((3, 4), 7, np.float32)


@pytest.mark.parametrize("dtype", ["float16", "int32", "bool", "object", "complex64", "longdouble", "datetime64[s]"])
def test_dtype(dtype):
    name = str(np.dtype(dtype))
    refused(TypeError, ["must have dtype float32 or float64, not " + name], X.astype(dtype), out())
    refused(TypeError, ["`out", "must have dtype float32 or float64, not " + name], X, np.zeros((3, 4), dtype))


@pytest.mark.parametrize("x", [1.0, [1.0], None, "x", np.float32(1), memoryview(b"1234")])
def test_no_array(x):
    for call in [rectify.relu, SILU, rectify.softmax]:
        with pytest.raises(TypeError, match="`x` must be a NumPy array of float32 or float64, not "):
            call(x)
    with pytest.raises(TypeError, match="`grad_output` must be a NumPy array"):
        SILU.backward(X, x)


def test_structured_dtype():
    refused(TypeError, ["must have dtype float32 or float64"], np.zeros((3, 4), "f4,f4"))


@pytest.mark.parametrize("size", [4, 8])
def test_byte_order(size):
    swapped = X.astype(f"f{size}").astype(np.dtype(f"f{size}").newbyteorder())
    refused(TypeError, ["byte order", f"astype('=f{size}')"], swapped, out())
    refused(TypeError, ["byte order", f"astype('=f{size}')"], X, swapped)


def test_dtypes_differ():
    with pytest.raises(TypeError, match="`grad_output` has dtype float32, but `x` has float64: they must be the same"):
        SILU.backward(X.astype(np.float64), X)
    refused(TypeError, ["`out", "float32", "float64", "must be the same"], X, np.ones((3, 4)))


def test_alignment():
    memory = np.zeros(13 * 4 + 1, np.uint8)
    shifted = np.frombuffer(memory.data, np.float32, 12, offset=1).reshape(3, 4)
    assert not shifted.flags.aligned
    refused(ValueError, ["is not aligned in memory", ".copy()"], shifted, out())
    refused(ValueError, ["`out", "is not aligned in memory"], X, shifted)
    packed = np.zeros(5, "u1,f4")["f1"]
    with pytest.raises(ValueError, match="`x` is not aligned"):
        rectify.relu(packed)


@pytest.mark.parametrize("shape", [(4, 3), (3, 5), (12,), (1, 3, 4), (3, 1), ()])
def test_shapes_differ(shape):
    for call in [
        lambda: rectify.silu(X, out=np.zeros(shape, np.float32)),
        lambda: SILU.backward(X, np.zeros(shape, np.float32), out=out()),
        lambda: SILU.backward_gated(X, X, X, out=(out(), np.zeros(shape, np.float32))),
        lambda: SILU.forward_residual(X, np.zeros(shape, np.float32)),
        lambda: rectify.softmax(X, out=np.zeros(shape, np.float32)),
    ]:
        with pytest.raises(ValueError) as caught:
            call()
        assert str((3, 4)) in str(caught.value) and str(shape) in str(caught.value)
    refused(ValueError, ["`out", "(3, 4)", str(shape)], X, np.zeros(shape, np.float32))


def test_too_many_axes():
    with pytest.raises(ValueError, match="`x` has 33 axes: there may be at most 32"):
        rectify.relu(np.zeros((1,) * 33, np.float32))


def test_read_only():
    fixed = out()
    fixed.flags.writeable = False
    refused(ValueError, ["`out", "read-only"], X, fixed)
    with pytest.raises(ValueError, match="`out` is read-only"):
        rectify.relu(fixed, out=fixed)
    # An input may be.
    assert np.all(rectify.relu(fixed) == 7)


def test_overlap():
    memory = np.arange(100, dtype=np.float32)
    x = memory[:12].reshape(3, 4)
    for other in [
        memory[1:13].reshape(3, 4),
        memory[11:23].reshape(3, 4),
        memory[11::-1].reshape(3, 4),
        memory[:24:2].reshape(3, 4),
        memory[:12].reshape(4, 3).T,
        memory[:12].reshape(3, 4)[::-1],
        memory[:12].view(np.uint8).view(np.float32).reshape(3, 4)[:, ::-1],
    ]:
        assert np.shares_memory(x, other)
        refused(ValueError, ["`out", "overlaps"], x, other)
        refused(ValueError, ["`out", "overlaps"], other, x)
    np.testing.assert_array_equal(memory, np.arange(100))
    # Through other owners of the same memory.
    bytes_ = bytearray(64)
    with pytest.raises(ValueError, match="`out` overlaps `x` in memory, and is not the same array"):
        rectify.relu(np.frombuffer(bytes_, np.float32, 12), out=np.frombuffer(bytes_, np.float32, 12, offset=4))
    # The same array, but where something else is replaced.
    for call in [
        lambda: SILU.backward(x, X, out=x),
        lambda: SILU.forward_residual(X, x, out=x),
        lambda: SILU.forward_residual(x, x, out=x),
        lambda: SILU.forward_gated(x, X, out=x),
        lambda: SILU.backward_gated(X, X, x, out=(x, out())),
        lambda: rectify.softmax_backward(x, X, out=x),
        lambda: SILU.forward_bias(x, x[0], out=x),
    ]:
        with pytest.raises(ValueError, match="overlaps"):
            call()
    both = out()
    with pytest.raises(ValueError, match=r"`out\[1\]` overlaps `out\[0\]`"):
        SILU.backward_gated(X, X, X, out=(both, both))
    np.testing.assert_array_equal(memory, np.arange(100))


def test_output_that_overlaps_itself():
    memory = np.zeros(12, np.float32)
    for strides in [(0, 4), (4, 4), (4, 0), (8, 4)]:
        view = np.lib.stride_tricks.as_strided(memory, (3, 4), strides)
        refused(ValueError, ["`out", "share memory"], X, view)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_that_are_nan(name):
    activation = rectify.Activation("clip(min=0, max=1)" if name == "clip" else name)
    result = out()
    for parameter in activation.parameters:
        parameters = {**activation.parameters, parameter: float("nan")}
        with pytest.raises(ValueError, match=f"`{parameter}` of `{name}` is NaN"):
            rectify.Activation(name, **parameters)
        parameters = {key.replace("lambda", "lambd"): value for key, value in parameters.items()}
        with pytest.raises(ValueError, match=f"`{parameter}` of `{name}` is NaN"):
            getattr(rectify, name)(X, **parameters, out=result)
    assert np.all(result == 7)


def test_parameters():
    for text, words in [
        ("reluu", "`reluu` is no activation"),
        ("leaky_relu(slope=1)", "`leaky_relu` has no `slope`"),
        ("clip", "`clip` needs `min`"),
        ("hard_shrink(lambda=-1)", "at least 0.0"),
    ]:
        with pytest.raises(ValueError, match=words):
            rectify.Activation(text)
    with pytest.raises(ValueError, match="must be at least 0.0"):
        rectify.hard_shrink(X, lambd=-1)
    with pytest.raises(ValueError, match="`alpha` of `celu` is 0"):
        rectify.celu(X, alpha=0)
    with pytest.raises(ValueError, match="in the text and as keywords, too"):
        rectify.Activation("leaky_relu(negative_slope=1)", negative_slope=1)
    with pytest.raises(TypeError):
        rectify.leaky_relu(X, negative_slope="1")
    with pytest.raises(TypeError):
        rectify.Activation("leaky_relu", negative_slope=None)


def test_prelu():
    functions = [
        lambda x, *rest, **more: rectify.prelu(x, *rest, **more),
        lambda x, w, *rest, **more: rectify.prelu_backward(x, w, x, *rest, **more),
        lambda x, w, *rest, **more: rectify.prelu_backward_weight(x, w, x, *rest, **more),
    ]
    for i, function in enumerate(functions):
        for weight, axis in [((3,), 1), ((4,), 0), ((2,), -1), ((0,), 1), ((1, 4), 1), ((1, 1), 1), ((3, 4), 0)]:
            result = np.full(weight if i == 2 else (3, 4), 7, np.float32)
            with pytest.raises(ValueError) as caught:
                function(X, np.ones(weight, np.float32), axis, result)
            words = [f"`weight` has shape {weight}", f"axis {axis % 2} of `x`, of shape (3, 4), takes ({(3, 4)[axis]},)"]
            assert all(word in str(caught.value) for word in words)
            assert np.all(result == 7)
        for axis in [2, -3]:
            with pytest.raises(np.exceptions.AxisError, match=f"axis {axis} is out of bounds"):
                function(X, X[0], axis)
        with pytest.raises(np.exceptions.AxisError, match="axis 1 is out of bounds for array of dimension 1"):
            function(X[0], X[0])
        # Nothing asks for the axis of one slope.
        assert function(X[0], np.ones(1, np.float32)) is not None
        with pytest.raises(TypeError, match="`weight` has dtype float64, but `x` has float32"):
            function(X, np.ones(4))
        for weight in [0.5, [0.5] * 4, None]:
            with pytest.raises(TypeError, match="`weight` must be a NumPy array of float32 or float64"):
                function(X, weight)
    for slopes in (4, 1):
        memory = np.ones(4, np.float32)
        weight = memory[:slopes]
        # The slopes are read when the output is written.
        with pytest.raises(ValueError, match="`out` overlaps `weight` in memory: give memory of its own"):
            rectify.prelu_backward_weight(X, weight, X, out=weight)
        with pytest.raises(ValueError, match="`weight` has shape .*, but `out` has shape"):
            rectify.prelu_backward_weight(X, weight, X, out=np.ones(3, np.float32))
        x = np.ones((1, 4), np.float32)
        with pytest.raises(ValueError, match="`out` overlaps `x` in memory"):
            rectify.prelu_backward_weight(x, weight, x, out=x[0, :slopes])
        with pytest.raises(ValueError, match="`out` overlaps `x`"):
            rectify.prelu_backward(x, weight, x.copy(), out=x)
        with pytest.raises(ValueError, match="`out` overlaps `weight`"):
            rectify.prelu(memory.reshape(1, 4), weight, out=memory.reshape(1, 4))
        assert np.all(memory == 1) and np.all(x == 1)


def test_axes():
    for axis in [2, -3, 10**18]:
        for call in [
            lambda: rectify.softmax(X, axis),
            lambda: rectify.log_softmax_backward(X, X, axis),
            lambda: SILU.forward_bias(X, X[0], axis),
        ]:
            with pytest.raises(np.exceptions.AxisError, match=f"axis {axis} is out of bounds for array of dimension 2"):
                call()
    with pytest.raises(np.exceptions.AxisError):
        rectify.softmax(np.ones((), np.float32))
    for bias in [np.ones(3, np.float32), np.ones((1, 4), np.float32), np.ones((), np.float32)]:
        result = out()
        with pytest.raises(ValueError) as caught:
            SILU.forward_bias(X, bias, out=result)
        assert str(bias.shape) in str(caught.value) and "(3, 4)" in str(caught.value)
        assert np.all(result == 7)
    with pytest.raises(TypeError, match="`bias` has dtype float64, but `x` has float32"):
        SILU.forward_bias(X, np.ones(4))
