"""The same draw at another scale: multiply weights, leave biases and gains alone."""

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from ibcore.door import Count, check_memory, door
from ibcore.memory.analytic.diagonal import as_exact
from ibcore.nets import MLP
from ibcore.population import Population

Layers = Literal["all", "hidden", "head"]


_ORDINARY = 1e100  # weights larger than this, or smaller than its inverse, are scaled


@door
def scale_weights(
    population: Population,
    alpha: Annotated[float | Sequence[float] | Tensor, as_exact],
    *,
    layers: Layers = "all",
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


@door
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
    names = tuple(name for name, value in architecture.named_parameters() if value.ndim >= 2)
    if not names:
        kind = type(architecture).__name__
        raise ValueError(f"architecture {kind} has no weights of two dimensions")
    is_mlp = isinstance(architecture, MLP)
    head = f"layers.{architecture.depth}.weight" if is_mlp else names[-1]
    if layers == "head":
        return (head,)
    return tuple(name for name in names if layers == "all" or name != head)


@door
def repeat_members(population: Population, times: Count) -> Population:
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
    values = population.parameters.values()
    check_memory("times", times, float(times) * sum(v.numel() * v.element_size() for v in values))
    parameters = {
        name: value.repeat(times, *[1] * (value.ndim - 1))
        for name, value in population.parameters.items()
    }
    return Population(population.architecture, parameters)


# What is left of the initial weights themselves: retained fraction, angle, norm.


@door
def retained_fraction(trained: Population, start: Population) -> Tensor:
    r"""Return how much of the initial weights is still in the trained ones.

    .. math:: \rho = \frac{\langle w_T, w_0\rangle}{\langle w_0, w_0\rangle}

    over all weights of at least two dimensions (biases start elsewhere or at 0).  Pure decay
    gives :math:`\rho = (1-\eta\lambda)^T`.  The definition is ours.

    Parameters
    ----------
    trained, start
        The same m networks after and before training.

    Returns
    -------
    Tensor
        Shape (m,), float64; 1 for weights that have not moved.

    Raises
    ------
    ValueError
        If the populations do not match, or initial weights are all 0.

    Examples
    --------
    >>> from ibcore.nets import MLP
    >>> from ibcore.memory.scaling import scale_weights
    >>> start = Population.sample(MLP(2, 1, depth=1, width=4), networks=2)
    >>> retained_fraction(scale_weights(start, 0.25), start).tolist()
    [0.25, 0.25]
    """
    _check_same(trained, start)
    (end, size), (begin, unit) = _weights(trained), _weights(start)
    squares = _product(begin, begin)
    if bool((squares == 0).any()):
        raise ValueError(
            "the weights of at least one network in start are all 0, so nothing can be retained; "
            "start from a positive scale"
        )
    return _product(end, begin) / squares * (size / unit)


@door
def cosine(trained: Population, start: Population) -> Tensor:
    r"""Return the cosine of the angle between trained and initial weights, shape (m,), float64.

    .. math:: \cos = \frac{\langle w_T, w_0\rangle}{\lVert w_T\rVert\,\lVert w_0\rVert}

    It does not see the length of the weights; `retained_fraction` does.

    Raises
    ------
    ValueError
        If the populations do not match.  Weights that are all 0 have no angle and give nan.

    Examples
    --------
    >>> from ibcore.nets import MLP
    >>> from ibcore.memory.scaling import scale_weights
    >>> start = Population.sample(MLP(2, 1, depth=1, width=4), networks=2)
    >>> cosine(scale_weights(start, 8.0), start).round(decimals=9).tolist()
    [1.0, 1.0]
    """
    _check_same(trained, start)
    end, begin = _weights(trained)[0], _weights(start)[0]
    norms = (_product(each, each).sqrt() for each in (end, begin))
    return _product(end, begin) / (next(norms) * next(norms))


@door
def weight_norm(population: Population) -> Tensor:
    """Return the Euclidean norm of all weights of each network, shape (m,), float64.

    Examples
    --------
    >>> from ibcore.nets import MLP
    >>> from ibcore.memory.scaling import scale_weights
    >>> start = Population.sample(MLP(2, 1, depth=1, width=4), networks=2)
    >>> norms = weight_norm(scale_weights(start, 4.0)) / weight_norm(start)
    >>> norms.round(decimals=9).tolist()
    [4.0, 4.0]
    """
    weights, size = _weights(population)
    return _product(weights, weights).sqrt() * size


def _check_same(trained: Population, start: Population) -> None:
    shapes = [{k: v.shape for k, v in p.parameters.items()} for p in (trained, start)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"trained and start must be the same networks, got {len(trained)} and {len(start)} of "
            "them, or other shapes"
        )


def _weights(population: Population) -> tuple[list[Tensor], Tensor]:
    """Return all weights in float64, each (m, entries), divided by a size (m,): usually 1.

    Squares of weights of extreme size would overflow or vanish.
    """
    names = weight_names(population.architecture)
    weights = [population.parameters[name].flatten(1).double() for name in names]
    size = torch.stack([each.abs().amax(1) for each in weights]).amax(0)
    extreme = (size > _ORDINARY) | ((size > 0) & (size < 1 / _ORDINARY))
    size = torch.where(extreme, size, 1.0)
    return [each / size[:, None] for each in weights], size


def _product(first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
    """Return the inner product of two networks' weights, member by member: (m,)."""
    parts = [(a * b).sum(1) for a, b in zip(first, second, strict=True)]
    return sum(parts[1:], start=parts[0])
