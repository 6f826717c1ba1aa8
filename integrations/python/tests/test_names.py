"""The functions and the object are those that `rectify` knows, and are told so that they can be read."""

import os
import pickle
import pydoc
import subprocess
import sys

import numpy as np
import pytest
from common import NAMES, TEXTS, numbers, parameters_of, same_bits

import rectify


PRELU = ["prelu", "prelu_backward", "prelu_backward_weight"]


def test_a_function_for_each_activation():
    others = {"Activation", "__version__", "softmax", "softmax_backward", "tier", "tiers"}
    others |= {"log_softmax", "log_softmax_backward", *PRELU}
    assert set(rectify.__all__) == set(NAMES) | others
    assert len(rectify.__all__) == len(NAMES) + len(others)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_and_defaults(name):
    parameters = parameters_of(getattr(rectify, name))
    if name == "clip":
        assert list(parameters) == ["min", "max"]
        return
    known = rectify.Activation(name).parameters
    assert parameters == {key.replace("lambda", "lambd"): value for key, value in known.items()}


@pytest.mark.parametrize("name", NAMES)
def test_function_and_object_agree(name):
    x = numbers((50,), np.float32, 1)
    values = [0.25, 0.75][: len(parameters_of(getattr(rectify, name)))]
    names = list(parameters_of(getattr(rectify, name)))
    activation = rectify.Activation(name, **dict(zip(names, values)))
    assert list(activation.parameters.values()) == values
    if name != "clip":
        # The defaults that hold are those that are shown.
        assert same_bits(getattr(rectify, name)(x), rectify.Activation(name)(x))
    expected = activation(x)
    assert same_bits(getattr(rectify, name)(x, *values), expected)
    assert same_bits(getattr(rectify, name)(x, **dict(zip(names, values))), expected)
    out = np.empty_like(x)
    assert getattr(rectify, name)(x, *values, out, True) is out
    assert same_bits(out, expected)


@pytest.mark.parametrize("text", TEXTS)
def test_object(text):
    activation = rectify.Activation(text)
    assert str(activation) == str(rectify.Activation(activation.name, **activation.parameters))
    assert repr(activation) == f"rectify.Activation('{activation}')"
    assert eval(repr(activation)) == activation
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(activation, protocol)) == activation
    assert hash(activation) == hash(rectify.Activation(text))
    assert [other for other in TEXTS if rectify.Activation(other) == activation] == [text]
    assert activation != text
    with pytest.raises(AttributeError):
        activation.name = "relu"


def test_zero_with_another_sign_is_equal():
    a, b = [rectify.Activation("leaky_relu", negative_slope=slope) for slope in (0.0, -0.0)]
    assert a == b and hash(a) == hash(b)


def test_functions_are_pickled():
    for name in rectify.__all__:
        if name != "__version__":
            assert pickle.loads(pickle.dumps(getattr(rectify, name))) is getattr(rectify, name)


def test_help():
    assert rectify.__doc__ and rectify.__version__
    for name in [*NAMES, "softmax", "softmax_backward", "log_softmax", "log_softmax_backward", *PRELU]:
        text = pydoc.plain(pydoc.render_doc(getattr(rectify, name)))
        assert "out=None, parallel=False)" in text and "parallel:" in text
    assert "leaky_relu(x, negative_slope=0.01, out=None" in pydoc.plain(pydoc.render_doc(rectify.leaky_relu))
    text = pydoc.plain(pydoc.render_doc(rectify.Activation))
    for method in ["backward_gated(self, /, gate, value, grad_output, out=None", "leaky_relu(negative_slope=0.1)"]:
        assert method in text


def test_tiers():
    assert rectify.tier() == rectify.tiers()[-1]
    code = "import rectify; print(rectify.tier(), *rectify.tiers(), sep=',')"
    environment = {**os.environ, "RECTIFY_MAX_TIER": "portable"}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    lowest = rectify.tiers()[0]
    assert result.stdout.strip() == f"{lowest},{lowest}"


def test_torch_is_not_imported():
    code = "import rectify, sys; assert 'torch' not in sys.modules and 'rectify.torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
