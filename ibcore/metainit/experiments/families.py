"""Four architectures on three families of tasks: learned starts, tuned random ones, and floors."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import pandas as pd
import torch
from torch import Tensor, nn

from ibcore.metainit.baselines import accuracy, optimizer_curve, squared_error
from ibcore.metainit.experiments.architectures import (
    Architecture,
    Meta,
    Net,
    Steps,
    build,
    optimizer_scores,
    present_episodes,
    random_start,
    rates_scores,
)
from ibcore.metainit.experiments.arithmetic import NOISE, PERIODS
from ibcore.metainit.experiments.concepts import seen
from ibcore.metainit.experiments.omniglot import FIVE, TWENTY, glyph_sets, held_alphabets
from ibcore.metainit.learner import MetaLearner
from ibcore.metainit.maml import Start
from ibcore.nets import count_parameters
from ibcore.population import member_seed
from ibcore.runs.experiment import Cell, Experiment, Factors, design
from ibcore.runtime import generator
from ibcore.tasks import (
    Episodes,
    concept_inputs,
    glyph_episodes,
    number_inputs,
    remainder_tables,
    sample_concepts,
    table_episodes,
)
from ibcore.training import Loss

TEST_SEED, HELD_SEED = 6_000_011, 7_000_003
QUERIES = 20  # of the 100 numbers, in each task of meta-training

Weights = dict[str, Tensor]
Row = dict[str, Any]
Curve = Callable[[float, Episodes, Steps], list[float]]  # from a rate, accuracies after steps


class Family(NamedTuple):
    """What a network meta-learns from, where its rates are chosen, and what it is tested on.

    ``held`` tasks are of the kind that meta-training sees.  Tests are tasks ``as trained``, with
    support sets of their own, ``far`` ones, and of numbers some ``between``.
    """

    loss: Loss
    outputs: int
    draw: Callable[[int], Episodes]
    held: Episodes
    tests: dict[str, Episodes]


def concept_family(cell: Cell) -> Family:
    """Return rules from a few examples; far are those of a fifth of all rules, never trained on."""
    seed = member_seed(cell["seed"], cell["network"])
    x, drawn = concept_inputs(cell["view"], size=12), sample_concepts(10_000, seed=seed).float()
    rules = torch.tensor(sorted({tuple(table) for table in drawn.tolist()}))
    far = rules[torch.randperm(len(rules), generator=generator(seed))[: len(rules) // 5]]
    pool = drawn[~seen(drawn, far)]

    def draw(seed: int, tables: Tensor = pool, **options: Any) -> Episodes:
        return table_episodes(x, tables, seed=seed, **options)

    test = {"support": cell["support"], "tasks": cell["test"]}
    held = test | {"tasks": cell["held"]}
    return Family(
        "binary",
        1,
        lambda seed: draw(seed, tasks=cell["meta"].tasks, support=(2, 19)),
        draw(member_seed(HELD_SEED, seed), **held),
        {
            "as trained": draw(member_seed(TEST_SEED, seed), **test),
            "far": draw(member_seed(TEST_SEED, seed), far, **test),
        },
    )


def number_family(cell: Cell) -> Family:
    """Return remainders: the odd moduli to 19, the even ones between them, and 21 to 40."""
    seed, view = member_seed(cell["seed"], cell["network"]), cell["view"]
    x = number_inputs(view, size=16, periods=PERIODS if view == "circular" else ())
    odd = remainder_tables(tuple(range(1, 20, 2)))

    def train(seed: int) -> Episodes:
        options: Any = {
            "tasks": cell["meta"].tasks,
            "support": (5, cell["support"]),
            "noise": NOISE,
        }
        drawn = table_episodes(x, odd, seed=seed, **options)
        some = torch.randperm(100, generator=generator(seed))[:QUERIES]
        return drawn._replace(query=(drawn.query[0][:, some], drawn.query[1][:, some]))

    def draw(seed: int, tables: Tensor) -> Episodes:  # each modulus once
        return table_episodes(x, tables, support=cell["support"], noise=NOISE, seed=seed)

    kinds = {"as trained": range(1, 20, 2), "between": range(2, 21, 2), "far": range(21, 41)}
    tests = {
        kind: draw(member_seed(TEST_SEED, seed), remainder_tables(tuple(moduli)))
        for kind, moduli in kinds.items()
    }
    return Family("mse", 1, train, draw(member_seed(HELD_SEED, seed), odd[::2]), tests)


def character_family(cell: Cell) -> Family:
    """Return invented characters from one drawing each: of known alphabets, and of new ones."""
    seed = member_seed(cell["seed"], cell["network"])
    sets = glyph_sets("synthetic", "all", size=FIVE["size"], seed=cell["seed"])
    sizes: Any = {name: FIVE[name] for name in ("ways", "shots", "queries")}
    test = sizes | {"tasks": cell["test"], "seed": member_seed(TEST_SEED, seed)}
    return Family(
        "cross_entropy",
        FIVE["ways"],
        lambda seed: glyph_episodes(sets.train, tasks=cell["meta"].tasks, seed=seed, **sizes),
        glyph_episodes(sets.train, tasks=cell["held"], seed=member_seed(HELD_SEED, seed), **sizes),
        {"as trained": glyph_episodes(sets.known, **test), "far": glyph_episodes(sets.new, **test)},
    )


_FAMILIES = {"concepts": concept_family, "numbers": number_family, "characters": character_family}


def score(outputs: Tensor, drawn: Episodes) -> float:
    """Return the accuracy, or of numbers one minus the squared error over the best constant's.

    Where steps diverged a network says class 0; numbers are cut at 1000.
    """
    target = drawn.query[1]
    if target.ndim == 2:
        return accuracy(outputs.nan_to_num(nan=0.0), target).mean().item()
    said = outputs.nan_to_num(nan=1000.0).clamp(-1000, 1000)
    spread = squared_error(target.mean(1, keepdim=True).expand_as(target), target)
    return 1 - (squared_error(said, target).mean() / spread.mean()).item()


def constant_score(drawn: Episodes) -> float:
    """Return the score of the best answer that is the same for all objects of a task."""
    target = drawn.query[1]
    if target.ndim == 3:
        return 0.0
    return torch.stack([row.bincount().max() / len(row) for row in target.long()]).mean().item()


def nearest(drawn: Episodes) -> Tensor:
    """Return what the nearest examples say, on average if several are as near.

    Images of one channel are blurred first, 3 by 3 pixels, as drawings of a character move.
    """
    (shown, answers), (x, target) = drawn.support, drawn.query
    if target.ndim == 2:
        classes = max(2, int(target.max()) + 1)
        answers = nn.functional.one_hot(answers.long(), classes).double()
    near = torch.cdist(_flat(x), _flat(shown))  # (tasks, queries, n)
    first = (near <= near.min(-1, keepdim=True).values + 1e-6).double()
    said = first / first.sum(-1, keepdim=True) @ answers.double()  # (tasks, queries, classes)
    return said if target.ndim == 3 or classes > 2 else said[..., 1:] - 0.5


def _flat(x: Tensor) -> Tensor:
    if x.ndim == 5 and x.shape[2] == 1:
        x = nn.functional.avg_pool2d(x.flatten(0, 1), 3, 1, 1).view_as(x)
    return x.flatten(2).double()


def meta_learn_tuned(
    cell: Cell,
    model: nn.Module,
    start: Weights,
    draw: Callable[[int], Episodes],
    loss: Loss,
    *,
    held: Sequence[Episodes] = (),
) -> tuple[MetaLearner, MetaLearner, float]:
    """Return the start after half of the steps and after all, and the outer rate of both.

    The rate is the one whose start has the least loss on validation tasks after ``trial`` steps;
    these are the ``held`` ones, or drawn like those of training.
    """
    seed, meta = member_seed(cell["seed"], cell["network"]), cell["meta"]
    held = held or [draw(member_seed(seed, 2**31 + i)) for i in range(meta.validation)]

    def learn(begin: Start | None, rate: float, first: int, last: int) -> tuple[float, MetaLearner]:
        learner = MetaLearner(model, params=start, rate=meta.rate, loss=loss)
        learner.start = begin or learner.start
        fitted = learner.fit(
            lambda step: draw(member_seed(seed, first + step)),
            steps=last - first,
            learning_rate=rate,
            validation=held,
        )
        return fitted.validation.min().item(), learner

    tried = {rate: learn(None, rate, 0, cell["trial"]) for rate in cell["outer"]}
    rate = min(tried, key=lambda rate: tried[rate][0])
    _, half = learn(tried[rate][1].start, rate, cell["trial"], meta.steps // 2)
    _, end = learn(half.start, rate, meta.steps // 2, meta.steps)
    return half, end, rate


def run_families(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Meta-train one network and return a row for each kind of test.

    Columns are scores.  ``one`` is one step from the learned start, ``half`` the same after half of
    the meta-training, and ``learned_10`` ten Adam steps from it; ``random_10`` and ``random_100``
    are Adam steps from random weights.  The rate of each is the best on held tasks, and in
    ``..._rate``.  ``constant`` is the best constant answer, ``nearest`` the nearest example.
    """
    raw, net = _FAMILIES[cell["family"]](cell), cell["net"]
    held = present_episodes(net, raw.held, device)
    model = build(net, tuple(held.support[0].shape[2:]), raw.outputs).to(device)
    start = random_start(model, cell["network"], seed=cell["seed"], device=device)

    def draw(seed: int) -> Episodes:
        return present_episodes(net, raw.draw(seed), device)

    half, end, outer = meta_learn_tuned(cell, model, start, draw, raw.loss)
    starts = {"random": start, "learned": end.start.params}
    rows: list[dict[str, Any]] = [{"tasks": kind} for kind in raw.tests]
    tests = [present_episodes(net, points, device) for points in raw.tests.values()]
    for name, (steps, rates) in cell["adam"].items():
        place = end, starts[name.split("_")[0]], steps
        scores = [adam_score(*place, rate, held) for rate in rates]
        best = rates[scores.index(max(scores))]
        for row, drawn in zip(rows, tests, strict=True):
            row |= {name: adam_score(*place, best, drawn), f"{name}_rate": best}
    for row, drawn, points in zip(rows, tests, raw.tests.values(), strict=True):
        for name, learner in (("half", half), ("one", end)):
            row[name] = score(learner.predict(drawn.support, drawn.query[0]), drawn)
        row |= {"constant": constant_score(points), "nearest": score(nearest(points), points)}
    labels = {
        name: cell[name] for name in ("family", "view", "sizes", "support", "network", "seed")
    }
    sizes = {"architecture": net.architecture, "parameters": count_parameters(model)}
    return pd.DataFrame(rows).assign(**labels, **sizes, outer_rate=outer)


