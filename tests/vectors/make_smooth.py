"""Makes `smooth.csv`, the truth of the smooth activations and what PyTorch and ONNX's reference implementation make of
the same `f32` inputs, and `others.csv`, where those two are farther from the truth than this crate promises to be.

`tests/suite/vectors_smooth.rs` reads both. Run it as `make.py`, from the root of the repository:

    benches/peers/python/.venv/bin/python tests/vectors/make_smooth.py

Every truth has two sources. It is what PyTorch returns in `f64`, where mpmath's 600 bits confirm that; it is marked
`p`. Elsewhere PyTorch's `f64` is itself wrong: by cancellation in the tails, or NaN at an infinity. There it is mpmath's,
which SciPy has to confirm (`s`), but for infinite inputs, where SciPy's formulas have no limits, either (`m`).

Of gradients `dy` is 1; those of ELU and its kin at NaN are NaN, as PyTorch has them. Numbers are their bits in
hexadecimal: the truth's those of `f64`, the others those of `f32`.
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import mpmath as mp
import numpy as np
from make import ONNX, PYTORCH, text, through_onnx, through_pytorch, write
from scipy import special

import torch  # `make` has to be the first to load it.
import torch.nn.functional as F

mp.mp.prec = 600


# The truth's two sources beside PyTorch. mpmath's are the definitions, with more bits than any cancellation takes.


def sigmoid(x):
    return 1 / (1 + mp.exp(-x))


def softplus(x):
    return mp.log1p(mp.exp(-abs(x))) + max(x, 0)


def normal(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


def density(x):
    return mp.exp(-(x**2) / 2) / mp.sqrt(2 * mp.pi)


def gelu_tanh(x):
    """The value, and the gradient; (1 + tanh u) / 2 is sigmoid(2u)."""
    factor, cubic = 2 * mp.sqrt(2 / mp.pi), mp.mpf("0.044715")
    u, slope = factor * (x + cubic * x**3), factor * (1 + 3 * cubic * x**2)
    return x * sigmoid(u), sigmoid(u) * (1 + x * slope * sigmoid(-u))


def mish_gradient(x):
    return mp.tanh(softplus(x)) + x * mp.sech(softplus(x)) ** 2 * sigmoid(x)


# SciPy's are in `f64`, so written that nothing cancels.


def s_softplus(x):
    return -special.log_expit(-x)


def s_sech2(x):
    return 4 * special.expit(2 * x) * special.expit(-2 * x)


def s_normal_gradient(x):
    return special.ndtr(x) + x * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)


def s_gelu_tanh(x):
    factor = 2 * np.sqrt(2 / np.pi)
    u, slope = factor * (x + 0.044715 * x**3), factor * (1 + 3 * 0.044715 * x**2)
    return x * special.expit(u), special.expit(u) * (1 + x * slope * special.expit(-u))


def s_mish_gradient(x):
    softplus = s_softplus(x)
    return np.tanh(softplus) + x * s_sech2(softplus) * special.expit(x)


def s_tanh_shrink(x):
    """Where it is small, by Lambert's continued fraction of tanh, of which nothing is negative."""
    tail = np.zeros_like(x)
    for odd in range(41, 1, -2):
        tail = x**2 / (odd + tail)
    return np.where(abs(x) < 1, x * tail / (1 + tail), x - np.tanh(x))


# The activations.


class Smooth(NamedTuple):
    text: str
    # The value's and the gradient's bounds in ulp.
    bounds: tuple[int, int]
    pytorch: Callable[[torch.Tensor], torch.Tensor]
    # From `x` to `y`; empty where ONNX has no such operator.
    onnx: str
    # Each: value, gradient.
    mpmath: tuple[Callable, Callable]
    scipy: tuple[Callable, Callable]
    # Between which inputs the gradient crosses zero, from its least value on.
    crossing: tuple[float, float] | None = None
    # The first version of ONNX's operators that has it.
    opset: int = 22


