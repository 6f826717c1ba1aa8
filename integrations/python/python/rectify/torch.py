"""The activations and softmax over PyTorch's tensors on the CPU, of float32 and float64, with their gradients.

    >>> import torch, rectify.torch
    >>> x = torch.randn(8, 197, 3072, requires_grad=True)
    >>> rectify.torch.gelu(x).sum().backward()
    >>> block = torch.nn.Sequential(torch.nn.Linear(64, 64), rectify.torch.Activation("leaky_relu(negative_slope=0.1)"))

A function for each activation, `prelu`, softmax, and `Activation`: a module, with what is fused with it. They are operators of PyTorch
(`torch.library.custom_op`), so autograd and torch.compile know them. Gradients have none of their own.

Tensors are read where they are, whatever their strides (but by `prelu`, which copies some), and every element has the bits that it has in `rectify`, but of a bias' gradient,
whose sum is PyTorch's; a result is laid out as torch.empty_like does it. What is no dense tensor of float32 or float64 on the CPU is a TypeError; shapes that differ, and a
parameter that is NaN, are a ValueError.

parallel: share large tensors out over the threads of a pool, as many as the environment variable RAYON_NUM_THREADS says, or as there
are cores. It is not PyTorch's pool: torch.set_num_threads says nothing to it.

For a result in memory of one's own, where no gradient is asked for, there is NumPy's view:
rectify.gelu(x.numpy(), out=x.numpy()).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

import rectify as _rectify

__all__ = [
    "Activation",
    "celu",
    "clip",
    "elu",
    "gelu",
    "gelu_tanh",
    "hard_shrink",
    "hard_sigmoid",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "prelu",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "squared_relu",
    "swish",
    "tanh",
    "tanh_shrink",
    "thresholded_relu",
]


class Activation(torch.nn.Module):
    """An activation as a module, from the text or the name and parameters that rectify.Activation takes."""

    def __init__(self, text: str, parallel: bool = False, **parameters: float) -> None:
        super().__init__()
        self.text = str(_rectify.Activation(text, **parameters))
        self.parallel = parallel

    def forward(self, x: Tensor) -> Tensor:
        """f(x) of each element x."""
        return _forward(x, self.text, self.parallel)

    def forward_bias(self, x: Tensor, bias: Tensor, axis: int = -1) -> Tensor:
        """f(x + b) in one pass, where b is the value of `bias` for the element's index of `axis`."""
        return _forward_bias(x, bias, axis, self.text, self.parallel)

    def forward_residual(self, x: Tensor, residual: Tensor) -> Tensor:
        """f(x + residual) in one pass."""
        return _forward_residual(x, residual, self.text, self.parallel)

    def forward_gated(self, gate: Tensor, value: Tensor) -> Tensor:
        """f(gate) * value in one pass: GLU, SwiGLU and GEGLU are those of sigmoid, silu and gelu."""
        return _forward_gated(gate, value, self.text, self.parallel)

    def extra_repr(self) -> str:
        return self.text + (", parallel=True" if self.parallel else "")


def softmax(x: Tensor, axis: int = -1, parallel: bool = False) -> Tensor:
    """exp(x) / sum(exp(x)) along an axis, with the largest x taken off all of them, so that nothing overflows."""
    return _softmax(x, axis, False, parallel)


def log_softmax(x: Tensor, axis: int = -1, parallel: bool = False) -> Tensor:
    """x - log(sum(exp(x))) along an axis: the logarithm of softmax, accurate where that is tiny, too."""
    return _softmax(x, axis, True, parallel)


def prelu(x: Tensor, weight: Tensor, axis: int = 1, parallel: bool = False) -> Tensor:
    """Leaky ReLU with a learned slope for each channel: weight[c] * x where x < 0, else x.

    As torch.nn.functional.prelu, with the gradients of `x` and of `weight`: one slope for each index of `axis`, or one for all elements.
    Its weight's gradient is a sum that has the same bits on every instruction set and any number of threads. Tensors that are dense in
    memory, whatever the order of their axes, are read where they are; for the weight's gradient, those that are contiguous.
    """
    return _prelu(x, weight, axis, parallel)


def relu(x: Tensor, parallel: bool = False) -> Tensor:
    """The rectifier: 0 where x < 0, else x."""
    return _forward(x, "relu", parallel)


def leaky_relu(x: Tensor, negative_slope: float = 0.01, parallel: bool = False) -> Tensor:
    """The leaky rectifier: negative_slope * x where x < 0, else x."""
    return _forward(x, f"leaky_relu(negative_slope={float(negative_slope)!r})", parallel)