def adam_score(
    learner: MetaLearner, start: Weights, steps: int, rate: float, drawn: Episodes
) -> float:
    """Return the score after so many Adam steps on each task's examples."""
    options: Any = {"optimizer": "adam", "weight_decay": 0.0, "loss": learner.loss}
    options |= {"steps": (steps,), "learning_rate": rate}
    curve = optimizer_curve(learner.model, start, drawn.support, drawn.query[0], **options)
    return score(curve[0], drawn)


# What each experiment varies: the four architectures have about as many weights each.

ADAM = {
    "random_10": (10, (0.003, 0.01, 0.03, 0.1, 0.3)),
    "random_100": (100, (0.003, 0.01, 0.03, 0.1)),
    "learned_10": (10, (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)),
}
SHARED: dict[str, Any] = {"adam": ADAM, "outer": (0.003, 0.01), "trial": 100, "seed": 0}
RATES = {"concepts": 0.1, "numbers": 0.001, "characters": 0.1}  # inner ones, to begin with
SEQUENCES: tuple[Architecture, ...] = ("LSTM", "Transformer")
READERS: dict[tuple[str, str], tuple[Architecture, ...]] = {
    ("concepts", "bits"): ("MLP", *SEQUENCES),
    ("concepts", "image"): ("MLP", "ConvNet", *SEQUENCES),
    ("numbers", "number"): ("MLP",),
    ("numbers", "bits"): ("MLP", *SEQUENCES),
    ("numbers", "image"): ("MLP", "ConvNet", *SEQUENCES),
    ("characters", "image"): ("MLP", "ConvNet", *SEQUENCES),
}


