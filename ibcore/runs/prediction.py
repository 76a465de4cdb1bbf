"""How long a cell will take, from cells that were measured."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ibcore.runs.experiment import plain_fields


class Prediction(NamedTuple):
    """Seconds of a cell: the middle, and the range of the measured cells it rests on."""

    seconds: float
    low: float
    high: float


@dataclass(frozen=True)
class Measurement:
    """A cell that was computed: its plain fields, its seconds, and its cost if there is a model."""

    fields: Mapping[str, Any]
    seconds: float
    cost: float | None = None


def predict(
    cell: Any, measured: Sequence[Measurement], cost: Callable[[Any], float] | None = None
) -> Prediction | None:
    """Predict the seconds of ``cell``; None where nothing was measured.

    With a cost model the measured seconds per unit of cost are multiplied by the cost of this
    cell.  Without one the cell is compared with the measured cells that differ from it in the
    fewest fields.

    Examples
    --------
    >>> from ibcore.runs import find
    >>> cell, other = list(find("redshift.references").plan("smoke").values())[:2]
    >>> predict(cell, [Measurement(plain_fields(other), 2.0)])
    Prediction(seconds=2.0, low=2.0, high=2.0)
    >>> predict(cell, []) is None
    True
    """
    if cost is None:
        seconds = _nearest(plain_fields(cell), measured)
    else:
        scale = check_cost(cost(cell), cell)
        seconds = [m.seconds / m.cost * scale for m in measured if m.cost]
    if not seconds:
        return None
    return Prediction(statistics.median(seconds), min(seconds), max(seconds))


def check_cost(cost: float, cell: Any) -> float:
    """Return the cost of a cell if it is positive and finite, else raise ``ValueError``."""
    if not 0 < cost < float("inf"):
        raise ValueError(f"the cost model gives {cost} for the cell {cell}; it must be positive")
    return float(cost)


def _nearest(fields: Mapping[str, Any], measured: Sequence[Measurement]) -> list[float]:
    distances = [
        sum(entry.fields.get(name) != value for name, value in fields.items()) for entry in measured
    ]
    least = min(distances, default=0)
    return [m.seconds for m, distance in zip(measured, distances, strict=True) if distance == least]
