"""Count LZ76 phrases in linear time with a suffix automaton that grows with the sequence.

The automaton of the text so far accepts exactly its substrings.  A phrase grows while the
automaton accepts it; the first symbol it cannot follow ends the phrase.  One function serves two
speeds: plain Python over lists, or compiled by numba over arrays where that is installed.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
