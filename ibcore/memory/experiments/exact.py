"""Exact models on sparse regression: what flow remembers, and what erases it on which clock."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from ibcore.memory.analytic.diagonal import DiagonalNet, effective_scale, woodworth_solution
from ibcore.memory.analytic.factor import FactorNet, sign_balance, sign_descent
from ibcore.runs.experiment import Cell, Experiment, design
from ibcore.tasks import SparseRegression, sparse_regression, stack_problems

# What the experiments on exact models share: problems, ways to train, and what is measured.


def draw_problems(problems: Mapping[str, int], device: torch.device) -> SparseRegression:
    """Return one problem for each seed, stacked; the seed also draws batches and label noise.

    Examples
    --------
    >>> draw_problems({**FEW, "seeds": 2}, torch.device("cpu")).x.shape
    torch.Size([2, 20, 40])
    """
    size = {name: problems[name] for name in ("points", "features", "nonzero")}
    task = stack_problems([sparse_regression(seed=s, **size) for s in range(problems["seeds"])])
    return SparseRegression(task.x.to(device), task.y.to(device), task.truth.to(device))


def _table(columns: Mapping[str, Tensor], **axes: Iterable[Any]) -> pd.DataFrame:
    """Return one row for every combination of the axes, the last one changing fastest."""
    frame = pd.MultiIndex.from_product(list(axes.values()), names=list(axes)).to_frame(index=False)
    return frame.assign(**{name: values.flatten().tolist() for name, values in columns.items()})


def starts(scales: Sequence[float], task: SparseRegression) -> DiagonalNet:
    """Return nets (scales, 1, d), to be trained on every problem.

    Examples
    --------
    >>> starts((0.1, 1.0), draw_problems(FEW, torch.device("cpu"))).p.shape
    torch.Size([2, 1, 40])
    """
    column = torch.tensor(scales, dtype=torch.float64, device=task.x.device)[:, None]
    return DiagonalNet.start(column, features=task.x.shape[-1], device=task.x.device)


def train_nets(
    net: DiagonalNet,
    task: SparseRegression,
    *,
    time: float,
    weight_decay: float,
    learning_rate: float,
    **options: Any,
) -> DiagonalNet:
    """Train nets (scales, seeds, d) or (scales, 1, d) on every problem; by flow at rate 0."""
    if not learning_rate:
        return net.flow(task.x, task.y, time=time, weight_decay=weight_decay)
    return net.train(
        task.x,
        task.y,
        steps=round(time / learning_rate),
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        seed=range(len(task.x)),
        **options,
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


def _run_training(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Return one row per scale and seed.

    ``shrinkage`` is ln(weight_scale / effective_scale).
    """
    how, task = dict(cell["training"]), draw_problems(cell["problems"], device)
    method, scales = how.pop("name"), how.pop("weight_scale")
    measures = measure_nets(train_nets(starts(scales, task), task, **how), task)
    seeds = range(cell["problems"]["seeds"])
    frame = _table(measures, method=(method,), weight_scale=scales, seed=seeds)
    ratio = frame["weight_scale"] / frame["effective_scale"]
    return frame.assign(shrinkage=torch.tensor(ratio.to_numpy()).log().tolist())


# Decay for a part of training: what it erases is as if never given, and stays away.

_ENOUGH = 1e6  # flow time after which the labels are fitted to rounding at the scales used here


