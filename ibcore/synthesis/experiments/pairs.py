"""How long a learned start survives: labels that are the exclusive or of two of five bits."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ibcore.memory import cosine, explicit_clock, repeat_members, weight_norm
from ibcore.metainit import MetaLearner, Points
from ibcore.nets import MLP
from ibcore.population import Population, member_seed
from ibcore.runs.experiment import Cell, Experiment, design
from ibcore.runtime import generator
from ibcore.synthesis.training import half_life, population_of, train
from ibcore.training import OptimizerConfig
from ibcore.training.loop import cross_entropy

BITS, OBJECTS, LABELED = 5, 32, 10
PAIRS = tuple(combinations(range(BITS), 2))
STARTS = ("random", "learned")
FITTED = 0.995
Sets = tuple[Points, Points]  # support, query

# Tasks: which two bits, whether flipped, and which objects have a label.


def objects() -> Tensor:
    """Return all objects, (32, 5), with bits -1 and 1."""
    bits = torch.arange(OBJECTS)[:, None] >> torch.arange(BITS) & 1
    return 2.0 * bits - 1


def draw_tasks(count: int, seed: int) -> tuple[Sets, Tensor]:
    """Return tasks, with all objects as queries, and which of these had no label, (count, 32)."""
    rng, x = generator(seed), objects()
    which = torch.randint(len(PAIRS), (count,), generator=rng)
    flipped = torch.randint(2, (count, 1), generator=rng)
    pairs = torch.tensor(PAIRS)[which]  # (count, 2)
    y = ((x[:, pairs].prod(-1) > 0).mT.long() + flipped) % 2  # (count, 32)
    rows = torch.stack([torch.randperm(OBJECTS, generator=rng)[:LABELED] for _ in range(count)])
    unseen = torch.ones(count, OBJECTS, dtype=torch.bool).scatter(1, rows, value=False)
    support, query = (x[rows], y.gather(1, rows)), (x.expand(count, -1, -1), y)
    return (support, query), unseen


# One network: its random start, the start learned from it, and both trained in every way.

SGD: dict[str, Any] = {"optimizer": "sgd", "weight_decay": 0.0, "pull": "zero"}
ETA_LAMBDA = ((0.03, 0.03), (0.1, 0.01), (0.1, 0.03), (0.3, 0.001), (0.3, 0.003), (0.3, 0.01))
DESCENT = (
    *({**SGD, "learning_rate": rate} for rate in (0.1, 0.3)),
    *({**SGD, "learning_rate": rate, "weight_decay": decay} for rate, decay in ETA_LAMBDA),
    {**SGD, "learning_rate": 0.1, "weight_decay": 0.03, "pull": "start"},
    {**SGD, "learning_rate": 0.3, "weight_decay": 0.01, "pull": "start"},
)
ADAM = (
    *({**SGD, "optimizer": "adam", "learning_rate": rate} for rate in (3e-4, 1e-3, 3e-3)),
    {**SGD, "optimizer": "adam", "learning_rate": 1e-3, "weight_decay": 0.01},
)
ADAMW = (
    {**SGD, "optimizer": "adamw", "learning_rate": 1e-3, "weight_decay": 1.0},
    {**SGD, "optimizer": "adamw", "learning_rate": 3e-4, "weight_decay": 3.0},
)
FEW = tuple(arm for arm in DESCENT if arm["weight_decay"] in (0.0, 0.03) and arm["pull"] == "zero")


def learn_start(cell: Cell, random: Population) -> Population:
    """Return the start that `MetaLearner` learns from a random one: second-order MAML."""
    meta, seed = cell["meta"], cell["network"]
    own = {name: value[0] for name, value in random.parameters.items()}
    learner = MetaLearner(
        random.architecture, params=own, rate=0.3, rates="fixed", inner_steps=5,
        loss="cross_entropy",
    )  # fmt: skip
    for part, (steps, rate) in enumerate(meta["schedule"]):

        def draw(step: int, part: int = part) -> Sets:
            return draw_tasks(meta["tasks"], member_seed(seed, 10_000 * (part + 1) + step))[0]

        learner.fit(draw, steps=steps, learning_rate=rate, weight_decay=0.0, clip=10.0)
    return Population(random.architecture, {n: p[None] for n, p in learner.start.params.items()})


def checkpoints(steps: int) -> list[int]:
    """Return numbers of steps, about two for each doubling, from 0 to ``steps``."""
    spaced = {round(2 ** (k / 2)) for k in range(40)} | {3, 5, 7, 10, 14, 20, 28, 40, 56, 80}
    return [0, *sorted(step for step in spaced if step < steps), steps]


def _run_starts(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Return one row for each way to train, start and checkpoint; means over the tasks.

    On the last row of each learned start stand ``gap_at_fit``, its lead over the random start when
    both first fit their labels (at ``fit_step``), the lead ``gap`` at the end, and when half of
    the first was lost: ``half_steps`` and ``half_clock``, inf where it never was; nan where the
    labels were never fitted, or nothing was there to lose.
    """
    net = MLP(BITS, 2, depth=2, width=cell["width"], activation=cell["activation"])
    options: dict[str, Any] = {"prior": "gaussian", "scaling": "fan_in", "bias_scale": 0.0}
    random = Population.sample(
        net, networks=1, seed=cell["network"], dtype=torch.float32, **options
    )
    starts = [random, learn_start(cell, random)]
    tasks = draw_tasks(cell["tasks"], member_seed(cell["network"], 1))
    frames = [
        frame
        for steps, arms in zip(cell["steps"], cell["arms"], strict=True)
        for frame in _train_arms(starts, tasks, arms, steps)
    ]
    return pd.concat(frames).assign(network=cell["network"], activation=cell["activation"])


