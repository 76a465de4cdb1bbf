"""Other measures of similarity as the second term of the loss, on equal terms with linear CKA."""

from dataclasses import replace

from ibcore.guidance.experiments.conditions import Condition
from ibcore.guidance.experiments.wide import (
    HALF,
    PAPER,
    SMOKE,
    Wide,
    WideNetwork,
    run_wide,
    wide_cells,
)
from ibcore.runs import Experiment

WEIGHTS = (0.5, 2.0, 8.0)


def distance_conditions(weights: tuple[float, ...] = WEIGHTS) -> tuple[Condition, ...]:
    """Return the unguided target, and an untrained CNN as the guide by each measure.

    Each has the weight, of the same few, with which it classifies the validation images best.

    Examples
    --------
    >>> [condition.name for condition in distance_conditions()][:3]
    ['unguided', 'linear CKA', 'RBF CKA']
    """
    return (
        Condition("unguided"),
        Condition("linear CKA", "untrained CNN", weights=weights),
        Condition("RBF CKA", "untrained CNN", kernel="rbf", weights=weights),
        Condition("RSA", "untrained CNN", measure="rsa", weights=weights),
        Condition("ridge", "untrained CNN", measure="ridge", weights=weights),
        Condition("Procrustes", "untrained CNN", measure="procrustes", weights=weights),
    )


def _few() -> tuple[Condition, ...]:
    """Return the conditions that are run in seconds, at one weight."""
    names = ("unguided", "linear CKA", "Procrustes")
    return tuple(c for c in distance_conditions((1.0,)) if c.name in names)


DISTANCES: Experiment[Wide, WideNetwork] = Experiment(
    name="guidance.measures",
    question="Does it matter by which measure of similarity a guide guides?",
    tiers={
        "smoke": Wide(SMOKE, _few(), networks=2),
        "laptop": Wide(HALF, distance_conditions()),
        "paper": Wide(replace(PAPER, batch_size=128), distance_conditions()),
    },
    cells=wide_cells,
    run_cell=run_wide,
)

EXPERIMENTS = (DISTANCES,)
