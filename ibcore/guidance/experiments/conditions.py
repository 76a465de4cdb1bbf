"""Conditions of the experiments on images: who guides, how, and what is done instead."""

from dataclasses import dataclass
from typing import Literal, get_args

from ibcore.guidance.alignment import Alignment, Measure
from ibcore.guidance.kernels import Kernel
from ibcore.guidance.mapping import LayerMapping
from ibcore.guidance.schedule import ScheduleKind

GuideName = Literal[
    "untrained CNN",
    "trained CNN",
    "permuted CNN",
    "untrained MLP",
    "pixels",
    "labels",
    "random features",
    "noise input",
]

FLAT: tuple[GuideName, ...] = ("pixels", "labels", "random features")
"""Guides of one representation, which all layers of the target are compared with."""


@dataclass(frozen=True)
class Condition:
    """One way to train the target; the defaults are those of the setting.

    Attributes
    ----------
    name
        What it is called in tables.
    guide
        Whose layers are compared; None for no guidance.
    distill
        Whether the outputs of the trained CNN are learned too.
    measure, kernel, unbiased
        Of the dissimilarity, as in `ibcore.guidance.Alignment`.
    mapping
        None for even pairs, or for guides of one representation all layers.
    schedule, until
        As in `ibcore.guidance.Schedule`.
    steps
        None for those of the setting.
    learning_rates, weights, weight_decays
        Candidates; of several those with the highest accuracy on the validation images are
        taken, the first of equal ones.  Empty for those of the setting, which has no decay.
    unlabeled
        How many images of the pool both networks see too, without labels.

    Raises
    ------
    ValueError
        If the guide is unknown.

    Examples
    --------
    >>> Condition("untrained CNN", "untrained CNN").alignment().kernel
    'linear'
    """

    name: str
    guide: GuideName | None = None
    distill: bool = False
    measure: Measure = "cka"
    kernel: Kernel = "linear"
    unbiased: bool = False
    mapping: LayerMapping | None = None
    schedule: ScheduleKind = "constant"
    until: int | None = None
    steps: int | None = None
    learning_rates: tuple[float, ...] = ()
    weights: tuple[float, ...] = ()
    weight_decays: tuple[float, ...] = (0.0,)
    unlabeled: int = 0

    def __post_init__(self) -> None:
        if self.guide is not None and self.guide not in get_args(GuideName):
            known = ", ".join(get_args(GuideName))
            raise ValueError(f"unknown guide {self.guide!r}; choose one of {known}")

    def alignment(self) -> Alignment:
        """Return how layers are compared."""
        return Alignment(self.measure, self.kernel, self.unbiased)

    def pairing(self) -> LayerMapping:
        """Return which layers are compared."""
        return self.mapping or ("all" if self.guide in FLAT else "even")


def guided_by(*guides: GuideName, unlabeled: int = 0) -> tuple[Condition, ...]:
    """Return a condition for each guide, called as the guide.

    Examples
    --------
    >>> [condition.name for condition in guided_by("pixels", "labels")]
    ['pixels', 'labels']
    """
    return tuple(Condition(name, name, unlabeled=unlabeled) for name in guides)
