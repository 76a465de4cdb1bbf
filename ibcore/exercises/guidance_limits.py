"""Exercises of the chapter `guidance/limits`: what depth forgets, shared errors, leaving early."""

import math
from functools import cache

import torch
from torch import Tensor

from ibcore.exercises.checking import Exercise, Number, Values, Wrong

_LAYER = """\
import math


def after_layer(c):
    return (math.sqrt(1 - c**2) + (math.pi - math.acos(c)) * c) / math.pi


"""


def _cosines() -> tuple[Tensor, Tensor]:
    """Return the cosine after one and two layers, by the angle, with tolerances."""
    cosines = [0.0]
    for _ in range(2):
        angle = math.acos(cosines[-1])
        both = math.sin(angle) + (math.pi - angle) * math.cos(angle)
        cosines.append(both / math.pi)
    right = torch.tensor(cosines[1:], dtype=torch.float64)
    return right, torch.full_like(right, 0.006)


@cache
def _kept() -> tuple[Tensor, Tensor]:
    """Return shares of gain and of likeness kept, (2, 3), with tolerances."""
    from ibcore.runs import load

    frame = load("guidance.disconnect")
    last = frame[frame.step == frame.step.max()]
    rows = []
    for column in ("test_accuracy", "similarity"):
        never, *early, always = last.groupby("until")[column].mean().sort_index()
        rows.append([(value - never) / (always - never) for value in early])
    right = torch.tensor(rows, dtype=torch.float64)  # (2, 3)
    return right, torch.full_like(right, 0.015)


def _code(answer: str, rows: str = "frame.final") -> str:
    """Return code that finds the shares; the options make the usual mistakes."""
    return f"""\
from ibcore.runs import load

frame = load("guidance.disconnect")
frame = frame[{rows}]
rows = []
for column in ("test_accuracy", "similarity"):
    each = frame.pivot_table(index="network", columns="until", values=column)
    mean = each.mean()
    rows.append([{answer} for step in (10, 40, 120)])
answer = rows"""


EXERCISES = (
    Exercise(
        id="guidance.limits.1",
        title="Two orthogonal inputs on their way down",
        kind="warm-up",
        stub="answer = ...  # [cosine after one layer, cosine after two]",
        solution=f"{_LAYER}answer = [after_layer(0), after_layer(after_layer(0))]",
        grader=Values(_cosines),
        wrong=(
            Wrong(
                "answer = [0.0, 0.0]",
                "Orthogonal inputs do not stay orthogonal: ReLU outputs are never negative, so "
                "they share a direction.",
            ),
            Wrong(
                f"{_LAYER}answer = [after_layer(0), after_layer(0)]",
                "The second layer starts from what the first has left.",
            ),
            Wrong(
                f"{_LAYER}answer = [after_layer(0), 2 * after_layer(0)]",
                "The cosine does not grow by equal amounts; put the first value into the equation.",
            ),
            Wrong(
                f"{_LAYER}one, two = after_layer(0), after_layer(after_layer(0))\n"
                "answer = [math.pi * one, math.pi * two]",
                "The division by π is missing.",
            ),
            Wrong(
                f"{_LAYER}answer = [0.0, after_layer(0)]",
                "The first entry belongs to the inputs themselves; start one layer later.",
            ),
        ),
        hint="Put the cosine of the inputs into the chapter's equation, then its result again.",
    ),
    Exercise(
        id="guidance.limits.2",
        title="Shared errors, by hand",
        kind="warm-up",
        stub="answer = ...  # Cohen's kappa",
        solution="""\
from ibcore.guidance import error_consistency

guide = [True] * 80 + [False] * 20
target = [True] * 55 + [False] * 25 + [True] * 5 + [False] * 15
answer = error_consistency(guide, target).value""",
        grader=Number((0.70 - 0.56) / (1 - 0.56), within=0.01),
        wrong=(
            Wrong(
                "answer = 0.55 + 0.15",
                "This is how often both are right or both are wrong. Independent errors would "
                "give a good part of it too.",
            ),
            Wrong(
                "answer = 0.70 - 0.56",
                "This is the excess over independent errors; state it as a share of the largest "
                "excess that is possible.",
            ),
            Wrong(
                "answer = (0.55 - 0.48) / (1 - 0.48)",
                "Being wrong on the same image is agreement as well.",
            ),
            Wrong(
                "answer = (0.55 - 0.56) / (1 - 0.56)",
                "The images on which both are wrong are missing from what was observed.",
            ),
            Wrong(
                "answer = 15 / (15 + 5 + 25)",
                "This is the overlap of the errors; networks of different accuracies have one by "
                "chance, and kappa takes it off.",
            ),
        ),
        hint="Count both right and both wrong; do the same for independent networks of these "
        "accuracies; divide the excess by what is left to 1.",
    ),
    Exercise(
        id="guidance.limits.3",
        title="What is left when the guide has left",
        kind="core",
        stub='# From load("guidance.disconnect"), at the last step, for a guide that left after\n'
        "# 10, 40 and 120 steps: the share that is kept of what guidance throughout adds to the\n"
        "# unguided network. [[three shares of test_accuracy], [three shares of similarity]]\n"
        "answer = ...",
        solution=_code("(mean[step] - mean[0]) / (mean[400] - mean[0])"),
        grader=Values(_kept),
        wrong=(
            Wrong(
                _code("mean[step] / mean[400]"),
                "A network that never had a guide would keep most of it by this count. Subtract "
                "the unguided network first.",
            ),
            Wrong(
                _code("mean[step] - mean[0]"),
                "These are the differences that are left, not what share of the whole they are.",
            ),
            Wrong(
                _code("1 - (mean[step] - mean[0]) / (mean[400] - mean[0])"),
                "These are the shares that are lost.",
            ),
            Wrong(
                _code("(mean[step] - mean[0]) / (mean[400] - mean[0])", "frame.step > 0"),
                "You averaged over all steps, those with the guide among them; take the last.",
            ),
            Wrong(
                _code("((each[step] - each[0]) / (each[400] - each[0])).mean()"),
                "You divided for each network and then averaged, so networks with a small gain "
                "decide. Average first.",
            ),
        ),
        hint="Select the rows of the last step, average over networks by until (0 is the unguided "
        "network, 400 the one whose guide stays), and divide two differences.",
    ),
)
