"""A deep plain perceptron: guided, begun better, trained longer, or just with another rate."""

from dataclasses import replace

from ibcore.guidance.experiments.conditions import Condition, GuideName
from ibcore.guidance.experiments.images import Images
from ibcore.guidance.experiments.networks import Convolutional, Perceptron
from ibcore.guidance.experiments.setting import Fit, Setting
from ibcore.guidance.experiments.wide import PAPER, Wide, WideNetwork, run_wide, wide_cells
from ibcore.runs import Experiment

STARTS: tuple[GuideName, ...] = ("untrained CNN", "permuted CNN", "pixels")

DEEP = Setting(
    images=Images("digits", labeled=1000, pool=200, validation=200),
    target=Perceptron(depth=30, width=96, norm="batch"),
    steps=270,  # 40 passes over the images
    weight=1.0,
)
SMALL = replace(
    DEEP,
    images=Images("digits", labeled=600, pool=200, validation=200),
    target=Perceptron(depth=16, width=32, norm="batch"),
    untrained=Convolutional((16, 16, 32)),
    trained=Convolutional((8, 16, 32)),
    fit=Fit(steps=100, learning_rate=1e-2),
    steps=60,
)
LARGE = replace(PAPER, target=Perceptron(depth=30, width=1024, norm="batch"))


def deep_conditions(
    setting: Setting, *, guides: tuple[GuideName, ...], starts: tuple[GuideName, ...] = STARTS
) -> tuple[Condition, ...]:
    """Return guides, guides for a start, and what needs no guide, at three learning rates.

    A start takes five eighths as many steps of alignment as the task has steps afterwards;
    "unguided, longer" takes all of these for the task.  Where a name ends in a rate, only that
    differs.

    Examples
    --------
    >>> names = [condition.name for condition in deep_conditions(DEEP, guides=("pixels",))]
    >>> names[:2], names[-1]
    (['unguided', 'pixels'], 'untrained CNN, rate x 3')
    """
    steps = setting.steps
    first = 5 * steps // 8
    return (
        Condition("unguided"),
        *(Condition(name, name) for name in guides),
        *(
            Condition(
                f"{name}, alignment first",
                name,
                schedule="initialize",
                until=first,
                steps=first + steps,
            )
            for name in starts
        ),
        Condition("unguided, longer", steps=first + steps),
        *(
            Condition(f"{name}, rate x {factor:g}", guide, learning_rates=(rate,))
            for factor, rate in ((0.3, 0.3 * setting.learning_rate), (3, 3 * setting.learning_rate))
            for name, guide in _RATED
        ),
    )


_RATED: tuple[tuple[str, GuideName | None], ...] = (
    ("unguided", None),
    ("untrained CNN", "untrained CNN"),
)
_FOUR: tuple[GuideName, ...] = ("untrained CNN", "trained CNN", "pixels", "labels")
_ALL: tuple[GuideName, ...] = (*_FOUR, "permuted CNN", "untrained MLP", "noise input")

DEPTH: Experiment[Wide, WideNetwork] = Experiment(
    name="guidance.deep",
    question="Is a deep plain perceptron untrainable without a guide, or badly begun and tuned?",
    tiers={
        "smoke": Wide(
            SMALL,
            deep_conditions(SMALL, guides=("untrained CNN",), starts=("untrained CNN", "pixels")),
            networks=2,
        ),
        "laptop": Wide(DEEP, deep_conditions(DEEP, guides=_FOUR)),
        "paper": Wide(LARGE, deep_conditions(LARGE, guides=_ALL, starts=(*STARTS, "noise input"))),
    },
    cells=wide_cells,
    run_cell=run_wide,
)

EXPERIMENTS = (DEPTH,)
