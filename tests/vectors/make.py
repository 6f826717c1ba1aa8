"""Makes `activations.csv` and `prelu.csv`: what PyTorch and ONNX's reference implementation return.

`tests/suite/vectors.rs` compares this crate with that. Run it by hand, in the virtual environment that
`benches/peers/python/run` makes, from the root of the repository:

    benches/peers/python/.venv/bin/pip install --no-deps -r tests/vectors/requirements.txt
    benches/peers/python/.venv/bin/python tests/vectors/make.py

A row is one call: an activation as `AnyActivation` reads it, its input `x`, the gradient `dy` of its output,
and what came back, the output `y` and the gradient `dx` of the input. ONNX has no backward. Numbers are their
bits in hexadecimal.
"""

import csv
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import onnx.parser
from onnx.reference import ReferenceEvaluator

# What PyTorch never calls is not looked up: it would miss the libraries that `run` has left empty.
sys.setdlopenflags(os.RTLD_LAZY)
# The instruction set that most machines have: NaNs depend on it.
os.environ["ATEN_CPU_CAPABILITY"] = "avx2"
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

HERE = Path(__file__).resolve().parent
PYTORCH = f"PyTorch {torch.__version__.partition('+')[0]}"
ONNX = f"ONNX {onnx.__version__}"
OPSET = 22
INF = float("inf")


# The activations.


class Member(NamedTuple):
    text: str
    # Where its formula changes; 0 and its neighbours are always among the inputs.
    thresholds: list[float]
    pytorch: Callable[[torch.Tensor], torch.Tensor] | None
    # From `x` to `y`, in the text form of ONNX's graphs.
    onnx: str


def constants(**values: float) -> str:
    return " ".join(f"{name} = Constant<value_float = {value}>()" for name, value in values.items())


def leaky_relu(slope: float) -> Member:
    return Member(
        f"leaky_relu(negative_slope={slope})",
        [],
        partial(F.leaky_relu, negative_slope=slope),
        f"y = LeakyRelu<alpha = {slope}>(x)",
    )


def clip(low: float, high: float) -> Member:
    return Member(
        f"clip(min={low}, max={high})",
        [low, high],
        partial(torch.clamp, min=low, max=high),
        f"{constants(low=low, high=high)} y = Clip(x, low, high)",
    )


def hard_tanh(low: float, high: float) -> Member:
    return clip(low, high)._replace(
        text=f"hard_tanh(min={low}, max={high})",
        pytorch=partial(F.hardtanh, min_val=low, max_val=high),
    )


def thresholded_relu(theta: float) -> Member:
    return Member(
        f"thresholded_relu(theta={theta})",
        [theta],
        partial(F.threshold, threshold=theta, value=0.0),
        f"y = ThresholdedRelu<alpha = {theta}>(x)",
    )


def hard_sigmoid(alpha: float, pytorch: Callable | None) -> Member:
    return Member(
        f"hard_sigmoid(alpha={alpha}, beta=0.5)",
        [-0.5 / alpha, 0.5 / alpha],
        pytorch,
        f"y = HardSigmoid<alpha = {alpha}, beta = 0.5>(x)",
    )


def hard_shrink(threshold: float) -> Member:
    return Member(
        f"hard_shrink(lambda={threshold})",
        [-threshold, threshold],
        partial(F.hardshrink, lambd=threshold),
        f"y = Shrink<lambd = {threshold}, bias = 0.0>(x)",
    )


def soft_shrink(threshold: float) -> Member:
    return Member(
        f"soft_shrink(lambda={threshold})",
        [-threshold, threshold],
        partial(F.softshrink, lambd=threshold),
        f"y = Shrink<lambd = {threshold}, bias = {threshold}>(x)",
    )


MEMBERS = [
    Member("relu", [], torch.relu, "y = Relu(x)"),
    *map(leaky_relu, [0.01, 0.0, 1.0, 2.5, -0.5, INF]),
    clip(-1.0, 2.5),
    clip(0.0, 1.0),
    clip(3.0, -3.0),
    clip(1.0, 1.0),
    clip(-INF, 0.5),
    clip(-INF, INF),
    clip(0.0, 6.0)._replace(text="relu6", pytorch=F.relu6),
    hard_tanh(-1.0, 1.0),
    hard_tanh(-0.5, INF),
    *map(thresholded_relu, [1.0, 0.0, -0.5]),
    Member("squared_relu", [], lambda x: torch.relu(x) ** 2, "r = Relu(x) y = Mul(r, r)"),
    hard_sigmoid(1 / 6, F.hardsigmoid),
    hard_sigmoid(0.2, None),
    Member("hard_swish", [-3.0, 3.0], F.hardswish, "y = HardSwish(x)"),
    *map(hard_shrink, [0.5, 0.0, 3.0]),
    *map(soft_shrink, [0.5, 0.0, 3.0]),
]


# The inputs.


class Element(NamedTuple):
    name: str
    float: type
    bits: type
    # Random inputs: half of them of a normal distribution, half of random bits.
    random: int


F32 = Element("f32", np.float32, np.uint32, 100)
F64 = Element("f64", np.float64, np.uint64, 40)


