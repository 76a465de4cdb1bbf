"""A sweep as a tidy table: one row for each look, pipeline, scale and network."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ibcore.memory.disagreement import disagreement_by_scale
from ibcore.memory.forgetting import forgetting_time, selected_look
from ibcore.memory.metrics import Floats, spread_per_seed
from ibcore.memory.result import FORGOTTEN, SweepResult

if TYPE_CHECKING:
    import pandas as pd

_OWN = ("optimizer", "learning_rate", "weight_decay", "momentum", "sam_radius", "batch_size")


def sweep_table(result: SweepResult, *, eps: float = FORGOTTEN) -> "pd.DataFrame":
    """Return all measures of a sweep with the rates, clocks and marks that belong to them.

    Parameters
    ----------
    result
        A sweep.
    eps
        Spread in percentage points at which a scale counts as forgotten.

    Returns
    -------
    pandas.DataFrame
        Columns: the pipeline and its rates (``decay_steps`` is empty where decay never ends);
        ``weight_scale``, ``network``, ``seed``, ``step``; ``flow_time`` (learning rate times
        steps) and the two clocks; the measures; ``disagreement`` with the other scales of the same
        network; and three marks.  ``final``: the last look.  ``selected``: the best validation
        accuracy of this scale and network.  ``forgets``: the look from which this network's own
        spread over scales stays within ``eps`` while it fits its training set; a network that
        never gets there has no such row.

    Examples
    --------
    >>> import torch
    >>> from ibcore.memory import Examples, Pipeline, Problem, sweep
    >>> from ibcore.nets import MLP
    >>> points = Examples(torch.eye(2), torch.tensor([0, 1]))
    >>> problem, net = Problem(points, points, points), MLP(2, 2, depth=1, width=4)
    >>> pipelines = [Pipeline("SGD", batch_size=2)]
    >>> axes = {"scales": (1.0, 4.0), "networks": 3, "steps": 5, "looks": (0,)}
    >>> done = sweep(problem, net, pipelines, **axes)
    >>> len(sweep_table(done)), int(sweep_table(done).final.sum())
    (12, 6)
    """
    import pandas as pd

    shape = result.measures["test_accuracy"].shape
    look, pipeline, scale, network = np.indices(shape).reshape(4, -1)  # (rows,) each
    rows = {
        "weight_scale": np.array(result.scales)[scale],
        "network": network,
        "seed": np.full(len(network), result.seed),
        "step": np.array(result.looks)[look],
    }
    last = np.arange(len(result.looks)) == len(result.looks) - 1
    numbers = np.arange(len(result.looks))[:, None, None, None]
    whole = {
        **_clocks(result),
        **result.measures,
        "disagreement": _disagreement(result),
        "final": last[:, None, None, None],
        "selected": numbers == selected_look(result.measures["validation_accuracy"]),
        "forgets": _forgets(result, eps),
    }
    rows |= {name: np.broadcast_to(values, shape).reshape(-1) for name, values in whole.items()}
    labels = _labels(result).iloc[pipeline].reset_index(drop=True)
    return pd.concat([labels, pd.DataFrame(rows)], axis=1)


def _labels(result: SweepResult) -> "pd.DataFrame":
    """Return the pipelines' own columns, one row for each."""
    import pandas as pd

    table = pd.DataFrame({"pipeline": [each.name for each in result.pipelines]})
    for name in _OWN:
        table[name] = [getattr(each, name) for each in result.pipelines]
    ends = [each.decay_steps for each in result.pipelines]
    table["decay_steps"] = [np.nan if end is None else float(end) for end in ends]
    return table


def _clocks(result: SweepResult) -> dict[str, Floats]:
    """Return flow time and clocks, shape (looks, pipelines, 1, 1)."""
    steps = np.array(result.looks, dtype=np.float64)
    clocks = {
        "flow_time": [each.learning_rate * steps for each in result.pipelines],
        "explicit_clock": [each.clock(steps) for each in result.pipelines],
        "noise_clock": [each.noise(steps) for each in result.pipelines],
    }
    return {name: np.stack(parts, axis=1)[:, :, None, None] for name, parts in clocks.items()}


def _disagreement(result: SweepResult) -> Floats:
    """Return each network's disagreement with the other scales, nan where there is only one."""
    if len(result.scales) < 2:
        return np.full(result.measures["test_accuracy"].shape, np.nan)
    looks = [[disagreement_by_scale(each) for each in look] for look in result.predictions]
    return np.array(looks)


def _forgets(result: SweepResult, eps: float) -> NDArray[np.bool_]:
    """Mark the look from which a network's own spread is small: (looks, pipelines, 1, m)."""
    looks, pipelines, scales, networks = result.measures["test_accuracy"].shape
    marks = np.zeros((looks, pipelines, 1, networks), dtype=bool)
    fitted = result.measures["train_accuracy"].min(axis=2)  # (looks, pipelines, networks)
    for p in range(pipelines if scales > 1 else 0):
        track = result.measures["test_accuracy"][:, p]  # (looks, scales, networks)
        spreads = np.array([spread_per_seed(look) for look in track])  # (looks, networks)
        for m in range(networks):
            own = {"train_accuracy": fitted[:, p, m]}
            first = forgetting_time(range(looks), spreads[:, m], eps, **own)
            if first is not None:
                marks[int(first), p, 0, m] = True
    return marks
