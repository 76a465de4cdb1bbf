"""Activations against formulas written out in NumPy."""

import math

import numpy as np
import pytest
import torch
from scipy.special import erf, expit

from ibcore.nets import ACTIVATIONS, activation_function

Z = np.linspace(-4, 4, 81)
ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805
FORMULAS = {
    "relu": np.maximum(Z, 0),
    "gelu": Z * 0.5 * (1 + erf(Z / math.sqrt(2))),
    "silu": Z * expit(Z),
    "selu": SCALE * np.where(Z > 0, Z, ALPHA * np.expm1(Z)),
    "tanh": np.tanh(Z),
    "gaussian": np.exp(-Z * Z),
    "sine": np.sin(Z),
    "sigmoid": expit(Z),
    "linear": Z,
    "leaky_relu": np.where(Z > 0, Z, 0.01 * Z),
    "abs": np.abs(Z),
    "softplus": np.log1p(np.exp(Z)),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_activation_and_its_in_place_twin_follow_their_formula(name):
    expected = torch.from_numpy(FORMULAS[name])
    z = torch.from_numpy(Z.copy())
    torch.testing.assert_close(activation_function(name)(z), expected, rtol=1e-12, atol=1e-12)
    assert torch.equal(z, torch.from_numpy(Z))
    activation_function(name, in_place=True)(z)
    torch.testing.assert_close(z, expected, rtol=1e-12, atol=1e-12)


def test_common_other_names_are_understood():
    z = torch.linspace(-1, 1, 5)
    for alias, name in {"swish": "silu", "gauss": "gaussian", "sin": "sine"}.items():
        assert torch.equal(activation_function(alias)(z), activation_function(name)(z))


def test_an_unknown_activation_is_named_with_the_choices():
    with pytest.raises(ValueError, match="unknown name 'rely'; choose one of 'relu', 'gelu'"):
        activation_function("rely")
