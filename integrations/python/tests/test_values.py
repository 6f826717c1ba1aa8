"""Values and gradients, against NumPy's and SciPy's formulas in float64."""

import numpy as np
import pytest
from common import NAMES, TEXTS
from scipy import special

import rectify

SELU_ALPHA, SELU_SCALE = 1.6732632423543772848, 1.0507009873554804934


def softplus(x):
    return np.logaddexp(0, x)


FORMULAS = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x, negative_slope=0.01: np.where(x < 0, negative_slope * x, x),
    "clip": lambda x, min, max: np.clip(x, min, max),
    "relu6": lambda x: np.clip(x, 0, 6),
    "hard_tanh": lambda x, min=-1, max=1: np.clip(x, min, max),
    "thresholded_relu": lambda x, theta=1: np.where(x > theta, x, 0),
    "squared_relu": lambda x: np.maximum(x, 0) ** 2,
    "hard_sigmoid": lambda x, alpha=1 / 6, beta=0.5: np.clip(alpha * x + beta, 0, 1),
    "hard_swish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "hard_shrink": lambda x, lambd=0.5: np.where(np.abs(x) > lambd, x, 0),
    "soft_shrink": lambda x, lambd=0.5: np.sign(x) * np.maximum(np.abs(x) - lambd, 0),
    "sigmoid": special.expit,
    "silu": lambda x: x * special.expit(x),
    "swish": lambda x, beta=1: x * special.expit(beta * x),
    "tanh": np.tanh,
    "elu": lambda x, alpha=1: np.where(x < 0, alpha * np.expm1(x), x),
    "selu": lambda x: SELU_SCALE * np.where(x < 0, SELU_ALPHA * np.expm1(x), x),
    "celu": lambda x, alpha=1: np.where(x < 0, alpha * np.expm1(x / alpha), x),
    "gelu": lambda x: x * special.ndtr(x),
    "gelu_tanh": lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "softplus": lambda x, beta=1: softplus(beta * x) / beta,
    "mish": lambda x: x * np.tanh(softplus(x)),
    "log_sigmoid": special.log_expit,
    "softsign": lambda x: x / (1 + np.abs(x)),
    "tanh_shrink": lambda x: x - np.tanh(x),
}


def formula(activation):
    parameters = {name.replace("lambda", "lambd"): value for name, value in activation.parameters.items()}
    return lambda x: FORMULAS[activation.name](x, **parameters)


def test_each_activation_has_a_formula():
    assert sorted(FORMULAS) == sorted(NAMES)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 4e-7), (np.float64, 2e-15)])
def test_values(text, dtype, tolerance):
    activation = rectify.Activation(text)
    x = np.linspace(-8, 8, 10_007).astype(dtype)
    expected = formula(activation)(x.astype(np.float64))
    # The formulas of float64 are off themselves by some ulp of what they add up: at most of 1 or of x.
    np.testing.assert_allclose(activation(x), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("text", TEXTS)
def test_gradients(text):
    activation = rectify.Activation(text)
    # No multiple of the corners, 0.25 and 0.5, is near.
    x = np.arange(-8, 8, 0.01) + 0.003
    dy = np.cos(x)
    h = 1e-4
    f = formula(activation)
    slope = (f(x - 2 * h) - 8 * f(x - h) + 8 * f(x + h) - f(x + 2 * h)) / (12 * h)
    np.testing.assert_allclose(activation.backward(x, dy), dy * slope, rtol=1e-9, atol=1e-9)
    x, dy = x.astype(np.float32), dy.astype(np.float32)
    np.testing.assert_allclose(activation.backward(x, dy), dy * slope, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 1e-6), (np.float64, 1e-14)])
def test_softmax(axis, dtype, tolerance):
    random = np.random.default_rng(1)
    x, dy = (10 * random.standard_normal((2, 40, 30, 6))).astype(dtype)
    exact, exact_dy = x.astype(np.float64), dy.astype(np.float64)
    y, log_y = special.softmax(exact, axis), special.log_softmax(exact, axis)
    np.testing.assert_allclose(rectify.softmax(x, axis), y, rtol=tolerance)
    np.testing.assert_allclose(rectify.log_softmax(x, axis), log_y, rtol=tolerance, atol=tolerance)
    grad = y * (exact_dy - (y * exact_dy).sum(axis, keepdims=True))
    log_grad = exact_dy - y * exact_dy.sum(axis, keepdims=True)
    result = rectify.softmax_backward(rectify.softmax(x, axis), dy, axis)
    np.testing.assert_allclose(result, grad, rtol=10 * tolerance, atol=30 * tolerance)
    result = rectify.log_softmax_backward(rectify.log_softmax(x, axis), dy, axis)
    np.testing.assert_allclose(result, log_grad, rtol=10 * tolerance, atol=100 * tolerance)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 1e-6), (np.float64, 1e-14)])
def test_prelu(axis, dtype, tolerance):
    random = np.random.default_rng(1)
    x, dy = random.standard_normal((2, 6, 50, 70)).astype(dtype)
    weight = random.standard_normal(x.shape[axis]).astype(dtype)
    for weight in (weight, weight[:1], weight[:1].reshape(())):
        slopes = weight if weight.size == 1 else np.moveaxis(weight.reshape(-1, 1, 1), 0, axis)
        np.testing.assert_array_equal(rectify.prelu(x, weight, axis), np.where(x < 0, slopes * x, x))
        np.testing.assert_array_equal(
            rectify.prelu_backward(x, weight, dy, axis), np.where(x <= 0, slopes * dy, dy)
        )
        terms = np.where(x <= 0, x.astype(np.float64) * dy, 0)
        others = None if weight.size == 1 else tuple(i for i in range(3) if i != axis % 3)
        grad = rectify.prelu_backward_weight(x, weight, dy, axis)
        assert grad.shape == weight.shape
        bound = tolerance * np.abs(terms).sum(others).max()
        np.testing.assert_allclose(grad, terms.sum(others).reshape(weight.shape), rtol=0, atol=bound)


def test_special_values_of_prelu():
    x = np.array([[-np.inf, np.nan, np.inf, -0.0, 0.0, -1.0]], np.float32)
    y = rectify.prelu(x, np.full(6, 0.5, np.float32))[0]
    assert y[0] == -np.inf and np.isnan(y[1]) and y[2] == np.inf and np.signbit(y[3]) and y[5] == -0.5
    # A slope is not looked at.
    np.testing.assert_array_equal(np.isnan(rectify.prelu(x, np.full(1, np.nan, np.float32)))[0], [1, 1, 0, 0, 0, 1])


def test_special_values():
    x = np.array([-np.inf, np.nan, np.inf, -0.0], np.float32)
    y = rectify.gelu(x)
    assert y[0] == 0 and np.isnan(y[1]) and y[2] == np.inf and np.signbit(y[3])
    assert np.all(np.isnan(rectify.softmax(x)))
    np.testing.assert_array_equal(rectify.relu(np.array([-3.0, 2.0])), [0.0, 2.0])