def matched(parameters: int, steps: int) -> list[Cell]:
    """Let each architecture, of about one size, read each family in each view that it can read."""
    shown = {"concepts": 5, "numbers": 20, "characters": 1}
    return [
        {
            "family": family,
            "view": view,
            "net": Net(name, 2 - (name in SEQUENCES), parameters=parameters),
            "meta": Meta(steps, 4, RATES[family], validation=4),
            "sizes": "weights",
            "support": shown[family],
        }
        for (family, view), names in READERS.items()
        for name in names
    ]


def family_cells(networks: int, settings: list[Cell], **options: Any) -> list[Cell]:
    """Meta-train every setting, network by network."""
    shared = {**SHARED, "held": 20, "test": 30, **options}
    return [{**each, "network": n, **shared} for n in range(networks) for each in settings]


# Shown in: result, "Result 5: four architectures, two families"; no claims.
FAMILIES = Experiment(
    "metainit.families",
    "Do learned starts bring four architectures together on several families of tasks?",
    {
        "smoke": family_cells(2, matched(1000, 60)[::9], trial=20, held=10, test=10),
        "laptop": [
            *family_cells(3, matched(5000, 500)[:3]),  # rules on bits
            *family_cells(2, [*matched(5000, 500)[3:7], *matched(5000, 500)[-4:]]),
        ],
        "paper": family_cells(10, matched(65_000, 20_000)),
    },
    run_families,
)


