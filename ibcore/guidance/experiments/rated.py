"""Conditions at several learning rates: a row for each, and one more for the best of them."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

from ibcore.guidance.training import Guided

GUIDE_SEED = 1000  # network k: its guide is drawn with seed 1000 + k, another of its kind 2000 + k
_LAST = 20  # steps over which the final similarity is averaged


class Rated(Protocol):
    """A condition that is run at the learning rates of its target times these factors."""

    @property
    def name(self) -> str:
        """Of the condition."""

    @property
    def rates(self) -> tuple[float, ...]:
        """Factors of the learning rate."""


C = TypeVar("C", bound=Rated)


def rows_of(
    conditions: Iterable[C], train: Callable[[C, float], dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the row of every condition and rate, then of several the one to be chosen.

    It has the smallest ``validation_loss`` and is named ``"tuned ..."``.

    Examples
    --------
    >>> from ibcore.guidance.experiments.plain_config import Condition
    >>> losses = {1.0: 0.5, 3.0: 0.4}
    >>> def train(condition, rate):
    ...     return {"condition": condition.name, "validation_loss": losses[rate]}
    >>> rows = rows_of([Condition("unguided", rates=(1.0, 3.0))], train)
    >>> [(row["condition"], row["validation_loss"]) for row in rows]
    [('unguided', 0.5), ('unguided', 0.4), ('tuned unguided', 0.4)]
    """
    rows = []
    for condition in conditions:
        found = [train(condition, rate) for rate in condition.rates]
        rows += found
        if len(found) > 1:
            best = min(found, key=lambda row: float(row["validation_loss"]))
            rows.append({**best, "condition": f"tuned {condition.name}"})
    return rows


def late_similarity(done: Guided) -> float:
    """Return the similarity to the guide over pairs of layers and the last 20 steps.

    It is nan without a guide.

    Examples
    --------
    >>> import torch
    >>> from ibcore.guidance import PixelGuide, guide
    >>> x, y = torch.rand(8, 4), torch.arange(8) % 2
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
    >>> late_similarity(guide(net, None, x, y, steps=1))
    nan
    """
    late = done.layers[done.layers.step > len(done.log) - _LAST].similarity
    return float(late.mean()) if len(late) else float("nan")
