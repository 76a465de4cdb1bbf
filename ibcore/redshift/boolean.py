"""Boolean functions of networks: which are drawn how often, and how complex they are."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ibcore.nets import MLP
from ibcore.population import Population
from ibcore.redshift.lempel_ziv import lz76

Table = NDArray[np.uint8]  # truth tables, one a row, eight entries a byte

_CHUNK = 512  # networks whose weights are held at once


def boolean_inputs(variables: int) -> Tensor:
    """Return all inputs of a Boolean function, 0 or 1, counting in binary: ``(2**n, n)``, float64.

    Raises
    ------
    ValueError
        If ``variables`` is not between 3 and 16.

    Examples
    --------
    >>> boolean_inputs(3)[:3].tolist()
    [[0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    """
    if not 3 <= variables <= 16:
        raise ValueError(f"variables must be between 3 and 16, got {variables}")
    numbers = torch.arange(2**variables)[:, None]
    places = torch.arange(variables - 1, -1, -1)
    return ((numbers >> places) & 1).double()


def sample_boolean(
    activation: str = "relu",
    *,
    variables: int = 7,
    depth: int = 2,
    width: int = 40,
    weight_scale: float = 1.0,
    bias_scale: float = 1.0,
    networks: int = 1000,
    seed: int = 0,
    first: int = 0,
    device: torch.device | str | None = None,
) -> Table:
    r"""Draw random networks and return the Boolean function that each computes.

    The function is 1 where the output is positive.  Weights are Gaussian with standard deviation
    :math:`\sigma_w/\sqrt{n_\text{in}}`, biases uniform in :math:`(-b, b)`.

    Parameters
    ----------
    activation, depth, width
        The architecture, as in `ibcore.nets.MLP`.
    variables
        Inputs, each 0 or 1.
    weight_scale, bias_scale
        :math:`\sigma_w` and :math:`b`.
    networks, seed, first
        Members ``first`` to ``first + networks - 1`` of the population with this seed.
    device
        Where the networks are evaluated.

    Returns
    -------
    Table
        Truth tables, ``(networks, 2**variables / 8)`` in bytes; `numpy.unpackbits` opens them.

    Raises
    ------
    ValueError
        If a number is out of range, a name unknown or the device absent.

    References
    ----------
    Valle-Pérez, Camargo and Louis (2019), "Deep learning generalizes because the
    parameter-function map is biased towards simple functions", with Gaussian biases.

    Examples
    --------
    >>> sample_boolean(networks=5, width=8).shape
    (5, 16)
    """
    if networks < 1:
        raise ValueError(f"networks must be at least 1, got {networks}")
    architecture = MLP(variables, 1, depth=depth, width=width, activation=activation)
    inputs, tables = boolean_inputs(variables), []
    for start in range(0, networks, _CHUNK):
        population = Population.sample(
            architecture,
            networks=min(_CHUNK, networks - start),
            weight_scale=weight_scale,
            bias_scale=bias_scale,
            prior="gaussian",
            scaling="fan_in",
            seed=seed,
            first=first + start,
            device=device,
        )
        positive = population.forward(inputs.to(population.device))[..., 0] > 0  # (chunk, 2**n)
        tables.append(np.packbits(positive.cpu().numpy(), axis=1))
    return np.concatenate(tables)


def boolean_complexity(tables: Table) -> NDArray[np.float64]:
    r"""Return the Lempel-Ziv complexity of Boolean functions, shape ``(functions,)``.

    .. math:: K(x) = \begin{cases} \log_2 N & x \text{ constant} \\
              \tfrac12 \log_2 N \,[N_w(x) + N_w(\text{reversed } x)] & \text{otherwise}\end{cases}

    for the truth table :math:`x` of :math:`N` bits and :math:`N_w` the phrases of
    `ibcore.redshift.lz76`.

    Parameters
    ----------
    tables
        From `sample_boolean`, ``(functions, N / 8)``.

    References
    ----------
    Dingle, Camargo and Louis (2018), "Input-output maps are strongly biased towards simple
    outputs", methods.

    Examples
    --------
    >>> boolean_complexity(np.array([[0] * 16, [85] * 16], dtype=np.uint8)).tolist()
    [7.0, 21.0]
    """
    return np.array([_complexity(np.unpackbits(row).tolist()) for row in tables])


def _complexity(bits: list[int]) -> float:
    size = math.log2(len(bits))
    if len(set(bits)) == 1:
        return size
    return size * (lz76(bits) + lz76(bits[::-1])) / 2


@dataclass(frozen=True, eq=False)
class Ranking:
    """The functions drawn most often, most frequent first.

    Attributes
    ----------
    tables
        Their truth tables, ``(functions, N / 8)``.
    counts
        How often each was drawn in each batch, ``(functions, batches)``.
    distinct
        How many different functions were drawn in all.
    """

    tables: Table
    counts: NDArray[np.int64]
    distinct: int


def rank_functions(tables: Table, *, batches: int = 1, top: int = 300) -> Ranking:
    """Count how often each function was drawn, overall and in consecutive equal batches.

    Functions drawn equally often come in the order of their truth tables.

    Raises
    ------
    ValueError
        If ``top`` or ``batches`` is below 1, or the batches do not divide the draws equally.

    Examples
    --------
    >>> drawn = np.array([[1], [2], [2], [3]], dtype=np.uint8)
    >>> ranking = rank_functions(drawn, batches=2, top=2)
    >>> ranking.tables.tolist(), ranking.counts.tolist(), ranking.distinct
    ([[2], [1]], [[1, 1], [1, 0]], 3)
    """
    if top < 1:
        raise ValueError(f"top must be at least 1, got {top}")
    if batches < 1 or len(tables) % batches:
        raise ValueError(f"batches must divide the {len(tables)} draws equally, got {batches}")
    functions, which = np.unique(tables, axis=0, return_inverse=True)
    batch = np.repeat(np.arange(batches), len(tables) // batches)
    cells = np.bincount(which.reshape(-1) * batches + batch, minlength=len(functions) * batches)
    counts = cells.reshape(len(functions), batches).astype(np.int64)
    order = np.argsort(-counts.sum(1), kind="stable")[:top]
    return Ranking(functions[order], counts[order], len(functions))
