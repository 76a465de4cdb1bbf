"""Networks that learn a task after they have fitted random labels, and whether it shows."""

from dataclasses import dataclass, replace

import pandas as pd
import torch
from torch import Tensor

from ibcore.population import Population, member_seed
from ibcore.redshift.experiments.modular import (
    Learner,
    Learners,
    accuracy,
    complexity,
    fit,
    sample_learners,
    sample_tasks,
)
from ibcore.runs import Experiment
from ibcore.runtime import generator


@dataclass(frozen=True)
class Hysteresis:
    """Networks learn modular addition fresh, and after they have fitted random labels.

    ``kinds`` are pairs of activation and prefactor.  How the detour is made is our choice: the
    training points are the same, and each label is drawn with probability 1/2.
    """

    kinds: tuple[tuple[str, float], ...] = (("relu", 1.0), ("sine", 1.0), ("sine", 3.0))
    modulus: int = 10
    learner: Learner = Learner()  # noqa: RUF009 -- frozen
    detour_steps: int = 2000
    networks: int = 20
    grid: int = 48
    seed: int = 0


@dataclass(frozen=True)
class Detour:
    """One kind of network, with and without the detour."""

    learners: Learners
    detour_steps: int


def random_labels(shape: tuple[int, int], seed: int) -> Tensor:
    """Return labels (m, n) of 0 and 1, each member's from a generator of its own.

    Examples
    --------
    >>> random_labels((2, 4), seed=0).unique().tolist()
    [0, 1]
    """
    members, points = shape
    draws = [
        torch.randint(2, (points,), generator=generator(member_seed(member_seed(seed, i), 2)))
        for i in range(members)
    ]
    return torch.stack(draws)


def _run_detour(cell: Detour, device: torch.device) -> pd.DataFrame:
    """Return one row per phase and network.

    ``train_accuracy`` is that on the labels of the phase, ``test_accuracy`` that on the task.
    """
    plain = cell.learners
    long = replace(plain, learner=replace(plain.learner, steps=cell.detour_steps))
    data, start = sample_tasks(plain, device), sample_learners(plain, 1, device)
    x, y = data["train_x"], data["train_y"]
    noise = random_labels((len(y), y.shape[1]), plain.seed).to(device)
    detour, _ = fit(long, start, x, noise)
    phases: dict[str, tuple[Population, Tensor]] = {
        "initial": (start, y),
        "fresh": (fit(plain, start, x, y)[0], y),
        "random labels": (detour, noise),
        "after random labels": (fit(plain, detour, x, y)[0], y),
    }
    rows = [
        pd.DataFrame(
            {
                "activation": plain.activation,
                "prefactor": plain.prefactor,
                "phase": phase,
                "network": range(plain.networks),
                "seed": plain.seed,
                "train_accuracy": accuracy(networks, x, labels),
                "test_accuracy": accuracy(networks, data["test_x"], data["test_y"]),
                "complexity": complexity(networks, plain.grid),
            }
        )
        for phase, (networks, labels) in phases.items()
    ]
    return pd.concat(rows, ignore_index=True)


def _cells(config: Hysteresis) -> list[Detour]:
    size = (config.networks, config.grid, config.seed)
    return [
        Detour(
            Learners(activation, prefactor, (config.modulus,), config.learner, *size),
            config.detour_steps,
        )
        for activation, prefactor in config.kinds
    ]


HYSTERESIS: Experiment[Hysteresis, Detour] = Experiment(  # appendix E.3 of the paper
    name="redshift.hysteresis",
    question="Is a network that starts from a complex function complex after training?",
    tiers={
        "smoke": Hysteresis(
            kinds=(("relu", 1.0), ("sine", 3.0)),
            learner=Learner(steps=600),
            detour_steps=600,
            networks=4,
            grid=32,
        ),
        "laptop": Hysteresis(),
        "paper": Hysteresis(
            learner=Learner(steps=5000), detour_steps=10_000, networks=100, grid=64
        ),
    },
    cells=_cells,
    run_cell=_run_detour,
)

EXPERIMENTS = (HYSTERESIS,)
