"""What is left of the initial weights themselves: retained fraction, angle, norm."""

from collections.abc import Iterator

from torch import Tensor

from ibcore.memory.scaling import weight_names
from ibcore.population import Population


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
    squares = _product(start, start)
    if bool((squares == 0).any()):
        raise ValueError(
            "the initial weights of at least one network are all 0, so nothing can be retained; "
            "start from a positive scale"
        )
    return _product(trained, start) / squares


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
    return _product(trained, start) / (weight_norm(trained) * weight_norm(start))


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
    return _product(population, population).sqrt()


def _product(first: Population, second: Population) -> Tensor:
    """Return the inner product of two networks' weights, member by member: (m,)."""
    if len(first) != len(second):
        raise ValueError(
            f"the populations hold {len(first)} and {len(second)} networks; compare the same ones"
        )
    if first.parameters.keys() != second.parameters.keys():
        raise ValueError("the populations have different architectures; compare the same networks")
    parts = list(_products(first, second))
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _products(first: Population, second: Population) -> Iterator[Tensor]:
    for name in weight_names(first.architecture):
        a, b = (p.parameters[name].flatten(1).double() for p in (first, second))  # (m, entries)
        yield (a * b).sum(1)
