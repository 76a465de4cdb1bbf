"""Measure and move the inductive biases of neural networks.

The flat public surface of the package.  Names are imported on first use, so that
``import ibcore`` needs only torch and numpy and takes no time of its own.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

try:
    __version__ = version("ibcore")
except PackageNotFoundError:  # a source tree on the path, not installed
    __version__ = "0+unknown"

_HOME = {
    "ConvNet": "nets",
    "DiagonalNet": "memory",
    "FactorNet": "memory",
    "LSTM": "nets",
    "MLP": "nets",
    "MetaLearner": "metainit",
    "Pipeline": "memory",
    "Population": "population",
    "RNN": "nets",
    "ResNet": "nets",
    "Transformer": "nets",
    "chebyshev_complexity": "redshift",
    "check": "exercises",
    "cka": "guidance",
    "claims": "runs",
    "default_tier": "runtime",
    "forgetting_time": "memory",
    "fourier_complexity": "redshift",
    "generator": "runtime",
    "guide": "guidance",
    "legendre_complexity": "redshift",
    "lempel_ziv_complexity": "redshift",
    "load": "runs",
    "meta_gradient": "metainit",
    "resolve_device": "runtime",
    "run": "runs",
    "sample_functions": "redshift",
    "spread": "memory",
    "sweep": "memory",
    "total_variation": "redshift",
}

__all__ = [
    "LSTM",
    "MLP",
    "RNN",
    "ConvNet",
    "DiagonalNet",
    "FactorNet",
    "MetaLearner",
    "Pipeline",
    "Population",
    "ResNet",
    "Transformer",
    "__version__",
    "chebyshev_complexity",
    "check",
    "cka",
    "claims",
    "default_tier",
    "forgetting_time",
    "fourier_complexity",
    "generator",
    "guide",
    "legendre_complexity",
    "lempel_ziv_complexity",
    "load",
    "meta_gradient",
    "resolve_device",
    "run",
    "sample_functions",
    "spread",
    "sweep",
    "total_variation",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its home on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'ibcore' has no attribute {name!r}")
    return getattr(import_module(f"ibcore.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
