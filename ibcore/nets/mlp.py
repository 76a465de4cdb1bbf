"""The multilayer perceptron of the book, with the components that move its bias."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from ibcore.nets.activations import activation_function, canonical_activation
from ibcore.nets.init import sample_parameters
from ibcore.runtime import generator

Norm = Literal["layer"]
Residual = Literal["paper", "block"]

NORM_EPSILON = 1e-12  # keeps 0/0 away without changing any value we can measure


def normalize_channels(z: Tensor, dim: int = -1) -> Tensor:
    """Layer norm without affine parameters: mean 0 and variance 1 over the channels."""
    centred = z - z.mean(dim, keepdim=True)
    return centred / (centred.square().mean(dim, keepdim=True) + NORM_EPSILON).sqrt()


def _choice(name: str, value: str | None, choices: tuple[str, ...]) -> None:
    if value is not None and value not in choices:
        options = ", ".join(repr(choice) for choice in (*choices, None))
        raise ValueError(f"unknown {name} {value!r}; choose one of {options}")


def _at_least_one(**sizes: int) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}")


def _linear(in_features: int, out_features: int) -> nn.Module:
    """Return a linear layer without drawing from the global random state."""
    layer: nn.Module = skip_init(nn.Linear, in_features, out_features)  # type: ignore[no-untyped-call]
    return layer


class MLP(nn.Module):
    r"""A fully connected network :math:`f:\mathbb{R}^{n_\text{in}}\to\mathbb{R}^{n_\text{out}}`.

    Each hidden layer maps :math:`h` to :math:`v` as follows, with :math:`z = W h + b`,
    :math:`u = (z - \operatorname{mean} z)/\operatorname{std} z` under ``norm="layer"`` and
    :math:`u = z` otherwise, and prefactor :math:`a`:

    ================= =========================================================
    plain             :math:`v = \varphi(a u)`
    gated             :math:`v = \varphi(a u)\,\sigma(W' h + b')`
    residual="paper"  :math:`v` plus :math:`u`: the skip passes the nonlinearity only
    residual="block"  :math:`v` plus :math:`h` where the shapes agree, as in a ResNet
    ================= =========================================================

    The output layer is linear.  The initial parameters are drawn by
    `ibcore.nets.sample_parameters` with its default prior.

    Parameters
    ----------
    in_features, out_features
        Dimensions of the input and the output.
    depth
        Number of hidden layers, at least 1.
    width
        Units in each hidden layer.
    activation
        One of `ibcore.nets.ACTIVATIONS`.
    prefactor
        :math:`a`, a gain before the activation.
    norm, residual, gated
        The components in the table.
    seed
        Of the initial parameters.

    Raises
    ------
    ValueError
        If a size is below 1, or a name is unknown.

    References
    ----------
    Teney et al. (2024), sections 2 to 4.

    Examples
    --------
    >>> MLP(2, 1, depth=2, width=8, activation="tanh")(torch.zeros(5, 2)).shape
    torch.Size([5, 1])
    """

    def __init__(
        self,
        in_features: int = 2,
        out_features: int = 1,
        *,
        depth: int = 3,
        width: int = 64,
        activation: str = "relu",
        prefactor: float = 1.0,
        norm: Norm | None = None,
        residual: Residual | None = None,
        gated: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__()
        _at_least_one(in_features=in_features, out_features=out_features, depth=depth, width=width)
        _choice("norm", norm, get_args(Norm))
        _choice("residual", residual, get_args(Residual))
        self.activation = canonical_activation(activation)
        self.phi = activation_function(activation)
        self.depth, self.width, self.out_features = depth, width, out_features
        self.prefactor, self.norm, self.residual, self.gated = prefactor, norm, residual, gated
        pairs = list(pairwise([in_features] + [width] * depth))
        self.layers = nn.ModuleList(
            [_linear(i, o) for i, o in pairs] + [_linear(width, out_features)]
        )
        self.gates = nn.ModuleList([_linear(i, o) for i, o in pairs] if gated else [])
        self.load_state_dict(sample_parameters(self.shapes, generator(seed)))

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of each parameter, in the order in which they are drawn."""
        return {name: tuple(value.shape) for name, value in self.named_parameters()}

    def combine(self, z: Tensor, h: Tensor, gate: Tensor | None) -> Tensor:
        """Return the layer's output from ``z = W h + b`` and ``gate = W' h + b'``."""
        u = z if self.norm is None else normalize_channels(z)
        v = self.phi(u if self.prefactor == 1 else self.prefactor * u)
        if gate is not None:
            v = v * torch.sigmoid(gate)
        if self.residual == "paper":
            return u + v
        if self.residual == "block" and h.shape[-1] == v.shape[-1]:
            return h + v
        return v

    def forward(self, x: Tensor) -> Tensor:
        """Evaluate the network: ``(..., in_features)`` to ``(..., out_features)``."""
        for index, layer in enumerate(self.layers[:-1]):
            x = self.combine(layer(x), x, self.gates[index](x) if self.gated else None)
        output: Tensor = self.layers[-1](x)
        return output

    def forward_stacked(self, parameters: Mapping[str, Tensor], x: Tensor) -> Tensor:
        """Evaluate m networks with stacked parameters: ``(m, n, in)`` to ``(m, n, out)``.

        The parameters have the names of `shapes` and a leading dimension m.  Differentiable.
        """

        def affine(name: str, h: Tensor) -> Tensor:
            weight, bias = parameters[f"{name}.weight"], parameters[f"{name}.bias"]
            return torch.baddbmm(bias[:, None, :], h, weight.mT)  # (m, n, in) -> (m, n, out)

        for index in range(len(self.layers) - 1):
            gate = affine(f"gates.{index}", x) if self.gated else None
            x = self.combine(affine(f"layers.{index}", x), x, gate)
        return affine(f"layers.{len(self.layers) - 1}", x)