# Real characters: every choice is made on alphabets that are neither trained on nor reported.


def alphabet_family(cell: Cell) -> Family:
    """Return characters of known alphabets, of new ones, and of alphabets kept for choices."""
    seed = member_seed(cell["seed"], cell["network"])
    sizes: Any = {name: cell["task"][name] for name in ("ways", "shots", "queries")}
    sets, held = held_alphabets(cell["source"], size=cell["task"]["size"], seed=seed)
    test = sizes | {"tasks": cell["test"], "seed": member_seed(TEST_SEED, seed)}
    return Family(
        "cross_entropy",
        sizes["ways"],
        lambda seed: glyph_episodes(sets.train, tasks=cell["meta"].tasks, seed=seed, **sizes),
        glyph_episodes(held, tasks=cell["held"], seed=member_seed(HELD_SEED, seed), **sizes),
        {"known": glyph_episodes(sets.known, **test), "new": glyph_episodes(sets.new, **test)},
    )


def tuned_arms(learner: MetaLearner, start: Weights) -> dict[str, Curve]:
    """Return ways to go on at a constant rate: from random weights, and from the learned start."""

    def adam(begin: Weights) -> Curve:
        options: Any = {"optimizer": "adam", "weight_decay": 0.0}
        return lambda rate, on, steps: optimizer_scores(
            learner, begin, on, steps, learning_rate=rate, **options
        )

    return {
        "plain": lambda rate, on, steps: rates_scores(learner, start, rate, on, steps),
        "adam": adam(start),
        "learned, adam": adam(learner.start.params),
    }


def tuned_rows(
    curve: Curve,
    rates: Sequence[float],
    budgets: Steps,
    held: Episodes,
    tests: dict[str, Episodes],
) -> list[Row]:
    """Return a row for each rate on held tasks, and for each test that of the best one there."""
    tried = {rate: curve(rate, held, budgets) for rate in rates}
    rows: list[Row] = []
    for place, budget in enumerate(budgets):
        scores = {rate: values[place] for rate, values in tried.items()}
        best = max(scores, key=scores.__getitem__)
        found = [("validation", rate, value) for rate, value in scores.items()]
        found += [(kind, best, curve(best, on, (budget,))[0]) for kind, on in tests.items()]
        names = "budget", "alphabets", "rate", "accuracy"
        rows += [dict(zip(names, (budget, *each), strict=True)) for each in found]
    return rows