def specials(element: Element, thresholds: list[float]) -> np.ndarray:
    """Each with both signs; then the thresholds with their neighbours."""
    info = np.finfo(element.float)
    subnormal = int(info.tiny.view(element.bits))
    infinity = int(np.array(INF, element.float).view(element.bits))
    quiet = 1 << info.nmant - 1
    positive = [
        0,
        1,
        subnormal // 3,
        subnormal - 1,
        subnormal,
        int(np.array(1, element.float).view(element.bits)),
        int(info.max.view(element.bits)),
        infinity,
        infinity | quiet,
        infinity | quiet | 0x1234,
        infinity | 0x55,  # signals
    ]
    sign = 1 << info.bits - 1
    both = [bits for magnitude in positive for bits in (magnitude, magnitude | sign)]
    infinite = element.float(INF)
    near = [
        neighbour
        for threshold in np.array(thresholds, element.float)
        for neighbour in (np.nextafter(threshold, -infinite), threshold, np.nextafter(threshold, infinite))
    ]
    return np.concatenate(
        [np.array(both, element.bits).view(element.float), np.array(near, element.float)]
    )


def random(generator: np.random.Generator, element: Element, count: int) -> np.ndarray:
    bits = generator.integers(0, 2 ** np.finfo(element.float).bits, count // 2, element.bits)
    normal = generator.normal(0, 3, count - count // 2).astype(element.float)
    return generator.permutation(np.concatenate([normal, bits.view(element.float)]))


def inputs(element: Element, thresholds: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """`x` and `dy`: special `x` once with ordinary `dy` and once with special ones, random `x` with either."""
    generator = np.random.default_rng(7)
    special = specials(element, thresholds)
    x = np.concatenate([special, random(generator, element, element.random), special])
    special_dy = len(special) + element.random // 2
    dy = np.concatenate(
        [
            generator.normal(0, 1, len(x) - special_dy).astype(element.float),
            generator.choice(specials(element, []), special_dy),
        ]
    )
    return x, dy


# The sources.


def through_pytorch(activation: Callable, x: np.ndarray, dy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    tensor = torch.from_numpy(x).requires_grad_()
    y = activation(tensor)
    (dx,) = torch.autograd.grad(y, tensor, torch.from_numpy(dy))
    return y.detach().numpy(), dx.numpy()


def through_onnx(
    nodes: str, x: np.ndarray, inputs: str = "", opset: int = OPSET, **more: np.ndarray
) -> np.ndarray:
    model = onnx.parser.parse_model(
        f'<ir_version: 10, opset_import: ["": {opset}]> graph (float[] x{inputs}) => (float[] y) {{{nodes}}}'
    )
    with np.errstate(all="ignore"):
        return ReferenceEvaluator(model).run(None, {"x": x, **more})[0]


def text(numbers: np.ndarray) -> str:
    digits = 2 * numbers.itemsize
    bits = numbers.ravel().view(f"u{numbers.itemsize}")
    return " ".join(f"{number:0{digits}x}" for number in bits)


def write(name: str, header: str, rows) -> None:
    with (HERE / name).open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header.split(","))
        writer.writerows(rows)


def activations():
    in_f64 = set()
    for member in MEMBERS:
        x, dy = inputs(F32, member.thresholds)
        if member.pytorch:
            y, dx = through_pytorch(member.pytorch, x, dy)
            yield PYTORCH, member.text, "f32", *map(text, (x, dy, y, dx))
        # The second time, the specials would be the same.
        x = x[: len(specials(F32, member.thresholds)) + F32.random]
        yield ONNX, member.text, "f32", text(x), "", text(through_onnx(member.onnx, x)), ""
        # ONNX's attributes are `f32`, so PyTorch alone, and once for each kind of activation.
        kind = member.text.partition("(")[0]
        if kind not in in_f64:
            in_f64.add(kind)
            x, dy = inputs(F64, member.thresholds)
            y, dx = through_pytorch(member.pytorch, x, dy)
            yield PYTORCH, member.text, "f64", *map(text, (x, dy, y, dx))


def prelu():
    slopes = np.array([0.25, -0.5, 2.5], np.float32)
    channels = len(slopes)
    x, dy = inputs(F32, [])
    generator = np.random.default_rng(8)
    ordinary = [generator.normal(0, 1, len(x)).astype(np.float32) for _ in range(2)]
    # Among specials, the sums are NaN.
    for x, dy, sums in [(x, dy, False), (*ordinary, True)]:
        # Channels last, and NCHW with pictures of 2 by 5.
        for inner, shape in [(1, (-1, channels)), (10, (-1, channels, 2, 5))]:
            whole = len(x) // (inner * channels) * inner * channels
            x_, dy_ = x[:whole].reshape(shape), dy[:whole].reshape(shape)
            weight = torch.from_numpy(slopes)
            y, dx = through_pytorch(lambda x: F.prelu(x, weight), x_, dy_)
            d_slopes = ""
            if sums:
                # In `f64`, so that hardly an error is theirs.
                weight = weight.double().requires_grad_()
                y64 = F.prelu(torch.from_numpy(x_).double(), weight)
                (exact,) = torch.autograd.grad(y64, weight, torch.from_numpy(dy_).double())
                d_slopes = text(exact.numpy())
            columns = map(text, (slopes, x_, dy_, y, dx))
            yield PYTORCH, inner, *columns, d_slopes
            axes = slopes.reshape([channels] + [1] * (len(shape) - 2))
            y = through_onnx("y = PRelu(x, slopes)", x_, ", float[] slopes", slopes=axes)
            yield ONNX, inner, text(slopes), text(x_), "", text(y), "", ""


if __name__ == "__main__":
    write("activations.csv", "source,activation,element,x,dy,y,dx", activations())
    write("prelu.csv", "source,inner,slopes,x,dy,y,dx,d_slopes", prelu())
