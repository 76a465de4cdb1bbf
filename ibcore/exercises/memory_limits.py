"""Exercises of the chapter `memory/limits`: scale as a learning rate, and what equals hide."""

from functools import cache
from typing import TYPE_CHECKING

from ibcore.exercises.checking import Exercise, Number, Table, Wrong

if TYPE_CHECKING:
    import pandas as pd


@cache
def _changes() -> "pd.DataFrame":
    """Return how each pipeline's spread changes from flow time 30 to 300, least first."""
    import pandas as pd

    from ibcore.memory import spread
    from ibcore.runs import load

    flow = load("memory.flow-time")

    def points(pipeline: object, time: int) -> float:
        here = flow[(flow.pipeline == pipeline) & (flow.flow_time.round() == time)]
        wide = here.pivot_table(index="weight_scale", columns="network", values="test_accuracy")
        return spread(wide.to_numpy())

    names = list(flow.pipeline.unique())
    change = [points(name, 300) - points(name, 30) for name in names]
    frame = pd.DataFrame({"pipeline": names, "change": change})
    return frame.sort_values("change", key=abs, ignore_index=True)


def _code(
    change: str = "spread[300] - spread[30]", *, factor: str = "100 * ", sort: str = ", key=abs"
) -> str:
    """Return code that measures the changes; the options make the usual mistakes."""
    return f"""\
from ibcore.runs import load

flow = load("memory.flow-time")
flow = flow.assign(time=flow.flow_time.round().astype(int))
means = flow.groupby(["pipeline", "time", "weight_scale"]).test_accuracy.mean().unstack()
spread = ({factor}(means.max(axis=1) - means.min(axis=1))).unstack("time")
change = {change}
answer = change.rename("change").reset_index().sort_values("change"{sort})"""


EXERCISES = (
    Exercise(
        id="memory.limits.1",
        title="A learning rate for larger weights",
        kind="warm-up",
        stub="answer = ...  # factor on the learning rate",
        solution="""\
import torch

from ibcore.memory import effective_learning_rate

small, large = torch.tensor([1.0, 4.0]).double().square()
slow = effective_learning_rate(large, learning_rate=1.0)
answer = (effective_learning_rate(small, learning_rate=1.0) / slow).item()""",
        grader=Number(16.0, within=0.005),
        wrong=(
            Wrong("answer = 4", "The gradient shrinks as well when the weights grow."),
            Wrong(
                "answer = 1 / 16",
                "Large weights turn slowly: the rate must make up for that.",
            ),
            Wrong(
                "answer = 2",
                "The rate at which the direction turns has the squared length of the weights "
                "below it, not its root.",
            ),
        ),
        hint="Two things slow a long vector down: the angle of a step of given length, and the "
        "length of the gradient.",
    ),
    Exercise(
        id="memory.limits.2",
        title="How much two equal scores can hide",
        kind="warm-up",
        stub="answer = ...  # the largest possible disagreement, as a share",
        solution="""\
import numpy as np

right = np.ones((2, 100), dtype=bool)
right[0, :6] = right[1, 6:12] = False  # errors at different places
answer = (right[0] != right[1]).mean()""",
        grader=Number(0.12, within=0.005),
        wrong=(
            Wrong(
                "answer = 0.0",
                "Equal accuracies say how many answers are wrong, not which ones.",
            ),
            Wrong(
                "answer = 0.06",
                "The two networks can be wrong at different places.",
            ),
            Wrong(
                "answer = 2 * 0.94 * 0.06",
                "This is what independent errors would give on average. How far can it go?",
            ),
            Wrong(
                "answer = 0.94",
                "Where both are right they agree. How many digits are left?",
            ),
        ),
        hint="Place the errors of the two networks so that they overlap as little as possible.",
    ),
    Exercise(
        id="memory.limits.3",
        title="Who forgets least from flow time 30 to 300",
        kind="core",
        stub="# A DataFrame with the columns pipeline and change: the spread at flow time 300 "
        'minus that\n# at 30, in points, from load("memory.flow-time"). The least change comes '
        "first.\nanswer = ...",
        solution=_code(),
        grader=Table(_changes, key="pipeline", column="change", within=0.06),
        wrong=(
            Wrong(_code(factor=""), "These are shares; spreads are stated in points."),
            Wrong(
                _code("spread[30] - spread[300]"),
                "The sign is reversed: take the later spread minus the earlier one.",
            ),
            Wrong(
                _code("100 * (spread[300] / spread[30] - 1)"),
                "These are changes in percent of the earlier spread; take the difference.",
            ),
            Wrong(
                _code(sort=""),
                "The numbers are right, but the order is by the signed change. Put the pipeline "
                "that changes least first.",
            ),
        ),
        hint="For each pipeline and flow time (rounded), average the test accuracy over networks, "
        "take the largest minus the smallest over scales, and subtract the two times.",
    ),
)
