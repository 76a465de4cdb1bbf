"""Exact models on sparse regression: what flow remembers, and what erases it on which clock."""

from dataclasses import dataclass, replace

import pandas as pd
import torch

from ibcore.memory.experiments import erasure, signs
from ibcore.memory.experiments.sparse_nets import (
    SPARSE,
    Problems,
    Training,
    draw_problems,
    grid_frame,
    measure_nets,
    starts,
    train_nets,
)
from ibcore.runs import Experiment


@dataclass(frozen=True)
class Diagonal:
    """Ways to train, each at all its scales."""

    training: tuple[Training, ...]
    problems: Problems = SPARSE


@dataclass(frozen=True)
class Trained:
    """One way to train."""

    training: Training
    problems: Problems


def _run_training(cell: Trained, device: torch.device) -> pd.DataFrame:
    """Return one row per scale and seed.

    ``shrinkage`` is ln(weight_scale / effective_scale).
    """
    how, task = cell.training, draw_problems(cell.problems, device)
    net = train_nets(starts(how.weight_scale, task), task, how)
    frame = grid_frame(weight_scale=how.weight_scale, seed=range(cell.problems.seeds))
    frame.insert(0, "method", how.name)
    for name, values in measure_nets(net, task).items():
        frame[name] = values.flatten().tolist()
    ratio = frame["weight_scale"] / frame["effective_scale"]
    frame["shrinkage"] = torch.tensor(ratio.to_numpy()).log().tolist()
    return frame


_STEPS = Training("", weight_scale=(0.03, 0.1, 0.3, 1.0), time=200.0, learning_rate=5e-3)
_WAYS = (
    Training("flow"),
    Training("flow with decay", weight_decay=0.03),
    replace(_STEPS, name="steps"),
    replace(_STEPS, name="steps with label noise", label_noise=1.0),
    replace(_STEPS, name="steps with label noise, batch 5", label_noise=1.0, batch_size=5),
)
_FEW, _MANY = Problems(seeds=4), Problems(seeds=100)

DIAGONAL: Experiment[Diagonal, Trained] = Experiment(
    name="memory.diagonal",
    question="Which ways to train a diagonal net remember its initial scale?",
    tiers={
        "smoke": Diagonal(
            tuple(replace(way, weight_scale=(0.1, 1.0), time=min(way.time, 80.0)) for way in _WAYS),
            _FEW,
        ),
        "laptop": Diagonal(_WAYS),
        "paper": Diagonal(_WAYS, _MANY),
    },
    cells=lambda config: [Trained(way, config.problems) for way in config.training],
    run_cell=_run_training,
)

EXPERIMENTS = (DIAGONAL, *erasure.EXPERIMENTS, *signs.EXPERIMENTS)
