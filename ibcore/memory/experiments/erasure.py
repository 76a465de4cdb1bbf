"""Decay for a part of training: what it erases is as if never given, and stays away."""

from dataclasses import dataclass, replace
from itertools import product

import pandas as pd
import torch

from ibcore.memory.analytic import DiagonalNet, effective_scale
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


_FEW, _MANY = Problems(seeds=4), Problems(seeds=100)

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

EXPERIMENTS = (FORGETTING, SCHEDULE)
