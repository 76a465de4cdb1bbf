"""Many networks of one architecture as one table of numbers and one forward pass."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from ibcore.nets.network import Network

Forward = Callable[[Mapping[str, Tensor], Tensor], Tensor]


def stacked_forward(architecture: nn.Module) -> Forward:
    """Return the forward pass of many members: parameters and x (m, b, in) to (m, b, out).

    A `ibcore.nets.network.Network` has batched products of its own.  Any other module is mapped
    by `torch.func.vmap` over the forward pass only: gradients inside ``vmap`` are wrong for some
    norms.

    Examples
    --------
    >>> forward = stacked_forward(nn.Linear(3, 1, bias=False))
    >>> forward({"weight": torch.ones(2, 1, 3)}, torch.ones(2, 5, 3)).shape
    torch.Size([2, 5, 1])
    """
    if isinstance(architecture, Network):
        return architecture.forward_stacked

    def call(parameters: Mapping[str, Tensor], x: Tensor) -> Tensor:
        output: Tensor = functional_call(architecture, dict(parameters), (x,))
        return output

    return vmap(call)


class Table:
    """Parameters of m members as one table, a member in each row.

    Attributes
    ----------
    values
        Shape (m, p), not part of any graph.
    leaves
        Name to parameter, shape ``(m, *shape)``: leaves of autograd in the memory of ``values``,
        so that a change of ``values`` in place changes them.

    Examples
    --------
    >>> table = Table({"weight": torch.zeros(2, 1, 3), "bias": torch.zeros(2, 1)})
    >>> table.values += 1
    >>> table.leaves["weight"].tolist()
    [[[1.0, 1.0, 1.0]], [[1.0, 1.0, 1.0]]]
    """

    def __init__(self, parameters: Mapping[str, Tensor]) -> None:
        self._shapes = {name: value.shape[1:] for name, value in parameters.items()}
        rows = [value.detach().reshape(len(value), -1) for value in parameters.values()]
        self.values = torch.cat(rows, dim=1)  # a copy
        self.leaves = self._leaves()

    def _leaves(self) -> dict[str, Tensor]:
        views = self.split(self.values.detach())
        return {name: view.requires_grad_() for name, view in views.items()}

    def split(self, values: Tensor) -> dict[str, Tensor]:
        """Return a table of the same columns as parameters by name, sharing memory."""
        parts = torch.split(values, [shape.numel() for shape in self._shapes.values()], dim=1)
        return {
            name: part.view(len(values), *shape)
            for (name, shape), part in zip(self._shapes.items(), parts, strict=True)
        }

    def gradient(self, losses: Tensor) -> Tensor:
        """Return the gradient of the summed losses, shape (m, p): each row is a member's own."""
        gradients = torch.autograd.grad(
            losses.sum(), list(self.leaves.values()), allow_unused=True, materialize_grads=True
        )
        rows = [part.reshape(len(losses), -1) for part in gradients]
        return torch.cat(rows, dim=1).detach()  # older torch: zeros of unused ones require grad

    def keep(self, rows: Tensor) -> None:
        """Forget all other members, in a copy of the memory."""
        self.values = self.values[rows]
        self.leaves = self._leaves()


def saved_bytes(work: Callable[[], Any]) -> int:
    """Return how many bytes of activations autograd keeps for the backward pass of ``work``.

    Examples
    --------
    >>> x = torch.ones(1000, dtype=torch.float64, requires_grad=True)
    >>> saved_bytes(lambda: x.exp())
    8000
    """
    total = 0

    def count(value: Tensor) -> Tensor:
        nonlocal total
        total += value.numel() * value.element_size()
        return value

    with torch.autograd.graph.saved_tensors_hooks(count, lambda value: value):
        work()
    return total
