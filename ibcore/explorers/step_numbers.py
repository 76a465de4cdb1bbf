"""What steps of plain gradient descent reach at their best constant rate, as arrays."""

from typing import TYPE_CHECKING, Any

from ibcore.explorers.start_numbers import StoredStarts
from ibcore.explorers.stored import Summary, check_columns, plain, summarize

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (*("weights", "rates", "rate", "support", "budget"), "accuracy", "architecture")

Descent = dict[str, dict[str, list[tuple[int, float, Summary]]]]


def best_rates(frame: "pd.DataFrame", starts: StoredStarts) -> Descent:
    """Return the best constant rate for each architecture, support size and number of steps.

    Random starts take steps of plain gradient descent with each of some constant rates; kept is
    the rate with the highest mean accuracy.  It is chosen on the very tasks on which it is
    judged, so the result flatters plain descent.

    Parameters
    ----------
    frame
        As ``metainit.swap`` stores it; rows with random weights and constant rates are read.
    starts
        The table beside it; architectures and support sizes that it does not have are left out.

    Returns
    -------
    dict
        ``result[architecture][support]``: number of steps, rate and summary of the accuracies.

    Raises
    ------
    ValueError
        If a column is missing, or there are no random weights with constant rates.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> starts = StoredStarts({"bits": ["MLP"]}, [5], [0], {}, {}, {})
    >>> row = {"weights": "random", "rates": "constant", "support": 5, "budget": 10}
    >>> rates = {"rate": [0.1, 1.0], "accuracy": [0.6, 0.8]}
    >>> best_rates(pd.DataFrame({**row, **rates, "architecture": "MLP"}), starts)
    {'MLP': {'5': [(10, 1.0, (0.8, None, None, 1))]}}
    """
    check_columns("descent", frame, COLUMNS)
    plain_steps = frame[(frame["weights"] == "random") & (frame["rates"] == "constant")]
    if plain_steps.empty:
        raise ValueError("descent has no rows with random weights and constant rates")
    known = starts.architectures.get("bits", [])
    found: Descent = {}
    for name in known:
        own = plain_steps[plain_steps["architecture"] == name]
        sizes = [size for size in starts.supports if size in plain(own["support"])]
        if sizes:
            found[name] = {str(n): _best(own[own["support"] == n]) for n in sizes}
    return found


def _best(rows: "pd.DataFrame") -> list[tuple[int, float, Summary]]:
    """Return steps, rate and accuracies of the best rate, one entry for each number of steps."""
    best: list[tuple[int, float, Summary]] = []
    for budget in plain(rows["budget"]):
        part = rows[rows["budget"] == budget]
        means: Any = part.groupby("rate")["accuracy"].mean()
        rate = float(means.idxmax())
        best.append((budget, rate, summarize(part[part["rate"] == rate]["accuracy"])))
    return best
