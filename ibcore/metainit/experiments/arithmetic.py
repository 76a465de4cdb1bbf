"""Modular arithmetic from a few examples: moduli seen, between those seen, and beyond them."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ibcore.metainit.baselines import optimizer_curve, rates_curve, squared_error
from ibcore.metainit.experiments.architectures import (
    LARGE,
    PAPER,
    Meta,
    Net,
    build,
    conditions,
    meta_learn,
    present,
    random_start,
)
from ibcore.metainit.learner import MetaLearner
from ibcore.population import member_seed
from ibcore.runs.experiment import Cell, Experiment, design
from ibcore.tasks import (
    Episodes,
    Split,
    constant_predictor,
    moduli,
    number_inputs,
    remainder_tables,
    table_episodes,
)

NOISE = 0.1  # standard deviation on the support set, as in the paper's public code
TEST_SEED = 2_000_003
PERIODS = tuple(float(period) for period in range(2, 41))  # of the circular features


def number_objects(cell: Cell, device: torch.device) -> Tensor:
    """Return the numbers 0 to 99 as the network of a cell reads them."""
    view = cell["condition"]["view"]
    x = number_inputs(view, size=cell["size"], periods=PERIODS if view == "circular" else ())
    return present(cell["condition"]["net"], x).to(device)


def learn_moduli(cell: Cell, device: torch.device) -> MetaLearner:
    """Meta-learn a start on the training moduli of a cell."""
    x = number_objects(cell, device)
    model = build(cell["condition"]["net"], tuple(x.shape[1:]), 1).to(device)
    start = random_start(model, cell["network"], seed=cell["seed"], device=device)
    tables, tasks = remainder_tables(moduli(cell["split"]).train).to(device), cell["meta"].tasks

    def draw(seed: int) -> Episodes:
        return table_episodes(x, tables, tasks=tasks, support=(10, 100), noise=NOISE, seed=seed)

    seed = member_seed(cell["seed"], cell["network"])
    return meta_learn(model, start, draw, cell["meta"], loss="mse", seed=seed)


def drawn_episodes(cell: Cell, tables: Tensor, support: int, repeat: int = 0) -> Episodes:
    """Return the support sets on which a network is tested, one for each modulus."""
    x = number_objects(cell, tables.device)
    seed = member_seed(TEST_SEED + repeat, cell["network"])
    return table_episodes(x, tables, support=support, noise=NOISE, seed=seed)


def _labels(cell: Cell) -> dict[str, str | int]:
    return {
        "split": cell["split"],
        "architecture": cell["condition"]["net"].architecture,
        "view": cell["condition"]["view"],
        "network": cell["network"],
        "seed": cell["seed"],
    }


def run_arithmetic(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Meta-train one network and return a row for each modulus, support size and method.

    The methods are ``meta`` with 0 and 1 steps, and ``ridge``: the best linear function of the
    same inputs under a penalty, without any network.  ``error`` is the mean squared error over
    all 100 numbers, averaged over support sets, and ``constant`` that of the best constant, which
    is 0 for the modulus 1; ``moduli`` says whether the modulus belongs to the training or the
    test moduli of the split.
    """
    learner, parts = learn_moduli(cell, device), []
    for kind, chosen in zip(("train", "test"), moduli(cell["split"]), strict=True):
        tables, line = remainder_tables(chosen).to(device), constant_predictor(chosen).tolist()
        for support in cell["support"]:
            columns = {"moduli": kind, "modulus": chosen, "support": support, "constant": line}
            for (method, budget), errors in _errors(cell, learner, tables, support).items():
                frame = pd.DataFrame(columns | {"error": errors.tolist()})
                parts.append(frame.assign(method=method, budget=budget))
    return pd.DataFrame(_labels(cell), index=range(1)).merge(pd.concat(parts), how="cross")


def _errors(
    cell: Cell, learner: MetaLearner, tables: Tensor, support: int
) -> dict[tuple[str, int], Tensor]:
    """Return the errors of each method and budget on each modulus, float64, (moduli,)."""
    found = defaultdict(list)
    for repeat in range(cell["repeats"]):
        drawn = drawn_episodes(cell, tables, support, repeat)
        outputs = {("ridge", 0): ridge(drawn.support, drawn.query[0])}
        for budget in (0, 1):
            steps = learner.predict(drawn.support, drawn.query[0], inner_steps=budget)
            outputs["meta", budget] = steps
        for method, values in outputs.items():
            found[method].append(squared_error(values, drawn.query[1]))
    return {method: torch.stack(errors).mean(0).cpu() for method, errors in found.items()}


