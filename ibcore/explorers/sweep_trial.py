"""A small sweep that trains in seconds, for a figure with a kernel: two pipelines, three scales."""

import time
from typing import Any

from ibcore.explorers.sweep_numbers import StoredSweep, spread_at
from ibcore.memory import Pipeline, SweepResult, digits_problem, gate, spread, sweep
from ibcore.nets import MLP

PAIR = (
    Pipeline("SGD lr 0.1", learning_rate=0.1),
    Pipeline("SGD lr 0.3, L2 0.03", learning_rate=0.3, weight_decay=0.03),
)
SCALES = (1.0, 4.0, 8.0)
STEPS = 600
NETWORKS = 2
DIGITS = 200
WIDTH = 32

_ROUND = 4


def trial_setting(stored: StoredSweep) -> dict[str, Any]:
    """Return what a trial trains, and beside it the last look of the stored sweep.

    Beside each pipeline stands the stored one with the same optimizer and learning rate that
    decays if it does, over the same scales; None where nothing of the kind is stored.

    Examples
    --------
    >>> import numpy as np
    >>> rates = {"optimizer": "sgd", "learning_rate": 0.1, "weight_decay": 0.0, "momentum": 0.0}
    >>> accuracy = np.full((1, 1, 2, 3), 1.0)
    >>> measures = {"train_accuracy": accuracy, "test_accuracy": accuracy}
    >>> stored = StoredSweep([{"name": "plain", **rates}], [0], [1.0, 8.0], measures)
    >>> trial_setting(stored)["stored"]
    [None, None]
    """
    return {
        "scales": list(SCALES),
        "steps": STEPS,
        "networks": NETWORKS,
        "digits": DIGITS,
        "width": WIDTH,
        "stored": [_beside(pipeline, stored) for pipeline in PAIR],
    }


def train_trial(seed: int, *, steps: int = STEPS) -> dict[str, Any]:
    """Train the pair of pipelines and return accuracies and spreads, rounded for a page.

    Networks 64-32-32-10 with tanh learn 200 digits; both pipelines start from the same draws at
    each scale.  About two seconds.

    Parameters
    ----------
    seed
        Of the draws and the batches.
    steps
        Of training.

    Returns
    -------
    dict
        ``pipelines``: name, mean ``test`` and ``train`` accuracy at each scale, ``value`` of the
        spread in percentage points, ``least`` train accuracy and ``verdict``, as
        `ibcore.explorers.sweep_numbers.spread_at`; ``seconds``: how long it took.

    Raises
    ------
    ImportError
        If scikit-learn, which brings the digits, is not installed.

    Examples
    --------
    >>> [found["name"] for found in train_trial(0, steps=2)["pipelines"]]
    ['SGD lr 0.1', 'SGD lr 0.3, L2 0.03']
    """
    start = time.perf_counter()
    problem = digits_problem(train=DIGITS)
    network = MLP(64, problem.classes, depth=2, width=WIDTH, activation="tanh")
    done = sweep(problem, network, PAIR, scales=SCALES, networks=NETWORKS, steps=steps, seed=seed)
    found = [_found(done, pipeline.name) for pipeline in PAIR]
    return {"pipelines": found, "seconds": round(time.perf_counter() - start, 1)}


def _found(done: SweepResult, name: str) -> dict[str, Any]:
    train, test = (done.values(f"{data}_accuracy", name) for data in ("train", "test"))
    return {
        "name": name,
        "test": test.mean(axis=1).round(_ROUND).tolist(),
        "train": train.mean(axis=1).round(_ROUND).tolist(),
        "value": round(spread(test), 2),
        "least": round(float(train.min()), _ROUND),
        "verdict": gate(train),
    }


def _beside(pipeline: Pipeline, stored: StoredSweep) -> dict[str, Any] | None:
    """Return the last look of the stored pipeline of this kind, over the scales of a trial."""
    if not set(SCALES) <= set(stored.scales):
        return None
    numbers = (n for n, own in enumerate(stored.pipelines) if _is_alike(pipeline, own))
    number = next(numbers, None)
    if number is None:
        return None
    rows = [stored.scales.index(scale) for scale in SCALES]
    part = {  # the last look of one pipeline: (1, 1, scales, networks)
        name: values[number : number + 1, -1:, rows] for name, values in stored.measures.items()
    }
    last = StoredSweep(stored.pipelines[number : number + 1], [0], list(SCALES), part)
    means = {
        data: part[f"{data}_accuracy"][0, 0].mean(axis=1).round(_ROUND).tolist()
        for data in ("test", "train")
    }
    return {"name": last.names[0], **means, **spread_at(last, 0, 0)}


def _is_alike(pipeline: Pipeline, own: dict[str, Any]) -> bool:
    same = all(own[name] == getattr(pipeline, name) for name in ("optimizer", "learning_rate"))
    decays = (own["weight_decay"] > 0) == (pipeline.weight_decay > 0)
    return bool(same and decays and own["momentum"] == pipeline.momentum)
