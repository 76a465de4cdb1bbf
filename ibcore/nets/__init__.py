"""Architectures, activations and weight priors: floor 0, one file per idea."""

from ibcore.nets.activations import ACTIVATIONS, Activation, activation_function
from ibcore.nets.batch_norm import Moments, Statistics
from ibcore.nets.conv import ConvHead, ConvNet
from ibcore.nets.image_network import ImageNorm
from ibcore.nets.init import Prior, Scaling
from ibcore.nets.mlp import MLP, Norm, Residual
from ibcore.nets.recurrent import LSTM, RNN
from ibcore.nets.resnet import ResNet, ResNetDepth
from ibcore.nets.sample import sample_parameters
from ibcore.nets.size import count_parameters, match_size
from ibcore.nets.statistics import batch_statistics
from ibcore.nets.transformer import Head, Transformer

__all__ = [
    "ACTIVATIONS",
    "LSTM",
    "MLP",
    "RNN",
    "Activation",
    "ConvHead",
    "ConvNet",
    "Head",
    "ImageNorm",
    "Moments",
    "Norm",
    "Prior",
    "ResNet",
    "ResNetDepth",
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
