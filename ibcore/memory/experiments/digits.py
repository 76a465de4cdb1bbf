"""Networks on handwritten digits, trained by many pipelines from many initial scales."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import pandas as pd
import torch

from ibcore.memory.sweep import (
    Pipeline,
    Problem,
    digits_problem,
    group_pipelines,
    sweep,
    sweep_table,
)
from ibcore.nets import MLP, ConvNet, ResNet
from ibcore.nets.network import Network
from ibcore.runs.experiment import Cell, Experiment, design
from ibcore.runtime import Tier

Config = Mapping[str, Any]


def grids(config: Config) -> list[Cell]:
    """Return a cell for each net, choice of layers, split and group of pipelines.

    Pipelines of one optimizer and batch size train as one population, or ``apart`` in cells of
    their own.

    Examples
    --------
    >>> three = (Pipeline("a"), Pipeline("b", "adam"), Pipeline("c"))
    >>> cells = grids({"pipelines": three, "split": (0, 1)})
    >>> [(cell["split"], len(cell["pipelines"])) for cell in cells]
    [(0, 2), (0, 1), (1, 2), (1, 1)]
    """
    fixed = {**DIGITS, **config}
    factors = {name: fixed.pop(name) for name in ("net", "layers", "split")}
    pipelines, apart = fixed.pop("pipelines"), fixed.pop("apart")
    numbers = [[n] for n in range(len(pipelines))] if apart else group_pipelines(pipelines)
    groups = [tuple(pipelines[n] for n in group) for group in numbers]
    return design({**factors, "pipelines": groups}, **fixed)


def build(cell: Cell) -> tuple[Problem, Network]:
    """Return the data and the architecture of a cell.

    An MLP, a ConvNet if it has channels, or a ResNet of depth 9.  A norm has gains and shifts.

    Examples
    --------
    >>> problem, net = build(grids({"pipelines": (Pipeline("a"),)})[0])
    >>> net(problem.train.x[:2]).shape
    torch.Size([2, 10])
    """
    net, residual = cell["net"], cell["net"]["depth"] == 9
    images = residual or bool(net["channels"])
    sets = {name: cell[name] for name in ("train", "validation", "split")}
    problem = digits_problem(**sets, images=images)
    kind = {name: net[name] for name in ("activation", "norm")}
    _, features, *size = problem.train.x.shape
    shape = {name: net[name] for name in ("depth", "width")}
    if residual:
        return problem, ResNet(features, problem.classes, **shape, **kind, image_size=size[0])
    if images:
        shape = {"channels": net["channels"], "image_size": size[0]}
        return problem, ConvNet(features, problem.classes, **shape, **kind, head="flatten")
    affine = net["norm"] is not None
    return problem, MLP(features, problem.classes, **shape, **kind, affine=affine)


def run_grid(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Train a cell and return its table: one row per look, pipeline, scale and network.

    Examples
    --------
    >>> tiny = {"pipelines": (Pipeline("a"),), "scales": (1.0, 8.0), "steps": 1, "looks": ()}
    >>> len(run_grid(grids({**tiny, "networks": 2})[0], torch.device("cpu")))
    4
    """
    names = ("scales", "networks", "steps", "looks", "layers", "seed")
    options = {name: cell[name] for name in names}
    result = sweep(*build(cell), cell["pipelines"], **options, device=device)
    labels = {"architecture": cell["net"]["name"], "layers": cell["layers"], "split": cell["split"]}
    return pd.DataFrame(labels, index=range(1)).merge(sweep_table(result), how="cross")


# What each experiment varies, at every tier: pipelines, scales, and how long.

