"""Replay the meta-gradient of a step: the same operations without autograd and without Python.

The gradient of a step is traced to a flat list of operations of torch, with those that occur twice
left out, and later steps run the list.  A trace is used only if it gives the bits of the gradient
that it was made beside, so that it makes no difference when it takes over.
"""

import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.jit._fuser import optimized_execution

from ibcore.metainit.maml import (
    Inner,
    MetaGradients,
    Origin,
    Points,
    meta_gradient_of,
    rate_table,
)
from ibcore.nets.network import Network
from ibcore.training.loop import loss_function

_WORTH = 8.0  # seconds that the steps to come must take: a trace takes two to six
_Trace = Callable[..., Sequence[Tensor]]


class Replay:
    """The meta-gradients of many steps with one network and one loss."""

    def __init__(self, inner: Inner, inner_steps: int, first_order: bool) -> None:
        self.inner, self.options = inner, (inner_steps, first_order)
        self.on = inner.vectorize and _computes_alike(inner)
        self.seconds: dict[object, float] = {}  # of a step with tensors of these shapes
        self.traces: dict[object, _Trace | None] = {}

    def gradient(
        self, origin: Origin, sets: tuple[Points, Points], left: int
    ) -> tuple[Tensor, MetaGradients]:
        """Return what `meta_gradient_of` does; about ``left`` steps with the like will follow."""
        like = next(iter(origin[0].values()))
        if not self.on or like.device.type != "cpu":
            return meta_gradient_of(self.inner, origin, sets, *self.options)
        points = [
            z
            for part in zip(("support", "query"), sets, strict=True)
            for z in self.inner.checked(*part, like)
        ]
        tensors = [*origin[0].values(), *rate_table(origin[1], origin[0]).values(), *points]
        key = tuple((z.shape, z.stride(), z.dtype) for z in tensors)
        if (trace := self.traces.get(key)) is not None:
            try:
                return _named(origin, _run(trace, tensors))
            except RuntimeError:  # the plain way says what is wrong
                pass
        start = time.perf_counter()
        found = meta_gradient_of(self.inner, origin, sets, *self.options)
        seconds = time.perf_counter() - start
        known = self.seconds.setdefault(key, seconds)
        if known is not seconds and key not in self.traces and min(known, seconds) * left > _WORTH:
            self.traces[key] = self._trace(origin, tensors, found)
        return found

    def _trace(
        self, origin: Origin, tensors: Sequence[Tensor], found: tuple[Tensor, MetaGradients]
    ) -> _Trace | None:
        """Return a trace that gives these bits, or None where there is none."""
        inner = _Unchecked(self.inner.model, self.inner.loss, True, self.inner.task_chunk)
        names = [*origin[0]], [*rate_table(origin[1], origin[0])]

        def flat(*given: Tensor) -> list[Tensor]:
            params = dict(zip(names[0], given, strict=False))
            rates = dict(zip(names[1], given[len(params) :], strict=False))
            x, y, xq, yq = given[-4:]
            value, slopes = meta_gradient_of(
                inner, (params, rates), ((x, y), (xq, yq)), *self.options
            )
            return [value, *slopes["params"].values(), *slopes["rates"].values()]

        try:
            trace = _traced(flat, [z.detach() for z in tensors])
            again = _run(trace, tensors)
        except Exception:  # what torch cannot trace is computed as before
            return None
        plain = [found[0], *found[1]["params"].values(), *found[1]["rates"].values()]
        return trace if all(map(torch.equal, plain, again)) else None


class _Unchecked(Inner):
    """What computes without a look at the data, which were checked before."""

    def checked(
        self, name: str, points: tuple[Tensor, Tensor], like: Tensor
    ) -> tuple[Tensor, Tensor]:
        return points

    def losses(self, stacked: Any, points: Points) -> Tensor:
        if not isinstance(self.loss, str):
            return super().losses(stacked, points)
        return loss_function(self.loss)(self.outputs(stacked, points[0]), points[1])


def _computes_alike(inner: Inner) -> bool:
    """Whether all parts are known to do the same at every step.

    A module of the caller's own may do otherwise at a later step, which no trace would show.
    """
    known = all(
        isinstance(part, Network) or type(part).__module__.startswith(("torch.nn.", "ibcore."))
        for part in inner.model.modules()
    )
    plain = isinstance(inner.loss, str) or inner.loss.__module__ == "torch.nn.functional"
    return known and plain


def _traced(function: Callable[..., list[Tensor]], tensors: Sequence[Tensor]) -> _Trace:
    """Return a function as a list of operations that torch runs by itself."""
    from torch._functorch.compile_utils import fx_graph_cse  # these take a second to import
    from torch.fx import GraphModule
    from torch.fx.experimental.proxy_tensor import make_fx

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is no longer developed, and still the fastest
        made = make_fx(function)(*tensors)
        if any(
            torch.Tag.nondeterministic_seeded in getattr(n.target, "tags", ())
            for n in made.graph.nodes
        ):
            raise RuntimeError("random numbers would be drawn alike or not at all")
        made = GraphModule(made, fx_graph_cse(made.graph))
        made.graph.eliminate_dead_code()
        made.recompile()
        try:
            with torch.no_grad():
                return torch.jit.trace(made, tuple(tensors), check_trace=False)  # type: ignore
        except RuntimeError:  # it does not know some backward passes, such as that of layer norm
            return made


def _run(trace: _Trace, tensors: Sequence[Tensor]) -> Sequence[Tensor]:
    with torch.no_grad(), optimized_execution(False):  # which would take seconds
        return trace(*tensors)


def _named(origin: Origin, found: Sequence[Tensor]) -> tuple[Tensor, MetaGradients]:
    """Return the loss and the gradients by name."""
    value, *slopes = found
    params = dict(zip(origin[0], slopes, strict=False))
    table = rate_table(origin[1], origin[0])
    return value, {"params": params, "rates": dict(zip(table, slopes[len(params) :], strict=True))}
