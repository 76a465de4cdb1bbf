"""Lempel-Ziv complexity: how many phrases a sequence needs."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ibcore.redshift.sampling import check_values, mask_constant

# Count LZ76 phrases in linear time with a suffix automaton that grows with the sequence.
#
# The automaton of the text so far accepts exactly its substrings.  A phrase grows while the
# automaton accepts it; the first symbol it cannot follow ends the phrase.  One function serves two
# speeds: plain Python over lists, or compiled by numba over arrays where that is installed.


def _count(text: Any, step: Any, link: Any, length: Any, alphabet: int) -> int:
    """Count the phrases of ``text``, symbols 0 to ``alphabet - 1``.

    ``step`` (flat: state * alphabet + symbol), ``link`` and ``length`` are memory for
    ``2 * len(text) + 1`` states, filled with -1.
    """
    states, last = 1, 0
    length[0] = 0
    phrases, match = 0, 0  # the state that accepts the phrase so far; 0 accepts the empty one
    for symbol in text:
        if step[match * alphabet + symbol] == -1:
            phrases += 1
            match = 0
        else:
            match = step[match * alphabet + symbol]
        new = states
        states += 1
        length[new] = length[last] + 1
        state = last
        while state != -1 and step[state * alphabet + symbol] == -1:
            step[state * alphabet + symbol] = new
            state = link[state]
        if state == -1:
            link[new] = 0
        else:
            target = step[state * alphabet + symbol]
            if length[state] + 1 == length[target]:
                link[new] = target
            else:
                clone = states
                states += 1
                length[clone] = length[state] + 1
                link[clone] = link[target]
                for other in range(alphabet):
                    step[clone * alphabet + other] = step[target * alphabet + other]
                while state != -1 and step[state * alphabet + symbol] == target:
                    step[state * alphabet + symbol] = clone
                    state = link[state]
                link[target] = clone
                link[new] = clone
        last = new
    return phrases + (1 if match != 0 else 0)


@cache
def _compiled() -> Callable[..., int] | None:
    """Return the function compiled by numba, or None where numba is not installed."""
    try:
        import numba
    except ImportError:
        return None
    compiled: Callable[..., int] = numba.njit(cache=False)(_count)
    return compiled


def count_lz76(text: Sequence[int] | NDArray[np.integer]) -> int:
    """Return the number of LZ76 phrases of a sequence of small non-negative integers.

    Examples
    --------
    >>> count_lz76([0, 0, 0, 0])  # 0|000
    2
    """
    symbols = np.asarray(text, dtype=np.int64)
    alphabet, states = int(symbols.max()) + 1, 2 * len(symbols) + 1
    compiled = _compiled()
    if compiled is None:
        empty = [-1] * states
        return _count(symbols.tolist(), [-1] * (states * alphabet), empty, [*empty], alphabet)
    # Half the bytes of Python's integers, so that twice as many states stay in the cache.
    memory = np.full((alphabet + 2) * states, -1, dtype=np.int32)
    step, link, length = memory[: -2 * states], memory[-2 * states : -states], memory[-states:]
    return int(compiled(symbols, step, link, length, alphabet))


Variant = Literal["lz76", "lz78"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)

Symbols = Sequence[int] | NDArray[np.integer]

_NEAR = 256  # integers that lie within so many need no ranks: the automaton may know more symbols


def lz76(sequence: Symbols) -> int:
    """Return the number of phrases of Lempel and Ziv's 1976 parsing.

    Each phrase is the shortest string that does not occur earlier in the sequence, where the
    earlier occurrence may overlap the phrase (all but its last symbol).  Linear time by a suffix
    automaton; compiled where numba is installed.

    Raises
    ------
    ValueError
        If the sequence is empty.

    References
    ----------
    Lempel and Ziv (1976), "On the complexity of finite sequences", section III.

    Examples
    --------
    >>> lz76([0, 0, 0, 1, 1, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 1])  # 0|001|10|100|1000|101
    6
    """
    _not_empty(sequence)
    return count_lz76(_ranks(sequence))


def lz78(sequence: Symbols) -> int:
    """Return the number of phrases of Lempel and Ziv's 1978 parsing (the dictionary size).

    Each phrase is the longest one seen before plus one symbol; an incomplete last phrase counts.

    Raises
    ------
    ValueError
        If the sequence is empty.

    References
    ----------
    Ziv and Lempel (1978), "Compression of individual sequences via variable-rate coding".

    Examples
    --------
    >>> lz78([1, 0, 0, 1, 1, 1, 1, 0, 1, 1, 0, 0, 0, 0, 1, 0])  # 1|0|01|11|10|110|00|010
    8
    """
    _not_empty(sequence)
    children: dict[tuple[int, int], int] = {}
    phrases, node = 0, 0
    for symbol in sequence:
        step = (node, symbol)
        if step in children:
            node = children[step]
        else:
            phrases += 1
            children[step] = phrases
            node = 0
    return phrases + (node != 0)


def _not_empty(sequence: Symbols) -> None:
    if len(sequence) == 0:
        raise ValueError("a sequence needs at least one symbol, got none")


def _ranks(sequence: Symbols) -> NDArray[np.integer]:
    """Replace symbols by small integers from 0 in order of value."""
    symbols = sequence if isinstance(sequence, np.ndarray) else np.asarray(list(sequence))
    if symbols.dtype.kind in "iu":
        low = symbols.min()
        if int(symbols.max()) - int(low) < _NEAR:
            near: NDArray[np.integer] = symbols - low
            return near
    ranks: NDArray[np.integer] = np.unique(symbols, return_inverse=True)[1]
    return ranks


_COUNT: dict[Variant, Callable[[NDArray[np.integer]], int]] = {
    "lz76": count_lz76,
    "lz78": lambda symbols: lz78(symbols.tolist()),
}


def discretize(values: Tensor, levels: int) -> Tensor:
    """Cut each function's range into equal bins: ``(networks, ...)`` to ``(networks, n**d)``.

    Values become integers from 0 to ``levels - 1``; cells are read row by row.

    Examples
    --------
    >>> discretize(torch.tensor([[0.0, 0.4, 0.6, 1.0]]), 2).tolist()
    [[0, 0, 1, 1]]
    """
    if levels < 2:
        raise ValueError(f"levels must be at least 2, got {levels}")
    flat = check_values(values).flatten(1)
    low, high = flat.amin(1, keepdim=True), flat.amax(1, keepdim=True)
    span = torch.where(high > low, high - low, torch.ones_like(high))
    return ((flat - low) / span * levels).long().clamp_(max=levels - 1)


def lempel_ziv_complexity(values: Tensor, *, variant: Variant = "lz78", levels: int = 2) -> Tensor:
    r"""Return the Lempel-Ziv complexity of each function: the phrases of its discretized image.

    Each function is cut into ``levels`` equal bins between its own minimum and maximum, read row
    by row as one sequence, and parsed.  More phrases, more complexity; the count has a floor of
    about :math:`\sqrt{2N}` for LZ78 and of 2 for LZ76 on N symbols.

    Parameters
    ----------
    values
        Functions on a grid, ``(networks, n)``, ``(networks, n, n)`` and so on.
    variant
        ``"lz78"`` (dictionary size) or ``"lz76"`` (shortest new substrings).  The two give
        different numbers: name the one you report.
    levels
        Number of bins, at least 2.

    Returns
    -------
    Tensor
        Shape ``(networks,)``, float64; nan for a constant function.

    Raises
    ------
    ValueError
        If the values are not finite floating point numbers on a grid, the variant is unknown or
        the levels are fewer than 2.

    References
    ----------
    Teney et al. (2024), section 2, name the measure; the discretization and the order of reading
    are ours.

    Examples
    --------
    >>> step = torch.tensor([[0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]])
    >>> float(lempel_ziv_complexity(step)), float(lempel_ziv_complexity(step, variant="lz76"))
    (5.0, 3.0)
    """
    if variant not in VARIANTS:
        raise ValueError(f"unknown variant {variant!r}; choose one of {', '.join(VARIANTS)}")
    count = _COUNT[variant]
    counts = [float(count(sequence)) for sequence in discretize(values, levels).cpu().numpy()]
    return mask_constant(torch.tensor(counts, dtype=torch.float64, device=values.device), values)
