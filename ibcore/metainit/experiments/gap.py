"""By how much learned starts bring architectures together, against the budget of the others."""

from dataclasses import dataclass, replace

import pandas as pd
import torch

from ibcore.metainit.experiments.concept_tasks import (
    Concepts,
    Condition,
    Learned,
    Test,
    concept_cells,
)
from ibcore.metainit.experiments.concepts import BITS, SEVEN, SMOKE, run_concepts
from ibcore.metainit.experiments.learning import PAPER, Meta
from ibcore.metainit.gap import gap
from ibcore.runs import Experiment

ONE_STEP = 1


@dataclass(frozen=True)
class Together:
    """One network of every condition, compared on the same tasks."""

    conditions: tuple[Condition, ...]
    network: int
    meta: Meta
    test: Test
    concepts: int
    size: int
    seed: int


def gap_cells(config: Concepts) -> list[Together]:
    """Return one cell for each network.

    Examples
    --------
    >>> [cell.network for cell in gap_cells(Concepts(BITS, networks=2))]
    [0, 1]
    """
    sizes = (config.meta, config.test, config.concepts, config.size, config.seed)
    return [Together(config.conditions, network, *sizes) for network in range(config.networks)]


def gap_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the gaps of each view: one row for each network and budget of the random starts.

    ``gap_random`` and ``gap_meta`` are mean absolute differences of accuracy over all pairs of
    architectures, averaged over support sizes; learned starts take one step.  ``reduction`` is
    one minus their ratio, nan where there is nothing to reduce, and ``advantage`` by how much the
    learned starts are the more accurate.

    Parameters
    ----------
    frame
        As from `run_concepts`; views with a single architecture are left out.

    Examples
    --------
    >>> rows = [("bits", a, m, b, 5, s, 0, 0) for a, m, b, s in (
    ...     ("MLP", "meta", 1, 0.9), ("LSTM", "meta", 1, 0.8),
    ...     ("MLP", "random", 50, 0.8), ("LSTM", "random", 50, 0.6))]
    >>> names = "view architecture method budget support accuracy network seed".split()
    >>> gap_table(pd.DataFrame(rows, columns=names)).reduction.round(6).tolist()
    [0.5]
    """
    rows = []
    for (view, network, seed), part in frame.groupby(["view", "network", "seed"]):
        if part.architecture.nunique() < 2:
            continue
        learned = part[(part.method == "meta") & (part.budget == ONE_STEP)]
        for budget, random in part[part.method == "random"].groupby("budget"):
            gaps = {"gap_random": _gap(random), "gap_meta": _gap(learned)}
            rows.append(
                {
                    "view": view,
                    "architectures": part.architecture.nunique(),
                    "budget": budget,
                    "network": network,
                    "seed": seed,
                    **gaps,
                    "reduction": _reduction(**gaps),
                    "advantage": learned.accuracy.mean() - random.accuracy.mean(),
                }
            )
    return pd.DataFrame(rows)


def _gap(part: pd.DataFrame) -> float:
    """Return the gap across architectures, averaged over support sizes."""
    table = part.pivot_table(index="support", columns="architecture", values="accuracy")
    gaps = [gap(scores[:, None]) for scores in table.to_numpy()]
    return sum(gaps) / len(gaps)


def _reduction(gap_random: float, gap_meta: float) -> float:
    return 1 - gap_meta / gap_random if gap_random else float("nan")


def run_gap(cell: Together, device: torch.device) -> pd.DataFrame:
    """Meta-train one network of every condition and return `gap_table` of them.

    Examples
    --------
    >>> test = Test(tasks=2, support=(5,), budgets=(0, 1), steps=(1,))
    >>> cell = gap_cells(Concepts(BITS[:2], Meta(steps=1), test))[0]
    >>> run_gap(cell, torch.device("cpu")).budget.tolist()
    [0, 1]
    """
    config = Concepts(cell.conditions, cell.meta, cell.test, 1, cell.concepts, cell.size, cell.seed)
    own: list[Learned] = [replace(c, network=cell.network) for c in concept_cells(config)]
    return gap_table(pd.concat([run_concepts(each, device) for each in own]))


_FINE = (1, 10, 25, 50, 100, 200)

GAP: Experiment[Concepts, Together] = Experiment(
    name="metainit.gap",
    question="How much smaller is the gap across architectures, at which budget of the baseline?",
    tiers={
        "smoke": replace(SMOKE, conditions=BITS[:2]),
        "laptop": Concepts(BITS, test=Test(budgets=_FINE)),
        "paper": Concepts(
            SEVEN, PAPER, Test(tasks=100, budgets=(*_FINE, 500, 1000)), networks=10, size=32
        ),
    },
    cells=gap_cells,
    run_cell=run_gap,
)

EXPERIMENTS = (GAP,)
