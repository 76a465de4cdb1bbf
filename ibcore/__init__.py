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

_ROOMS = {  # where the public names are at home
    "exercises": "check",
    "guidance": "cka guide",
    "memory": "DiagonalNet FactorNet Pipeline forgetting_time spread sweep",
    "metainit": "MetaLearner meta_gradient",
    "nets": "ConvNet LSTM MLP RNN ResNet Transformer",
    "population": "Population",
    "redshift": "chebyshev_complexity fourier_complexity legendre_complexity lempel_ziv_complexity"
    " sample_functions total_variation",
    "runs": "claims load run",
    "runtime": "default_tier generator resolve_device",
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names.split()}

__all__ = ["__version__", *sorted(_HOME)]  # noqa: PLE0604  # strings of the table above


def __getattr__(name: str) -> Any:
    """Import a public name from its home on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'ibcore' has no attribute {name!r}")
    return getattr(import_module(f"ibcore.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
