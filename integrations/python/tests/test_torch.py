"""The same for PyTorch: bits, gradients, torch.compile, errors."""

import inspect

import numpy as np
import pytest
from common import NAMES, TEXTS, numbers, parameters_of, same_bits

torch = pytest.importorskip("torch")

import rectify  # noqa: E402
import rectify.torch  # noqa: E402

from torch.library import opcheck  # noqa: E402


def tensor(shape, dtype=np.float64, seed=1, special=False):
    return torch.from_numpy(numbers(shape, dtype, seed, special))


def smooth_inputs(*shape):
    """Where no activation has a corner, nor any sum of two of them, for differences of 1e-6."""
    count = int(np.prod(shape))
    random = np.random.default_rng(1)
    x = random.permutation(np.arange(count) * 0.37 - 4 + 0.0137)
    return torch.from_numpy(x.reshape(shape)).requires_grad_()


def test_functions_are_those_of_arrays():
    assert set(rectify.torch.__all__) == {*NAMES, "prelu", "softmax", "log_softmax", "Activation"}
    for name in NAMES:
        ours = inspect.signature(getattr(rectify.torch, name)).parameters
        assert {key: p.default for key, p in ours.items() if key not in ("x", "parallel")} == parameters_of(
            getattr(rectify, name)
        )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bits(name, dtype):
    x = numbers((30, 40), dtype, 1)
    values = [0.25, 0.75][: len(parameters_of(getattr(rectify, name)))]
    expected = getattr(rectify, name)(x, *values)
    function = getattr(rectify.torch, name)
    assert same_bits(function(torch.from_numpy(x), *values).numpy(), expected)
    assert same_bits(function(torch.from_numpy(x), *values, parallel=True).numpy(), expected)
    # Other strides; an input that asks for a gradient.
    y = function(torch.from_numpy(x.T.copy()).T[::2, 1::3].requires_grad_(), *values)
    assert same_bits(y.detach().numpy(), expected[::2, 1::3])


def forms(activation):
    """Each call with its inputs in float64, as many as have gradients."""
    x, other = smooth_inputs(3, 5), smooth_inputs(3, 5).detach().flip(0).contiguous().requires_grad_()
    bias = torch.tensor([0.11, -0.23, 0.31], dtype=torch.float64, requires_grad=True)
    yield activation, (x,)
    yield lambda x, b: activation.forward_bias(x, b, 0), (x, bias)
    yield lambda x, b: activation.forward_bias(x.t(), b), (x, bias)
    yield lambda x, r: activation.forward_residual(x, r), (x, other)
    yield lambda g, u: activation.forward_gated(g, u), (x, other)


@pytest.mark.parametrize("text", TEXTS)
def test_gradcheck(text):
    for call, inputs in forms(rectify.torch.Activation(text)):
        assert torch.autograd.gradcheck(call, inputs)


@pytest.mark.parametrize("function", [rectify.torch.softmax, rectify.torch.log_softmax])
@pytest.mark.parametrize("axis", [0, -1])
def test_gradcheck_of_softmax(function, axis):
    assert torch.autograd.gradcheck(lambda x: function(x, axis), (smooth_inputs(3, 5),))