def _run_forgetting(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Return one row per time of decay, scale and seed.

    ``excess_risk`` is that after decay and flow, ``distance`` from there to flow from the
    closed-form scale, ``moved`` to flow from the initial scale; ``risk_before`` is the risk
    at the end of the decay.
    """
    problems, decay = cell["problems"], cell["weight_decay"]
    task = draw_problems(problems, device)
    initial = starts(cell["weight_scale"], task)
    decayed = initial.flow(task.x, task.y, time=list(cell["time"]), weight_decay=decay)
    late = decayed.flow(task.x, task.y, time=_ENOUGH)
    scales = torch.tensor(
        [
            [effective_scale(a, time=t, weight_decay=decay) for a in cell["weight_scale"]]
            for t in cell["time"]
        ],
        dtype=torch.float64,
        device=device,
    )[..., None]  # (times, scales, 1)
    fresh = DiagonalNet.start(scales, features=problems["features"], device=device)
    fresh = fresh.flow(task.x, task.y, time=_ENOUGH)
    kept = initial.flow(task.x, task.y, time=_ENOUGH)
    columns = {
        "effective_scale": scales.expand(*late.mean_scale.shape),
        "excess_risk": task.excess_risk(late.beta),
        "risk_before": task.excess_risk(decayed.beta),
        "distance": (late.beta - fresh.beta).norm(dim=-1),
        "moved": (late.beta - kept.beta).norm(dim=-1),
    }
    axes = {name: cell[name] for name in ("time", "weight_scale")}
    return _table(columns, **axes, seed=range(problems["seeds"]))


def _run_schedule(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Return one row per seed; ``_switch`` marks what holds where the decay changes."""
    plan, task = cell["schedule"], draw_problems(cell["schedule"]["problems"], device)
    rate = plan["learning_rate"] if cell["method"] == "steps" else 0.0
    how: dict[str, Any] = {"learning_rate": rate, "batch_size": 1}
    phases = [(cell["share"], plan["weight_decay"]), (1 - cell["share"], 0.0)]
    net = starts((plan["weight_scale"],), task)
    net = DiagonalNet(*(w.expand(1, *task.truth.shape) for w in (net.p, net.q)))
    columns: dict[str, Tensor] = {}
    for end, (share, decay) in zip(
        ("_switch", ""), phases if cell["when"] == "first" else phases[::-1], strict=True
    ):
        time = plan["time"] * share
        net = train_nets(net, task, time=time, weight_decay=decay, **how) if time else net
        columns |= {name + end: values for name, values in measure_nets(net, task).items()}
    axes = {name: (cell[name],) for name in ("method", "share", "when")}
    return _table(columns, **axes, seed=range(plan["problems"]["seeds"]))


# Sign descent against plain descent on the factor model: what each conserves and forgets.


def _train_factors(cell: Cell, net: FactorNet, x: Tensor, y: Tensor) -> FactorNet:
    plan = cell["config"]
    pace = {name: plan[name] for name in ("steps", "learning_rate")}
    if cell["method"] == "descent":
        return net.train(x, y, **pace)
    decay = plan["weight_decay"] if cell["method"].endswith("decay") else 0.0
    return sign_descent(net, x, y, weight_decay=decay, final_rate=plan["final_rate"], **pace)


def _run_signs(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Return one row per scale and seed.

    Factor nets start from u = 2 weight_scale and v = 0, the function and the scales of the
    diagonal net with p = q = weight_scale.  ``size_balance`` and ``square_balance`` are the means
    over coordinates of |u| - |v| and of u^2 - v^2, relative to the start; ``distance`` is that of
    the coefficients to those from the smallest scale.
    """
    plan, task = cell["config"], draw_problems(cell["config"]["problems"], device)
    scales = torch.tensor(plan["weight_scale"], dtype=torch.float64, device=device)[:, None, None]
    u = (2 * scales).expand(len(scales), *task.truth.shape)
    lead = (len(scales), -1, -1)
    x, y = task.x.expand(len(scales), *task.x.shape), task.y.expand(*lead)
    net = _train_factors(cell, FactorNet(u, torch.zeros_like(u)), x, y)
    columns = {
        "excess_risk": task.excess_risk(net.product),
        "train_error": (net.predict(x) - y).square().mean(-1),
        "size_balance": (sign_balance(net) / (2 * scales)).mean(-1),
        "square_balance": (net.balance / (2 * scales) ** 2).mean(-1),
        "distance": (net.product - net.product[0]).norm(dim=-1),
    }
    axes = {"method": (cell["method"],), "weight_scale": plan["weight_scale"]}
    return _table(columns, **axes, seed=range(plan["problems"]["seeds"]))


# What each experiment varies, at every tier.

FEW, SOME, MANY = (
    {"points": 20, "features": 40, "nonzero": 3, "seeds": seeds} for seeds in (4, 10, 100)
)
FIVE = (0.03, 0.1, 0.3, 1.0, 3.0)
FLOW = {
    "name": "flow",
    "weight_scale": FIVE,
    "weight_decay": 0.0,
    "time": 80.0,
    "learning_rate": 0.0,
    "batch_size": 1,
    "label_noise": 0.0,
}
STEPS = {**FLOW, "name": "steps", "weight_scale": FIVE[:4], "time": 200.0, "learning_rate": 5e-3}
WAYS = (
    FLOW,
    {**FLOW, "name": "flow with decay", "weight_decay": 0.03},
    STEPS,
    {**STEPS, "name": "steps with label noise", "label_noise": 1.0},
    {**STEPS, "name": "steps with label noise, batch 5", "label_noise": 1.0, "batch_size": 5},
)
TIMES = (0.0, 5.0, 10.0, 20.0, 40.0, 60.0, 80.0, 100.0, 120.0)
FORGOTTEN = {"weight_scale": (0.1, 1.0, 3.0), "weight_decay": 0.03}
SIGN: dict[str, Any] = {
    "method": ("descent", "sign descent", "sign descent with decay"),
    "weight_scale": FIVE,
    "steps": 8000,
    "learning_rate": 5e-3,
    "final_rate": 1e-3,  # of sign descent, relative to the first
    "weight_decay": 0.1,  # where there is decay
    "problems": SOME,
}


def _schedules(
    *shares: float, time: float = 160.0, problems: Mapping[str, int] = SOME
) -> list[Cell]:
    """Return decay in the first or the last part of training only; never, or throughout, once."""
    schedule = {
        "weight_scale": 1.0,
        "weight_decay": 0.03,
        "time": time,
        "share": (0.0, *shares, 1.0),
        "when": ("first", "last"),
        "learning_rate": 5e-3,  # of the steps, on one point each
        "problems": problems,
    }
    factors = {"method": ("flow", "steps"), "share": (0.0, 1.0, *shares), "when": ("first", "last")}
    cells = design(factors, schedule=schedule)
    return [cell for cell in cells if cell["when"] == "first" or cell["share"] in shares]


def _signs(**changes: Any) -> list[Cell]:
    config = {**SIGN, **changes}
    return design({"method": SIGN["method"]}, config=config)


# Shown in: idea, "Which training remembers?"; claims memory.flow-remembers, label-noise-shrinks,
# quiet-steps-remember, noise-clock-batch, noise-stays-on-curve, diagonal-decay-forgets.
DIAGONAL = Experiment(
    "memory.diagonal",
    "Which ways to train a diagonal net remember its initial scale?",
    {
        "smoke": design(
            {"training": [{**way, "weight_scale": (0.1, 1.0), "time": 80.0} for way in WAYS]},
            problems=FEW,
        ),
        "laptop": design({"training": WAYS}, problems=SOME),
        "paper": design({"training": WAYS}, problems=MANY),
    },
    _run_training,
)

# Decay for each of some times, then flow without it until the labels are fitted.  Shown in: idea,
# "The exact forgetting time"; claims memory.decay-equals-fresh-start, spread-grows-first,
# spread-collapses.
FORGETTING = Experiment(
    "memory.diagonal-forgetting",
    "Is a net after decay for a while the same as one from a smaller initial scale?",
    {
        "smoke": design({}, time=(0.0, 40.0, 120.0), problems=FEW, **FORGOTTEN),
        "laptop": design({}, time=TIMES, problems=SOME, **FORGOTTEN),
        "paper": design({"time": [(5.0 * k,) for k in range(31)]}, problems=MANY, **FORGOTTEN),
    },
    _run_forgetting,
)

# Shown in: idea, "The exact forgetting time"; claims memory.forgotten-stays-forgotten,
# decay-first-suffices, late-decay-unfits.
SCHEDULE = Experiment(
    "memory.diagonal-schedule",
    "Does what decay erased stay erased once the decay is switched off?",
    {
        "smoke": _schedules(0.5, time=100.0, problems=FEW),
        "laptop": _schedules(0.25, 0.5, 0.75),
        "paper": _schedules(0.25, 0.5, 0.75, problems=MANY),
    },
    _run_schedule,
)

# Shown in: idea, "Break it"; claims memory.sign-descent-conserves, sign-descent-moves-squares,
# sign-descent-risk, sign-bad.
SIGNS = Experiment(
    "memory.sign-descent",
    "Does sign descent forget the initial scale that plain descent remembers?",
    {
        "smoke": _signs(weight_scale=(0.1, 1.0), steps=4000, problems=FEW),
        "laptop": _signs(),
        "paper": _signs(steps=40_000, learning_rate=1e-3, problems=MANY),
    },
    _run_signs,
)
