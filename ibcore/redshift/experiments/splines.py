"""A learned activation against fixed ones: how fast networks learn modular addition."""

from typing import Any

import pandas as pd
import torch
from torch import Tensor

from ibcore.nets import MLP
from ibcore.population import Population, member_seed
from ibcore.redshift.experiments.modular import accuracy
from ibcore.redshift.fourier import path_variation
from ibcore.redshift.splines import Bilevel, LearnedActivation, SplineMLP, learn_activation
from ibcore.runs.experiment import Cell, Experiment, design
from ibcore.runtime import TIERS, Tier
from ibcore.tasks import Modular, modular_addition

# How fast networks learn: test accuracy along training, and when it reaches a target.


def learning_curve(
    population: Population, task: Modular, *, steps: int, every: int, learning_rate: float
) -> tuple[Tensor, Tensor]:
    """Train with Adam on all training points, and look at the accuracy every so many steps.

    Returns
    -------
    tuple of Tensor
        Training accuracy at the end, shape (m,), and test accuracy at each look, shape
        (m, looks); looks follow steps ``every``, ``2 * every`` and so on.

    Examples
    --------
    >>> from ibcore.nets import MLP
    >>> from ibcore.tasks import modular_addition
    >>> many = Population.sample(MLP(2, width=8), networks=3)
    >>> task = modular_addition(10)
    >>> _, test = learning_curve(many, task, steps=10, every=5, learning_rate=1e-2)
    >>> test.shape
    torch.Size([3, 2])
    """
    looks = tuple(range(every, steps + 1, every))
    test = torch.full((len(population), len(looks)), torch.nan, dtype=torch.float64)

    def look(step: int, members: Tensor, networks: Population) -> None:
        right = accuracy(networks, task.test_x, task.test_y)
        test[members, step // every - 1] = torch.tensor(right, dtype=torch.float64)

    trained = population.train(
        task.train_x,
        task.train_y,
        loss="binary",
        steps=steps,
        learning_rate=learning_rate,
        checkpoints=looks,
        on_checkpoint=look,
    ).population
    return torch.tensor(accuracy(trained, task.train_x, task.train_y), dtype=torch.float64), test


def steps_to_reach(curve: Tensor, target: float, every: int) -> list[float]:
    """Return the step of the first look at which each row is at the target, or nan.

    Examples
    --------
    >>> steps_to_reach(torch.tensor([[0.2, 0.9, 0.8], [0.2, 0.3, 0.4]]), 0.9, 10)
    [20.0, nan]
    """
    reached = curve >= target
    first = (reached.int().argmax(1) + 1.0) * every
    return first.where(reached.any(1), torch.nan).tolist()


# The experiment.  In each split of the points the spline is learned on the training points alone;
# test points and the weights of the judged networks are new to it.  The settings of `Bilevel`
# were chosen on splits 0 to 2.

LEARNED = "spline (learned)"
_SEGMENTS = 70  # between training points, on which the variation is measured


def _task(modulus: int, split: int, device: torch.device) -> Modular:
    task = modular_addition(modulus, seed=split, dtype=torch.float32)
    return Modular(*(getattr(task, name).to(device) for name in Modular.__annotations__))


def _learn(cell: Cell, device: torch.device) -> LearnedActivation:
    task = _task(cell["learned_on"], cell["split"], device)
    seed = member_seed(cell["seed"], cell["split"])
    return learn_activation(task.train_x, task.train_y, cell["plan"], seed=seed)


def _sample(cell: Cell, device: torch.device) -> Population:
    """Draw the networks to be judged; those of one split have the same weights throughout."""
    size: dict[str, Any] = {"depth": cell["plan"].depth, "width": cell["plan"].width}
    draw: dict[str, Any] = {"networks": cell["networks"], "seed": cell["seed"] + cell["split"]}
    if cell["activation"] == LEARNED:
        return SplineMLP(_learn(cell, device).spline, **size).sample(**draw)
    network = MLP(activation=cell["activation"], prefactor=cell["prefactor"], **size)
    return Population.sample(network, device=device, dtype=torch.float32, **draw)


def _run_contender(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Judge one activation on one split of the points, at every modulus."""
    population = _sample(cell, device)
    ends = _task(cell["learned_on"], cell["split"], device).train_x[: 2 * _SEGMENTS].chunk(2)
    variation = path_variation(population, *ends).tolist()
    rate, every = cell["plan"].learning_rate, cell["every"]
    frames = []
    for modulus in cell["modulus"]:
        task = _task(modulus, cell["split"], device)
        train, test = learning_curve(
            population, task, steps=cell["steps"], every=every, learning_rate=rate
        )
        columns = {
            "steps_to_target": steps_to_reach(test, cell["target"], every),
            "train_accuracy": train.tolist(),
            "test_accuracy": test[:, -1].tolist(),
            "variation_initial": variation,
        }
        frames.append(_labeled(cell, modulus, pd.DataFrame(columns)))
    return pd.concat(frames, ignore_index=True)


def _labeled(cell: Cell, modulus: int, measures: pd.DataFrame) -> pd.DataFrame:
    """Return one row per network; networks are numbered across splits.

    ``censored``: the target was not reached, and ``steps_to_target`` is nan.  ``steps_bound``
    holds the number of all steps then: a lower bound.
    """
    first = cell["split"] * cell["networks"]
    labels = {
        "activation": cell["activation"],
        "prefactor": cell["prefactor"],
        "modulus": modulus,
        "split": cell["split"],
        "network": range(first, first + cell["networks"]),
        "seed": cell["seed"],
    }
    reached = measures["steps_to_target"]
    ends = {"censored": reached.isna(), "steps_bound": reached.fillna(cell["steps"])}
    return measures.assign(**labels, **ends)[[*labels, *measures, *ends]]


def _run_learning(cell: Cell, device: torch.device) -> pd.DataFrame:
    learned = _learn(cell, device)
    slopes = learned.spline.heights.diff().sign()
    return pd.DataFrame(
        {
            "network": cell["split"],  # one spline for each split
            "seed": cell["seed"],
            "learned_on": cell["learned_on"],
            "z": learned.spline.knots.tolist(),
            "height": learned.spline.heights.tolist(),
            "start": learned.start.heights.tolist(),
            "turns": int((slopes[1:] * slopes[:-1] < 0).sum()),
        }
    )


SPLITS = {"smoke": (3,), "laptop": range(3, 8), "paper": range(3, 13)}
PLANS = {
    "smoke": Bilevel(outer_steps=25, inner_steps=(200, 200), networks=3, width=32),
    "laptop": Bilevel(),
    "paper": Bilevel(outer_steps=300, inner_steps=(150, 600), networks=16),
}
SIZES: dict[str, dict[str, Any]] = {  # steps between looks at the test accuracy: every
    "smoke": {"modulus": (7, 4), "networks": 3, "steps": 400, "every": 10, "target": 0.9},
    "laptop": {"modulus": (7, 4), "networks": 10, "steps": 500, "every": 10, "target": 0.9},
    "paper": {"modulus": (10, 7, 4), "networks": 20, "steps": 3000, "every": 10, "target": 0.9},
}
FEW = (("relu", 1.0), ("sine", 3.0), (LEARNED, 1.0))  # activation and prefactor
ALL = (("relu", 1.0), ("tanh", 1.0), ("sine", 1.0), *FEW[1:])


def _learned(tier: Tier) -> list[Cell]:
    return design({"split": SPLITS[tier]}, learned_on=7, plan=PLANS[tier], seed=0)


def _contenders(tier: Tier) -> list[Cell]:
    return [
        {"activation": activation, "prefactor": prefactor, **SIZES[tier], **cell}
        for activation, prefactor in (FEW if tier == "smoke" else ALL)
        for cell in _learned(tier)
    ]


# Shown in: result, "Advanced: learn the activation itself"; claims redshift.spline-faster,
# spline-against-sine, spline-transfer.
SPLINES = Experiment(
    "redshift.splines",
    "Does a learned activation make modular addition faster to learn than fixed ones?",
    {tier: _contenders(tier) for tier in TIERS},
    _run_contender,
)

# Shown in: result, "Advanced: learn the activation itself"; claim redshift.spline-turns.
SHAPE = Experiment(
    "redshift.spline-shape",
    "What does the activation that was learned for modular addition look like?",
    {tier: _learned(tier) for tier in TIERS},
    _run_learning,
)
