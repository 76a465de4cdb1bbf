"""Look at what the layers of a network compute, by name, and leave no trace afterwards."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn

from ibcore.door import Data, Seed, door, taking
from ibcore.nets.recurrent import LayerNorm
from ibcore.nets.resnet import Grouped, ImageNetwork
from ibcore.nets.transformer import Block
from ibcore.population import member_seed
from ibcore.runtime import generator
from ibcore.training.loop import seeded_rng

# Taps for the convolutional networks of `ibcore.nets`, whose layers are not called as modules.
#
# They compute from stacked weights, through an object that holds all layers; a copy of it that
# remembers what it computes takes its place.

Record = Callable[[str, Tensor], None]

FEATURES, HEAD = "features", "head"


class _Recording(Grouped):
    """Layers that report what they compute."""

    def __init__(self, layers: Grouped, record: Record) -> None:
        super().__init__(layers.parameters, layers.batch_norm)
        self.record = record

    def convolve(self, name: str, h: Tensor, *, stride: int = 1) -> Tensor:
        """Convolve, and report under the name of the module."""
        z = super().convolve(name, h, stride=stride)
        self.record(f"convs.{name}", z)
        return z


def attach(network: ImageNetwork, record: Record) -> Callable[[], None]:
    """Report what the network computes, for one network at a time; call the result to end.

    Convolutions are reported with their batch norm and before the activation.

    Examples
    --------
    >>> import torch
    >>> from ibcore.nets import ConvNet
    >>> net, seen = ConvNet(1, 10), {}
    >>> end = attach(net, seen.__setitem__)
    >>> _ = net(torch.zeros(2, 1, 8, 8))
    >>> end()
    >>> [(name, tuple(value.shape)) for name, value in seen.items()][-2:]
    [('features', (2, 32)), ('head', (2, 10))]
    """
    compute = network.compute

    def watched(layers: Grouped, h: Tensor) -> Tensor:
        features = compute(_Recording(layers, record), h)
        record(FEATURES, features)
        return features

    def report_head(_: object, __: object, output: Tensor) -> None:
        record(HEAD, output)

    hook = network.register_forward_hook(report_head)
    network.__dict__["compute"] = watched  # shadows the method of this one object

    def end() -> None:
        hook.remove()
        network.__dict__.pop("compute", None)

    return end


@door
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
        If a name is unknown or given twice, or there is none, or a module returns no tensor.
    KeyError
        When reading a layer that was not called in the last pass.

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
            raise ValueError(f"names must hold at least one layer, each once, got {list(names)}")
        known = [*dict(model.named_modules()), *image_names(model)]
        for name in names:
            if name not in known:
                raise ValueError(
                    f"names: the model has no layer {name!r}; its layers are "
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


def suited(model: nn.Module, x: Tensor) -> Tensor:
    """Return inputs in the type of a model's weights; whole numbers, such as tokens, stay."""
    kinds = (p.dtype for p in model.parameters() if p.is_floating_point())
    return x.to(next(kinds, x.dtype)) if x.is_floating_point() else x


@door
def activations(model: nn.Module, x: Data, names: Sequence[str]) -> dict[str, Tensor]:
    """Return the output of some layers on a batch, in the order in which they are computed.

    The model is in the mode, and the graph is built, as set by the caller.

    Raises
    ------
    ValueError
        If a name is unknown or given twice, or the model does not take x.
    KeyError
        If a layer was not called.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    >>> activations(model, torch.ones(5, 3), ["1"])["1"].shape
    torch.Size([5, 4])
    """
    with Taps(model, names) as taps, taking(model, x):
        model(suited(model, x))
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
        for layer in (*(f"convs.{name}" for name in network.convs), FEATURES, HEAD)
    }


def _first_tensor(name: str, output: Any) -> Tensor:
    """Return a module's output, or the first of several."""
    while isinstance(output, (tuple, list)) and output:
        output = output[0]
    if not isinstance(output, Tensor):
        raise ValueError(f"layer {name!r} returns {type(output).__name__}, no tensor; tap another")
    return output


# Which layers are compared unless names are given, and in which mode a network computes them.

Mode = Literal["eval", "train"]

KINDS: tuple[type[nn.Module], ...] = (
    *(nn.Conv1d, nn.Conv2d, nn.Linear, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d),
    *(nn.RNN, nn.LSTM, nn.GRU, nn.TransformerEncoderLayer, nn.TransformerDecoderLayer),
    *(nn.MultiheadAttention, nn.LayerNorm, Block, LayerNorm),
)
"""Modules whose outputs are compared unless names are given."""


@door
def layer_names(model: nn.Module, x: Data, *, last: bool = False) -> list[str]:
    """Return the layers that are compared by default, in the order in which they are computed.

    They are the modules of `KINDS` that are not inside another one of them, found by one forward
    pass in evaluation mode.  The paper's public code takes such modules too, inner ones included.

    Parameters
    ----------
    model
        Any module.
    x
        A small batch for the model.
    last
        Whether to keep the last layer, the outputs, which the public code leaves out.

    Raises
    ------
    ValueError
        If nothing is left, or the model does not take x.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4), nn.Linear(4, 2))
    >>> layer_names(model, torch.ones(5, 3))
    ['0', '2']
    """
    candidates = [*_outermost(model), *image_names(model)]
    found: list[str] = []
    if candidates:
        taps = Taps(model, candidates)
        with in_mode(model, "eval"), torch.no_grad(), taps, taking(model, x):
            model(suited(model, x))
        found = list(taps)
    if not (kept := found if last else found[:-1]):
        raise ValueError(
            f"the model has no {'' if last else 'hidden '}layer of the known kinds; name the "
            "layers to compare"
        )
    return kept


