"""Exercises of the chapter `guidance/result`: pairs, a control, and the sure part of a gain."""

from functools import cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ibcore.exercises.checking import Choice, Exercise, Table, Values, Wrong

if TYPE_CHECKING:
    import pandas as pd

_PAIRS = """\
import torch

guided = torch.tensor([60.0, 58.0, 62.0])
alone = torch.tensor([55.0, 50.0, 60.0])
difference = guided - alone
"""
_LIST = """\
guides = ["labels, last layer", "permuted CNN", "pixels"]
guides += ["trained CNN", "untrained CNN", "untrained MLP"]
"""
_GUIDES = (
    "labels, last layer",
    "permuted CNN",
    "pixels",
    "trained CNN",
    "untrained CNN",
    "untrained MLP",
)


def _errors() -> tuple[Tensor, Tensor]:
    """Return mean difference and both standard errors, by the textbook, with tolerances."""
    paired, unpaired = (9 / 3) ** 0.5, ((4 + 25) / 3) ** 0.5
    right = torch.tensor([(5 + 8 + 2) / 3, paired, unpaired], dtype=torch.float64)
    return right, torch.full_like(right, 0.02)


@cache
def _sure_gains() -> "pd.DataFrame":
    """Return the lower end of each guide's gain in points, largest first."""
    import pandas as pd

    from ibcore.runs import load
    from ibcore.stats import bootstrap_mean

    frame = load("guidance.wide").set_index(["condition", "network"]).test_accuracy
    alone = frame["unguided"]
    low = [100 * bootstrap_mean(frame[name] - alone).low for name in _GUIDES]
    table = pd.DataFrame({"condition": _GUIDES, "low": low})
    return table.sort_values("low", ascending=False, ignore_index=True)


def _code(low: str, sort: str = '"low", ascending=False') -> str:
    """Return code that finds the lower ends; the options make the usual mistakes."""
    return f"""\
import pandas as pd

from ibcore.runs import load
from ibcore.stats import bootstrap_mean, paired_difference

wide = load("guidance.wide").pivot(index="network", columns="condition", values="test_accuracy")
alone = wide["unguided"]
{_LIST}rows = []
for condition in guides:
    guided = wide[condition]
    mean = (guided - alone).mean()
    rows.append((condition, {low}, mean))
table = pd.DataFrame(rows, columns=["condition", "low", "mean"])
answer = table.sort_values({sort})"""


_LOW = "100 * paired_difference(guided, alone).low"

EXERCISES = (
    Exercise(
        id="guidance.result.1",
        title="What pairing is worth",
        kind="warm-up",
        stub="# In points: [mean difference, its standard error from the pairs,\n"
        "# its standard error if you forget which runs belong together]\n"
        "answer = ...",
        solution=f"""{_PAIRS}\
paired = (difference.var() / 3).sqrt()
unpaired = (guided.var() / 3 + alone.var() / 3).sqrt()
answer = [difference.mean(), paired, unpaired]""",
        grader=Values(_errors),
        wrong=(
            Wrong(
                f"{_PAIRS}answer = [difference.mean(), difference.std(), "
                "(guided.var() + alone.var()).sqrt()]",
                "These are standard deviations of single differences; a mean over three of them "
                "varies less.",
            ),
            Wrong(
                f"{_PAIRS}answer = [difference.mean(), (guided.var() / 3 + alone.var() / 3).sqrt(),"
                " (difference.var() / 3).sqrt()]",
                "The two standard errors are exchanged. What the seeds have in common cancels in "
                "a difference of partners.",
            ),
            Wrong(
                f"{_PAIRS}answer = [difference.mean(), (difference.var(correction=0) / 3).sqrt(), "
                "((guided.var(correction=0) + alone.var(correction=0)) / 3).sqrt()]",
                "Divide the sum of squares by the number of runs less one: the mean was taken "
                "from the same runs.",
            ),
            Wrong(
                f"{_PAIRS}answer = [difference.mean(), (difference.var() / 3).sqrt(), "
                "guided.std() / 3**0.5 + alone.std() / 3**0.5]",
                "Independent errors add as squares.",
            ),
            Wrong(
                f"{_PAIRS}answer = [difference.mean() / 100, (difference.var() / 3).sqrt() / 100, "
                "(guided.var() / 3 + alone.var() / 3).sqrt() / 100]",
                "These are shares; points are asked.",
            ),
        ),
        hint="The variance of a mean is the variance of what is averaged, over how many there "
        "are. With pairs one averages differences; without, two separate means are subtracted.",
    ),
    Exercise(
        id="guidance.result.2",
        title="The control for locality",
        kind="warm-up",
        stub="# The untrained CNN gains. Which row of the table of guides must stand beside it to\n"
        "# say how much of this is due to *neighboring* pixels being seen together?\n"
        'answer = ...  # "trained CNN", "permuted CNN", "untrained MLP", "pixels" or "labels"',
        solution="""\
parts = {
    "untrained CNN": {"convolution", "pooling", "neighborhood"},
    "trained CNN": {"convolution", "pooling", "neighborhood", "training"},
    "permuted CNN": {"convolution", "pooling"},
    "untrained MLP": set(),
    "pixels": set(),
}
whole = parts["untrained CNN"]
answer = next(name for name, own in parts.items() if whole - own == {"neighborhood"})""",
        grader=Choice(
            "permuted CNN",
            options=("trained CNN", "permuted CNN", "untrained MLP", "pixels", "labels"),
        ),
        wrong=(
            Wrong(
                'answer = "untrained MLP"',
                "It lacks locality, but also shared weights and pooling over places. Look for a "
                "guide that lacks nothing else.",
            ),
            Wrong(
                'answer = "trained CNN"',
                "Both see neighbors together; the difference of these two is training.",
            ),
            Wrong(
                'answer = "pixels"',
                "Against these the whole architecture differs, and locality is one part of it.",
            ),
            Wrong(
                'answer = "labels"',
                "This guide does not see the image, so everything differs at once.",
            ),
        ),
        hint="Two rows isolate an ingredient if they differ in nothing else.",
    ),
    Exercise(
        id="guidance.result.3",
        title="The sure part of each gain",
        kind="core",
        stub="# A DataFrame with the columns condition and low: the lower end of the interval of\n"
        '# the paired difference to "unguided", in points, from load("guidance.wide"), for\n'
        f"{_LIST}"
        "# The largest comes first. Which gains are surely above nothing?\n"
        "answer = ...",
        solution=_code(_LOW),
        grader=Table(_sure_gains, key="condition", column="low", within=0.15),
        wrong=(
            Wrong(
                _code("100 * mean"),
                "These are the mean differences; the lower end of each interval is asked.",
            ),
            Wrong(
                _code("100 * (bootstrap_mean(guided).low - bootstrap_mean(alone).high)"),
                "You compared the ends of two separate intervals. Resample the pairs.",
            ),
            Wrong(
                _code("100 * paired_difference(alone, guided).low", '"low"'),
                "The sign is reversed: guided minus unguided.",
            ),
            Wrong(
                _code(_LOW.removeprefix("100 * ")),
                "These are shares; the ends are stated in points.",
            ),
            Wrong(
                _code(_LOW, '"low"'),
                "The numbers are right, but the smallest comes first here.",
            ),
        ),
        hint="Pivot by network and condition, and take paired_difference(guided, unguided).low.",
    ),
)
