"""Architectures, activations and weight priors: floor 0, one file per idea."""

from ibcore.nets.batch_norm import Moments, Statistics
from ibcore.nets.evaluate import batch_statistics
from ibcore.nets.init import (
    ACTIVATIONS,
    Prior,
    Scaling,
    activation_function,
    sample_parameters,
)
from ibcore.nets.mlp import MLP, Norm, Residual
from ibcore.nets.network import count_parameters, match_size
from ibcore.nets.recurrent import LSTM, RNN
from ibcore.nets.resnet import ConvNet, ResNet
from ibcore.nets.transformer import Transformer

__all__ = [
    "ACTIVATIONS",
    "LSTM",
    "MLP",
    "RNN",
    "ConvNet",
    "Moments",
    "Norm",
    "Prior",
    "ResNet",
    "Residual",
    "Scaling",
    "Statistics",
    "Transformer",
    "activation_function",
    "batch_statistics",
    "count_parameters",
    "match_size",
    "sample_parameters",
]
