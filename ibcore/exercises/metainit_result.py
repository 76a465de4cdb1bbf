"""Exercises of the chapter `metainit/result`: a gap, its reduction, and the budget."""

from functools import cache

import torch
from torch import Tensor

from ibcore.exercises.checking import Exercise, Number, Values, Wrong

_GAPS = """\
from ibcore.metainit import gap

random = gap([[0.80], [0.70], [0.60]])
learned = gap([[0.90], [0.88], [0.86]])
"""


@cache
def _shares() -> tuple[Tensor, Tensor]:
    """Return the gap of random starts over that of learned ones by budget, with tolerances."""
    from ibcore.runs import load

    frame = load("metainit.gap")
    random, learned = (
        torch.tensor(frame.pivot_table(index="budget", values=column, aggfunc="sum").to_numpy())
        for column in ("gap_random", "gap_meta")
    )  # (budgets, 1)
    ratio = (random / learned).squeeze(1)
    return ratio, torch.full_like(ratio, 0.02)


def _code(answer: str) -> str:
    """Return code with the mean gaps of both starts by budget, and this answer."""
    return f"""\
from ibcore.runs import load

stored = load("metainit.gap").sort_values("budget")
means = stored.groupby("budget")[["gap_random", "gap_meta"]].mean()
answer = {answer}.tolist()"""


EXERCISES = (
    Exercise(
        id="metainit.result.1",
        title="A reduction by hand",
        kind="warm-up",
        stub="answer = ...  # R, as a share",
        solution=f"{_GAPS}answer = 1 - learned / random",
        grader=Number(0.8, within=0.005),
        wrong=(
            Wrong(f"{_GAPS}answer = learned / random", "This share of the gap is what remains."),
            Wrong(
                f"{_GAPS}answer = 1 - random / learned",
                "The two gaps are exchanged: that of the random starts is the yardstick.",
            ),
            Wrong(
                f"{_GAPS}answer = random - learned",
                "This is by how much the gap shrinks; R states it as a share of the first gap.",
            ),
            Wrong(
                f"{_GAPS}answer = 100 * (1 - learned / random)",
                "This is in percent; R is a share.",
            ),
            Wrong(
                "answer = (0.90 + 0.88 + 0.86 - 0.80 - 0.70 - 0.60) / 3",
                "This is how much more accurate the learned starts are. R compares differences "
                "between architectures.",
            ),
        ),
        hint="Take the mean absolute difference over the three pairs, once for each kind of "
        "start, and put the two into the chapter's equation.",
    ),
    Exercise(
        id="metainit.result.4",
        title="The gap of random starts, in gaps of one learned step",
        kind="core",
        stub="# A list, with a number for each stored budget in rising order: the gap of random\n"
        "# starts, averaged over networks, divided by that of one learned step. Where is it 1?\n"
        "answer = ...",
        solution=_code("(means.gap_random / means.gap_meta)"),
        grader=Values(_shares),
        wrong=(
            Wrong(
                _code("(means.gap_meta / means.gap_random)"),
                "These are the inverse ratios: divide by the gap of the learned step.",
            ),
            Wrong(
                _code("(1 - means.gap_meta / means.gap_random)"),
                "These are reductions; the ratio of the gaps is asked.",
            ),
            Wrong(
                _code(
                    "stored.assign(ratio=stored.gap_random / stored.gap_meta)"
                    '.groupby("budget").ratio.mean()'
                ),
                "You divided for each network and then averaged, so that networks with a small "
                "gap decide. Average both gaps first.",
            ),
            Wrong(
                _code("means.gap_random"),
                "These are the gaps of the random starts; divide them by that of one learned step.",
            ),
            Wrong(
                _code("(means.gap_random - means.gap_meta)"),
                "These are differences of the two gaps; divide instead.",
            ),
        ),
        hint='Group load("metainit.gap") by budget, average gap_random and gap_meta, and divide.',
    ),
)
