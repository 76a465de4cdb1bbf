"""The multilayer perceptron of the book, with the components that move its bias."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ibcore.door import Count, Seed, door
from ibcore.nets.batch_norm import (
    BatchNorm,
    Gains,
    OfStatistics,
    Statistics,
    apply_gains,
    normalized,
    of_batch,
    of_formula,
)
from ibcore.nets.init import ActivationName, activation_function
from ibcore.nets.network import Affine, Depth, Network, as_input, linear

Norm = Literal["layer", "batch"]
Residual = Literal["paper", "block"]

_Map = Callable[[str, Tensor], Tensor]

NORM_EPSILON = 1e-12  # keeps 0/0 away without changing any value we can measure


@door
class MLP(Network):
    r"""A fully connected network :math:`f:\mathbb{R}^{n_\text{in}}\to\mathbb{R}^{n_\text{out}}`.

    Each hidden layer maps :math:`h` to :math:`v` as follows, with :math:`z = W h + b`,
    :math:`u = (z - \operatorname{mean} z)/\operatorname{std} z` under a norm (over the units of
    the layer for ``"layer"``, over the points of the batch for ``"batch"``), :math:`u = z` without,
    and prefactor :math:`a`:

    ================= =========================================================
    plain             :math:`v = \varphi(a u)`
    gated             :math:`v = \varphi(a u)\,\sigma(W' h + b')`
    residual="paper"  :math:`v` plus :math:`u`: the skip passes the nonlinearity only
    residual="block"  :math:`v` plus :math:`h` where the shapes agree, as in a ResNet
    ================= =========================================================

    With ``affine`` a norm has a learned gain and shift for each unit,
    :math:`\gamma u + \beta` in place of :math:`u`, initially 1 and 0; biases stay.  A network with
    batch norm computes from its batch unless it is given statistics of other data
    (`ibcore.nets.batch_statistics`).

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
    affine
        Whether the norm has gains and shifts.
    seed
        Of the initial parameters.

    Raises
    ------
    ValueError
        If a size is below 1, a name is unknown, or ``affine`` is asked for without a norm.

    References
    ----------
    Teney et al. (2024), sections 2 to 4; Ioffe and Szegedy (2015); Ba, Kiros and Hinton (2016).

    Examples
    --------
    >>> MLP(2, 1, depth=2, width=8, activation="tanh")(torch.zeros(5, 2)).shape
    torch.Size([5, 1])
    """

    def __init__(
        self,
        in_features: Count = 2,
        out_features: Count = 1,
        *,
        depth: Depth = 3,
        width: Count = 64,
        activation: ActivationName = "relu",
        prefactor: float = 1.0,
        norm: Norm | None = None,
        residual: Residual | None = None,
        gated: bool = False,
        affine: bool = False,
        seed: Seed = 0,
    ) -> None:
        super().__init__()
        if affine and norm is None:
            raise ValueError("affine belongs to a norm; choose norm='layer' or norm='batch' too")
        self.activation, self.phi = activation, activation_function(activation)
        self.depth, self.width, self.out_features = depth, width, out_features
        self.prefactor, self.norm, self.residual, self.gated = prefactor, norm, residual, gated
        self.affine, self.in_dimensions, self.widest = affine, 1, max(width, out_features)
        self.batch_norms = tuple(f"norms.{i}" for i in range(depth if norm == "batch" else 0))
        pairs = list(pairwise([in_features] + [width] * depth))
        self.layers = nn.ModuleList([linear(i, o) for i, o in [*pairs, (width, out_features)]])
        self.gates = nn.ModuleList([linear(i, o) for i, o in pairs] if gated else [])
        self.norms = nn.ModuleList([Affine(width) for _ in pairs] if affine else [])
        self.draw(seed)

    def combine(self, u: Tensor, h: Tensor, gate: Tensor | None) -> Tensor:
        """Return the layer's output from the normalized ``u`` and ``gate = W' h + b'``."""
        v = self.phi(u if self.prefactor == 1 else self.prefactor * u)
        if gate is not None:
            v = v * torch.sigmoid(gate)
        if self.residual == "paper":
            return u + v
        if self.residual == "block" and h.shape[-1] == v.shape[-1]:
            return h + v
        return v

    def forward(self, x: Tensor, *, statistics: Statistics | None = None) -> Tensor:
        """Evaluate the network: ``(..., in_features)`` to ``(..., out_features)``.

        Batch norm takes its moments from x, or from ``statistics`` of this one network.
        """
        first: Any = self.layers[0]
        x = as_input(x, first.weight, first.in_features)
        batch_norm = of_formula if statistics is None else OfStatistics(statistics)
        parameters = dict(self.named_parameters()) if self.affine else {}

        def linear(name: str, h: Tensor) -> Tensor:
            output: Tensor = self.get_submodule(name)(h)
            return output

        over = tuple(range(x.ndim - 1))
        return self._layers(x, linear, self._normalize(parameters, over, batch_norm))

    def forward_stacked(
        self, parameters: Mapping[str, Tensor], x: Tensor, *, batch_norm: BatchNorm = of_batch
    ) -> Tensor:
        """Evaluate m networks with stacked parameters: ``(m, n, in)`` to ``(m, n, out)``.

        The parameters have the names of `shapes` and a leading dimension m.  Differentiable.
        ``batch_norm`` is as in `ibcore.nets.network.Network`.
        """

        def linear(name: str, h: Tensor) -> Tensor:
            weight, bias = parameters[f"{name}.weight"], parameters[f"{name}.bias"]
            return torch.baddbmm(bias[:, None, :], h, weight.mT)  # (m, n, in) -> (m, n, out)

        return self._layers(x, linear, self._normalize(parameters, (1,), batch_norm))

    def _layers(self, x: Tensor, linear: _Map, normalize: _Map) -> Tensor:
        """Apply all layers; the maps take the name of a layer or a norm, and a tensor."""
        for index in range(self.depth):
            gate = linear(f"gates.{index}", x) if self.gated else None
            u = normalize(f"norms.{index}", linear(f"layers.{index}", x))
            x = self.combine(u, x, gate)
        return linear(f"layers.{self.depth}", x)

    def _normalize(
        self, parameters: Mapping[str, Tensor], over: tuple[int, ...], batch_norm: BatchNorm
    ) -> _Map:
        """Return the norm of a layer: its name and z to u, with the points in dimensions over."""

        def normalize(name: str, z: Tensor) -> Tensor:
            gains: Gains = None
            if self.affine:
                gains = parameters[f"{name}.gain"], parameters[f"{name}.shift"]
            if self.norm == "batch":
                return batch_norm(name, z, over, gains)
            u = z if self.norm is None else normalized(z, -1, NORM_EPSILON)
            return apply_gains(u, over, gains)

        return normalize
