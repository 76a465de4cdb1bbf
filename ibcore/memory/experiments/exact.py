"""Exact models on sparse regression: what flow remembers, and what erases it on which clock."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from ibcore.memory.analytic import (
    DiagonalNet,
    FactorNet,
    effective_scale,
    sign_balance,
    sign_descent,
    woodworth_solution,
)
from ibcore.runs import Experiment
from ibcore.tasks import SparseRegression, sparse_regression, stack_problems

# What the experiments on exact models share: problems, ways to train, and what is measured.


@dataclass(frozen=True)
class Problems:
    """Sparse regressions, one for each seed; the seed also draws batches and label noise."""

    points: int = 20
    features: int = 40
    nonzero: int = 3
    seeds: int = 10


SPARSE = Problems()


@dataclass(frozen=True)
class Training:
    """How diagonal nets are trained: by flow where there is no learning rate, else by steps."""

    name: str
    weight_scale: tuple[float, ...] = (0.03, 0.1, 0.3, 1.0, 3.0)
    weight_decay: float = 0.0
    time: float = 80.0
    learning_rate: float = 0.0
    batch_size: int = 1
    label_noise: float = 0.0


def draw_problems(problems: Problems, device: torch.device) -> SparseRegression:
    """Return one problem for each seed, stacked.

    Examples
    --------
    >>> draw_problems(Problems(seeds=2), torch.device("cpu")).x.shape
    torch.Size([2, 20, 40])
    """
    size = {"points": problems.points, "features": problems.features, "nonzero": problems.nonzero}
    task = stack_problems([sparse_regression(seed=s, **size) for s in range(problems.seeds)])
    return SparseRegression(task.x.to(device), task.y.to(device), task.truth.to(device))


def grid_frame(**axes: Iterable[Any]) -> pd.DataFrame:
    """Return one row for every combination of the axes, the last one changing fastest.

    Examples
    --------
    >>> grid_frame(weight_scale=(0.1, 1.0), seed=range(3)).shape
    (6, 2)
    """
    return pd.MultiIndex.from_product(list(axes.values()), names=list(axes)).to_frame(index=False)


def starts(scales: tuple[float, ...], task: SparseRegression) -> DiagonalNet:
    """Return nets (scales, 1, d), to be trained on every problem.

    Examples
    --------
    >>> starts((0.1, 1.0), draw_problems(Problems(), torch.device("cpu"))).p.shape
    torch.Size([2, 1, 40])
    """
    column = torch.tensor(scales, dtype=torch.float64, device=task.x.device)[:, None]
    return DiagonalNet.start(column, features=task.x.shape[-1], device=task.x.device)


def train_nets(net: DiagonalNet, task: SparseRegression, how: Training) -> DiagonalNet:
    """Train nets of shape (scales, seeds, d) or (scales, 1, d) on every problem."""
    if not how.learning_rate:
        return net.flow(task.x, task.y, time=how.time, weight_decay=how.weight_decay)
    return net.train(
        task.x,
        task.y,
        steps=round(how.time / how.learning_rate),
        learning_rate=how.learning_rate,
        weight_decay=how.weight_decay,
        batch_size=how.batch_size,
        label_noise=how.label_noise,
        seed=range(len(task.x)),
    )


def measure_nets(net: DiagonalNet, task: SparseRegression) -> dict[str, Tensor]:
    """Return what is known of nets (scales, seeds, d), each (scales, seeds).

    ``distance_to_curve`` is the distance to the coefficients of least potential with the same
    outputs and effective scales.
    """
    least = woodworth_solution(task.x, net.predict(task.x), net.scale)
    return {
        "effective_scale": net.mean_scale,
        "excess_risk": task.excess_risk(net.beta),
        "train_error": 2 * net.loss(task.x, task.y),
        "distance_to_curve": (net.beta - least).norm(dim=-1),
    }


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


# Decay for a part of training: what it erases is as if never given, and stays away.

_ENOUGH = 1e6  # flow time after which the labels are fitted to rounding at the scales used here


@dataclass(frozen=True)
class Forgetting:
    """Decay for each of some times, then flow without it until the labels are fitted."""

    weight_scale: tuple[float, ...] = (0.1, 1.0, 3.0)
    weight_decay: float = 0.03
    time: tuple[float, ...] = (0.0, 5.0, 10.0, 20.0, 40.0, 60.0, 80.0, 100.0, 120.0)
    problems: Problems = SPARSE


@dataclass(frozen=True)
class Schedule:
    """Decay in the first or the last part of training only, by flow and by steps."""

    weight_scale: float = 1.0
    weight_decay: float = 0.03
    time: float = 160.0
    share: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    when: tuple[str, ...] = ("first", "last")
    learning_rate: float = 5e-3  # of the steps, on one point each
    problems: Problems = SPARSE


@dataclass(frozen=True)
class Phases:
    """One schedule."""

    method: str
    share: float
    when: str
    schedule: Schedule


def _run_forgetting(cell: Forgetting, device: torch.device) -> pd.DataFrame:
    """Return one row per time of decay, scale and seed.

    ``excess_risk`` is that after decay and flow, ``distance`` from there to flow from the
    closed-form scale, ``moved`` to flow from the initial scale; ``risk_before`` is the risk
    at the end of the decay.
    """
    task = draw_problems(cell.problems, device)
    initial = starts(cell.weight_scale, task)
    decayed = initial.flow(task.x, task.y, time=list(cell.time), weight_decay=cell.weight_decay)
    late = decayed.flow(task.x, task.y, time=_ENOUGH)
    scales = torch.tensor(
        [
            [effective_scale(a, time=t, weight_decay=cell.weight_decay) for a in cell.weight_scale]
            for t in cell.time
        ],
        dtype=torch.float64,
        device=device,
    )[..., None]  # (times, scales, 1)
    fresh = DiagonalNet.start(scales, features=cell.problems.features, device=device)
    fresh = fresh.flow(task.x, task.y, time=_ENOUGH)
    frame = grid_frame(
        time=cell.time, weight_scale=cell.weight_scale, seed=range(cell.problems.seeds)
    )
    kept = initial.flow(task.x, task.y, time=_ENOUGH)
    columns = {
        "effective_scale": scales.expand(*late.mean_scale.shape),
        "excess_risk": task.excess_risk(late.beta),
        "risk_before": task.excess_risk(decayed.beta),
        "distance": (late.beta - fresh.beta).norm(dim=-1),
        "moved": (late.beta - kept.beta).norm(dim=-1),
    }
    return frame.assign(**{name: values.flatten().tolist() for name, values in columns.items()})


def _run_schedule(cell: Phases, device: torch.device) -> pd.DataFrame:
    """Return one row per seed; ``_switch`` marks what holds where the decay changes."""
    plan, task = cell.schedule, draw_problems(cell.schedule.problems, device)
    rate = plan.learning_rate if cell.method == "steps" else 0.0
    on = Training("on", weight_decay=plan.weight_decay, learning_rate=rate)
    parts = [replace(on, time=plan.time * cell.share)]
    parts.append(replace(on, weight_decay=0.0, time=plan.time * (1 - cell.share)))
    net = starts((plan.weight_scale,), task)
    net = DiagonalNet(*(w.expand(1, *task.truth.shape) for w in (net.p, net.q)))
    frame = grid_frame(seed=range(plan.problems.seeds))
    frame.insert(0, "method", cell.method)
    frame.insert(1, "share", cell.share)
    frame.insert(2, "when", cell.when)
    for end, how in zip(
        ("_switch", ""), parts if cell.when == "first" else parts[::-1], strict=True
    ):
        net = train_nets(net, task, how) if how.time else net
        for name, values in measure_nets(net, task).items():
            frame[name + end] = values.flatten().tolist()
    return frame


def _phases(config: Schedule) -> list[Phases]:
    inner = [share for share in config.share if 0 < share < 1]
    ends = [share for share in config.share if share in (0, 1)]
    chosen = [*product(ends, ("first",)), *product(inner, config.when)]
    return [Phases(m, share, when, config) for m in ("flow", "steps") for share, when in chosen]


FORGETTING: Experiment[Forgetting, Forgetting] = Experiment(
    name="memory.diagonal-forgetting",
    question="Is a net after decay for a while the same as one from a smaller initial scale?",
    tiers={
        "smoke": Forgetting(time=(0.0, 40.0, 120.0), problems=_FEW),
        "laptop": Forgetting(),
        "paper": Forgetting(time=tuple(5.0 * k for k in range(31)), problems=_MANY),
    },
    cells=lambda config: [config],
    run_cell=_run_forgetting,
)

SCHEDULE: Experiment[Schedule, Phases] = Experiment(
    name="memory.diagonal-schedule",
    question="Does what decay erased stay erased once the decay is switched off?",
    tiers={
        "smoke": Schedule(share=(0.0, 0.5, 1.0), time=100.0, problems=_FEW),
        "laptop": Schedule(),
        "paper": Schedule(problems=_MANY),
    },
    cells=_phases,
    run_cell=_run_schedule,
)


# Sign descent against plain descent on the factor model: what each conserves and forgets.


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
