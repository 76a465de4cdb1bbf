"""The same draw at another scale: multiply weights, leave biases and gains alone."""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from ibcore.nets import MLP
from ibcore.population import Population

Layers = Literal["all", "hidden", "head"]


def scale_weights(
    population: Population, alpha: float | Sequence[float] | Tensor, *, layers: Layers = "all"
) -> Population:
    r"""Return the same networks with weights :math:`\alpha\,w`.

    Only weights of at least two dimensions change: biases, and gains and shifts of norms, are
    not part of the scale.

    Parameters
    ----------
    population
        Networks drawn once; it stays as it is.
    alpha
        One positive number, or one for each of the m networks.
    layers
        Which weights: ``"all"``, all but those of the last layer (``"hidden"``), or those of the
        last layer (``"head"``).

    Raises
    ------
    ValueError
        If an alpha is not positive, their number is not m, or the choice of layers is unknown.

    References
    ----------
    Das et al. (2026) vary the scale of the initialization; which layers they scale is not known
    to us, so it is an option.

    Examples
    --------
    >>> drawn = Population.sample(MLP(2, 1, depth=1, width=4), networks=2)
    >>> scaled = scale_weights(drawn, [1.0, 8.0], layers="head")
    >>> ratio = scaled.parameters["layers.1.weight"] / drawn.parameters["layers.1.weight"]
    >>> ratio[:, 0, 0].tolist()
    [1.0, 8.0]
    """
    factors = torch.as_tensor(alpha, dtype=population.dtype, device=population.device)
    if factors.ndim > 1 or (factors.ndim == 1 and len(factors) != len(population)):
        raise ValueError(
            f"alpha must be one number or one for each of the {len(population)} networks, "
            f"got shape {tuple(factors.shape)}"
        )
    wrong = factors.reshape(-1)[~(factors.isfinite() & (factors > 0)).reshape(-1)]
    if len(wrong):
        raise ValueError(f"alpha must be positive and finite, got {wrong[0].item():g}")
    chosen = set(weight_names(population.architecture, layers=layers))
    each = factors.expand(len(population))
    return Population(
        population.architecture,
        {
            name: value * each.reshape(-1, *[1] * (value.ndim - 1)) if name in chosen else value
            for name, value in population.parameters.items()
        },
    )


def weight_names(architecture: nn.Module, *, layers: Layers = "all") -> tuple[str, ...]:
    """Return the names of the weights that `scale_weights` multiplies.

    Weights have at least two dimensions.  The head is the last layer of an `ibcore.nets.MLP`,
    and of any other module the weight that it registers last.

    Raises
    ------
    ValueError
        If the choice of layers is unknown, or the module has no weights.

    Examples
    --------
    >>> weight_names(MLP(2, 1, depth=2, width=4), layers="hidden")
    ('layers.0.weight', 'layers.1.weight')
    """
    if layers not in get_args(Layers):
        raise ValueError(f"unknown layers {layers!r}; choose one of {', '.join(get_args(Layers))}")
    names = tuple(name for name, value in architecture.named_parameters() if value.ndim >= 2)
    if not names:
        raise ValueError(f"{type(architecture).__name__} has no weights of two dimensions")
    is_mlp = isinstance(architecture, MLP)
    head = f"layers.{architecture.depth}.weight" if is_mlp else names[-1]
    if layers == "head":
        return (head,)
    return tuple(name for name in names if layers == "all" or name != head)


def repeat_members(population: Population, times: int) -> Population:
    """Return every network ``times`` times, the whole population one after the other.

    Member ``k`` of the result is member ``k % m``, so m draws serve many pipelines and scales.

    Raises
    ------
    ValueError
        If ``times`` is below 1.

    Examples
    --------
    >>> drawn = Population.sample(MLP(2, 1, depth=1, width=4), networks=2)
    >>> many = repeat_members(drawn, 3)
    >>> len(many), bool((many.parameters["layers.0.weight"][4:] ==
    ...                  drawn.parameters["layers.0.weight"]).all())
    (6, True)
    """
    if times < 1:
        raise ValueError(f"times must be at least 1, got {times}")
    parameters = {
        name: value.repeat(times, *[1] * (value.ndim - 1))
        for name, value in population.parameters.items()
    }
    return Population(population.architecture, parameters)
