"""Exercises of the chapter `guidance/idea`: what CKA sees, and who may move."""

import torch
from torch import Tensor

from ibcore.exercises.checking import (
    Call,
    Exercise,
    Function,
    Law,
    Number,
    Values,
    Wrong,
    as_numbers,
)
from ibcore.runtime import generator

_LOSS = '''\
from ibcore.guidance import cka


def guided_loss(task, x, y, alpha):
    """Return the guided loss of one pair of layers, whose slope moves the target alone.

    task is the loss of the task, x the target's features (n, p), y the guide's (n, q).
    """
'''
_PARTNER = '''
def partner(i, guide, target):
    """Return which of the target's layers goes with layer i of the guide, both counted from 0.

    guide and target say how many layers they have; the pairs are spread evenly over depth.
    """
'''
_KEPT = """\
import torch

from ibcore.guidance import cka

x = torch.randn(200, 6, generator=torch.Generator().manual_seed(0))
turn = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(1)))[0]
changed = [x @ turn, x.flip(1), x + 5, 0.1 * x, x * torch.tensor([10, 1, 1, 1, 1, 1]), x.relu()]
answer = [int(cka(x, other) > 0.999) for other in changed]"""


def _kept() -> tuple[Tensor, Tensor]:
    """Return which of the six changes leave CKA at one, with tolerances."""
    kept = torch.tensor([1.0, 1.0, 1.0, 1.0, 0.0, 0.0], dtype=torch.float64)
    return kept, torch.full_like(kept, 0.1)


def _likeness(x: Tensor, y: Tensor) -> Tensor:
    """Return biased linear CKA from centered Gram matrices."""
    one, other = ((part - part.mean(0)) @ (part - part.mean(0)).T for part in (x, y))
    return (one * other).sum() / (one.square().sum() * other.square().sum()).sqrt()


def _right_loss(task: Tensor, x: Tensor, y: Tensor, alpha: float) -> Tensor:
    return task + alpha * (1 - _likeness(x, y.detach()))


def _features() -> list[tuple[Tensor, Tensor, Tensor, float]]:
    """Return losses of a task, two sets of features, and weights of the guide."""
    rng = generator(31, "cpu")
    sizes = ((12, 3, 5, 2.0), (30, 4, 4, 0.5))
    return [
        (
            torch.rand((), generator=rng, dtype=torch.float64),
            torch.randn(n, p, generator=rng, dtype=torch.float64),
            torch.randn(n, q, generator=rng, dtype=torch.float64),
            alpha,
        )
        for n, p, q, alpha in sizes
    ]


def _pull(loss: Call, task: Tensor, x: Tensor, y: Tensor, alpha: float) -> object:
    """Return a loss with its gradients in task, x and y, (1 + 1 + n p + n q,)."""
    parts = [part.clone().requires_grad_() for part in (task, x, y)]
    value = loss(*parts, alpha)
    if not isinstance(value, Tensor) or not value.requires_grad:
        return value
    slopes = torch.autograd.grad(value, parts, allow_unused=True, materialize_grads=True)
    return torch.cat([value.detach().flatten(), *(slope.flatten() for slope in slopes)])


def _keeps_the_task(loss: Call) -> bool:
    task, x, y, _ = _features()[0]
    return bool(torch.allclose(as_numbers(loss(task, x, y, 0.0)), task))


def _partner(i: int, guide: int, target: int) -> int:
    """Return the nearest of the target's layers by relative depth."""
    return min(range(target), key=lambda layer: abs(layer * (guide - 1) - i * (target - 1)))


