"""The same architecture with other initial weights."""

import copy

import torch
from torch import nn

from ibcore.guidance._isolated import isolated
from ibcore.population import member_seed
from ibcore.runtime import generator

_RESETS = ("reset_parameters", "_reset_parameters")


def redraw(model: nn.Module, seed: int) -> nn.Module:
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
        If a module with parameters of its own cannot initialize itself, or the seed is negative.

    Examples
    --------
    >>> layer = nn.Linear(3, 2)
    >>> torch.equal(redraw(layer, 1).weight, redraw(layer, 1).weight)
    True
    """
    drawn = copy.deepcopy(model)
    generator(seed)  # checks it
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
        with isolated(seed, device):
            reset()
    elif own is not None:
        raise ValueError(
            f"{type(module).__name__} {name!r} has parameters of its own but no reset_parameters, "
            "so it cannot be drawn again; build a new one"
        )
