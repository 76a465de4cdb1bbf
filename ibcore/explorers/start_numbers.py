"""Stored accuracies of learned and random starts, by architecture, budget and support size."""

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ibcore.explorers.stored import Summary, check_columns, in_order, plain, summarize

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

KEYS = ("view", "architecture", "method", "budget", "support", "network")
METHODS = ("meta", "random")
VIEW_WORDS = {"bits": "four numbers", "image": "drawings"}


@dataclass(frozen=True, eq=False)
class StoredStarts:
    """Accuracies of networks that learn concepts from learned and from random starts.

    Attributes
    ----------
    architectures
        Of each view of the objects.
    supports, networks
        Support sizes, and numbers of the networks.
    budgets
        Numbers of steps of each of `METHODS`, increasing.
    scores
        For view, method and budget, (supports, architectures, networks).
    limits
        For each view the accuracy of memory with majority and the ideal learner's, (2, supports).
    """

    architectures: dict[str, list[str]]
    supports: list[int]
    networks: list[int]
    budgets: dict[str, list[int]]
    scores: dict[tuple[str, str, int], Floats]
    limits: dict[str, Floats]


def read_starts(frame: "pd.DataFrame") -> StoredStarts:
    """Return the table of ``metainit.concepts`` as arrays.

    Raises
    ------
    ValueError
        If a column or a combination is missing, comes twice, or a method is absent.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"view": "bits", "architecture": "MLP", "support": 5, "network": 0, "accuracy": 0.9}
    >>> row |= {"floor": 0.6, "ceiling": 0.95, "method": ["meta", "random"], "budget": [1, 50]}
    >>> read_starts(pd.DataFrame(row)).scores["bits", "random", 50].shape
    (1, 1, 1)
    """
    check_columns("frame", frame, (*KEYS, "accuracy", "floor", "ceiling"))
    absent = set(METHODS) - set(frame["method"])
    if absent:
        raise ValueError(f"frame has no rows of method {', '.join(sorted(absent))}")
    known = _by_key(frame)
    views = in_order(frame["view"])
    architectures = {v: in_order(frame[frame["view"] == v]["architecture"]) for v in views}
    supports, networks = plain(frame["support"]), plain(frame["network"])
    budgets = {m: plain(frame[frame["method"] == m]["budget"]) for m in METHODS}
    scores = {
        (view, method, budget): np.array(
            [
                [
                    [_found(known, (view, name, method, budget, n, net)) for net in networks]
                    for name in architectures[view]
                ]
                for n in supports
            ]
        )
        for view, method in product(views, METHODS)
        for budget in budgets[method]
    }
    means = frame.groupby(["view", "support"])[["floor", "ceiling"]].mean()
    limits = {view: means.loc[view].loc[supports].to_numpy(np.float64).T for view in views}
    return StoredStarts(architectures, supports, networks, budgets, scores, limits)


def summaries(scores: Floats) -> list[list[Summary]]:
    """Return mean and interval of (supports, architectures, networks), rounded for a page.

    Examples
    --------
    >>> summaries(np.array([[[0.5]]]))
    [[(0.5, None, None, 1)]]
    """
    return [[summarize(values) for values in row] for row in scores]


def _by_key(frame: "pd.DataFrame") -> dict[tuple[Any, ...], float]:
    keys = list(zip(*(frame[name] for name in KEYS), strict=True))
    known = dict(zip(keys, frame["accuracy"], strict=True))
    if len(known) < len(keys):
        raise ValueError(
            f"frame has {len(keys)} rows for {len(known)} combinations of {', '.join(KEYS)}; "
            "keep one of each"
        )
    return known


def _found(known: dict[tuple[Any, ...], float], key: tuple[Any, ...]) -> float:
    if key not in known:
        named = ", ".join(f"{name} {value!r}" for name, value in zip(KEYS, key, strict=True))
        raise ValueError(f"frame has no row for {named}; the figure needs every combination")
    return float(known[key])