def clip(x: Tensor, min: float, max: float, parallel: bool = False) -> Tensor:
    """x, but at least min and at most max."""
    return _forward(x, f"clip(min={float(min)!r}, max={float(max)!r})", parallel)


def relu6(x: Tensor, parallel: bool = False) -> Tensor:
    """x, but at least 0 and at most 6."""
    return _forward(x, "relu6", parallel)


def hard_tanh(x: Tensor, min: float = -1.0, max: float = 1.0, parallel: bool = False) -> Tensor:
    """x, but at least min and at most max."""
    return _forward(x, f"hard_tanh(min={float(min)!r}, max={float(max)!r})", parallel)


def thresholded_relu(x: Tensor, theta: float = 1.0, parallel: bool = False) -> Tensor:
    """0 where x <= theta, else x."""
    return _forward(x, f"thresholded_relu(theta={float(theta)!r})", parallel)


def squared_relu(x: Tensor, parallel: bool = False) -> Tensor:
    """The square of the rectifier: 0 where x < 0, else x * x."""
    return _forward(x, "squared_relu", parallel)


def hard_sigmoid(x: Tensor, alpha: float = 0.16666666666666666, beta: float = 0.5, parallel: bool = False) -> Tensor:
    """alpha * x + beta, but at least 0 and at most 1."""
    return _forward(x, f"hard_sigmoid(alpha={float(alpha)!r}, beta={float(beta)!r})", parallel)


def hard_swish(x: Tensor, parallel: bool = False) -> Tensor:
    """0 where x <= -3, x where x >= 3, and x * (x / 6 + 1 / 2) between."""
    return _forward(x, "hard_swish", parallel)


def hard_shrink(x: Tensor, lambd: float = 0.5, parallel: bool = False) -> Tensor:
    """0 where -lambd <= x <= lambd, else x."""
    return _forward(x, f"hard_shrink(lambda={float(lambd)!r})", parallel)


def soft_shrink(x: Tensor, lambd: float = 0.5, parallel: bool = False) -> Tensor:
    """x - lambd where x > lambd, x + lambd where x < -lambd, else 0."""
    return _forward(x, f"soft_shrink(lambda={float(lambd)!r})", parallel)


def sigmoid(x: Tensor, parallel: bool = False) -> Tensor:
    """The logistic function: 1 / (1 + exp(-x))."""
    return _forward(x, "sigmoid", parallel)


def silu(x: Tensor, parallel: bool = False) -> Tensor:
    """The sigmoid linear unit: x * sigmoid(x)."""
    return _forward(x, "silu", parallel)


def swish(x: Tensor, beta: float = 1.0, parallel: bool = False) -> Tensor:
    """x * sigmoid(beta * x)."""
    return _forward(x, f"swish(beta={float(beta)!r})", parallel)


def tanh(x: Tensor, parallel: bool = False) -> Tensor:
    """The hyperbolic tangent."""
    return _forward(x, "tanh", parallel)


def elu(x: Tensor, alpha: float = 1.0, parallel: bool = False) -> Tensor:
    """The exponential linear unit: alpha * (exp(x) - 1) where x < 0, else x."""
    return _forward(x, f"elu(alpha={float(alpha)!r})", parallel)


def selu(x: Tensor, parallel: bool = False) -> Tensor:
    """The scaled exponential linear unit: elu, times 1.0507 and with an alpha of 1.6733."""
    return _forward(x, "selu", parallel)


def celu(x: Tensor, alpha: float = 1.0, parallel: bool = False) -> Tensor:
    """The continuously differentiable exponential linear unit: alpha * (exp(x / alpha) - 1) where x < 0, else x."""
    return _forward(x, f"celu(alpha={float(alpha)!r})", parallel)


def gelu(x: Tensor, parallel: bool = False) -> Tensor:
    """The Gaussian error linear unit, exactly: x / 2 * (1 + erf(x / sqrt(2)))."""
    return _forward(x, "gelu", parallel)


def gelu_tanh(x: Tensor, parallel: bool = False) -> Tensor:
    """The Gaussian error linear unit as it is approximated by tanh: x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))."""
    return _forward(x, "gelu_tanh", parallel)


def softplus(x: Tensor, beta: float = 1.0, parallel: bool = False) -> Tensor:
    """log(1 + exp(beta * x)) / beta."""
    return _forward(x, f"softplus(beta={float(beta)!r})", parallel)


def mish(x: Tensor, parallel: bool = False) -> Tensor:
    """x * tanh(softplus(x))."""
    return _forward(x, "mish", parallel)


def log_sigmoid(x: Tensor, parallel: bool = False) -> Tensor:
    """The logarithm of the logistic function: -log(1 + exp(-x))."""
    return _forward(x, "log_sigmoid", parallel)


