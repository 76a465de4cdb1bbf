"""Exercises of the chapter `metainit/limits`: a fair baseline, and what noise does to it."""

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

_FLATTERY = '''
def flattery(validation, test):
    """Return by how many points choosing the rate on the test rules raises their accuracy.

    Both hold shares of right answers, of shape (rates, rules).
    """
'''


def _terms() -> tuple[Tensor, Tensor]:
    """Return the three terms of the equation, in points, with tolerances."""
    learned, adamw, plain = 82.0, 76.0, 84.0
    terms = torch.tensor([learned - adamw, learned - plain, plain - adamw]).double()
    return terms, torch.full_like(terms, 0.01)


def _reference(validation: Tensor, test: Tensor) -> float:
    """Return the difference, from lists."""
    known, asked = ([sum(row) / len(row) for row in part.tolist()] for part in (validation, test))
    honest = next(b for a, b in zip(known, asked, strict=True) if a == max(known))
    points: float = 100 * (max(asked) - honest)
    return points


def _accuracies() -> list[tuple[Tensor, Tensor]]:
    """Return shares of validation and test rules, whose best rates differ."""
    rng = generator(23, "cpu")
    sizes = ((4, 6, 5), (3, 10, 10), (6, 3, 8), (5, 4, 4))
    drawn = [torch.rand(a, b + c, generator=rng, dtype=torch.float64) for a, b, c in sizes]
    return [
        (part[:, :b], part[:, b:]) for part, (_, b, _) in zip(drawn, sizes, strict=True)
    ]  # (rates, rules)


def _is_never_negative(function: Call) -> bool:
    return all(bool((as_numbers(function(*pair)) > -1e-9).all()) for pair in _accuracies())


def _is_nothing_on_equals(function: Call) -> bool:
    pairs = [as_numbers(function(test, test.clone())) for _, test in _accuracies()]
    return all(bool((pair.abs() < 1e-9).all()) for pair in pairs)


def _ridge(answer: str = "error / constant", *, support: int = 20) -> str:
    """Return code that measures ridge regression with noise 1; the options make mistakes."""
    return f"""\
import torch

from ibcore.metainit import squared_error
from ibcore.metainit.experiments.arithmetic import PERIODS, ridge
from ibcore.tasks import constant_predictor, number_inputs, remainder_tables, table_episodes

moduli = tuple(range(21, 41))
x, tables = number_inputs("circular", periods=PERIODS), remainder_tables(moduli)
errors = []
for seed in range(10):
    drawn = table_episodes(x, tables, support={support}, noise=1.0, seed=seed)
    predicted = ridge(drawn.support, drawn.query[0], penalty=10.0)
    errors.append(squared_error(predicted, drawn.query[1]).mean().item())
error = sum(errors) / len(errors)
constant = torch.as_tensor(constant_predictor(moduli)).mean().item()
answer = {answer}"""


EXERCISES = (
    Exercise(
        id="metainit.limits.1",
        title="Three terms",
        kind="warm-up",
        stub="answer = ...  # [as reported, weights and steps, choice of the rate], in points",
        solution="""\
learned, adamw, plain = 82, 76, 84
answer = [learned - adamw, learned - plain, plain - adamw]""",
        grader=Values(_terms),
        wrong=(
            Wrong(
                "answer = [0.82 - 0.76, 0.82 - 0.84, 0.84 - 0.76]",
                "These are shares; state them in points.",
            ),
            Wrong(
                "answer = [82 - 76, 84 - 82, 84 - 76]",
                "The second term has the wrong sign: the learned start comes first in it. The "
                "last two terms must add up to the first.",
            ),
            Wrong(
                "answer = [76 - 82, 84 - 82, 76 - 84]",
                "All three have the wrong sign: AdamW is what is subtracted.",
            ),
            Wrong(
                "answer = [82 - 76, 84 - 76, 82 - 84]",
                "The last two are exchanged: the weights are compared at the chosen rate.",
            ),
        ),
        hint="Put the three accuracies into the chapter's equation; the last two terms must add "
        "up to the first.",
    ),
    Exercise(
        id="metainit.limits.3",
        title="What choosing on the test tasks flatters",
        kind="core",
        variable="flattery",
        stub=f"{_FLATTERY}    return ...",
        solution=f"{_FLATTERY}\
    chosen = validation.mean(1).argmax()\n\
    return 100 * (test.mean(1).max() - test.mean(1)[chosen])",
        grader=Function(
            _reference,
            _accuracies,
            laws=(
                Law(_is_never_negative, "This is negative for some tables, which cannot be."),
                Law(
                    _is_nothing_on_equals,
                    "Given the same table twice, the two choices are one, and this is not 0.",
                ),
            ),
            reveals=("argmax", "mean(1)"),
        ),
        wrong=(
            Wrong(
                f"{_FLATTERY}    return 100 * (test.mean(1).max() - validation.mean(1).max())",
                "This compares two sets of rules. Compare two rates on the same test rules.",
            ),
            Wrong(
                f"{_FLATTERY}    chosen = validation.mean(1).argmax()\n"
                "    return test.mean(1).max() - test.mean(1)[chosen]",
                "These are shares; state the difference in points.",
            ),
            Wrong(
                f"{_FLATTERY}    chosen = validation.mean(1).argmax()\n"
                "    return 100 * (test.mean(1)[chosen] - test.mean(1).max())",
                "The sign is reversed: the choice on the test rules is the one that gains.",
            ),
            Wrong(
                f"{_FLATTERY}    chosen = validation.mean(1).argmax()\n"
                "    return 100 * (test.max(0).values.mean() - test.mean(1)[chosen])",
                "This picks a rate of its own for each test rule; one rate serves them all.",
            ),
        ),
        hint="Find one rate by the validation rules and one by the test rules, and compare the two "
        "on the test rules.",
    ),
    Exercise(
        id="metainit.limits.4",
        title="Ridge on few and noisy examples",
        kind="core",
        stub="# Noise 1, 20 examples, penalty 10, moduli 21 to 40, mean over at least 10 seeds:\n"
        "answer = ...  # ridge's squared error as a share of the best constant's",
        solution=_ridge(),
        # Over 30 times 10 seeds: 0.442 to 0.478.
        grader=Number(0.465, within=0.06),
        wrong=(
            Wrong(
                _ridge(support=100),
                "This is the share with 100 examples, as in the chapter; take 20.",
            ),
            Wrong(_ridge("error"), "This is the error itself; divide it by the constant's."),
            Wrong(
                _ridge("constant / error"),
                "This is the inverse: divide the error of ridge by that of the constant.",
            ),
            Wrong(
                _ridge("(error / constant) ** 0.5"),
                "This is a ratio of root mean squares; leave the root away.",
            ),
            Wrong(
                _ridge("1 - error / constant"),
                "This is the share that ridge explains; the share that is left is asked.",
            ),
        ),
        hint="Change noise, support and penalty in the chapter's cell, and average over moduli "
        "before dividing.",
    ),
)
