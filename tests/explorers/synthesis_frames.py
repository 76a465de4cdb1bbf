"""Made-up results of the synthesis with the columns of the stored ones."""

from functools import cache
from itertools import product

import numpy as np
import pandas as pd

DIALS = {
    "architecture": ("relu", "sine"),
    "start": ("random", "guided", "learned"),
    "guide": ("none", "untrained", "trained"),
    "training": ("sgd", "decay", "adamw"),
}
GAIN = {"learned": 0.12, "guided": 0.02, "trained": 0.13, "untrained": 0.04, "decay": 0.03}
STEPS = (0, 5, 20, 80, 400)


@cache
def board_frame(seeds: int = 20) -> pd.DataFrame:
    """Return runs in which start and guide know the same, and decay unlocks sine networks."""
    rng = np.random.default_rng(3)
    rows = []
    for cell in product(*DIALS.values()):
        architecture, start, guide, training = cell
        reached = 0.55 + sum(GAIN.get(value, 0.0) for value in cell)
        reached -= 0.08 * (start == "learned") * (guide == "trained")
        if architecture == "sine":
            reached = reached - 0.02 if training == "decay" else 0.21
        for seed, step in product(range(seeds), STEPS):
            accuracy = 0.2 + (reached - 0.2) * (1 - np.exp(-step / 40)) + 0.03 * rng.normal()
            clock = 0.006 * step * (training == "decay")
            row = dict(zip(DIALS, cell, strict=True)) | {"seed": seed, "step": step, "clock": clock}
            final = step == STEPS[-1]
            told = {"complexity": 0.3, "start_cosine": np.exp(-clock / 2), "similarity": 0.4}
            told = {name: value if final else np.nan for name, value in told.items()}
            few = 0.5 if final else np.nan
            rows.append({**row, "accuracy": accuracy, "few_steps": few, **told, "final": final})
    return pd.DataFrame(rows)


@cache
def decay_frame(networks: int = 20) -> pd.DataFrame:
    """Return a learned start whose lead falls on the clock, and one that keeps it."""
    rng = np.random.default_rng(4)
    rates = ((0.03, 0.03), (0.1, 0.01), (0.1, 0.03), (0.3, 0.001), (0.3, 0.003), (0.3, 0.01))
    rows = []
    for (rate, decay), network in product((*rates, (0.1, 0.0)), range(networks)):
        for start, step in product(("random", "learned"), (0, 1, 3, 10, 30, 100, 300, 1000, 4000)):
            clock = 2 * rate * decay * step
            lead = 0.4 / (1 + clock) * (start == "learned")
            final = step == 4000 and start == "learned"
            half = {"half_clock": 1.0, "half_steps": 1 / (2 * rate * decay) if decay else np.inf}
            row = {"learning_rate": rate, "weight_decay": decay, "network": network}
            row |= {"start": start, "step": step, "clock": clock, "final": step == 4000}
            row |= {"accuracy": 0.4 + lead + 0.01 * rng.normal()}
            rows.append(row | {name: v if final else np.nan for name, v in half.items()})
    return pd.DataFrame(rows).assign(activation="tanh", optimizer="sgd", pull="zero")