def test_prelu():
    # As PyTorch has it: values and both gradients; images in both layouts, rows, and one slope for all.
    for shape, slopes in [((2, 3, 5, 4), 3), ((2, 3, 5, 4), 1), ((6, 3), 3), ((7,), 1), ((), 1)]:
        for layout in (lambda x: x, lambda x: x.to(memory_format=torch.channels_last) if x.dim() == 4 else x.t().contiguous().t()):
            x, dy = [layout(tensor(shape, seed=i)) for i in (1, 2)]
            results = []
            for function in (rectify.torch.prelu, torch.nn.functional.prelu):
                inputs = x.clone().requires_grad_(), tensor((slopes,), seed=3).requires_grad_()
                y = function(*inputs)
                results.append((y, *torch.autograd.grad(y, inputs, dy)))
            torch.testing.assert_close(*results)
            assert results[0][0].stride() == x.stride()
    # One slope without an axis of its own.
    x, weight = tensor((3, 4)).requires_grad_(), torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    rectify.torch.prelu(x, weight, parallel=True).sum().backward()
    torch.testing.assert_close(weight.grad, x.detach().clamp(max=0).sum())
    # In the place of PyTorch's own, and with what is not asked for left out.
    layer = torch.nn.PReLU(4)
    x = tensor((3, 4), np.float32)
    rectify.torch.prelu(x, layer.weight).sum().backward()
    torch.testing.assert_close(layer.weight.grad, x.clamp(max=0).sum(0))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_gradcheck_of_prelu(axis):
    x = smooth_inputs(3, 5, 2)
    weight = torch.linspace(0.1, 0.7, x.shape[axis], dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, w: rectify.torch.prelu(x, w, axis), (x, weight))
    one = torch.tensor([0.3], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, w: rectify.torch.prelu(x.transpose(0, 2), w, axis), (x, one))
    for needed in [(True, False), (False, True)]:
        inputs = [x.detach().requires_grad_(is_needed) for x, is_needed in zip((x, weight), needed)]
        assert torch.autograd.gradcheck(lambda x, w: rectify.torch.prelu(x, w, axis), inputs)


def test_against_pytorch():
    x = tensor((7, 9)).requires_grad_()
    for ours, theirs in [
        (rectify.torch.gelu, torch.nn.functional.gelu),
        (rectify.torch.silu, torch.nn.functional.silu),
        (rectify.torch.hard_shrink, torch.nn.functional.hardshrink),
        (rectify.torch.softmax, lambda x: torch.softmax(x, -1)),
        (rectify.torch.log_softmax, lambda x: torch.log_softmax(x, -1)),
    ]:
        weights = tensor((7, 9), seed=2)
        results = []
        for function in (ours, theirs):
            y = function(x)
            results.append((y, *torch.autograd.grad((y * weights).sum(), x)))
        torch.testing.assert_close(*results)


def test_gradients_of_any_strides():
    # An expanded gradient, as sum() has, and inputs of two layouts.
    activation = rectify.torch.Activation("silu")
    gate = tensor((4, 6, 5)).requires_grad_()
    value = tensor((5, 6, 4), seed=2).permute(2, 1, 0).detach().requires_grad_()
    activation.forward_gated(gate, value).sum().backward()
    expected = rectify.Activation("silu").backward_gated(
        gate.detach().numpy(), value.detach().numpy().copy(), np.ones((4, 6, 5))
    )
    assert same_bits(gate.grad.numpy(), expected[0]) and same_bits(value.grad.numpy(), expected[1])


def test_without_a_copy():
    x = tensor((10,), np.float32)
    result = rectify.relu(x.numpy(), out=x.numpy())
    assert result.ctypes.data == x.data_ptr()
    # What an operator is given is looked at where it is.
    assert rectify.torch._arrays(x=x)[0].ctypes.data == x.data_ptr()


def test_operators_are_as_pytorch_wants_them():
    ops = torch.ops.rectify
    x, other, dy = [tensor((3, 5), seed=i) for i in range(3)]
    bias, text = tensor((5,)), "silu"
    for tensors, call in [
        ((x,), lambda x: opcheck(ops.forward, (x, text, False))),
        ((x, bias), lambda x, b: opcheck(ops.forward_bias, (x, b, -1, text, False))),
        ((x, other), lambda x, r: opcheck(ops.forward_residual, (x, r, text, False))),
        ((x, other), lambda g, u: opcheck(ops.forward_gated, (g, u, text, False))),
        ((x,), lambda x: opcheck(ops.softmax, (x, 0, True, False))),
        ((x, bias), lambda x, w: opcheck(ops.prelu, (x, w, 1, False))),
    ]:
        call(*[x.clone().requires_grad_() for x in tensors])
    for operator, arguments in [
        (ops.backward, (x, dy, text, False)),
        (ops.backward_bias, (x, bias, dy, -1, text, False)),
        (ops.backward_residual, (x, other, dy, text, False)),
        (ops.backward_gated, (x, other, dy, text, False)),
        (ops.softmax_backward, (x, dy, 0, False, False)),
        (ops.prelu_backward, (x, bias, dy, 1, False)),
        (ops.prelu_backward_weight, (x, bias, dy, 1, False)),
    ]:
        opcheck(operator, arguments)