SGD_LOW = Pipeline("SGD lr 0.01", learning_rate=0.01)
SGD = Pipeline("SGD lr 0.1", learning_rate=0.1)
SGD_HIGH = Pipeline("SGD lr 0.5", learning_rate=0.5)
SGD_L2 = Pipeline("SGD lr 0.1, L2 0.01", learning_rate=0.1, weight_decay=0.01)
SGD_HIGH_L2 = Pipeline("SGD lr 0.3, L2 0.01", learning_rate=0.3, weight_decay=0.01)
ADAM_LOW = Pipeline("Adam lr 0.001", "adam", 0.001)
ADAM = Pipeline("Adam lr 0.01", "adam", 0.01)
ADAMW = Pipeline("AdamW lr 0.01, decay 0.1", "adamw", 0.01, 0.1)
EIGHT = (SGD_LOW, SGD, SGD_HIGH, SGD_L2, SGD_HIGH_L2, ADAM_LOW, ADAM, ADAMW)
OTHERS = (
    SGD,
    SGD_L2,
    Pipeline("momentum 0.9, lr 0.01", learning_rate=0.01, momentum=0.9),
    Pipeline("momentum 0.9, lr 0.1", learning_rate=0.1, momentum=0.9),
    Pipeline("momentum 0.9, lr 0.01, L2 0.01", "sgd", 0.01, 0.01, 0.9),
    Pipeline("SAM radius 0.1", learning_rate=0.1, sam_radius=0.1),
    Pipeline("SAM radius 0.5", learning_rate=0.1, sam_radius=0.5),
)


ADAM_RATES = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)  # those of SGD over 30, nearly
SGD_RATES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
RATES = {"sgd": SGD_RATES, "adam": ADAM_RATES, "adamw": ADAM_RATES}
FAMILIES: dict[str, dict[str, Any]] = {
    "SGD": {},
    "SGD, L2 0.01": {"weight_decay": 0.01},
    "SGD, SAM 0.5": {"sam_radius": 0.5},
    "Adam": {"optimizer": "adam"},
    "AdamW, decay 0.1": {"optimizer": "adamw", "weight_decay": 0.1},
}


def _each_rate(*families: str) -> tuple[Pipeline, ...]:
    """Return each family of pipelines at each of the rates of its optimizer."""
    every = [(n, r) for n in families for r in RATES[FAMILIES[n].get("optimizer", "sgd")]]
    return tuple(Pipeline(f"{n}, lr {r:g}", learning_rate=r, **FAMILIES[n]) for n, r in every)


def _decayed(*rates: float, decay: tuple[float, ...]) -> tuple[Pipeline, ...]:
    pairs = product(rates, decay)
    return tuple(Pipeline(f"lr {r:g}, L2 {d:g}", learning_rate=r, weight_decay=d) for r, d in pairs)


def _with_and_without(rate: float, decay: float) -> tuple[Pipeline, Pipeline]:
    decayed = Pipeline("decay", learning_rate=rate, weight_decay=decay)
    return Pipeline("no decay", learning_rate=rate), decayed


def _scheduled(early: int, late: int, **rates: Any) -> tuple[Pipeline, ...]:
    """Return decay that never acts, ends too early, ends later, and never ends."""
    names = ("no decay", "decay ends too early", "decay ends once forgotten", "decay throughout")
    ends = (0, early, late, None)
    pairs = zip(names, ends, strict=True)
    return tuple(Pipeline(name, decay_steps=end, **rates) for name, end in pairs)


def _batches(*sizes: int) -> tuple[Pipeline, ...]:
    return tuple(Pipeline(f"batch {n}", learning_rate=0.3, batch_size=n) for n in sizes)


TANH = {
    "name": "tanh",
    "activation": "tanh",
    "norm": None,
    "depth": 2,
    "width": 64,
    "channels": (),
}
TANH_BATCH_NORM = {**TANH, "name": "tanh, batch norm", "norm": "batch"}
RELU = {**TANH, "name": "ReLU", "activation": "relu"}
BATCH_NORM = {**RELU, "name": "ReLU, batch norm", "norm": "batch"}
RESNET_9 = {**BATCH_NORM, "name": "ResNet-9, batch norm", "depth": 9, "width": 4}
NETS = (
    TANH,
    RELU,
    {**RELU, "name": "ReLU, layer norm", "norm": "layer"},
    BATCH_NORM,
    {**RELU, "name": "ReLU, convolutions", "channels": (8, 16)},
)
THREE = (1.0, 4.0, 8.0)
FIVE = (0.5, 1.0, 2.0, 4.0, 8.0)
SEVEN = (0.25, *FIVE, 16.0)
SHORT = (0, 30, 100, 300, 600, 1000, 1500, 2000, 2500, 3000)
LONGER = (*SHORT, 3500)
THIRDS = (0, 30, 100, 200, 300, 400, 500, 600, 700, 800, 1000, 1200, 1400, 1600, 1800, 2000)
LATER = (2300, 2600, 3000, 3500, 4000, 4500, 5000, 5500, 6000, 6500, 7000, 7500)
LATEST = (*range(9000, 19_000, 1500), 19_000)
FAR_APART = (0, 100, 300, 1000, 2000, 3000, 4000, 6000, 8000, 11_000, 15_000, 20_000, 25_000)
DIGITS: Config = {  # of 1,797; 1,197 are for testing
    "net": (TANH,),
    "layers": ("all",),
    "split": (0,),
    "apart": False,
    "scales": THREE,
    "steps": 3000,
    "looks": SHORT,
    "networks": 5,
    "train": 300,
    "validation": 300,
    "seed": 0,
}
SMOKE: Config = {  # seconds
    "net": ({**TANH, "width": 32},),
    "scales": THREE,
    "steps": 600,
    "looks": (0, 100, 300),
    "networks": 3,
    "train": 200,
}


