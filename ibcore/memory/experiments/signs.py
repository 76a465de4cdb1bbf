"""Sign descent against plain descent on the factor model: what each conserves and forgets."""

from dataclasses import dataclass, replace

import pandas as pd
import torch

from ibcore.memory.analytic import FactorNet, sign_balance, sign_descent
from ibcore.memory.experiments.sparse_nets import SPARSE, Problems, draw_problems, grid_frame
from ibcore.runs import Experiment


@dataclass(frozen=True)
class Signs:
    """Factor nets started from u = 2 weight_scale and v = 0, trained on all points.

    The start is that of the diagonal net with p = q = weight_scale: both are 0 as functions.
    """

    method: tuple[str, ...] = ("descent", "sign descent", "sign descent with decay")
    weight_scale: tuple[float, ...] = (0.03, 0.1, 0.3, 1.0, 3.0)
    steps: int = 8000
    learning_rate: float = 5e-3
    final_rate: float = 1e-3  # of sign descent, relative to the first
    weight_decay: float = 0.1  # where there is decay
    problems: Problems = SPARSE


@dataclass(frozen=True)
class Sign:
    """One method."""

    method: str
    config: Signs


def _train(cell: Sign, net: FactorNet, x: torch.Tensor, y: torch.Tensor) -> FactorNet:
    plan = cell.config
    if cell.method == "descent":
        return net.train(x, y, steps=plan.steps, learning_rate=plan.learning_rate)
    return sign_descent(
        net,
        x,
        y,
        steps=plan.steps,
        learning_rate=plan.learning_rate,
        weight_decay=plan.weight_decay if cell.method.endswith("decay") else 0.0,
        final_rate=plan.final_rate,
    )


def _run(cell: Sign, device: torch.device) -> pd.DataFrame:
    """Return one row per scale and seed.

    ``size_balance`` and ``square_balance`` are the means over coordinates of |u| - |v| and of
    u^2 - v^2, relative to the start; ``distance`` is that of the coefficients to those from the
    smallest scale.
    """
    plan, task = cell.config, draw_problems(cell.config.problems, device)
    scales = torch.tensor(plan.weight_scale, dtype=torch.float64, device=device)[:, None, None]
    u = (2 * scales).expand(len(scales), *task.truth.shape)
    lead = (len(scales), -1, -1)
    x, y = task.x.expand(len(scales), *task.x.shape), task.y.expand(*lead)
    net = _train(cell, FactorNet(u, torch.zeros_like(u)), x, y)
    columns = {
        "excess_risk": task.excess_risk(net.product),
        "train_error": (net.predict(x) - y).square().mean(-1),
        "size_balance": (sign_balance(net) / (2 * scales)).mean(-1),
        "square_balance": (net.balance / (2 * scales) ** 2).mean(-1),
        "distance": (net.product - net.product[0]).norm(dim=-1),
    }
    frame = grid_frame(weight_scale=plan.weight_scale, seed=range(plan.problems.seeds))
    frame.insert(0, "method", cell.method)
    return frame.assign(**{name: values.flatten().tolist() for name, values in columns.items()})


_LAPTOP = Signs()

SIGNS: Experiment[Signs, Sign] = Experiment(
    name="memory.sign-descent",
    question="Does sign descent forget the initial scale that plain descent remembers?",
    tiers={
        "smoke": replace(_LAPTOP, weight_scale=(0.1, 1.0), steps=4000, problems=Problems(seeds=4)),
        "laptop": _LAPTOP,
        "paper": replace(_LAPTOP, steps=40_000, learning_rate=1e-3, problems=Problems(seeds=100)),
    },
    cells=lambda config: [Sign(method, config) for method in config.method],
    run_cell=_run,
)

EXPERIMENTS = (SIGNS,)