def softsign(x: Tensor, parallel: bool = False) -> Tensor:
    """x / (1 + abs(x))."""
    return _forward(x, "softsign", parallel)


def tanh_shrink(x: Tensor, parallel: bool = False) -> Tensor:
    """x - tanh(x)."""
    return _forward(x, "tanh_shrink", parallel)


# The operators: what runs, what torch.compile is told of the result, and the gradient.


def _look_at(**tensors: Tensor) -> None:
    """Raises what is wrong with the dtype, the layout or the device. Shapes are compared where the arrays are."""
    for name, x in tensors.items():
        if x.dtype not in (torch.float32, torch.float64):
            raise TypeError(f"`{name}` must have dtype torch.float32 or torch.float64, not {x.dtype}")
        if x.layout is not torch.strided:
            raise TypeError(f"`{name}` must be a dense tensor, not of layout {x.layout}")
        # A tensor of the device "meta" has a shape alone, and so has its result.
        if x.device.type not in ("cpu", "meta"):
            raise TypeError(f"`{name}` must be on the CPU, not on {x.device}")


def _arrays(**tensors: Tensor) -> list[np.ndarray[Any, Any]]:
    _look_at(**tensors)
    return [x.detach().resolve_neg().numpy() for x in tensors.values()]


@torch.library.custom_op("rectify::forward", mutates_args=())
def _forward(x: Tensor, activation: str, parallel: bool) -> Tensor:
    arrays = _arrays(x=x)
    y = torch.empty_like(x)
    _rectify.Activation(activation).forward(*arrays, out=y.numpy(), parallel=parallel)
    return y


@torch.library.custom_op("rectify::backward", mutates_args=())
def _backward(x: Tensor, grad_output: Tensor, activation: str, parallel: bool) -> Tensor:
    arrays = _arrays(x=x, grad_output=grad_output)
    grad = torch.empty_like(x)
    _rectify.Activation(activation).backward(*arrays, out=grad.numpy(), parallel=parallel)
    return grad


@torch.library.custom_op("rectify::forward_bias", mutates_args=())
def _forward_bias(x: Tensor, bias: Tensor, axis: int, activation: str, parallel: bool) -> Tensor:
    arrays = _arrays(x=x, bias=bias)
    y = torch.empty_like(x)
    _rectify.Activation(activation).forward_bias(*arrays, axis, out=y.numpy(), parallel=parallel)
    return y


@torch.library.custom_op("rectify::backward_bias", mutates_args=())
def _backward_bias(
    x: Tensor, bias: Tensor, grad_output: Tensor, axis: int, activation: str, parallel: bool
) -> Tensor:
    arrays = _arrays(x=x, bias=bias, grad_output=grad_output)
    grad = torch.empty_like(x)
    _rectify.Activation(activation).backward_bias(*arrays, axis, out=grad.numpy(), parallel=parallel)
    return grad


@torch.library.custom_op("rectify::forward_residual", mutates_args=())
def _forward_residual(x: Tensor, residual: Tensor, activation: str, parallel: bool) -> Tensor:
    arrays = _arrays(x=x, residual=residual)
    y = torch.empty_like(x)
    _rectify.Activation(activation).forward_residual(*arrays, out=y.numpy(), parallel=parallel)
    return y


@torch.library.custom_op("rectify::backward_residual", mutates_args=())
def _backward_residual(
    x: Tensor, residual: Tensor, grad_output: Tensor, activation: str, parallel: bool
) -> Tensor:
    arrays = _arrays(x=x, residual=residual, grad_output=grad_output)
    grad = torch.empty_like(x)
    _rectify.Activation(activation).backward_residual(*arrays, out=grad.numpy(), parallel=parallel)
    return grad


@torch.library.custom_op("rectify::forward_gated", mutates_args=())
def _forward_gated(gate: Tensor, value: Tensor, activation: str, parallel: bool) -> Tensor:
    arrays = _arrays(gate=gate, value=value)
    y = torch.empty_like(gate)
    _rectify.Activation(activation).forward_gated(*arrays, out=y.numpy(), parallel=parallel)
    return y


@torch.library.custom_op("rectify::backward_gated", mutates_args=())
def _backward_gated(
    gate: Tensor, value: Tensor, grad_output: Tensor, activation: str, parallel: bool
) -> tuple[Tensor, Tensor]:
    arrays = _arrays(gate=gate, value=value, grad_output=grad_output)
    grads = torch.empty_like(gate), torch.empty_like(gate)
    out = (grads[0].numpy(), grads[1].numpy())
    _rectify.Activation(activation).backward_gated(*arrays, out=out, parallel=parallel)
    return grads


