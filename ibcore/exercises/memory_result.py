"""Exercises of the chapter `memory/result`: spread, its two averages, and the clock."""

import torch
from torch import Tensor

from ibcore.exercises.checking import Call, Exercise, Function, Law, Number, Wrong, as_numbers
from ibcore.runtime import generator

_SPREADS = '''\
import torch


def two_spreads(accuracy):
    """Return the spread of the mean over seeds, and the mean of the seeds' own spreads.

    The accuracies are shares, of shape (scales, seeds); both spreads are in points.
    """
'''


def _spreads(first: str, second: str, factor: str = "100 * ") -> str:
    """Return code with these two averages, each between the largest and the smallest."""
    return f"""{_SPREADS}\
    def span(values):
        return {factor}(values.amax(0) - values.amin(0))

    return {first}, {second}"""


_OF_MEANS, _MEAN_OF = "span(accuracy.mean(1))", "span(accuracy).mean()"


def _reference(accuracy: Tensor) -> list[float]:
    """Return both spreads, by sorting."""
    means = sorted(accuracy.mean(1).tolist())
    own = [sorted(column) for column in accuracy.T.tolist()]
    return [
        100 * (means[-1] - means[0]),
        100 * sum(column[-1] - column[0] for column in own) / len(own),
    ]


def _accuracies() -> list[tuple[Tensor]]:
    """Return shares of shapes (scales, seeds)."""
    rng = generator(22, "cpu")
    shapes = ((5, 10), (3, 4), (2, 6))
    return [(0.6 + 0.35 * torch.rand(s, generator=rng, dtype=torch.float64),) for s in shapes]


def _keeps_order(function: Call) -> bool:
    pairs = [as_numbers(function(accuracy)) for (accuracy,) in _accuracies()]
    return all(bool(pair[1] >= pair[0] - 1e-9) for pair in pairs)


def _ignores_order_of_scales(function: Call) -> bool:
    (accuracy,) = _accuracies()[0]
    pair, other = (as_numbers(function(rows)) for rows in (accuracy, accuracy.flip(0)))
    return torch.allclose(pair, other)


EXERCISES = (
    Exercise(
        id="memory.result.1",
        title="A spread by hand",
        kind="warm-up",
        stub="answer = ...  # the spread, in percentage points",
        solution="""\
from ibcore.memory import spread

answer = spread([[0.95], [0.94], [0.96], [0.95], [0.70]])""",
        grader=Number(100 * (0.96 - 0.70), within=0.005),
        wrong=(
            Wrong(
                "answer = 0.96 - 0.70", "A spread is stated in percentage points, not as a share."
            ),
            Wrong(
                "answer = 100 * (0.95 - 0.70)",
                "The first scale does not have the largest accuracy.",
            ),
            Wrong(
                "answer = 100 * (0.96 - 0.70) / 2",
                "This is half of it: the distance from the middle to either end.",
            ),
            Wrong(
                "answer = 100 * (0.96 - 0.90)",
                "You averaged the scales first; the spread is over the scales themselves.",
            ),
        ),
        hint="The largest accuracy minus the smallest, in percentage points.",
    ),
    Exercise(
        id="memory.result.2",
        title="Two ways to average a spread",
        kind="warm-up",
        variable="two_spreads",
        stub=f"{_SPREADS}    return ...",
        solution=_spreads(_OF_MEANS, _MEAN_OF),
        grader=Function(
            _reference,
            _accuracies,
            laws=(
                Law(
                    _keeps_order,
                    "Averaging first reduces the noise, so the first number cannot be the larger "
                    "one; here it is.",
                ),
                Law(
                    _ignores_order_of_scales,
                    "The values change when the scales are listed in reverse.",
                ),
            ),
            reveals=("mean(1)", "amax", "ptp"),
        ),
        wrong=(
            Wrong(_spreads(_MEAN_OF, _OF_MEANS), "The two numbers are exchanged."),
            Wrong(
                _spreads(_OF_MEANS, _MEAN_OF, factor=""),
                "These are shares; spreads are stated in points.",
            ),
            Wrong(
                _spreads("span(accuracy.T.mean(1))", "span(accuracy.T).mean()"),
                "These are spreads over seeds. Rows are scales here and columns are seeds.",
            ),
            Wrong(
                _spreads(_OF_MEANS, _OF_MEANS),
                "Both numbers average over the seeds first. The second must take the spread of "
                "each seed first.",
            ),
        ),
        hint="For the first, average over seeds and then take largest minus smallest over "
        "scales. For the second, do these in the other order.",
    ),
    Exercise(
        id="memory.result.3",
        title="When the clock reads enough",
        kind="core",
        stub="answer = ...  # the step at which the clock reads 3.3",
        solution="""\
from ibcore.memory import explicit_clock

step = 0
while explicit_clock(step, learning_rate=0.2, weight_decay=0.01) < 3.3:
    step += 1
answer = step""",
        grader=Number(3.3 / (2 * 0.2 * 0.01), within=0.02),
        wrong=(
            Wrong(
                "answer = 3.3 / (0.2 * 0.01)",
                "The clock of the balance runs twice as fast as that of the weights.",
            ),
            Wrong("answer = 3.3 / (2 * 0.01)", "The learning rate is missing."),
            Wrong("answer = 3.3 / (2 * 0.2)", "The weight decay is missing."),
            Wrong("answer = 3.3 / 0.01", "By how much does the clock advance in each step?"),
        ),
        hint="The clock advances by the same amount in each step: twice the product of learning "
        "rate and weight decay.",
    ),
)
