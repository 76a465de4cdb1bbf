"""Lempel-Ziv complexity: how many phrases a sequence needs."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ibcore.door import Range, as_raw, check_memory, door
from ibcore.redshift.sampling import Values, by_parts, exact, mask_constant, rounding_noise

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
def _compiled() -> Callable[..., None] | None:
    """Return the count of every row compiled by numba, or None where numba is not installed."""
    try:
        import numba
    except ImportError:
        return None
    compile_ = numba.njit(cache=False)
    one = compile_(_count)

    def every(rows: Any, alphabet: int, memory: Any, counts: Any) -> None:
        states = 2 * rows.shape[1] + 1
        step, link, length = memory[: -2 * states], memory[-2 * states : -states], memory[-states:]
        for row in range(rows.shape[0]):
            memory[:] = -1
            counts[row] = one(rows[row], step, link, length, alphabet)

    compiled: Callable[..., None] = compile_(every)
    return compiled


def count_lz76(texts: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the numbers of LZ76 phrases of sequences of small non-negative integers: (m, n).

    Examples
    --------
    >>> count_lz76(np.array([[0, 0, 0, 0], [0, 1, 0, 0]])).tolist()  # 0|000 and 0|1|00
    [2, 3]
    """
    counts = np.zeros(len(texts), dtype=np.int64)
    if not len(texts):
        return counts
    alphabet, states = int(texts.max()) + 1, 2 * texts.shape[1] + 1
    remedy = "choose a shorter one, or one of fewer different symbols"
    size = 4 * (alphabet + 2) * states
    check_memory("length of sequence", texts.shape[1], size, remedy=remedy)
    compiled = _compiled()
    if compiled is None:
        for row, text in enumerate(texts.tolist()):
            empty = [-1] * states
            counts[row] = _count(text, [-1] * (states * alphabet), empty, [*empty], alphabet)
    else:  # half the bytes of Python's integers, so that twice as many states stay in the cache
        memory = np.empty((alphabet + 2) * states, dtype=np.int32)
        compiled(np.ascontiguousarray(texts, dtype=np.int64), alphabet, memory, counts)
    return counts


Variant = Literal["lz76", "lz78"]


def _as_symbols(value: Any, name: str) -> NDArray[np.integer]:
    """Return a sequence of whole numbers, whatever holds them, as an array ``(n,)``."""
    if isinstance(value, np.ndarray) and value.dtype == np.int64 and value.ndim == 1 and len(value):
        return value
    symbols = as_raw(value, name)
    if symbols.shape == (0,):
        raise ValueError(f"{name} must hold at least one symbol, got none")
    if symbols.is_floating_point() or symbols.ndim != 1:
        raise TypeError(
            f"{name} must be a sequence of whole numbers, got {symbols.dtype} of shape "
            f"{tuple(symbols.shape)}; cut numbers into bins first"
        )
    array: NDArray[np.integer] = symbols.cpu().numpy()
    return array if array.dtype == np.uint64 else array.astype(np.int64)


Symbols = Annotated[Sequence[int] | NDArray[np.integer] | Tensor, _as_symbols]

_NEAR = 256  # integers that lie within so many need no ranks: the automaton may know more symbols


@door
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
    return int(count_lz76(_ranks(np.asarray(sequence)[None]))[0])


@door
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
    return _count_lz78(np.asarray(sequence).tolist())


def _count_lz78(symbols: Sequence[int]) -> int:
    children: dict[tuple[int, int], int] = {}
    phrases, node = 0, 0
    for symbol in symbols:
        step = (node, symbol)
        if step in children:
            node = children[step]
        else:
            phrases += 1
            children[step] = phrases
            node = 0
    return phrases + (node != 0)


def _ranks(rows: NDArray[np.integer]) -> NDArray[np.integer]:
    """Replace symbols by small integers from 0 in order of value: (m, n)."""
    low = rows.min(initial=0)
    if int(rows.max(initial=0)) - int(low) < _NEAR:
        near: NDArray[np.integer] = rows - low
        return near
    return np.stack([np.unique(row, return_inverse=True)[1] for row in rows])


def _lz76_of(rows: NDArray[np.integer]) -> ArrayLike:
    return count_lz76(_ranks(rows))


def _lz78_of(rows: NDArray[np.integer]) -> ArrayLike:
    return [_count_lz78(row) for row in rows.tolist()]


_COUNT: dict[Variant, Callable[[NDArray[np.integer]], ArrayLike]] = {
    "lz76": _lz76_of,
    "lz78": _lz78_of,
}


def discretize(values: Tensor, levels: int) -> Tensor:
    """Cut each function's range into equal bins: ``(networks, ...)`` to ``(networks, n**d)``.

    Values become integers from 0 to ``levels - 1``; cells are read row by row.  A value that lies
    on the border of two bins but for rounding belongs to the upper one, as one that lies there.

    Examples
    --------
    >>> discretize(torch.tensor([[0.0, 0.4, 0.6, 1.0]]), 2).tolist()
    [[0, 0, 1, 1]]
    """
    flat = exact(values).flatten(1)
    low, high = flat.amin(1, keepdim=True), flat.amax(1, keepdim=True)
    span = torch.where(high > low, high - low, torch.ones_like(high))
    place = (flat - low) / span * levels
    noise = rounding_noise(flat, values.dtype)[:, None] / span * levels
    border = place.round()
    place = torch.where((place - border).abs() <= noise, border, place)
    return place.long().clamp_(max=levels - 1)


@door
def lempel_ziv_complexity(
    values: Values, *, variant: Variant = "lz78", levels: Annotated[int, Range(2, 2**31 - 1)] = 2
) -> Tensor:
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
        If the values are not finite numbers on a grid, the variant is unknown or the levels are
        fewer than 2.

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

    def measure(part: Tensor) -> Tensor:
        counts = np.asarray(_COUNT[variant](discretize(part, levels).cpu().numpy()), np.float64)
        return mask_constant(torch.from_numpy(counts).to(part.device), part)

    return by_parts(measure, values)
