"""Recurrent networks written out, so that many can run at once and be differentiated twice.

`torch.nn.RNN` and `torch.nn.LSTM` cannot be mapped over networks, and on a GPU they have no second
derivative.  These compute the same numbers from the same weights.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from ibcore.door import Count, Seed, door
from ibcore.nets.batch_norm import EPSILON, normalized
from ibcore.nets.init import ActivationName, activation_function
from ibcore.nets.network import Depth, as_input, linear
from ibcore.runtime import generator

GateNorm = Literal["layer"]


class LayerNorm(nn.Module):
    """Layer norm with gain and bias, written out: its batched second derivatives are right."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.gain, self.bias = nn.Parameter(torch.ones(shape)), nn.Parameter(torch.zeros(shape))

    def forward(self, x: Tensor) -> Tensor:
        """Normalize over the last dimension: ``(..., *shape)`` to the same."""
        return normalized(x, -1, EPSILON) * self.gain + self.bias


class Layer(nn.Module):
    """One recurrent layer: what its gates receive from the input and from its own last state."""

    def __init__(self, inputs: int, width: int, gates: int, norm: GateNorm | None) -> None:
        super().__init__()
        self.width = width
        self.input = linear(inputs, gates * width)
        self.hidden = linear(width, gates * width, bias=False)
        self.norm = LayerNorm(gates, width) if norm == "layer" else None

    def gates(self, received: Tensor, state: Tensor) -> Tensor:
        """Return the gates at one time, before their nonlinearities: (n, gates * width)."""
        z: Tensor = received + self.hidden(state)
        if self.norm is not None:  # each gate by itself
            z = self.norm(z.reshape(*z.shape[:-1], -1, self.width)).flatten(-2)
        return z


class _Recurrent(nn.Module):
    """Layers over a sequence, and a linear head on the last state of the last layer."""

    gates: int

    @door
    def __init__(
        self,
        in_features: Count,
        out_features: Count,
        *,
        depth: Depth = 1,
        width: Count = 32,
        norm: GateNorm | None = None,
        seed: Seed = 0,
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.depth, self.width, self.norm = depth, width, norm
        inputs = [in_features] + [width] * (depth - 1)
        self.layers = nn.ModuleList([Layer(size, width, self.gates, norm) for size in inputs])
        self.head = linear(width, out_features)
        self.load_state_dict(self.initial_parameters(generator(seed)))

    def initial_parameters(self, rng: torch.Generator) -> dict[str, Tensor]:
        r"""Draw one set of initial parameters: :math:`U(-1/\sqrt{w}, 1/\sqrt{w})` at width w.

        Gains of norms are 1 and their biases 0.  Draws are float64 on the generator's device; a
        CPU and a CUDA generator give different draws for one seed.
        """
        drawn, bound = {}, 1 / math.sqrt(self.width)
        for name, parameter in self.named_parameters():
            value = torch.empty(parameter.shape, dtype=torch.float64, device=rng.device)
            if ".norm." in name:
                drawn[name] = value.fill_(float(name.endswith("gain")))
            else:
                drawn[name] = value.uniform_(-bound, bound, generator=rng)
        return drawn

    def states(self, x: Tensor) -> Tensor:
        """Return the state of the last layer at all times: (n, t, in_features) to (n, t, width).

        Raises
        ------
        ValueError
            If x has another shape, or the sequence is empty.
        """
        x = as_input(x, self.head.weight)
        if x.ndim != 3 or x.shape[-1] != self.in_features or x.shape[1] < 1:
            raise ValueError(
                f"x must be sequences (n, t, {self.in_features}) with t >= 1, got {tuple(x.shape)}"
                "; numbers in a row become a sequence of scalars by x[..., None]"
            )
        for layer in self.layers:
            x = self._run(layer, x)  # type: ignore[arg-type]
        return x

    def forward(self, x: Tensor) -> Tensor:
        """Read sequences and answer once: (n, t, in_features) to (n, out_features)."""
        output: Tensor = self.head(self.states(x)[:, -1])
        return output

    def _run(self, layer: Layer, x: Tensor) -> Tensor:
        received, states = layer.input(x), []  # of all times in one product
        h = memory = received.new_zeros(len(x), self.width)
        for t in range(x.shape[1]):
            h, memory = self._step(layer.gates(received[:, t], h), memory)
            states.append(h)
        return torch.stack(states, 1)  # (n, t, width)

    def _step(self, gates: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        raise NotImplementedError  # each kind of network has its own


@door
class RNN(_Recurrent):
    r"""An Elman network: :math:`h_t = \varphi(W x_t + U h_{t-1} + b)`, from :math:`h_0 = 0`.

    The last layer's state after the last element goes through a linear head.

    Parameters
    ----------
    in_features
        Size of one element of the sequence.
    out_features
        Size of the answer.
    depth
        Layers, each fed with the states of the one below.
    width
        Units in each layer.
    activation
        :math:`\varphi`, one of `ibcore.nets.ACTIVATIONS`.
    norm
        ``"layer"`` normalizes what :math:`\varphi` receives over the units, with gain and bias.
    seed
        Of the initial parameters.

    Raises
    ------
    ValueError
        If a size is below 1 or a name unknown.

    References
    ----------
    Elman (1990), "Finding structure in time".

    Examples
    --------
    >>> RNN(1, 2, width=8)(torch.zeros(5, 4, 1)).shape
    torch.Size([5, 2])
    """

    gates = 1

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        depth: int = 1,
        width: int = 32,
        activation: ActivationName = "tanh",
        norm: GateNorm | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(in_features, out_features, depth=depth, width=width, norm=norm, seed=seed)
        self.activation, self.phi = activation, activation_function(activation)

    def _step(self, gates: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        return self.phi(gates), memory


class LSTM(_Recurrent):
    r"""A network with long short-term memory.

    .. math:: (i, f, g, o) = W x_t + U h_{t-1} + b,\qquad
              c_t = \sigma(f)\, c_{t-1} + \sigma(i) \tanh(g),\qquad
              h_t = \sigma(o) \tanh(c_t)

    from :math:`h_0 = c_0 = 0`, with the gates in the order of `torch.nn.LSTM` and one bias where
    that has two.  The last layer's state after the last element goes through a linear head.

    Parameters
    ----------
    in_features, out_features, depth, width, seed
        As in `RNN`.
    norm
        ``"layer"`` normalizes each of the four gates over its units, with gain and bias.

    Raises
    ------
    ValueError
        If a size is below 1 or a name unknown.

    References
    ----------
    Hochreiter and Schmidhuber (1997), "Long short-term memory"; the norm follows Ba et al.
    (2016), "Layer normalization", without normalizing the memory cell.

    Examples
    --------
    >>> LSTM(1, 2, width=8, norm="layer")(torch.zeros(5, 4, 1)).shape
    torch.Size([5, 2])
    """

    gates = 4

    def _step(self, gates: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        i, f, g, o = gates.chunk(4, -1)
        memory = f.sigmoid() * memory + i.sigmoid() * g.tanh()
        return o.sigmoid() * memory.tanh(), memory
