"""Look at what the layers of a network compute, by name, and leave no trace afterwards."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor, nn

from ibcore.guidance._image_taps import attach, image_layers
from ibcore.nets.image_network import ImageNetwork


class Taps(Mapping[str, Tensor]):
    """Named activations of the last forward pass; a context manager.

    Hooks are on the model only inside the ``with`` block.  Each forward pass of the model forgets
    the last one.  A module that is called k times in one pass (a cell over time) gives its
    outputs stacked, (n, k, ...).  A module that returns several tensors gives the first.

    Parameters
    ----------
    model
        Any module.
    names
        Names of its submodules, as in ``model.named_modules()``; for the convolutional networks
        of `ibcore.nets` also ``"features"``, what their head sees.

    Raises
    ------
    ValueError
        If a name is unknown or given twice, or there is none.
    KeyError
        When reading a layer that was not called in the last pass.
    TypeError
        If a module returns no tensor.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    >>> with Taps(model, ["0", "1"]) as taps:
    ...     output = model(torch.ones(5, 3))
    >>> {name: tuple(value.shape) for name, value in taps.items()}
    {'0': (5, 4), '1': (5, 4)}
    """

    def __init__(self, model: nn.Module, names: Sequence[str]) -> None:
        if not names or len(set(names)) < len(names):
            raise ValueError(f"give at least one layer, and each once, got {list(names)}")
        known = [*dict(model.named_modules()), *image_names(model)]
        for name in names:
            if name not in known:
                raise ValueError(
                    f"the model has no layer {name!r}; its layers are "
                    f"{', '.join(repr(n) for n in dict.fromkeys(known) if n)}"
                )
        self.model, self.names = model, tuple(names)
        self._seen: dict[str, list[Tensor]] = {}
        self._ends: list[Callable[[], None]] = []

    def __enter__(self) -> Self:
        if self._ends:
            raise RuntimeError("these taps are in use already; make new ones for a second use")
        owned = image_names(self.model)
        self._ends = [self.model.register_forward_pre_hook(self._forget).remove]
        for prefix in {owned[name] for name in self.names if name in owned}:
            network = self.model.get_submodule(prefix)
            self._ends.append(attach(network, self._recorder(prefix)))  # type: ignore[arg-type]
        for name in self.names:
            if name not in owned:
                hook = self.model.get_submodule(name).register_forward_hook(self._hook(name))
                self._ends.append(hook.remove)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for end in self._ends:
            end()
        self._ends = []

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._seen:
            fault = "was not called in the last forward pass" if name in self.names else "is no tap"
            raise KeyError(f"{name!r} {fault}; seen were {', '.join(self._seen) or 'none'}")
        calls = self._seen[name]
        return calls[0] if len(calls) == 1 else torch.stack(calls, 1)  # (n, k, ...)

    def __iter__(self) -> Iterator[str]:
        return iter(self._seen)

    def __len__(self) -> int:
        return len(self._seen)

    def clear(self) -> None:
        """Forget the activations, which hold the graph of their pass."""
        self._seen.clear()

    def _forget(self, _: object, __: object) -> None:
        self._seen.clear()

    def _record(self, name: str, value: Tensor) -> None:
        if name in self.names:
            self._seen.setdefault(name, []).append(value)

    def _recorder(self, prefix: str) -> Callable[[str, Tensor], None]:
        return lambda name, value: self._record(f"{prefix}.{name}" if prefix else name, value)

    def _hook(self, name: str) -> Callable[[nn.Module, Any, Any], None]:
        return lambda _, __, output: self._record(name, _first_tensor(name, output))


def activations(model: nn.Module, x: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
    """Return the output of some layers on a batch, in the order in which they are computed.

    The model is in the mode, and the graph is built, as set by the caller.

    Raises
    ------
    ValueError
        If a name is unknown or given twice.
    KeyError
        If a layer was not called.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    >>> activations(model, torch.ones(5, 3), ["1"])["1"].shape
    torch.Size([5, 4])
    """
    with Taps(model, names) as taps:
        model(x)
    for name in names:
        taps[name]
    return dict(taps)


def image_names(model: nn.Module) -> dict[str, str]:
    """Return the layers of all image networks inside, each to the name of its network.

    Examples
    --------
    >>> from ibcore.nets import ConvNet
    >>> image_names(nn.Sequential(nn.ReLU(), ConvNet(1, 10, channels=(4,))))
    {'1.convs.0': '1', '1.features': '1', '1.head': '1'}
    """
    return {
        f"{prefix}.{layer}" if prefix else layer: prefix
        for prefix, network in model.named_modules()
        if isinstance(network, ImageNetwork)
        for layer in image_layers(network)
    }


def _first_tensor(name: str, output: Any) -> Tensor:
    """Return a module's output, or the first of several."""
    while isinstance(output, (tuple, list)) and output:
        output = output[0]
    if not isinstance(output, Tensor):
        raise TypeError(
            f"layer {name!r} returns {type(output).__name__}, not a tensor; tap another"
        )
    return output