def _experiment(
    name: str,
    question: str,
    *,
    laptop: Config,
    smoke: Config,
    paper: Config,
    tuned: Mapping[str, Sequence[str]] | None = None,
) -> Experiment:
    """Return an experiment whose other tiers say where they differ from ``laptop``."""
    tiers: dict[Tier, list[Cell]] = {
        "smoke": grids({**laptop, **SMOKE, **smoke}),
        "laptop": grids(laptop),
        "paper": grids({**laptop, "apart": True, **paper}),  # an hour is stopped and continued
    }
    return Experiment(f"memory.{name}", question, tiers, run_grid, tuned=tuned or {})


def _flow_time(*rates: float, flow_times: tuple[float, ...], **config: Any) -> list[Cell]:
    """Return pipelines without decay at equal learning rate times steps; the steps differ."""
    cells = []
    for rate in rates:
        looks = tuple(round(flow / rate) for flow in flow_times)
        own = {"pipelines": (Pipeline(f"SGD lr {rate:g}", learning_rate=rate),), "looks": looks}
        cells += grids({**config, **own, "steps": looks[-1]})
    return cells


def _looks(steps: int, every: int) -> dict[str, Any]:
    return {"steps": steps, "looks": tuple(range(0, steps, every))}


def _pairs(*scales: float, **config: Any) -> list[Cell]:
    """Return each scale beside scale 1 alone: the look that forgets is that of this scale."""
    own = {**config, "pipelines": (SGD_L2, ADAMW)}
    return [cell for scale in scales for cell in grids({**own, "scales": (1.0, scale)})]


def _layers_apart(*scales: float, **config: Any) -> list[Cell]:
    """Return a ResNet from all scales with all layers, and from the last with some of them."""
    own = {**config, "net": (RESNET_9,), "pipelines": (SGD_LOW,)}
    some = grids({**own, "scales": scales[-1:], "layers": ("hidden", "head")})
    return [*grids({**own, "scales": scales}), *some]


# 4,000 steps: at 3,000, also looked at, the slowest networks still miss the gate by one digit.
# Shown in: result, "Eight pipelines"; limits, "Break it"; explorers SweepPlayer, DigitTraining;
# claims memory.low-rate-remembers, low-rate-fits, small-scale-is-fine, rate-alone,
# decay-forgets, adam-remembers, adamw-forgets, selection-changes-little, functions-differ,
# adam-low.
PIPELINES = _experiment(
    "pipelines",
    "By how much does accuracy vary over initial scales after training by each pipeline?",
    laptop={"pipelines": EIGHT, "scales": FIVE, "steps": 4000, "looks": LONGER},
    smoke={"scales": (1.0, 8.0), "steps": 1500, "looks": (0, 300, 600, 1000)},
    paper={"networks": 20, "split": (0, 1)},
)