def ridge(support: tuple[Tensor, Tensor], x: Tensor, *, penalty: float = 1.0) -> Tensor:
    r"""Return the predictions of ridge regression on each task, float64.

    .. math:: \hat y(x) = \bar y + w^\top (x - \bar x),\qquad
              w = \arg\min_w \sum_i (\hat y(x_i) - y_i)^2 + \lambda \lVert w \rVert^2

    Parameters
    ----------
    support
        Inputs (tasks, n, ...), taken as vectors, and targets (tasks, n, 1).
    x
        Where to predict, (tasks, q, ...).
    penalty
        :math:`\lambda`.

    Examples
    --------
    >>> points = torch.tensor([[[0.0], [1.0], [2.0]]])
    >>> ridge((points, 3 * points), points, penalty=1e-9)[0].flatten().round(decimals=3).tolist()
    [0.0, 3.0, 6.0]
    """
    inputs, targets = support[0].double().flatten(2), support[1].double()  # (t, n, p), (t, n, 1)
    center, level = inputs.mean(1, keepdim=True), targets.mean(1, keepdim=True)
    moved = inputs - center
    eye = penalty * torch.eye(inputs.shape[-1], dtype=torch.float64, device=inputs.device)
    weights = torch.linalg.solve(moved.mT @ moved + eye, moved.mT @ (targets - level))
    predicted: Tensor = level + (x.double().flatten(2) - center) @ weights
    return predicted


# Does a step overshoot?  Shares of the learned step, and Adam steps from both starts.