def swish(beta: float, **fields) -> Smooth:
    def gradient(sigmoid, x):
        x = beta * x
        return sigmoid(x) * (1 + x * sigmoid(-x))

    return Smooth(
        bounds=(3, 4),
        mpmath=(lambda x: x * sigmoid(beta * x), partial(gradient, sigmoid)),
        scipy=(lambda x: x * special.expit(beta * x), partial(gradient, special.expit)),
        crossing=(-2.4 / beta, 0.0),
        opset=24,
        **fields,
    )


def elu(alpha: float | mp.mpf, width: float = 1, **fields) -> Smooth:
    def by(alpha, expm1, exp, choose):
        return (
            lambda x: choose(x < 0, alpha * expm1(x / width), x),
            lambda x: choose(x <= 0, alpha / width * exp(x / width), 1),
        )

    return Smooth(
        bounds=(3, 4),
        mpmath=by(alpha, mp.expm1, mp.exp, lambda test, below, above: below if test else above),
        scipy=by(float(alpha), special.expm1, np.exp, np.where),
        **fields,
    )


def scaled(member: Smooth, scale: str) -> Smooth:
    def times(scale, function):
        return lambda x: scale * function(x)

    return member._replace(
        mpmath=tuple(times(mp.mpf(scale), function) for function in member.mpmath),
        scipy=tuple(times(float(scale), function) for function in member.scipy),
    )


def softplus_of(beta: float, **fields) -> Smooth:
    return Smooth(
        bounds=(3, 4),
        pytorch=partial(F.softplus, beta=beta),
        mpmath=(lambda x: softplus(beta * x) / beta, lambda x: sigmoid(beta * x)),
        scipy=(lambda x: s_softplus(beta * x) / beta, lambda x: special.expit(beta * x)),
        **fields,
    )


# As this crate rounds it to `f32`.
QUICK = float(np.float32(1.702))
# As `f64` would not do for mpmath.
SELU_ALPHA = mp.mpf("1.6732632423543772848170429916717")
SELU_SCALE = "1.0507009873554804934193349852946"

MEMBERS = [
    Smooth(
        "sigmoid",
        (3, 4),
        torch.sigmoid,
        "y = Sigmoid(x)",
        (sigmoid, lambda x: sigmoid(x) * sigmoid(-x)),
        (special.expit, lambda x: special.expit(x) * special.expit(-x)),
    ),
    Smooth(
        "tanh", (3, 4), torch.tanh, "y = Tanh(x)", (mp.tanh, lambda x: mp.sech(x) ** 2), (np.tanh, s_sech2)
    ),
    swish(1.0, text="silu", pytorch=F.silu, onnx="y = Swish(x)"),
    swish(
        QUICK,
        text="swish(beta=1.702)",
        pytorch=lambda x: x * torch.sigmoid(QUICK * x),
        onnx=f"y = Swish<alpha = {QUICK}>(x)",
    ),
    Smooth(
        "gelu",
        (4, 4),
        F.gelu,
        "y = Gelu(x)",
        (lambda x: x * normal(x), lambda x: normal(x) + x * density(x)),
        (lambda x: x * special.ndtr(x), s_normal_gradient),
        crossing=(-np.sqrt(2), 0.0),
    ),
    Smooth(
        "gelu_tanh",
        (4, 4),
        partial(F.gelu, approximate="tanh"),
        'y = Gelu<approximate = "tanh">(x)',
        (lambda x: gelu_tanh(x)[0], lambda x: gelu_tanh(x)[1]),
        (lambda x: s_gelu_tanh(x)[0], lambda x: s_gelu_tanh(x)[1]),
        crossing=(-np.sqrt(2), 0.0),
    ),
    elu(1.0, text="elu", pytorch=F.elu, onnx="y = Elu(x)"),
    elu(0.5, text="elu(alpha=0.5)", pytorch=partial(F.elu, alpha=0.5), onnx="y = Elu<alpha = 0.5>(x)"),
    scaled(elu(SELU_ALPHA, text="selu", pytorch=F.selu, onnx="y = Selu(x)"), SELU_SCALE),
    elu(
        2.0,
        width=2.0,
        text="celu(alpha=2)",
        pytorch=partial(F.celu, alpha=2.0),
        onnx="y = Celu<alpha = 2.0>(x)",
    ),
    softplus_of(1.0, text="softplus", onnx="y = Softplus(x)"),
    softplus_of(2.0, text="softplus(beta=2)", onnx=""),
    Smooth(
        "mish",
        (4, 4),
        F.mish,
        "y = Mish(x)",
        (lambda x: x * mp.tanh(softplus(x)), mish_gradient),
        (lambda x: x * np.tanh(s_softplus(x)), s_mish_gradient),
        crossing=(-2.2, 0.0),
    ),
    Smooth(
        "log_sigmoid",
        (3, 4),
        F.logsigmoid,
        "",
        (lambda x: -softplus(-x), lambda x: sigmoid(-x)),
        (special.log_expit, lambda x: special.expit(-x)),
    ),
    Smooth(
        "softsign",
        (3, 4),
        F.softsign,
        "y = Softsign(x)",
        (lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2),
        (lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2),
    ),
    Smooth(
        "tanh_shrink",
        (3, 4),
        F.tanhshrink,
        "",
        (lambda x: x - mp.tanh(x), lambda x: mp.tanh(x) ** 2),
        (s_tanh_shrink, lambda x: np.tanh(x) ** 2),
    ),
]