# Shown in: result, "Does forgetting help"; limits, "The abstract"; claims memory.tuned-rates,
# tuned-sgd, tuned-decay, tuned-price, tuned-each, tuned-best, tuned-adam, tuned-adamw,
# tuned-adamw-best, tuned-sam, tuned-sam-best.
TUNED = _experiment(
    "tuned",
    "Is the order of the spreads another one when every pipeline has the best of its own rates?",
    laptop={
        "pipelines": _each_rate(*FAMILIES),
        "apart": True,
        "scales": (1.0, 8.0),
        "looks": (0, 300, 1000, 1500, 2000, 2700, 2850),
        "networks": 20,
    },
    smoke={"pipelines": _each_rate("SGD", "SGD, L2 0.01", "Adam")[3::8], "looks": (0, 540)},
    paper={"split": (0, 1)},
    tuned={"learning_rate": ("optimizer", "weight_decay", "sam_radius", "weight_scale")},
)

# Shown in: limits, "Result 2"; claim memory.momentum.
OPTIMIZERS = _experiment(
    "optimizers",
    "Do momentum or sharpness-aware minimization forget the initial scale without decay?",
    laptop={"pipelines": OTHERS},
    smoke={},
    paper={"scales": FIVE, "steps": 10_000, "looks": (*LONGER, 6000), "networks": 20},
)

# Shown in: limits, "Result 4"; result, "Does forgetting help"; claims memory.decay-costs, layers.
LAYERS = _experiment(
    "layers",
    "Which layers' scale is remembered: the hidden ones' or the last one's?",
    laptop={"pipelines": (SGD, SGD_L2), "layers": ("all", "hidden", "head"), "scales": FIVE},
    smoke={},
    paper={"networks": 20, "split": (0, 1), "apart": False},
)

# Shown in: limits, "Result 1"; claims memory.adam-needs-norm, norm-rate.
ARCHITECTURE = _experiment(
    "architecture",
    "Does a pipeline that forgets the scale in one architecture forget it in all?",
    laptop={
        "pipelines": (SGD, SGD_L2, ADAM_LOW, ADAM),
        "net": NETS,
        "looks": (0, 100, 300, 1000, 2000),
    },
    smoke={"pipelines": (SGD, ADAM_LOW, ADAM), "net": (TANH, BATCH_NORM)},
    paper={"scales": SEVEN, "steps": 10_000, "networks": 20},
)

# Shown in: limits, "Result 1"; claims memory.norm-hidden, norm-layers, norm-layers-tanh, norm-tanh.
NORMALIZED = _experiment(
    "normalized",
    "With batch norm, is it the normalized weights' scale that is remembered, or the head's?",
    laptop={
        "pipelines": (SGD, ADAM),
        "net": (TANH_BATCH_NORM, BATCH_NORM),
        "layers": ("all", "hidden", "head"),
        "scales": (1.0, 8.0),
        "steps": 2000,
        "looks": (0, 300, 1000, 1800, 1900),
        "networks": 20,
    },
    smoke={"net": (TANH_BATCH_NORM, BATCH_NORM), "scales": (1.0, 8.0), "looks": (0,)},
    paper={"scales": FIVE, "steps": 10_000, "looks": (0, 1000, 3000, 9000, 9500)},
)

# Where nothing but the head is scaled, or all but the head, scale 1 is that of all layers.
# Shown in: limits, "Result 1"; claim memory.resnet-layers.
RESNET_LAYERS = Experiment(
    "memory.resnet-layers",
    "Does a ResNet with batch norm remember the scale of its normalized weights, or the head's?",
    {
        "smoke": _layers_apart(1.0, 4.0, train=100, networks=2, **_looks(100, 90)),
        "laptop": _layers_apart(1.0, 16.0, networks=20, steps=1600, looks=(0, 1000, 1440, 1520)),
        "paper": _layers_apart(
            *FIVE, 16.0, networks=40, steps=6000, looks=(0, 1000, 3000, 5400, 5700)
        ),
    },
    run_grid,
)

# Shown in: result, "One clock"; claims memory.clock-time, clock-collapse, clock-not-steps.
CLOCK = _experiment(
    "clock",
    "Is the accumulated decay, learning rate times decay times steps, the clock of forgetting?",
    laptop={
        "pipelines": _decayed(0.03, 0.1, 0.3, decay=(0.001, 0.003, 0.01)),
        "steps": 8000,
        "looks": (*THIRDS, *LATER),
    },
    smoke={
        "pipelines": _decayed(0.1, 0.3, decay=(0.01, 0.03)),
        "steps": 900,
        "looks": tuple(range(0, 900, 75)),
    },
    paper={"steps": 20_000, "looks": (*THIRDS, *LATER, *LATEST), "networks": 20},
)

