"""Modular arithmetic from a few examples: moduli seen, between those seen, and beyond them."""

from collections import defaultdict
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ibcore.metainit.baselines import squared_error
from ibcore.metainit.experiments.architectures import (
    LARGE,
    PAPER,
    Meta,
    Net,
    build,
    meta_learn,
    present,
    random_start,
)
from ibcore.metainit.learner import MetaLearner
from ibcore.population import member_seed
from ibcore.runs import Experiment
from ibcore.tasks import (
    Episodes,
    NumberView,
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


@dataclass(frozen=True)
class Numbers:
    """How numbers are shown, and what learns them."""

    net: Net
    view: NumberView = "bits"


@dataclass(frozen=True)
class Arithmetic:
    """Every condition is meta-trained on the training moduli of every split.

    ``repeats`` support sets are drawn for each modulus and size in testing.
    """

    conditions: tuple[Numbers, ...]
    splits: tuple[Split, ...] = ("interpolation", "extrapolation")
    meta: Meta = Meta(rate=0.001)  # noqa: RUF009 -- frozen
    support: tuple[int, ...] = (20, 40, 100)
    repeats: int = 3
    networks: int = 5
    size: int = 32
    seed: int = 0


@dataclass(frozen=True)
class Learned:
    """One network of one condition on one split."""

    condition: Numbers
    split: Split
    network: int
    meta: Meta
    support: tuple[int, ...]
    repeats: int
    size: int
    seed: int


def arithmetic_cells(config: Arithmetic) -> list[Learned]:
    """Return one cell for each condition, split and network, network by network.

    Examples
    --------
    >>> len(arithmetic_cells(Arithmetic((Numbers(Net()),), networks=2)))
    4
    """
    sizes = (config.meta, config.support, config.repeats, config.size, config.seed)
    axes = product(range(config.networks), config.splits, config.conditions)
    return [Learned(condition, split, network, *sizes) for network, split, condition in axes]


def number_objects(cell: Learned, device: torch.device) -> Tensor:
    """Return the numbers 0 to 99 as the network of a cell reads them.

    Examples
    --------
    >>> cell = arithmetic_cells(Arithmetic((Numbers(Net(), "circular"),)))[0]
    >>> number_objects(cell, torch.device("cpu")).shape
    torch.Size([100, 78])
    """
    view = cell.condition.view
    x = number_inputs(view, size=cell.size, periods=PERIODS if view == "circular" else ())
    return present(cell.condition.net, x).to(device)


def learn_moduli(cell: Learned, device: torch.device) -> MetaLearner:
    """Meta-learn a start on the training moduli of a cell.

    Examples
    --------
    >>> cell = arithmetic_cells(Arithmetic((Numbers(Net()),), meta=Meta(steps=1)))[0]
    >>> len(learn_moduli(cell, torch.device("cpu")).start.params)
    6
    """
    x = number_objects(cell, device)
    model = build(cell.condition.net, tuple(x.shape[1:]), 1).to(device)
    start = random_start(model, cell.network, seed=cell.seed, device=device)
    tables, tasks = remainder_tables(moduli(cell.split).train).to(device), cell.meta.tasks

    def draw(seed: int) -> Episodes:
        return table_episodes(x, tables, tasks=tasks, support=(10, 100), noise=NOISE, seed=seed)

    seed = member_seed(cell.seed, cell.network)
    return meta_learn(model, start, draw, cell.meta, loss="mse", seed=seed)


def run_arithmetic(cell: Learned, device: torch.device) -> pd.DataFrame:
    """Meta-train one network and return a row for each modulus, support size and method.

    The methods are ``meta`` with 0 and 1 steps, and ``ridge``: the best linear function of the
    same inputs under a penalty, without any network.  ``error`` is the mean squared error over
    all 100 numbers, averaged over support sets, and ``constant`` that of the best constant, which
    is 0 for the modulus 1; ``moduli`` says whether the modulus belongs to the training or the
    test moduli of the split.

    Examples
    --------
    >>> config = Arithmetic((Numbers(Net()),), meta=Meta(steps=1), support=(20,))
    >>> frame = run_arithmetic(arithmetic_cells(config)[0], torch.device("cpu"))
    >>> len(frame), frame.moduli.unique().tolist()
    (120, ['train', 'test'])
    """
    learner, parts = learn_moduli(cell, device), []
    for kind, chosen in zip(("train", "test"), moduli(cell.split), strict=True):
        tables, line = remainder_tables(chosen).to(device), constant_predictor(chosen).tolist()
        for support in cell.support:
            columns = {"moduli": kind, "modulus": chosen, "support": support, "constant": line}
            for (method, budget), errors in _errors(cell, learner, tables, support).items():
                frame = pd.DataFrame(columns | {"error": errors.tolist()})
                parts.append(frame.assign(method=method, budget=budget))
    labels = {
        "split": cell.split,
        "architecture": cell.condition.net.architecture,
        "view": cell.condition.view,
        "network": cell.network,
        "seed": cell.seed,
    }
    return pd.DataFrame(labels, index=range(1)).merge(pd.concat(parts), how="cross")


def _errors(
    cell: Learned, learner: MetaLearner, tables: Tensor, support: int
) -> dict[tuple[str, int], Tensor]:
    """Return the errors of each method and budget on each modulus, float64, (moduli,)."""
    x, found = number_objects(cell, tables.device), defaultdict(list)
    for repeat in range(cell.repeats):
        seed = member_seed(TEST_SEED + repeat, cell.network)
        drawn = table_episodes(x, tables, support=support, noise=NOISE, seed=seed)
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


_MLP = Net("MLP", 2, 64)
_FOUR: tuple[NumberView, ...] = ("number", "scaled", "bits", "circular")
_EIGHT = (
    Numbers(LARGE[0], "number"),
    *(Numbers(net, "bits") for net in LARGE if net.architecture != "ConvNet"),
    *(Numbers(net, "image") for net in LARGE),
)

ARITHMETIC: Experiment[Arithmetic, Learned] = Experiment(
    name="metainit.arithmetic",
    question="Does a meta-learned start help with moduli that it has not seen?",
    tiers={
        "smoke": Arithmetic(
            tuple(Numbers(_MLP, view) for view in _FOUR),
            meta=Meta(steps=100, tasks=4, rate=0.001),
            support=(20, 100),
            repeats=1,
            networks=2,
        ),
        "laptop": Arithmetic(tuple(Numbers(_MLP, view) for view in _FOUR)),
        "paper": Arithmetic(
            (*_EIGHT, Numbers(LARGE[0], "circular")), meta=PAPER, repeats=10, networks=10
        ),
    },
    cells=arithmetic_cells,
    run_cell=run_arithmetic,
)


# What one network answers for each number x, modulus by modulus, before and after a step.

STEPS = (0, 1)


def run_remainders(cell: Learned, device: torch.device) -> pd.DataFrame:
    """Meta-train one network and return a row for each modulus, support size and budget.

    Support sets are those of ``metainit.arithmetic``, of which the first is drawn for each
    modulus.  ``outputs`` are 200 bytes, the network's answers for x = 0 to 99 as float16;
    ``shown`` are 100 bytes, how often the support set shows each x.  ``error`` is the mean squared
    error over all x, ``constant`` that of the best constant, and ``moduli`` says whether the
    modulus belongs to the training or the test moduli of the split.

    Examples
    --------
    >>> config = Arithmetic((Numbers(Net()),), meta=Meta(steps=1), support=(20,))
    >>> frame = run_remainders(arithmetic_cells(config)[0], torch.device("cpu"))
    >>> len(frame), len(frame.outputs[0]), sum(frame.shown[0])
    (80, 200, 20)
    """
    learner, parts = learn_moduli(cell, device), []
    for kind, chosen in zip(("train", "test"), moduli(cell.split), strict=True):
        tables = remainder_tables(chosen).to(device)
        for support in cell.support:
            drawn = first_episodes(cell, tables, support)
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
    return pd.concat(parts, ignore_index=True).assign(
        split=cell.split,
        architecture=cell.condition.net.architecture,
        view=cell.condition.view,
        network=cell.network,
        seed=cell.seed,
    )


def first_episodes(cell: Learned, tables: Tensor, support: int) -> Episodes:
    """Return the first support sets on which ``metainit.arithmetic`` tests the same network.

    Examples
    --------
    >>> cell = arithmetic_cells(Arithmetic((Numbers(Net()),)))[0]
    >>> first_episodes(cell, remainder_tables([2, 3]), 20).picked.shape
    torch.Size([2, 20])
    """
    seed = member_seed(TEST_SEED, cell.network)
    x = number_objects(cell, tables.device)
    return table_episodes(x, tables, support=support, noise=NOISE, seed=seed)


def _bytes(rows: Tensor, kind: type[np.float16] | type[np.uint8]) -> list[bytes]:
    return [row.astype(kind).tobytes() for row in rows.cpu().numpy()]


_TWO = (Numbers(_MLP, "bits"), Numbers(_MLP, "circular"))

REMAINDERS: Experiment[Arithmetic, Learned] = Experiment(
    name="metainit.remainders",
    question="What does one network answer for each number, before and after the inner step?",
    tiers={
        "smoke": Arithmetic(
            _TWO,
            meta=Meta(steps=60, tasks=4, rate=0.001),
            support=(20, 100),
            repeats=1,
            networks=1,
        ),
        "laptop": Arithmetic(_TWO, repeats=1, networks=1),
        "paper": Arithmetic(
            (Numbers(LARGE[0], "bits"), Numbers(LARGE[0], "circular")),
            meta=PAPER,
            repeats=1,
            networks=1,
        ),
    },
    cells=arithmetic_cells,
    run_cell=run_remainders,
)
