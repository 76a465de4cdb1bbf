"""How probable each concept of four features is under the grammar."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ibcore.tasks.concepts import LONGEST, concept_objects

Floats = NDArray[np.float64]

_LARGEST = 4  # features; tables of four are numbers of 16 bits


def concept_prior(*, features: int = 4, draws: int = 400, seed: int = 0) -> tuple[Tensor, Tensor]:
    r"""Return every truth table and its probability under `ibcore.tasks.sample_concepts`.

    Given the grammar's probabilities the distribution of tables is computed, not sampled: with
    :math:`P(S)` the chance that a literal lies in a set S, a conjunction uses literals of S alone
    with probability :math:`\sum_k (1-q) q^k P(S)^{k+1}`, and inclusion and exclusion over sets
    give the chance of each exact set; "or" works alike on tables.  What is averaged over random
    draws is only the Dirichlet distribution of the probabilities.  It treats features and values
    alike, so the result is averaged over all ways to rename them too.

    Parameters
    ----------
    features
        From 1 to 4.
    draws
        Of the grammar's probabilities; the averaging error falls with their root.
    seed
        Of the draws.

    Returns
    -------
    tuple
        Tables ``(t, 2**features)`` and probabilities ``(t,)``, float64, the most probable first.
        Constant tables are left out; those below 1e-12, lost in rounding, are too.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> tables, weights = concept_prior(features=2, draws=50)
    >>> tables.shape[1], round(weights.sum().item(), 12)
    (4, 1.0)
    """
    if not 1 <= features <= _LARGEST:
        raise ValueError(f"features must be between 1 and {_LARGEST}, got {features}")
    if draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws}")
    rng, total = np.random.default_rng(seed), np.zeros(2 ** (2**features))
    for _ in range(draws):
        again, further = rng.random(2)
        which = rng.dirichlet(np.ones(features))
        total += table_probabilities(again, further, which, rng.random(features))
    total = _renamed_alike(total, features)
    total[[0, -1]] = 0  # constant concepts are drawn again
    total /= total.sum()
    order = np.argsort(-total, kind="stable")[: int((total > 1e-12).sum())]
    places = np.arange(2**features)
    tables = torch.from_numpy(((order[:, None] >> places) & 1).astype(np.float64))
    weights = torch.from_numpy(total[order])
    return tables, weights / weights.sum()


def table_probabilities(again: float, further: float, which: Floats, value: Floats) -> Floats:
    """Return the probability of each truth table given the probabilities of the grammar.

    Parameters
    ----------
    again, further
        That another conjunction follows, and that another literal does.
    which
        Of each feature, ``(features,)``.
    value
        That a literal on a feature asks for 1, ``(features,)``.

    Returns
    -------
    ndarray
        Shape ``(2**2**features,)``; bit j of an index is the label of object j.  The sum falls
        short of 1 by the chance that a concept is too long.

    Examples
    --------
    With one feature, one conjunction and one literal there are two tables:

    >>> table_probabilities(0.0, 0.0, np.array([1.0]), np.array([0.25])).tolist()
    [0.0, 0.75, 0.25, 0.0]
    """
    objects = concept_objects(len(which))
    count = len(objects)
    literal = np.concatenate([which * value, which * (1 - value)])  # "is 1", then "is 0"
    subset = np.zeros(2 ** len(literal))
    subset[1 << np.arange(len(literal))] = literal
    exact = _inclusion(_chain(_sums(subset), further))  # of each set of literals
    holds = np.concatenate([objects, ~objects], axis=1).T  # (literals, objects)
    numbers = (holds.astype(np.int64) << np.arange(count)).sum(1)  # each literal's table
    conjunction = np.bincount(_meets(numbers, count), exact, minlength=2**count)
    return _inclusion(_chain(_sums(conjunction.astype(np.float64)), again))


def _renamed_alike(values: Floats, features: int) -> Floats:
    """Average over every order of the features and every exchange of a feature's values.

    Averages over the steps below, one after the other, reach each renaming equally often.
    """
    objects = concept_objects(features)
    for feature in range(features):
        flipped = objects.copy()
        flipped[:, feature] ^= True
        orders = [np.arange(features)]
        orders += [_exchanged(features, other, feature) for other in range(feature)]
        values = np.mean([values, values[_renaming(flipped)]], axis=0)
        values = np.mean([values[_renaming(objects[:, order])] for order in orders], axis=0)
    return values


def _exchanged(features: int, first: int, second: int) -> NDArray[np.int64]:
    order = np.arange(features)
    order[[first, second]] = order[[second, first]]
    return order


def _renaming(objects: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the number of each table after its objects are renamed as in the rows."""
    features = objects.shape[1]
    moved = (objects << np.arange(features - 1, -1, -1)).sum(1)  # object j becomes moved[j]
    tables = np.arange(2 ** len(objects))
    result: NDArray[np.int64] = sum((tables >> j & 1) << place for j, place in enumerate(moved))
    return result


def _chain(inside: Floats, more: float) -> Floats:
    """Return the chance that all of 1 + Geometric parts, at most `LONGEST`, lie inside."""
    ratio = more * inside
    return (1 - more) * inside * (1 - ratio**LONGEST) / (1 - ratio)


def _meets(numbers: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return the table of the "and" of each set of literals; the empty set is true everywhere."""
    tables = np.full(2 ** len(numbers), 2**count - 1)
    for place, number in enumerate(numbers):
        tables[np.arange(len(tables)) >> place & 1 == 1] &= number
    return tables


def _sums(values: Floats) -> Floats:
    """Return the sum over all subsets of each set."""
    result = values.copy()
    for place in range(len(values).bit_length() - 1):
        halves = result.reshape(-1, 2, 2**place)  # without and with this element
        halves[:, 1] += halves[:, 0]
    return result


def _inclusion(sums: Floats) -> Floats:
    """Undo `_sums`: the value of each set alone."""
    result = sums.copy()
    for place in range(len(sums).bit_length() - 1):
        halves = result.reshape(-1, 2, 2**place)
        halves[:, 1] -= halves[:, 0]
    return result
