"""Arrays of any shape and strides: the same bits as contiguous ones, and nothing written beside them."""

import sys
import threading
import time

import numpy as np
import pytest
from common import DTYPES, NAMES, TEXTS, numbers, same_bits, shapes, strided
from hypothesis import given, settings
from hypothesis import strategies as st

import rectify


def contiguous(*arrays):
    return [np.array(x, order="C", copy=True) for x in arrays]


dtypes = st.sampled_from(DTYPES)
activations = st.sampled_from(TEXTS).map(rectify.Activation)
# What is called, and the names of what it is given: the last input is what `out` may be.
FORMS = {
    "forward": ("x",),
    "backward": ("x", "grad_output"),
    "forward_residual": ("residual", "x"),
    "backward_residual": ("x", "residual", "grad_output"),
    "forward_gated": ("gate", "value"),
}


def written_only(base, before, view):
    """Whether of `base` nothing changed but `view`."""
    mask = np.zeros(base.shape, dtype=bool)
    # The same view of the mask: strides in elements instead of bytes.
    size = base.itemsize
    offset = (view.__array_interface__["data"][0] - base.__array_interface__["data"][0]) // size
    if view.size:
        ends = mask.reshape(-1)[offset:]
        np.lib.stride_tricks.as_strided(ends, view.shape, [s // size for s in view.strides])[...] = True
    return same_bits(np.where(mask, 0, base).astype(base.dtype), np.where(mask, 0, before).astype(base.dtype))


@settings(max_examples=300, deadline=None)
@given(st.data(), activations, dtypes, shapes, st.sampled_from(sorted(FORMS)), st.booleans())
def test_any_strides(data, activation, dtype, shape, form, parallel):
    names = FORMS[form]
    inputs = {name: data.draw(strided(shape, dtype))[0] for name in names}
    call = getattr(activation, form)
    expected = call(**dict(zip(names, contiguous(*inputs.values()))))
    kept = contiguous(*inputs.values())

    result = call(**inputs, parallel=parallel)
    assert same_bits(result, expected)
    assert result.flags.writeable and type(result) is np.ndarray

    out, base = data.draw(strided(shape, dtype, read_only=False))
    before = base.copy()
    assert call(**inputs, out=out, parallel=parallel) is out
    assert same_bits(out, expected)
    assert written_only(base, before, out)
    assert all(same_bits(a, b) for a, b in zip(inputs.values(), kept))

    # The last one replaced.
    replaced, base = data.draw(strided(shape, dtype, read_only=False))
    replaced[...] = inputs[names[-1]]
    before = base.copy()
    inputs[names[-1]] = replaced
    # Another view of the same elements is the same array.
    out = replaced.view() if data.draw(st.booleans()) else replaced
    assert call(**inputs, out=out, parallel=parallel) is out
    assert same_bits(replaced, expected)
    assert written_only(base, before, replaced)


@settings(max_examples=150, deadline=None)
@given(st.data(), activations, dtypes, shapes.filter(len), st.booleans(), st.booleans())
def test_bias(data, activation, dtype, shape, backward, parallel):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    x, dy = [data.draw(strided(shape, dtype))[0] for _ in range(2)]
    bias = data.draw(strided((shape[axis],), dtype))[0]
    last = [1] * len(shape)
    last[axis] = shape[axis]
    with np.errstate(all="ignore"):
        total = x + bias.reshape(last)
    if backward:
        expected = activation.backward(total, dy)
        call, inputs = activation.backward_bias, {"x": x, "bias": bias, "grad_output": dy}
    else:
        expected = activation.forward(total)
        call, inputs = activation.forward_bias, {"x": x, "bias": bias}
    assert same_bits(call(**inputs, axis=axis, parallel=parallel), expected)
    out, base = data.draw(strided(shape, dtype, read_only=False))
    before = base.copy()
    assert call(**inputs, axis=axis, out=out, parallel=parallel) is out
    assert same_bits(out, expected) and written_only(base, before, out)
    out[...] = dy if backward else x
    inputs["grad_output" if backward else "x"] = out
    assert same_bits(call(**inputs, axis=axis, out=out), expected)


@settings(max_examples=100, deadline=None)
@given(st.data(), activations, dtypes, shapes, st.booleans())
def test_backward_gated(data, activation, dtype, shape, parallel):
    inputs = [data.draw(strided(shape, dtype))[0] for _ in range(3)]
    gate, value, dy = inputs
    with np.errstate(all="ignore"):
        # Of arrays without axes NumPy makes numbers.
        dg = activation.backward(gate, np.asarray(dy * value))
        du = np.asarray(activation.forward(gate) * dy)
    results = activation.backward_gated(*inputs, parallel=parallel)
    assert same_bits(results[0], dg) and same_bits(results[1], du)
    outs = [data.draw(strided(shape, dtype, read_only=False)) for _ in range(2)]
    before = [base.copy() for _, base in outs]
    out = tuple(view for view, _ in outs)
    results = activation.backward_gated(*inputs, out=out, parallel=parallel)
    assert results[0] is out[0] and results[1] is out[1]
    assert same_bits(out[0], dg) and same_bits(out[1], du)
    assert all(written_only(base, old, view) for (view, base), old in zip(outs, before))


@settings(max_examples=250, deadline=None)
@given(st.data(), dtypes, shapes, st.sampled_from(["", "_backward", "_backward_weight"]), st.booleans())
def test_prelu(data, dtype, shape, form, parallel):
    # A slope for all, or one for each index of an axis; the axes of the arrays in any order.
    axis = data.draw(st.integers(-len(shape), len(shape) - 1)) if shape else 1
    choices = [(), (1,)] + ([(shape[axis],)] if shape else [])
    weight = data.draw(strided(data.draw(st.sampled_from(choices)), dtype))[0]
    inputs = {"x": data.draw(strided(shape, dtype))[0], "weight": weight}
    if form:
        inputs["grad_output"] = data.draw(strided(shape, dtype))[0]
    call = getattr(rectify, "prelu" + form)
    if data.draw(st.booleans()):
        # The same order of all without gaps, which is read where it is.
        order = data.draw(st.permutations(range(len(shape))))
        for name in set(inputs) - {"weight"}:
            dense = np.array(inputs[name].transpose(order), order="C", copy=True)
            inputs[name] = dense.transpose(np.argsort(order))
    # Channels last: one by one, each with its own slope.
    expected = call(*contiguous(*inputs.values()), axis)
    kept = contiguous(*inputs.values())
    if weight.size != 1 and form != "_backward_weight":
        for c, slope in enumerate(weight):
            each = [np.moveaxis(inputs[name], axis, 0)[c, ...].copy() for name in inputs if name != "weight"]
            each.insert(1, np.array(slope))
            assert same_bits(np.asarray(np.moveaxis(expected, axis, 0)[c, ...]), call(*each))

    assert same_bits(call(**inputs, axis=axis, parallel=parallel), expected)
    shape_of_out = weight.shape if form == "_backward_weight" else shape
    out, base = data.draw(strided(shape_of_out, dtype, read_only=False))
    before = base.copy()
    assert call(**inputs, axis=axis, out=out, parallel=parallel) is out
    assert same_bits(out, expected)
    assert written_only(base, before, out)
    assert all(same_bits(a, b) for a, b in zip(inputs.values(), kept))
    if form != "_backward_weight":
        name = "grad_output" if form else "x"
        replaced, base = data.draw(strided(shape, dtype, read_only=False))
        replaced[...] = inputs[name]
        before, inputs[name] = base.copy(), replaced
        assert call(**inputs, axis=axis, out=replaced, parallel=parallel) is replaced
        assert same_bits(replaced, expected)
        assert written_only(base, before, replaced)


def test_prelu_without_elements():
    for shape, axis in [((0, 3, 4), 1), ((3, 0), 0), ((2, 0), 1), ((0,), 0)]:
        x, weight = np.ones(shape, np.float32), np.ones(shape[axis], np.float32)
        assert rectify.prelu(x, weight, axis).shape == shape
        assert rectify.prelu_backward(x, weight, x, axis).shape == shape
        for out in [None, np.full(weight.shape, 7, np.float32)]:
            grad = rectify.prelu_backward_weight(x, weight, x, axis, out)
            assert same_bits(grad, np.zeros(weight.shape, np.float32))
    x = np.ones((0, 3), np.float32)
    assert rectify.prelu_backward_weight(x, np.array(0.5, np.float32), x) == 0


SOFTMAX = [
    (rectify.softmax, rectify.softmax_backward),
    (rectify.log_softmax, rectify.log_softmax_backward),
]


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(SOFTMAX), dtypes, shapes.filter(len), st.booleans())
def test_softmax_of_any_strides(data, functions, dtype, shape, parallel):
    function, gradient = functions
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    x, dy = [data.draw(strided(shape, dtype))[0] for _ in range(2)]
    # Each lane by itself.
    count = x.size // max(1, shape[axis])
    lanes, grads = [np.moveaxis(a, axis, -1).reshape(count, shape[axis]) for a in (x, dy)]
    expected, expected_grad = np.empty_like(lanes), np.empty_like(lanes)
    for i, lane in enumerate(lanes[: 5000 // max(1, shape[axis])]):
        expected[i] = function(lane.copy())
        expected_grad[i] = gradient(expected[i], grads[i].copy())
    looked_at = len(lanes[: 5000 // max(1, shape[axis])])

    def same(result, expected):
        result = np.moveaxis(result, axis, -1).reshape(count, shape[axis])
        return same_bits(result[:looked_at], expected[:looked_at])

    y = function(x, axis, parallel=parallel)
    assert same(y, expected)
    assert same(gradient(y, dy, axis, parallel=parallel), expected_grad)
    for out, call in [
        (x, lambda out: function(x, axis, out=out, parallel=parallel)),
        (dy, lambda out: gradient(y, dy, axis, out=out, parallel=parallel)),
    ]:
        view, base = data.draw(strided(shape, dtype, read_only=False))
        before = base.copy()
        assert call(view) is view
        assert same(view, expected if out is x else expected_grad) and written_only(base, before, view)
    replaced = data.draw(strided(shape, dtype, read_only=False))[0]
    replaced[...] = x
    assert same(function(replaced, axis, out=replaced), expected)
    replaced[...] = dy
    assert same(gradient(y, replaced, axis, out=replaced), expected_grad)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,), (1,) * 32])
def test_shapes_at_the_edge(dtype, shape):
    x = np.ones(shape, dtype)
    for name in NAMES:
        function = getattr(rectify, name)
        arguments = (x, -1.0, 1.0) if name == "clip" else (x,)
        result = function(*arguments)
        assert isinstance(result, np.ndarray) and result.shape == shape and result.dtype == dtype
        assert result.strides == np.empty_like(x).strides
    assert np.all(rectify.relu(np.asarray(-x)) == 0) and np.all(rectify.relu(x) == 1)
    gate, value = rectify.Activation("relu").backward_gated(x, x, x)
    assert gate.shape == value.shape == shape
    if shape:
        assert rectify.softmax(x).shape == shape
        assert np.all(rectify.softmax(x) == 1 / np.float64(max(1, shape[-1])))


def test_views_of_one_array_that_share_nothing():
    # Columns of one array lie between each other: they are not refused, and each gets its own.
    a = numbers((40, 6), np.float32, 1)
    left, right = a[:, :3], a[:, 3:]
    expected, kept = rectify.gelu(left.copy()), left.copy()
    assert rectify.gelu(left, out=right) is right
    assert same_bits(right, expected) and same_bits(left, kept)
    even, odd = a[::2], a[1::2]
    expected = rectify.gelu(even.copy())
    assert same_bits(rectify.gelu(even, out=odd), expected)
    # In place beside an input in the same memory, and two outputs in one.
    silu = rectify.Activation("silu")
    expected = silu.forward_gated(left.copy(), right.copy())
    assert silu.forward_gated(left, right, out=right) is right
    assert same_bits(right, expected)
    dg, du = silu.backward_gated(kept, kept, kept)
    silu.backward_gated(kept, kept, kept, out=(left, right))
    assert same_bits(left, dg) and same_bits(right, du)
    # An input twice.
    assert same_bits(silu.forward_gated(kept, kept), silu.forward_gated(kept, kept.copy()))


def test_order_in_memory_is_kept():
    x = np.asfortranarray(numbers((5, 7), np.float64, 1))
    assert rectify.gelu(x).flags.f_contiguous
    mapped = np.ones((2, 3), np.float32).view(np.memmap)
    assert type(rectify.gelu(mapped)) is np.ndarray


def test_large_arrays_in_parallel():
    x = numbers((1000, 2000), np.float32, 1)
    for call in (rectify.gelu, rectify.relu, rectify.softmax):
        expected = call(x)
        assert same_bits(call(x, parallel=True), expected)
        assert same_bits(np.ascontiguousarray(call(x.T.copy().T, parallel=True)), expected)
        assert same_bits(call(x, out=x.copy(), parallel=True), expected)
    # Sums that are no NaN show in which order they were taken.
    x, dy = [numbers(x.shape, np.float32, seed, special=False) for seed in (1, 2)]
    for axis in (0, 1):
        weight = numbers((x.shape[axis],), np.float32, 3)
        for call in (rectify.prelu_backward, rectify.prelu_backward_weight):
            expected = call(x, weight, dy, axis)
            assert same_bits(call(x, weight, dy, axis, parallel=True), expected)
            assert same_bits(call(x.T.copy().T, weight, dy, axis, parallel=True), expected)


def test_the_gil_is_released():
    x = np.ones(1 << 20, np.float32)
    interval = sys.getswitchinterval()
    lock, ran = threading.Lock(), []

    def other():
        with lock:
            ran.append(True)

    lock.acquire()
    thread = threading.Thread(target=other)
    thread.start()
    try:
        # From here on the other thread runs only where the GIL is given up.
        sys.setswitchinterval(1e6)
        lock.release()
        for _ in range(2000):
            rectify.gelu(x, out=x)
            if ran:
                break
        ran_meanwhile = bool(ran)
    finally:
        sys.setswitchinterval(interval)
    thread.join()
    assert ran_meanwhile


def test_threads_may_read_one_array():
    x = numbers((1 << 18,), np.float32, 1)
    expected, wrong = rectify.gelu(x), []

    def work():
        for _ in range(20):
            if not same_bits(rectify.gelu(x), expected):
                wrong.append(True)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_what_another_thread_uses_is_not_written():
    x, y = np.ones(1 << 21, np.float32), np.empty(1 << 21, np.float32)
    refused, deadline = [], time.monotonic() + 30

    def work():
        while not refused and time.monotonic() < deadline:
            try:
                rectify.gelu(x, out=y)
            except RuntimeError as error:
                refused.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused and "used by another thread" in refused[0]
