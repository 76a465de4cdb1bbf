"""Rates of the inner loop: one for all weights, one for each, or only for some of them."""

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

InnerRates = float | Tensor | Mapping[str, float | Tensor]


def rate_table(rates: InnerRates, params: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the rate of each parameter that the inner loop moves, by name.

    Parameters
    ----------
    rates
        One number for all parameters (MAML), or a number or tensor by name (Meta-SGD).  A tensor
        broadcasts to its parameter.  A parameter without a rate stays where it is (ANIL).  Rates
        may be negative.
    params
        The initial parameters, by name.

    Returns
    -------
    dict
        In the order of ``params``, each in its parameter's type and with the shape it was given.

    Raises
    ------
    ValueError
        If a name is unknown, a number is not finite, or a tensor does not fit its parameter.

    Examples
    --------
    >>> params = {"weight": torch.zeros(2, 3), "bias": torch.zeros(2)}
    >>> {name: rate.item() for name, rate in rate_table(0.5, params).items()}
    {'weight': 0.5, 'bias': 0.5}
    >>> list(rate_table({"bias": torch.ones(2)}, params))
    ['bias']
    """
    table = rates if isinstance(rates, Mapping) else dict.fromkeys(params, rates)
    unknown = sorted(set(table) - set(params))
    if unknown:
        raise ValueError(f"rates name {unknown}, but the parameters are {sorted(params)}")
    return {
        name: _rate(name, table[name], value) for name, value in params.items() if name in table
    }


def _rate(name: str, rate: float | Tensor, like: Tensor) -> Tensor:
    """Return one rate as a tensor that fits its parameter."""
    if not isinstance(rate, Tensor):
        if not math.isfinite(rate):
            raise ValueError(f"the rate of {name} must be finite, got {rate}")
        return like.new_tensor(rate)
    if (rate.dtype, rate.device) != (like.dtype, like.device):
        raise ValueError(
            f"the rate of {name} is {rate.dtype} on {rate.device}, the parameter {like.dtype} on "
            f"{like.device}; convert it with rate.to(parameter)"
        )
    pairs = zip(reversed(rate.shape), reversed(like.shape), strict=False)
    if rate.ndim > like.ndim or any(mine not in (1, theirs) for mine, theirs in pairs):
        raise ValueError(
            f"the rate of {name} has shape {tuple(rate.shape)}, which does not broadcast to the "
            f"parameter's {tuple(like.shape)}"
        )
    return rate


def names_below(model: nn.Module, prefixes: Iterable[str]) -> list[str]:
    """Return the names of the parameters at or below some modules, in the model's order.

    Raises
    ------
    ValueError
        If nothing lies below one of the prefixes, or there is none.

    Examples
    --------
    >>> net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> names_below(net, ["2"])  # the head, for ANIL
    ['2.weight', '2.bias']
    """
    names, wanted = [name for name, _ in model.named_parameters()], list(prefixes)
    if not wanted:
        raise ValueError("no parameter would be adapted; name at least one module or parameter")
    for prefix in wanted:
        if not any(_below(name, prefix) for name in names):
            raise ValueError(f"no parameter lies at or below {prefix!r}; there are {names}")
    return [name for name in names if any(_below(name, prefix) for prefix in wanted)]


def _below(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")


def full_rates(
    params: Mapping[str, Tensor], rate: float, names: Iterable[str] | None = None
) -> dict[str, Tensor]:
    """Return one rate for each number of each named parameter, all equal: the start of Meta-SGD.

    Parameters
    ----------
    params
        The initial parameters, by name.
    rate
        The value.
    names
        Of the parameters to be adapted; None for all.

    References
    ----------
    Li et al. (2017), "Meta-SGD: learning to learn quickly for few-shot learning".

    Examples
    --------
    >>> full_rates({"bias": torch.zeros(2)}, 0.5)
    {'bias': tensor([0.5000, 0.5000])}
    """
    chosen = params if names is None else {name: params[name] for name in names}
    return {name: torch.full_like(value, rate) for name, value in chosen.items()}
