"""The activation functions of the book, each as a plain function and an in-place twin."""

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

Activation = Literal[
    "relu",
    "gelu",
    "silu",
    "selu",
    "tanh",
    "gaussian",
    "sine",
    "sigmoid",
    "linear",
    "leaky_relu",
    "abs",
    "softplus",
]
ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)

_ALIASES: dict[str, Activation] = {
    "swish": "silu",
    "gauss": "gaussian",
    "sin": "sine",
    "identity": "linear",
}


def _gaussian(z: Tensor) -> Tensor:
    return torch.exp(-z.square())


def _linear(z: Tensor) -> Tensor:
    return z


_FUNCTIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "selu": torch.selu,
    "tanh": torch.tanh,
    "gaussian": _gaussian,
    "sine": torch.sin,
    "sigmoid": torch.sigmoid,
    "linear": _linear,
    "leaky_relu": functional.leaky_relu,
    "abs": torch.abs,
    "softplus": functional.softplus,
}

_IN_PLACE: dict[Activation, Callable[[Tensor], Tensor]] = {
    "relu": Tensor.relu_,
    "gelu": torch.ops.aten.gelu_,
    "silu": torch.ops.aten.silu_,
    "selu": torch.selu_,
    "tanh": Tensor.tanh_,
    "gaussian": lambda z: z.square_().neg_().exp_(),
    "sine": Tensor.sin_,
    "sigmoid": Tensor.sigmoid_,
    "linear": _linear,
    "leaky_relu": torch.ops.aten.leaky_relu_,
    "abs": Tensor.abs_,
    "softplus": lambda z: z.copy_(functional.softplus(z)),
}


def canonical_activation(name: str) -> Activation:
    """Return the canonical name; ``"swish"``, ``"gauss"``, ``"sin"``, ``"identity"`` are aliases.

    Raises
    ------
    ValueError
        If the name is not known.
    """
    alias = _ALIASES.get(name, name)
    for known in ACTIVATIONS:
        if alias == known:
            return known
    raise ValueError(f"unknown activation {name!r}; choose one of {', '.join(ACTIVATIONS)}")


def activation_function(name: str, *, in_place: bool = False) -> Callable[[Tensor], Tensor]:
    r"""Return the activation :math:`\varphi`, applied element by element.

    Parameters
    ----------
    name
        One of `ACTIVATIONS`.  ``"gaussian"`` is :math:`e^{-z^2}` and ``"sine"`` is
        :math:`\sin z`, as in the code of Teney et al. (2024); ``"gelu"`` is the exact form
        :math:`z\,\Phi(z)`; ``"silu"`` (Swish) is :math:`z\,\sigma(z)`.
    in_place
        Return the twin that overwrites its argument (no autograd).

    Raises
    ------
    ValueError
        If the name is not known.

    Examples
    --------
    >>> activation_function("gaussian")(torch.tensor([0.0, 1.0])).tolist()
    [1.0, 0.3678794503211975]
    """
    table = _IN_PLACE if in_place else _FUNCTIONS
    return table[canonical_activation(name)]