# The inputs: the same for all.


def inputs() -> np.ndarray:
    generator = np.random.default_rng(11)
    info = np.finfo(np.float32)
    tiny, step = info.tiny, info.smallest_subnormal
    special = [0, step, tiny / 3, tiny - step, tiny, 1, info.max, np.inf, np.nan]
    # Where values leave the normal numbers, are lost in 1 or beside x, or fall below half of the least number; where
    # PyTorch's softplus becomes x; and where gradients are zero.
    tails = [0.5, 2, 5, 6.5, 7.9, 8.26, 8.3, 8.5, 9.02, 9.8, 10, 10.7, 11.5, 12, 12.7, 13.1, 13.5, 14.2, 14.4, 15.5]
    tails += [16.64, 17.35, 20, 24.5, 36, 43.7, 50.5, 51.9, 60, 75, 87.34, 88, 88.73, 95, 100, 103.28, 103.9, 104, 110]
    tails += [174.6, 177.5, 207.8, 1e3, 2047.375, 1e6]
    zeros = [-1.278465, -0.7511561, -0.7517916, -0.7524614, -1.192408]
    positive = np.array([*special, *tails], np.float32)
    bits = generator.integers(0, 2**32, 400, np.uint32).view(np.float32)
    # One in each unit but for what is near, of which there are more.
    spread = np.arange(-30, 30) + generator.random(60)
    return np.concatenate(
        [
            positive,
            -positive,
            np.array(zeros, np.float32),
            spread.astype(np.float32),
            generator.normal(0, 1.5, 20).astype(np.float32),
            bits[np.isfinite(bits)][:40],
        ]
    )


# How far a result is from the truth.


def error(result: np.ndarray, truth: np.ndarray, x: np.ndarray, crossing) -> np.ndarray:
    """In ulp of the truth; infinite where one of the two is no finite number and the other is another."""
    result = result.astype(np.float64)
    _, exponent = np.frexp(np.where(np.isfinite(truth), truth, 1))
    # numpy's fractions are in [1/2, 1). The exponent of 0 is none.
    exponent = np.where(truth == 0, -126, np.maximum(exponent - 1, -126))
    if crossing:
        inside = (x >= crossing[0]) & (x <= crossing[1])
        exponent = np.where(inside, np.maximum(exponent, -4), exponent)
    # Of an infinite result the truth may be finite, and too large for `f32`.
    overflows = np.isinf(result) & (abs(truth) >= 2.0**128 - 2.0**103) & (np.sign(result) == np.sign(truth))
    same = (result == truth) | (np.isnan(result) & np.isnan(truth)) | overflows
    with np.errstate(invalid="ignore"):
        distance = np.ldexp(abs(result - truth), 23 - exponent)
    finite = np.isfinite(result) & np.isfinite(truth)
    return np.where(same, 0, np.where(finite, distance, np.inf))


# What confirms a truth may be so far from it, of an ulp of `f32`.
CONFIRMED = 2.0**-10


