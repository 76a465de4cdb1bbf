"""Exercises of the chapter `redshift/result`: what the preferred complexity decides."""

import torch
from torch import Tensor

from ibcore.exercises.checking import Call, Choice, Exercise, Function, Law, Number, Wrong
from ibcore.runtime import generator

_LOSS = '''\
import torch


def population_loss(logits, labels):
    """Return one number for m networks: logits (m, n), labels (n,) of 0 and 1."""
    losses = torch.nn.functional.binary_cross_entropy_with_logits(
        logits, labels.expand_as(logits), reduction="none"
    )  # (m, n)
'''


def _alone(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the sum over networks of each network's mean loss, written without PyTorch's loss."""
    losses = torch.log1p(logits.abs().neg().exp()) + logits.relu() - logits * labels
    total: Tensor = torch.stack([own.mean() for own in losses]).sum()
    return total


def _batches() -> list[tuple[Tensor, Tensor]]:
    """Return logits (m, n) and labels (n,) for populations of different sizes."""
    rng = generator(21, "cpu")
    shapes = ((5, 12), (3, 7), (1, 4))
    return [
        (
            torch.randn(shape, generator=rng, dtype=torch.float64),
            torch.randint(2, shape[1:], generator=rng).double(),
        )
        for shape in shapes
    ]


def _gradient(loss: Call, logits: Tensor, labels: Tensor) -> object:
    """Return the gradient of a loss in the logits; what the loss itself returns if not a tensor."""
    logits = logits.clone().requires_grad_()
    value = loss(logits, labels)
    if not isinstance(value, Tensor):
        return value
    return torch.autograd.grad(value, logits)[0]


def _ignores_company(loss: Call) -> bool:
    logits, labels = _batches()[0]
    together, alone = (_gradient(loss, part, labels) for part in (logits, logits[:1]))
    both = isinstance(together, Tensor) and isinstance(alone, Tensor)
    return both and torch.allclose(together[:1], alone)  # type: ignore[index, arg-type]


EXERCISES = (
    Exercise(
        id="redshift.result.1",
        title="Periods along the diagonal",
        kind="warm-up",
        stub="answer = ...  # periods of the pattern from corner to corner",
        solution="""\
sums = range(15 + 15 + 1)  # along the diagonal of a 16 x 16 table
labels = [number % 4 < 2 for number in sums]
period = next(p for p in range(1, 16) if labels[p:] == labels[:-p])
answer = max(sums) / period""",
        grader=Number(30 / 4, within=0.005),
        wrong=(
            Wrong(
                "answer = 16 / 4",
                "Along the diagonal both coordinates move, so the sum moves twice as fast.",
            ),
            Wrong(
                "answer = 15 / 4",
                "Along the diagonal both coordinates move, so the sum moves twice as fast as this.",
            ),
            Wrong(
                "answer = 32 / 4",
                "Both coordinates count from 0, so the largest sum is less than twice 16.",
            ),
            Wrong(
                "answer = 15",
                "You count stripes. A period has two of them, a bright and a dark one.",
            ),
        ),
        hint="From which number to which does the sum of the coordinates run along the diagonal, "
        "and after how much does the pattern repeat?",
    ),
    Exercise(
        id="redshift.result.2",
        title="One loss for many networks",
        kind="warm-up",
        variable="population_loss",
        stub=f"{_LOSS}    return ...",
        solution=f"{_LOSS}    return losses.mean(1).sum()",
        grader=Function(
            _alone,
            _batches,
            observe=_gradient,
            laws=(
                Law(
                    _ignores_company,
                    "The gradient of a network changes when other networks join it.",
                ),
            ),
            reveals=("mean(1)", "sum()"),
        ),
        wrong=(
            Wrong(
                f"{_LOSS}    return losses.mean()",
                "Each network gets only its share of the gradient that it would see alone: with "
                "m networks, one m-th.",
            ),
            Wrong(
                f"{_LOSS}    return losses.sum()",
                "Each gradient is n times too large: a network alone averages over its n examples.",
            ),
            Wrong(
                f"{_LOSS}    return losses.sum(1).mean()",
                "The two directions are exchanged: one is over networks, the other over examples.",
            ),
        ),
        hint="A network alone minimizes the mean of its losses over the examples. What must "
        "happen across networks so that the gradient of each one stays what it was?",
    ),
    Exercise(
        id="redshift.result.3",
        title="Width, depth or time",
        kind="core",
        stub="""\
# From width 64, depth 2 and 1,000 steps: double the width, double the depth, or take
# four times the steps. Which change leaves the training accuracy about where it was?
answer = ...  # "width", "depth" or "steps\"""",
        solution="""\
from ibcore.nets import MLP
from ibcore.population import Population
from ibcore.tasks import modular_addition

task = modular_addition(4, seed=0)


def train_accuracy(width=64, depth=2, steps=200):
    start = Population.sample(MLP(2, 1, depth=depth, width=width), networks=2, seed=0)
    options = {"loss": "binary", "steps": steps, "learning_rate": 2e-3}
    fitted = start.train(task.train_x, task.train_y, **options).population
    right = (fitted.forward(task.train_x)[..., 0] > 0) == (task.train_y > 0)
    return right.double().mean().item()


plain = train_accuracy()
changes = {"width": {"width": 128}, "depth": {"depth": 4}, "steps": {"steps": 800}}
moved = {name: abs(train_accuracy(**change) - plain) for name, change in changes.items()}
answer = min(moved, key=moved.get)""",
        grader=Choice("width", options=("width", "depth", "steps")),
        wrong=(
            Wrong(
                'answer = "depth"',
                "Measure again: a deeper network fits more of the training points.",
            ),
            Wrong(
                'answer = "steps"',
                "Measure again: with more time a network fits more of the training points, "
                "whether that helps on the others or not.",
            ),
        ),
        hint="Change one of the three at a time and compare the training accuracies.",
    ),
)
