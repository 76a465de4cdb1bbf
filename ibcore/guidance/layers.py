"""Which layers are compared unless names are given, and in which mode a network computes them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from ibcore.guidance.taps import Taps, image_names
from ibcore.nets.image_network import ImageNetwork
from ibcore.nets.transformer import Block, LayerNorm

Mode = Literal["eval", "train"]

KINDS: tuple[type[nn.Module], ...] = (
    *(nn.Conv1d, nn.Conv2d, nn.Linear, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d),
    *(nn.RNN, nn.LSTM, nn.GRU, nn.TransformerEncoderLayer, nn.TransformerDecoderLayer),
    *(nn.MultiheadAttention, nn.LayerNorm, Block, LayerNorm),
)
"""Modules whose outputs are compared unless names are given."""


def layer_names(model: nn.Module, x: Tensor, *, last: bool = False) -> list[str]:
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
        If nothing is left.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4), nn.Linear(4, 2))
    >>> layer_names(model, torch.ones(5, 3))
    ['0', '2']
    """
    candidates = [*_outermost(model), *image_names(model)]
    found: list[str] = []
    if candidates:
        with in_mode(model, "eval"), torch.no_grad(), Taps(model, candidates) as taps:
            model(x)
        found = list(taps)
    if not (kept := found if last else found[:-1]):
        raise ValueError(
            f"the model has no {'' if last else 'hidden '}layer of the known kinds; name the "
            "layers to compare"
        )
    return kept


@contextmanager
def in_mode(model: nn.Module, mode: Mode) -> Iterator[None]:
    """Put a model into evaluation or training mode for a while.

    Raises
    ------
    ValueError
        If the mode is unknown.

    Examples
    --------
    >>> model = nn.Dropout()
    >>> with in_mode(model, "eval"):
    ...     inside = model.training
    >>> inside, model.training
    (False, True)
    """
    if mode not in get_args(Mode):
        raise ValueError(f"unknown mode {mode!r}; choose one of {', '.join(get_args(Mode))}")
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