def _train_arms(
    starts: Sequence[Population],
    tasks: tuple[Sets, Tensor],
    arms: Sequence[Mapping[str, Any]],
    steps: int,
) -> Iterator[pd.DataFrame]:
    """Yield the rows of each arm; all arms, starts and tasks train together."""
    (support, query), unseen = tasks
    count, sets = len(unseen), len(arms) * len(STARTS)
    both = [repeat_members(start, count).parameters for start in starts]
    start = population_of(starts[0].architecture, *both * len(arms))  # type: ignore[arg-type]
    x, y, all_x, all_y, new = (
        t.repeat(sets, *[1] * (t.ndim - 1)) for t in (*support, *query, unseen)
    )
    forward = starts[0].architecture.forward_stacked
    looks: list[dict[str, Any]] = []

    def note(step: int, networks: Population) -> None:
        right = forward(networks.parameters, all_x).argmax(-1) == all_y  # type: ignore[operator]  # (m, 32)
        of_networks = {
            "accuracy": (right & new).sum(1) / new.sum(1),
            "train_accuracy": (right & ~new).sum(1) / (~new).sum(1),
            "start_cosine": cosine(networks, start),
            "norm": weight_norm(networks),
        }
        means = {n: v.double().view(sets, count).mean(1).tolist() for n, v in of_networks.items()}
        for place in range(sets):
            row = {name: values[place] for name, values in means.items()}
            looks.append({"set": place, "step": step, **row})

    each = {name: _of_arms(arms, name, count) for name in ("learning_rate", "weight_decay")}
    pulls = [{**arm, "anchored": float(arm["pull"] == "start")} for arm in arms]
    method = OptimizerConfig(arms[0]["optimizer"], **each)  # type: ignore[arg-type]
    places = checkpoints(steps)
    train(
        start, lambda _, p: cross_entropy(forward(p, x), y), steps=steps, method=method,  # type: ignore[operator]
        anchored=_of_arms(pulls, "anchored", count), checkpoints=places, on_checkpoint=note,
    )  # fmt: skip
    frame = pd.DataFrame(looks)
    for number, arm in enumerate(arms):
        pair = [frame[frame.set == 2 * number + place].drop(columns="set") for place in (0, 1)]
        yield _with_half_lives(pair, arm)


def _of_arms(arms: Sequence[Mapping[str, Any]], name: str, count: int) -> Tensor:
    """Return one number for each network: arms, then starts, then tasks."""
    return torch.tensor([float(arm[name]) for arm in arms]).repeat_interleave(2 * count)


def _with_half_lives(pair: Sequence[pd.DataFrame], arm: Mapping[str, Any]) -> pd.DataFrame:
    """Return the rows of one arm, with what is left of the learned start's lead."""
    random, learned = (part.reset_index(drop=True) for part in pair)
    clock = explicit_clock(
        learned.step.to_numpy(),
        learning_rate=arm["learning_rate"],
        weight_decay=arm["weight_decay"],
    )
    fits = ((random.train_accuracy >= FITTED) & (learned.train_accuracy >= FITTED)).to_numpy()
    gap, first = learned.accuracy - random.accuracy, int(fits.argmax())
    told = dict.fromkeys(("gap_at_fit", "fit_step", "gap", "half_steps", "half_clock"), np.nan)
    if fits.any():
        told |= {"gap_at_fit": gap[first], "fit_step": learned.step[first], "gap": gap.iloc[-1]}
        if gap[first] > 0:
            told["half_steps"] = half_life(learned.step, gap, first=first)
            told["half_clock"] = half_life(clock, gap, first=first)
    learned.loc[len(learned) - 1, list(told)] = list(told.values())
    final = learned.step == learned.step.iloc[-1]
    named = zip(STARTS, (random, learned), strict=True)
    frames = [part.assign(start=start, clock=clock, final=final) for start, part in named]
    return pd.concat(frames).assign(**arm)


LAPTOP: dict[str, Any] = {
    "width": 64,
    "tasks": 8,
    "meta": {"schedule": ((350, 5e-3), (150, 1e-3)), "tasks": 16},
}
SMOKE = {**LAPTOP, "width": 32, "tasks": 4, "meta": {"schedule": ((30, 5e-3),), "tasks": 4}}
TANH = {"activation": "tanh", "steps": (2400, 1000, 1000), "arms": (DESCENT, ADAM, ADAMW)}
RELU = {"activation": "relu", "steps": (2400,), "arms": (FEW,)}

# Shown in: crossings, "Start × training"; claims synthesis.start-half-life,
# start-half-life-steps, start-half-life-spread, start-half-life-slow, start-kept-plain,
# start-kept-anchored, start-kept-decay, start-adam, start-adam-keeps, start-coupled, start-relu.
START_DECAY = Experiment(
    "synthesis.start-decay",
    "How long does a learned start survive training, in steps and on the clock?",
    {
        "smoke": [
            *design({"network": range(2)}, **{**TANH, "steps": (150, 100, 40)}, **SMOKE),
            *design({"network": range(1)}, **{**RELU, "steps": (150,)}, **SMOKE),
        ],
        "laptop": [
            *design({"network": range(20)}, **TANH, **LAPTOP),
            *design({"network": range(8)}, **RELU, **LAPTOP),
        ],
    },
    _run_starts,
)