def run_overshoot(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Meta-train one network and return a row for each kind of moduli, start and way to go on.

    ``optimizer`` is ``Meta-SGD`` for one step of ``share`` times the learned rates, or ``adam``
    with ``budget`` steps at each ``rate``; ``chosen`` are the one step, and the rate that has the
    least ``validation_error``, on other examples of the training moduli.  ``error`` is the mean
    over moduli, and ``constant`` that of the best constants.
    """
    own, (support,) = cell["learned"], cell["learned"]["support"]
    learner = learn_moduli(own, device)
    random = random_start(learner.model, own["network"], seed=own["seed"], device=device)
    starts = {"learned": learner.start.params, "random": random}
    kinds = dict(zip(("train", "test"), moduli(own["split"]), strict=True))
    tables = {kind: remainder_tables(chosen).to(device) for kind, chosen in kinds.items()}
    held = drawn_episodes(own, tables["train"], support, repeat=1)
    adam = {name: _adam_errors(cell, learner, start, held) for name, start in starts.items()}
    rows: list[dict[str, Any]] = []
    for kind, chosen in kinds.items():
        drawn = drawn_episodes(own, tables[kind], support)
        found = {"moduli": kind, "constant": constant_predictor(chosen).mean().item()}
        for share in cell["shares"]:
            rates = {name: share * rate for name, rate in learner.start.rates.items()}
            step = learner.model, learner.start.params, rates, drawn.support, drawn.query[0]
            error = squared_error(rates_curve(*step)[1], drawn.query[1]).mean().item()
            row = {"start": "learned", "optimizer": "Meta-SGD", "budget": 1, "share": share}
            rows.append({**found, **row, "error": error, "chosen": True})
        for name, start in starts.items():
            errors = _adam_errors(cell, learner, start, drawn)
            for place, budget in enumerate(cell["budgets"]):
                row = {**found, "start": name, "optimizer": "adam", "budget": budget}
                tried = {rate: adam[name][rate][place] for rate in cell["rates"]}
                for rate, held_error in tried.items():
                    row |= {"rate": rate, "validation_error": held_error}
                    row |= {"chosen": held_error == min(tried.values())}
                    rows.append({**row, "error": errors[rate][place]})
    return pd.DataFrame(rows).assign(**_labels(own))


def _adam_errors(
    cell: Cell, learner: MetaLearner, start: dict[str, Tensor], drawn: Episodes
) -> dict[float, list[float]]:
    """Return the mean error after each number of Adam steps, for each rate."""
    options: dict[str, Any] = {"optimizer": "adam", "weight_decay": 0.0, "steps": cell["budgets"]}
    points = drawn.support, drawn.query[0]
    curves = {
        rate: optimizer_curve(learner.model, start, *points, learning_rate=rate, **options)
        for rate in cell["rates"]
    }
    return {
        rate: squared_error(curve, drawn.query[1]).mean(-1).tolist()
        for rate, curve in curves.items()
    }


# What one network answers for each number x, modulus by modulus, before and after a step.

STEPS = (0, 1)


def run_remainders(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Meta-train one network and return a row for each modulus, support size and budget.

    Support sets are those of ``metainit.arithmetic``, of which the first is drawn for each
    modulus.  ``outputs`` are 200 bytes, the network's answers for x = 0 to 99 as float16;
    ``shown`` are 100 bytes, how often the support set shows each x.  ``error`` is the mean squared
    error over all x, ``constant`` that of the best constant, and ``moduli`` says whether the
    modulus belongs to the training or the test moduli of the split.
    """
    learner, parts = learn_moduli(cell, device), []
    for kind, chosen in zip(("train", "test"), moduli(cell["split"]), strict=True):
        tables = remainder_tables(chosen).to(device)
        for support in cell["support"]:
            drawn = drawn_episodes(cell, tables, support)
            counts = torch.stack([row.bincount(minlength=tables.shape[1]) for row in drawn.picked])
            for budget in STEPS:
                outputs = learner.predict(drawn.support, drawn.query[0], inner_steps=budget)
                columns = {
                    "modulus": chosen,
                    "outputs": _bytes(outputs[..., 0], np.float16),
                    "shown": _bytes(counts, np.uint8),
                    "error": squared_error(outputs, drawn.query[1]).tolist(),
                    "constant": constant_predictor(chosen).tolist(),
                }
                frame = pd.DataFrame(columns)
                parts.append(frame.assign(moduli=kind, support=support, budget=budget))
    return pd.concat(parts, ignore_index=True).assign(**_labels(cell))


def _bytes(rows: Tensor, kind: type[np.float16] | type[np.uint8]) -> list[bytes]:
    return [row.astype(kind).tobytes() for row in rows.cpu().numpy()]


# What each experiment varies, at every tier; ``repeats`` support sets of each size are drawn for
# each modulus in testing.

MLP = (Net("MLP", 2, 64),)
FOUR, TWO = ("number", "scaled", "bits", "circular"), ("bits", "circular")
NINE = (
    *conditions("number", LARGE[0]),
    *conditions("bits", *(net for net in LARGE if net.architecture != "ConvNet")),
    *conditions("image", *LARGE),
    *conditions("circular", LARGE[0]),
)
SPLITS: tuple[Split, ...] = ("interpolation", "extrapolation")
SHORT = Meta(steps=100, tasks=4, rate=0.001)
LAPTOP: dict[str, Any] = {
    "meta": Meta(rate=0.001),
    "support": (20, 40, 100),
    "repeats": 3,
    "size": 32,
    "seed": 0,
}


def number_cells(
    learners: Sequence[Cell], networks: int, *, splits: Sequence[Split] = SPLITS, **sizes: Any
) -> list[Cell]:
    """Meta-train every condition on the training moduli of every split, network by network."""
    factors = {"network": range(networks), "split": splits, "condition": learners}
    return design(factors, **{**LAPTOP, **sizes})


def overshoot_cells(
    networks: int, *, meta: Meta = LAPTOP["meta"], budgets: tuple[int, ...] = (10, 50)
) -> list[Cell]:
    """Meta-train on circular features, and go on in shares of a step or with Adam."""
    own: dict[str, Any] = {"splits": ("extrapolation",), "support": (100,), "meta": meta}
    learned = number_cells(_views(MLP, TWO[1:]), networks, **own)
    grids = {"shares": (1.0, 0.5, 0.3, 0.1), "rates": (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1)}
    return design({"learned": learned}, budgets=budgets, **grids)


def _views(nets: Sequence[Net], views: Sequence[str]) -> list[Cell]:
    return design({"net": nets, "view": views})


# Shown in: result, "Result 3: between and beyond"; limits, "Result 3: features, steps and starts"
# and "The abstract, claim by claim"; claims metainit.moduli-seen, no-extrapolation, interpolation,
# raw-numbers, circular-ridge, bits-ridge.
ARITHMETIC = Experiment(
    "metainit.arithmetic",
    "Does a meta-learned start help with moduli that it has not seen?",
    {
        "smoke": number_cells(_views(MLP, FOUR), 2, meta=SHORT, support=(20, 100), repeats=1),
        "laptop": number_cells(_views(MLP, FOUR), 5),
        "paper": number_cells(NINE, 10, meta=PAPER, repeats=10),
    },
    run_arithmetic,
)

# Shown in: explorer RemainderLearner; no claims.
REMAINDERS = Experiment(
    "metainit.remainders",
    "What does one network answer for each number, before and after the inner step?",
    {
        "smoke": number_cells(
            _views(MLP, TWO),
            1,
            meta=Meta(steps=60, tasks=4, rate=0.001),
            support=(20, 100),
            repeats=1,
        ),
        "laptop": number_cells(_views(MLP, TWO), 1, repeats=1),
        "paper": number_cells(_views(LARGE[:1], TWO), 1, meta=PAPER, repeats=1),
    },
    run_remainders,
)

# Shown in: limits, "Result 3: features, steps and starts" and "The abstract, claim by claim";
# claims metainit.circular-start, step-overshoots, start-extrapolates, start-ahead-beyond,
# start-ahead-later.
OVERSHOOT = Experiment(
    "metainit.overshoot",
    "Does a learned start fail on new moduli, or does its one step overshoot?",
    {
        "smoke": overshoot_cells(2, meta=SHORT, budgets=(10,)),
        "laptop": overshoot_cells(10),
        "paper": overshoot_cells(20, meta=Meta(5000, rate=0.001)),
    },
    run_overshoot,
    tuned={"rate": ("start", "optimizer", "budget")},
)
