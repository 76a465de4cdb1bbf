"""Architectures, activations and weight priors: floor 0, one file per idea."""

from ibcore.nets.activations import ACTIVATIONS, Activation, activation_function
from ibcore.nets.init import Prior, Scaling, sample_parameters
from ibcore.nets.mlp import MLP, Norm, Residual
from ibcore.nets.size import count_parameters, match_size
from ibcore.nets.transformer import Head, Transformer

__all__ = [
    "ACTIVATIONS",
    "MLP",
    "Activation",
    "Head",
    "Norm",
    "Prior",
    "Residual",
    "Scaling",
    "Transformer",
    "activation_function",
    "count_parameters",
    "match_size",
    "sample_parameters",
]