@door
@contextmanager
def in_mode(model: nn.Module, mode: Mode) -> Iterator[None]:
    """Put a model into evaluation or training mode for a while.

    Examples
    --------
    >>> model = nn.Dropout()
    >>> with in_mode(model, "eval"):
    ...     inside = model.training
    >>> inside, model.training
    (False, True)
    """
    before = [(module, module.training) for module in model.modules()]
    try:
        model.train(mode == "train")
        yield
    finally:
        for module, training in before:
            module.training = training


def _outermost(model: nn.Module, prefix: str = "") -> Iterator[str]:
    """Yield the modules of the known kinds that are in no other, and in no image network."""
    if isinstance(model, KINDS):
        yield prefix
    elif not isinstance(model, ImageNetwork):
        for name, child in model.named_children():
            yield from _outermost(child, f"{prefix}.{name}" if prefix else name)


# Which layer of the guide each layer of the target is compared with.

LayerMapping = Literal["even", "last", "all"]
Pairs = Sequence[tuple[str, str]]


@door
def layer_pairs(
    guide: Sequence[str], target: Sequence[str], mapping: Pairs | LayerMapping = "even"
) -> list[tuple[str, str]]:
    r"""Return pairs of a guide's layer and a target's layer.

    Parameters
    ----------
    guide, target
        Names of layers in the order in which they are computed, g and t of them.
    mapping
        ``"even"``: layer i of the guide, from 0, with layer
        :math:`\operatorname{round}(i\,(t-1)/(g-1))` of the target, as in the paper's public code
        (halves to the even number); a guide of one layer goes with the last of the target.
        ``"last"``: the two last layers.  ``"all"``: every layer with every layer, for guides of
        one representation such as labels.  Or the pairs themselves, the guide's name first.

    Raises
    ------
    ValueError
        If there is no layer, a name is unknown or double, or a pair is given twice.

    References
    ----------
    Subramaniam et al. (2024), "Training the untrainable", public code.

    Examples
    --------
    >>> layer_pairs(["a", "b", "c"], ["1", "2", "3", "4", "5"])
    [('a', '1'), ('b', '3'), ('c', '5')]
    >>> layer_pairs(["labels"], ["1", "2"], "all")
    [('labels', '1'), ('labels', '2')]
    """
    for name, layers in (("guide", guide), ("target", target)):
        if not layers or len(set(layers)) < len(layers):
            raise ValueError(f"the {name} needs layers of different names, got {list(layers)}")
    if not isinstance(mapping, str):
        return _given(guide, target, mapping)
    if mapping == "all":
        return [(one, other) for one in guide for other in target]
    if mapping == "last" or len(guide) == 1:
        return [(guide[-1], target[-1])]
    step = (len(target) - 1) / (len(guide) - 1)
    return [(name, target[round(index * step)]) for index, name in enumerate(guide)]


def _given(guide: Sequence[str], target: Sequence[str], pairs: Pairs) -> list[tuple[str, str]]:
    """Return the pairs after a check of their names."""
    found = [(one, other) for one, other in pairs]
    if not found or len(set(found)) < len(found):
        raise ValueError(f"mapping must hold at least one pair, each once, got {found}")
    for one, other in found:
        for name, layer, layers in (("guide", one, guide), ("target", other, target)):
            if layer not in layers:
                raise ValueError(f"the {name} has no layer {layer!r}; it has {list(layers)}")
    return found


# The same architecture with other initial weights.

_RESETS = ("reset_parameters", "_reset_parameters")


@door(gradients=True)
def redraw(model: nn.Module, seed: Seed) -> nn.Module:
    """Return a copy of a model with fresh initial weights, drawn from a seed.

    Networks of `ibcore.nets` draw as they do when built with this seed.  Other modules
    initialize themselves with their ``reset_parameters``; running averages begin anew.

    Parameters
    ----------
    model
        Not changed.
    seed
        The same seed gives the same weights.

    Raises
    ------
    ValueError
        If a module with parameters of its own cannot initialize itself.

    Examples
    --------
    >>> layer = nn.Linear(3, 2)
    >>> torch.equal(redraw(layer, 1).weight, redraw(layer, 1).weight)
    True
    """
    drawn = copy.deepcopy(model)
    _initialize("", drawn, seed)
    return drawn


def _initialize(name: str, module: nn.Module, seed: int) -> None:
    """Draw the parameters of a module: by itself if it can, else part by part."""
    if callable(draw := getattr(module, "draw", None)):
        draw(seed)
        return
    if callable(initial := getattr(module, "initial_parameters", None)):
        module.load_state_dict(initial(generator(seed)))
        return
    for index, (part, child) in enumerate(module.named_children()):
        _initialize(f"{name}.{part}" if name else part, child, member_seed(seed, index))
    reset = next((f for r in _RESETS if callable(f := getattr(module, r, None))), None)
    own = next(module.parameters(recurse=False), None)
    if reset is not None:
        device = torch.device("cpu") if own is None else own.device
        with seeded_rng(seed, device):
            reset()
    elif own is not None:
        raise ValueError(
            f"{type(module).__name__} {name!r} has parameters of its own but no reset_parameters, "
            "so it cannot be drawn again; build a new one"
        )