silu = rectify.torch.Activation("silu")


def model(x, w, b, shortcut):
    y = rectify.torch.leaky_relu(x @ w, negative_slope=0.2)
    y = silu.forward_bias(y, b) + rectify.torch.gelu(y.t()).t()
    y = silu.forward_gated(silu.forward_residual(y, shortcut), rectify.torch.prelu(y, b))
    return rectify.torch.softmax(y) + rectify.torch.log_softmax(y, axis=0)


@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_compile(backend):
    results = []
    for function in (model, torch.compile(model, fullgraph=True, backend=backend)):
        inputs = [tensor(shape, np.float32, i) for i, shape in enumerate([(8, 16), (16, 12), (12,), (8, 12)])]
        inputs = [x.requires_grad_() for x in inputs]
        y = function(*inputs)
        (y * torch.arange(12.0)).sum().backward()
        results.append([y.detach(), *[x.grad for x in inputs]])
    for eager, compiled in zip(*results):
        torch.testing.assert_close(eager, compiled)


def test_compiled_again_for_other_parameters():
    compiled = torch.compile(rectify.torch.leaky_relu, fullgraph=True, backend="aot_eager")
    x = tensor((5,), np.float32)
    for slope in (0.1, 0.2, 0.3):
        assert same_bits(compiled(x, slope).numpy(), rectify.leaky_relu(x.numpy(), slope))


def test_module():
    activation = rectify.torch.Activation("leaky_relu", negative_slope=0.1)
    assert repr(activation) == "Activation(leaky_relu(negative_slope=0.1))"
    network = torch.nn.Sequential(torch.nn.Linear(4, 3), activation)
    assert network(torch.ones(2, 4)).shape == (2, 3)
    network.load_state_dict(network.state_dict())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int32, torch.complex64, torch.bool])
def test_dtypes(dtype):
    x, fine = torch.ones(3).to(dtype), torch.ones(3)
    activation = rectify.torch.Activation("silu")
    words = f"must have dtype torch.float32 or torch.float64, not {dtype}"
    for call in [
        lambda: rectify.torch.gelu(x),
        lambda: activation.forward_gated(fine, x),
        lambda: activation.forward_residual(x, fine),
        lambda: activation.forward_bias(fine, x),
        lambda: rectify.torch.softmax(x),
        lambda: rectify.torch.prelu(x, fine),
        lambda: rectify.torch.prelu(fine, x[:1]),
    ]:
        with pytest.raises(TypeError, match=words):
            call()


def test_errors():
    x = torch.ones(3, 4)
    activation = rectify.torch.Activation("silu")
    with pytest.raises(ValueError, match=r"\(3, 4\).*\(4, 3\)"):
        activation.forward_gated(x, torch.ones(4, 3))
    with pytest.raises(ValueError, match=r"\(3,\).*\(3, 4\)"):
        activation.forward_bias(x, torch.ones(3))
    with pytest.raises(TypeError, match="float64"):
        activation.forward_residual(x, x.double())
    with pytest.raises(ValueError, match="NaN"):
        rectify.torch.leaky_relu(x, float("nan"))
    with pytest.raises(ValueError, match="no activation"):
        rectify.torch.Activation("nothing")
    with pytest.raises(ValueError, match="out of bounds"):
        rectify.torch.softmax(x, 2)
    with pytest.raises(ValueError, match=r"`weight` has shape \(3,\).*\(3, 4\)"):
        rectify.torch.prelu(x, torch.ones(3))
    with pytest.raises(TypeError, match="dense"):
        rectify.torch.relu(x.to_sparse())


def test_devices():
    # A device that PyTorch has on every machine, of tensors that have no memory: they have shapes.
    assert rectify.torch.gelu(torch.ones(3, 4, device="meta")).shape == (3, 4)

    class Elsewhere:
        dtype, layout, device = torch.float32, torch.strided, torch.device("cuda:0")

    with pytest.raises(TypeError, match="`x` must be on the CPU, not on cuda:0"):
        rectify.torch._look_at(x=Elsewhere())


def test_gradients_have_none():
    x = tensor((3,)).requires_grad_()
    (grad,) = torch.autograd.grad(rectify.torch.gelu(x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="no autograd formula"):
        grad.sum().backward()