@torch.library.custom_op("rectify::softmax", mutates_args=())
def _softmax(x: Tensor, axis: int, logarithm: bool, parallel: bool) -> Tensor:
    arrays = _arrays(x=x)
    y = torch.empty_like(x)
    function = _rectify.log_softmax if logarithm else _rectify.softmax
    function(*arrays, axis, out=y.numpy(), parallel=parallel)
    return y


@torch.library.custom_op("rectify::softmax_backward", mutates_args=())
def _softmax_backward(output: Tensor, grad_output: Tensor, axis: int, logarithm: bool, parallel: bool) -> Tensor:
    arrays = _arrays(output=output, grad_output=grad_output)
    grad = torch.empty_like(output)
    function = _rectify.log_softmax_backward if logarithm else _rectify.softmax_backward
    function(*arrays, axis, out=grad.numpy(), parallel=parallel)
    return grad


@torch.library.custom_op("rectify::prelu", mutates_args=())
def _prelu(x: Tensor, weight: Tensor, axis: int, parallel: bool) -> Tensor:
    arrays = _arrays(x=x, weight=weight)
    y = torch.empty_like(x)
    _rectify.prelu(*arrays, axis, out=y.numpy(), parallel=parallel)
    return y


@torch.library.custom_op("rectify::prelu_backward", mutates_args=())
def _prelu_backward(x: Tensor, weight: Tensor, grad_output: Tensor, axis: int, parallel: bool) -> Tensor:
    arrays = _arrays(x=x, weight=weight, grad_output=grad_output)
    grad = torch.empty_like(x)
    _rectify.prelu_backward(*arrays, axis, out=grad.numpy(), parallel=parallel)
    return grad


@torch.library.custom_op("rectify::prelu_backward_weight", mutates_args=())
def _prelu_backward_weight(x: Tensor, weight: Tensor, grad_output: Tensor, axis: int, parallel: bool) -> Tensor:
    arrays = _arrays(x=x, weight=weight, grad_output=grad_output)
    grad = torch.empty_like(weight)
    _rectify.prelu_backward_weight(*arrays, axis, out=grad.numpy(), parallel=parallel)
    return grad


def _like_first(x: Tensor, *others: Any) -> Tensor:
    _look_at(x=x)
    return torch.empty_like(x)


for _operator in (
    _forward,
    _backward,
    _forward_bias,
    _backward_bias,
    _forward_residual,
    _backward_residual,
    _forward_gated,
    _softmax,
    _softmax_backward,
    _prelu,
    _prelu_backward,
):
    _operator.register_fake(_like_first)
_backward_gated.register_fake(lambda gate, *others: (_like_first(gate), _like_first(gate)))
_prelu_backward_weight.register_fake(lambda x, weight, *others: _like_first(weight))


def _save(tensors: int):
    """Keeps the first inputs, which are tensors, and the other ones."""

    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:tensors])
        ctx.others = inputs[tensors:]

    return setup_context


def _forward_gradient(ctx: Any, grad: Tensor):
    return _backward(*ctx.saved_tensors, grad, *ctx.others), None, None


def _bias_gradient(ctx: Any, grad: Tensor):
    x, bias = ctx.saved_tensors
    axis = ctx.others[0] % x.dim()
    grad = _backward_bias(x, bias, grad, *ctx.others)
    others = [i for i in range(x.dim()) if i != axis]
    return grad, grad.sum(others) if others else grad, None, None, None


def _residual_gradient(ctx: Any, grad: Tensor):
    grad = _backward_residual(*ctx.saved_tensors, grad, *ctx.others)
    return grad, grad, None, None


def _gated_gradient(ctx: Any, grad: Tensor):
    return *_backward_gated(*ctx.saved_tensors, grad, *ctx.others), None, None


def _prelu_gradient(ctx: Any, grad: Tensor):
    asked = zip(ctx.needs_input_grad, (_prelu_backward, _prelu_backward_weight))
    return *[gradient(*ctx.saved_tensors, grad, *ctx.others) if is_asked else None for is_asked, gradient in asked], None, None


def _save_output(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(output)
    ctx.others = inputs[1:]


def _softmax_gradient(ctx: Any, grad: Tensor):
    return _softmax_backward(*ctx.saved_tensors, grad, *ctx.others), None, None, None


_forward.register_autograd(_forward_gradient, setup_context=_save(1))
_forward_bias.register_autograd(_bias_gradient, setup_context=_save(2))
_forward_residual.register_autograd(_residual_gradient, setup_context=_save(2))
_forward_gated.register_autograd(_gated_gradient, setup_context=_save(2))
_softmax.register_autograd(_softmax_gradient, setup_context=_save_output)
_prelu.register_autograd(_prelu_gradient, setup_context=_save(2))
