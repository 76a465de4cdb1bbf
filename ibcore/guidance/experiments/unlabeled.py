"""Images without labels: what each guide adds when it may speak of more than the labeled ones."""

from dataclasses import replace

from ibcore.guidance.experiments.conditions import Condition, GuideName
from ibcore.guidance.experiments.wide import (
    LAPTOP,
    PAPER,
    SMOKE,
    Wide,
    WideNetwork,
    run_wide,
    wide_cells,
)
from ibcore.runs import Experiment

GUIDES: tuple[GuideName, ...] = ("untrained CNN", "permuted CNN", "untrained MLP", "pixels")


def unlabeled_conditions(
    counts: tuple[int, ...], guides: tuple[GuideName, ...] = GUIDES
) -> tuple[Condition, ...]:
    """Return the unguided target, and guides and distillation with images that have no labels.

    The first guide and distillation are run at every number of images, the other guides at the
    first and the last.

    Examples
    --------
    >>> [(c.name, c.unlabeled) for c in unlabeled_conditions((0, 5), ("pixels",))][1:]
    [('pixels', 0), ('pixels', 5), ('distillation', 0), ('distillation', 5)]
    """
    ends = (counts[0], counts[-1])
    return (
        Condition("unguided"),
        *(Condition(guides[0], guides[0], unlabeled=count) for count in counts),
        *(Condition(name, name, unlabeled=count) for name in guides[1:] for count in ends),
        *(Condition("distillation", distill=True, unlabeled=count) for count in counts),
    )


UNLABELED: Experiment[Wide, WideNetwork] = Experiment(
    name="guidance.unlabeled",
    question="How does the gain from a guide grow with images that have no labels?",
    tiers={
        "smoke": Wide(
            SMOKE,
            unlabeled_conditions((0, 300), ("untrained CNN", "pixels")),
            networks=2,
        ),
        "laptop": Wide(replace(LAPTOP, unlabeled_batch=100), unlabeled_conditions((0, 200, 800))),
        "paper": Wide(
            replace(
                PAPER,
                images=replace(PAPER.images, labeled=5000, pool=45_000),
                steps=4000,
                fit=replace(PAPER.fit, steps=4000),
            ),
            unlabeled_conditions((0, 5000, 20_000, 40_000)),
        ),
    },
    cells=wide_cells,
    run_cell=run_wide,
)

EXPERIMENTS = (UNLABELED,)