# Shown in: result, "One clock"; limits, "The abstract"; claims memory.clock-slope,
# clock-slope-adamw, clock-adamw.
SCALE_CLOCK = Experiment(
    "memory.scale-clock",
    "Does forgetting take a time that grows with the logarithm of the initial scale?",
    {
        "smoke": _pairs(4.0, 8.0, 16.0, **{**SMOKE, "networks": 2, **_looks(2600, 100)}),
        "laptop": _pairs(4.0, 8.0, 16.0, networks=20, **_looks(2600, 50)),
        "paper": _pairs(2.0, 4.0, 8.0, 16.0, 32.0, networks=40, **_looks(4000, 25)),
    },
    run_grid,
)

# Shown in: result, "Longer training"; limits, "The abstract"; claims memory.long-training,
# long-decay.
LONG = _experiment(
    "long",
    "Does training ten times as long forget the initial scale, with and without decay?",
    laptop={"pipelines": _with_and_without(0.01, 0.01), "steps": 30_000, "looks": FAR_APART},
    smoke={
        "pipelines": _with_and_without(0.1, 0.03),
        "steps": 4500,
        "looks": (0, 1000, 4000),
    },
    paper={"scales": FIVE, "steps": 300_000, "looks": (*FAR_APART, 30_000, 100_000)},
)

# Shown in: limits, "Result 4"; claims memory.schedule-stays, schedule-too-early.
SCHEDULE = _experiment(
    "schedule",
    "If decay acts at first only, does the scale stay forgotten?",
    laptop={
        "pipelines": _scheduled(500, 2000, learning_rate=0.1, weight_decay=0.01),
        "steps": 6000,
        "looks": (*THIRDS, *LATER[:-4]),
    },
    smoke={
        "pipelines": _scheduled(60, 300, learning_rate=0.3, weight_decay=0.03),
        "looks": (0, 100, 200, 300, 400, 500),
    },
    paper={"scales": FIVE, "networks": 20, "apart": False},
)

# Shown in: limits, "Result 3"; claims memory.weights-remember, weights-shrunk.
FUNCTION_AND_WEIGHTS = _experiment(
    "function-and-weights",
    "Does the function forget the scale before the weights do?",
    laptop={
        "pipelines": (SGD_LOW, SGD_L2, ADAM, ADAMW),
        "scales": FIVE,
        "steps": 4000,
        "looks": (*THIRDS, *LATER[:4]),
    },
    smoke={"pipelines": (SGD_LOW, ADAMW), "steps": 1500, "looks": (0, 300, 600, 1000)},
    paper={"steps": 30_000, "looks": (*THIRDS, *LATER, 15_000), "networks": 20},
)

# Shown in: limits, "Result 2" and "Exercises"; claims memory.flow-time, finite-steps.
FLOW_TIME = Experiment(
    "memory.flow-time",
    "At equal flow time, do larger steps forget more of the initial scale?",
    {
        "smoke": _flow_time(0.03, 0.1, 0.5, flow_times=(90.0,), **SMOKE),
        "laptop": _flow_time(0.01, 0.03, 0.1, 0.5, flow_times=(30.0, 90.0, 300.0)),
        "paper": _flow_time(
            *(0.01, 0.03, 0.1, 0.5),
            flow_times=(30.0, 90.0, 300.0, 900.0),
            scales=FIVE,
            networks=20,
        ),
    },
    run_grid,
)

# Shown in: limits, "Result 2"; claim memory.batch-size.
BATCH_SIZE = _experiment(
    "batch-size",
    "Do smaller batches forget more of the initial scale, at equal steps and learning rate?",
    laptop={
        "pipelines": _batches(8, 32, 100, 300),
        "steps": 2000,
        "looks": (0, 100, 300, 600, 1000, 1500),
    },
    smoke={"pipelines": _batches(8, 32, 100)},
    paper={"scales": FIVE, "networks": 20},
)