def through_mpmath(function: Callable, x: np.ndarray) -> np.ndarray:
    """The limits at the infinities are what is at 2^500, where what is above 2^400 is infinite, and what is below
    2^-900 is 0. mpmath has no -0: where f(0) = 0, zeros keep their sign."""

    def one(x: float) -> float:
        if np.isnan(x):
            return x
        if np.isinf(x):
            y = function(np.sign(x) * mp.mpf(2) ** 500)
            size = np.inf if abs(y) > mp.mpf(2) ** 400 else 0.0 if abs(y) < mp.mpf(2) ** -900 else abs(y)
            return float(-size if y < 0 else size)
        y = function(mp.mpf(x))
        return np.copysign(0.0, x) if x == 0 and y == 0 else float(y)

    return np.array([one(float(x)) for x in x])


def truth(member: Smooth, x: np.ndarray) -> Iterator[tuple[np.ndarray, str]]:
    x = x.astype(np.float64)
    pytorch = through_pytorch(member.pytorch, x, np.ones_like(x))
    crossings = [None, member.crossing]
    for direction, by_pytorch, by_mpmath, by_scipy, crossing in zip(
        ["value", "gradient"], pytorch, member.mpmath, member.scipy, crossings
    ):
        exact = through_mpmath(by_mpmath, x)
        with np.errstate(all="ignore"):
            scipy = by_scipy(x)

        def confirms(other: np.ndarray) -> np.ndarray:
            # The signs of zeros, too, but those of a gradient, which has none of note.
            signs = np.signbit(other) == np.signbit(exact) if direction == "value" else True
            return (error(other, exact, x, crossing) <= CONFIRMED) & (signs | np.isnan(exact))

        pytorch_is_right, scipy_is_right = confirms(by_pytorch), confirms(scipy)
        alone = ~pytorch_is_right & ~scipy_is_right
        assert np.isinf(x[alone]).all(), f"{member.text}, {direction}: one source alone at {x[alone]}"
        marks = np.where(pytorch_is_right, "p", np.where(scipy_is_right, "s", "m"))
        yield np.where(pytorch_is_right, by_pytorch, exact), "".join(marks)


# The files.


def above(source: str, member: Smooth, direction: str, bound: int, x: np.ndarray, errors: np.ndarray):
    """A row of `others.csv`, if there is one."""
    finite = np.where(np.isfinite(errors), errors, 0)
    wrong = errors > bound
    if not wrong.any():
        return
    worst = int(np.argmax(finite))
    lost = x[np.isinf(errors)]
    largest = (f"{finite[worst]:.6g}", str(x[worst])) if finite[worst] > bound else ("", "")
    first = str(lost[0]) if len(lost) else ""
    yield source, member.text, direction, bound, len(x), wrong.sum(), *largest, len(lost), first


def main() -> None:
    x = inputs()
    rows, others = [], []
    for member in MEMBERS:
        (y, y_marks), (dx, dx_marks) = truth(member, x)
        print(member.text, {mark: (y_marks + dx_marks).count(mark) for mark in "psm"}, file=sys.stderr)
        y32, dx32 = through_pytorch(member.pytorch, x, np.ones_like(x))
        results = [(PYTORCH, "value", y32, y), (PYTORCH, "gradient", dx32, dx)]
        by_onnx = ""
        if member.onnx:
            y_onnx = through_onnx(member.onnx, x, opset=member.opset)
            assert y_onnx.dtype == np.float32
            results.append((ONNX, "value", y_onnx, y))
            by_onnx = text(y_onnx)
        columns = [member.text, text(x), text(y), y_marks, text(dx), dx_marks, text(y32), text(dx32), by_onnx]
        rows.append(columns)
        for source, direction, result, exact in results:
            is_value = direction == "value"
            errors = error(result, exact, x, None if is_value else member.crossing)
            others += above(source, member, direction, member.bounds[0 if is_value else 1], x, errors)
    write("smooth.csv", "activation,x,y,y_truth_of,dx,dx_truth_of,pytorch_y,pytorch_dx,onnx_y", rows)
    header = "source,activation,direction,bound_ulp,inputs,above,error_ulp,at,not_finite,not_finite_at"
    write("others.csv", header, sorted(others))


if __name__ == "__main__":
    main()