def run_alphabets(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Meta-train one network and return a row for each arm, budget and kind of alphabet.

    ``learned`` is steps at the learned rates, ``half`` the same after half of the meta-training.
    ``plain`` and ``adam`` go on from random weights and ``learned, adam`` from the learned start,
    each at the rate that is best on ``validation`` alphabets, where the whole grid is in the table.
    ``nearest`` is the nearest drawing.
    """
    raw, net = alphabet_family(cell), cell["net"]
    held = present_episodes(net, raw.held, device)
    model = build(net, tuple(held.support[0].shape[2:]), raw.outputs).to(device)
    start = random_start(model, cell["network"], seed=cell["seed"], device=device)

    def draw(seed: int) -> Episodes:
        return present_episodes(net, raw.draw(seed), device)

    half, end, outer = meta_learn_tuned(cell, model, start, draw, raw.loss, held=[held])
    tests = {kind: present_episodes(net, points, device) for kind, points in raw.tests.items()}
    rows: list[Row] = []
    for arm, curve in tuned_arms(end, start).items():
        rates, budgets = cell["arms"][arm]
        found = tuned_rows(curve, rates, budgets, held, tests)
        rows += [{"arm": arm, **row} for row in found]
    for kind, drawn in tests.items():
        for arm, learner in (("learned", end), ("half", half)):
            own, steps = learner.start, cell["learned"]
            scores = rates_scores(learner, own.params, own.rates, drawn, steps)
            found = [{"budget": b, "accuracy": s} for b, s in zip(steps, scores, strict=True)]
            rows += [{"arm": arm, "alphabets": kind, **row} for row in found]
        floor = score(nearest(raw.tests[kind]), raw.tests[kind])
        rows.append({"arm": "nearest", "alphabets": kind, "budget": 0, "accuracy": floor})
    labels = {name: cell[name] for name in ("source", "network", "seed")}
    sizes = {"architecture": net.architecture, "parameters": count_parameters(model)}
    return pd.DataFrame(rows).assign(**labels, **sizes, outer_rate=outer)


STEPS = (1, 10, 30)
GRIDS = {  # rates and numbers of steps of each arm that has a constant rate
    "plain": ((0.01, 0.03, 0.1, 0.3, 1.0, 3.0), STEPS),
    "adam": ((0.001, 0.003, 0.01, 0.03, 0.1), STEPS),
    "learned, adam": ((0.001, 0.003, 0.01, 0.03, 0.1), STEPS[:2]),
}
REAL: dict[str, Any] = {
    "source": "full",
    "task": FIVE,
    "meta": Meta(1000, 4, 0.1),
    "outer": (0.001, 0.003, 0.01, 0.03),
    "trial": 40,
    "arms": GRIDS,
    "learned": (0, 1, 5),
    "held": 20,
    "test": 50,
    "seed": 0,
}
QUICKEST: dict[str, Any] = {
    "source": "synthetic",
    "meta": Meta(12, 4, 0.1),
    "trial": 2,
    "arms": {arm: (rates[1:3], steps) for arm, (rates, steps) in GRIDS.items()},
    "held": 4,
    "test": 5,
}
LONG = {"task": {**TWENTY, "size": 28}, "meta": Meta(20_000, 4, 0.1), "held": 100, "test": 200}
FOUR = tuple(Net(name, 2 - (name in SEQUENCES)) for name in READERS["characters", "image"])


def _sized(parameters: int, networks: int) -> Factors:
    """Meta-train each of the four at one size, network by network."""
    nets = tuple(replace(net, parameters=parameters) for net in FOUR)
    return {"network": range(networks), "net": nets}


# Shown in: result, "Result 4: new alphabets"; limits, "The abstract, claim by claim"; claims
# metainit.real-new, real-floor, real-ahead, real-lstm, real-ten, real-longer.
ALPHABETS = Experiment(
    "metainit.omniglot-four",
    "What do four architectures learn from Omniglot's alphabets that helps with new ones?",
    {
        "smoke": design(_sized(1000, 2), **{**REAL, **QUICKEST}),
        "laptop": design(_sized(5000, 5), **REAL),
        "paper": design(_sized(65_000, 10), **{**REAL, **LONG}),
    },
    run_alphabets,
    tuned={"rate": ("architecture", "arm", "budget")},
)