EXERCISES = (
    Exercise(
        id="guidance.idea.1",
        title="Enough points for a biased likeness",
        kind="warm-up",
        stub="answer = ...  # the least number of points",
        solution="""\
n = 1
while 128 / (128 + n) >= 0.1:
    n += 1
answer = n""",
        grader=Number(1153, within=0.001),
        wrong=(
            Wrong(
                "answer = 128",
                "With as many points as features the value is one half; it falls slowly.",
            ),
            Wrong(
                "answer = 128 / 0.1",
                "The points and the features together are this many.",
            ),
            Wrong(
                "answer = 99 * 128",
                "Each of the two representations brings one root; their product has none.",
            ),
            Wrong(
                "answer = 128 / 9",
                "Few points make the value large. Which of n and p stands above the line?",
            ),
        ),
        hint="Both representations have p = q, so the formula has no root; solve it for n.",
    ),
    Exercise(
        id="guidance.idea.2",
        title="What leaves CKA unchanged",
        kind="warm-up",
        stub="# 1 if CKA between the features and their changed copy stays at one, else 0, for:\n"
        "# a rotation, another order of the features, an offset, a tenth of the size,\n"
        "# ten times the size of one feature, a ReLU\n"
        "answer = ...",
        solution=_KEPT,
        grader=Values(_kept),
        wrong=(
            Wrong(
                "answer = [1, 1, 1, 1, 1, 0]",
                "A stretch of a single direction makes this feature decide who is near whom.",
            ),
            Wrong(
                "answer = [1, 1, 1, 1, 1, 1]",
                "Neither a stretch of one direction nor a bend is a rotation.",
            ),
            Wrong(
                "answer = [1, 0, 1, 1, 0, 0]",
                "Which neuron is which does not matter: another order is a rotation too.",
            ),
            Wrong(
                "answer = [1, 1, 0, 1, 0, 0]",
                "The columns are centered first, so an offset is gone.",
            ),
            Wrong(
                "answer = [1, 1, 1, 0, 0, 0]",
                "A common factor stands above and below the line.",
            ),
        ),
        hint="What does each change do to the centered Gram matrix, up to a common factor?",
    ),
    Exercise(
        id="guidance.idea.3",
        title="A loss that moves the target alone",
        kind="core",
        variable="guided_loss",
        stub=f"{_LOSS}    return ...",
        solution=f"{_LOSS}    return task + alpha * (1 - cka(x, y.detach(), unbiased=False))",
        grader=Function(
            _right_loss,
            _features,
            observe=_pull,
            laws=(Law(_keeps_the_task, "At weight 0 only the loss of the task may be left."),),
            reveals=("detach()", "y.detach"),
            within=1e-5,
        ),
        wrong=(
            Wrong(
                f"{_LOSS}    return task + alpha * (1 - cka(x, y, unbiased=False))",
                "The value is right, but its slope reaches the guide as well, which would come "
                "to meet the target. The guide must stay frozen.",
            ),
            Wrong(
                f"{_LOSS}    return task + alpha * (1 - cka(x.detach(), y, unbiased=False))",
                "The wrong one of the two is frozen here: the guide learns to look like the "
                "target.",
            ),
            Wrong(
                f"{_LOSS}    return task + alpha * cka(x, y.detach(), unbiased=False)",
                "Going down this loss makes the two less alike.",
            ),
            Wrong(
                f"{_LOSS}    return task + 1 - cka(x, y.detach(), unbiased=False)",
                "The weight of the guide is missing.",
            ),
            Wrong(
                f"{_LOSS}    return task + alpha * (1 - cka(x, y.detach()))",
                "This is the unbiased estimate; the authors' code and our default take the other.",
            ),
        ),
        hint="Add to the task the weighted missing alignment, in the biased estimate, and see to "
        "it that no slope reaches the guide's features.",
    ),
    Exercise(
        id="guidance.idea.4",
        title="Layers of networks of different depth",
        kind="core",
        variable="partner",
        stub=f"{_PARTNER}    return ...",
        solution=f"{_PARTNER}    return round(i * (target - 1) / (guide - 1))",
        grader=Function(
            _partner,
            lambda: [(0, 3, 7), (1, 3, 7), (2, 3, 7), (2, 4, 11), (1, 5, 8), (4, 5, 3)],
            reveals=("(target - 1) / (guide - 1)", "(target - 1)"),
        ),
        wrong=(
            Wrong(
                f"{_PARTNER}    return i",
                "Layers of equal number are paired here, so the end of the deeper network is "
                "left alone.",
            ),
            Wrong(
                f"{_PARTNER}    return round(i * target / guide)",
                "The two last layers must meet. From the first layer to the last it is one step "
                "fewer than there are layers.",
            ),
            Wrong(
                f"{_PARTNER}    return i * (target - 1) // (guide - 1)",
                "This rounds down always; take the nearest layer.",
            ),
            Wrong(
                f"{_PARTNER}    return i * (target - 1) / (guide - 1)",
                "This is a place between two layers; take the nearest one.",
            ),
            Wrong(
                f"{_PARTNER}    return target - guide + i",
                "The first layers must meet as well as the last ones.",
            ),
        ),
        hint="The first layers go together, the last layers go together, and equal steps lie "
        "between them.",
    ),
)
